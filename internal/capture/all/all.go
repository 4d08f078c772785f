// Package all lists every import format in the binary. Add yours here.
package all

import (
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/android"
	"github.com/waxseal/waxseal/internal/capture/chatexport"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/ios"
)

// Formats returns the formats in the order in which they are tried. A phone's
// folder has everything that was ever sent among its media, chat exports too;
// the files of an encrypted iPhone's backup look like anything.
func Formats() []capture.Format {
	return []capture.Format{
		ios.Format(),
		android.Format(),
		chatexport.Format(),
		cloudapi.Format(),
	}
}

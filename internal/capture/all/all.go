// Package all lists every import format in the binary. Add yours here.
package all

import (
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/chatexport"
)

// Formats returns the formats in the order in which they are tried.
func Formats() []capture.Format {
	return []capture.Format{
		chatexport.Format(),
	}
}

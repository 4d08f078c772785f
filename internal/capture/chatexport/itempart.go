package chatexport

import (
	"strconv"

	"github.com/waxseal/waxseal/internal/record"
)

// itemPart is record.Part for an item. Nearly every head has three numbers and
// nothing else; those are written here, as encoding/json would.
func itemPart(h *record.ItemHead, raw []byte) ([]byte, error) {
	if h.Late || h.Loose || h.Why != "" || len(h.Files) > 0 {
		return record.Part(h, raw)
	}
	p := make([]byte, 0, 64+len(raw))
	p = strconv.AppendInt(append(p, `{"c":`...), h.Capture, 10)
	p = strconv.AppendInt(append(p, `,"n":`...), h.Ordinal, 10)
	p = strconv.AppendInt(append(p, `,"o":`...), h.Offset, 10)
	if h.Again > 0 {
		p = strconv.AppendInt(append(p, `,"k":`...), int64(h.Again), 10)
	}
	return append(append(p, '}', '\n'), raw...), nil
}

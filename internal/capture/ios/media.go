package ios

import (
	"encoding/base64"
	"encoding/hex"
	"slices"

	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// prefixes of the folder of media, which holds a folder Media; either may be
// what was handed in.
var prefixes = []string{"message/", "media/", "message/media/"}

// attach keeps the file of a message, and says of one that is not there why.
// A preview is kept beside it, second, where the folder has it.
func (r *run) attach(it *item) ([]record.ItemFile, error) {
	row, ok := it.media()
	if !ok {
		return nil, nil
	}
	var files []record.ItemFile
	if path, hash := row.Str("ZMEDIALOCALPATH"), hashOf(row); path != "" {
		f, err := r.File(path, hash, true, prefixes...)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	} else {
		files = append(files, record.ItemFile{Reason: notOnPhone})
	}
	for _, c := range []string{"ZXMPPTHUMBPATH", "ZTHUMBNAILLOCALPATH"} {
		if path := row.Str(c); path != "" && r.Media != nil && r.Media.Find(path, prefixes...) != "" {
			f, err := r.File(path, "", true, prefixes...)
			if err != nil {
				return nil, err
			}
			return append(files, f), nil
		}
	}
	return files, nil
}

const notOnPhone = "not on the phone: never downloaded, or removed"

// media is the row of a message's file, of which there is at most one. Other
// messages use the same table for other things.
func (it *item) media() (foreign.Fields, bool) {
	rows := it.With[media]
	if it.Table != messages || len(rows) == 0 {
		return nil, false
	}
	row := rows[0]
	return row, isMedia(it.Row.Int("ZMESSAGETYPE")) || row.Str("ZMEDIALOCALPATH") != "" || isMIME(row.Str("ZVCARDSTRING"))
}

func isMedia(code int64) bool {
	return slices.Contains([]chat.Type{chat.Image, chat.Video, chat.Audio, chat.Document, chat.Sticker, chat.ViewOnce}, types[code])
}

// hashOf is the hash that a file should have, hex, or empty.
func hashOf(row foreign.Fields) string {
	b, err := base64.StdEncoding.DecodeString(row.Str("ZVCARDNAME"))
	if err != nil || len(b) != 32 {
		return ""
	}
	return hex.EncodeToString(b)
}

package android

import (
	"encoding/base64"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/record"
)

// notMedia reports files that lie among the media and are none: backups, and
// the marks that keep galleries out.
func notMedia(p string) bool {
	b := strings.ToLower(path.Base(p))
	return b == ".nomedia" || strings.Contains(b, ".crypt1") || strings.HasSuffix(b, ".db") || strings.HasSuffix(b, ".db-wal") || strings.HasSuffix(b, ".db-shm") || strings.HasSuffix(b, ".key")
}

// attach keeps the file of a message, and says of one that is not there why.
func (r *run) attach(it *item) ([]record.ItemFile, error) {
	name, hash, kept := mediaOf(it)
	if name == "" {
		return nil, nil
	}
	f, err := r.File(name, hash, kept, "media/")
	return []record.ItemFile{f}, err
}

// mediaOf returns the file that a row names, the hash that its content should
// have (hex, or empty), and whether the phone had it.
func mediaOf(it *item) (name, hash string, kept bool) {
	row, hashColumn := it.Row, "media_hash"
	switch rows := it.With["message_media"]; {
	case len(rows) > 0: // which the old table has, too, since 2021
		row, hashColumn = rows[0], "file_hash"
		name = row.Str("file_path")
		if name == "" {
			name = row.Str("media_name")
		}
		kept = row.Int("transferred") == 1
	case it.Table == "messages" && mediaType(row.Int("media_wa_type")):
		kept = true // it does not say
		if name = row.Str("media_name"); name == "" {
			name = "without a name"
		}
	default:
		return "", "", false
	}
	if b, err := base64.StdEncoding.DecodeString(row.Str(hashColumn)); err == nil && len(b) == 32 {
		hash = hex.EncodeToString(b)
	}
	return name, hash, kept
}

func mediaType(t int64) bool { return slices.Contains([]int64{1, 2, 3, 9, 13, 20, 42, 43, 82}, t) }

package index

import (
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/waxseal/waxseal/internal/chat"
)

// fileKey is the beginning of a hash of content. Messages with the same are
// compared.
func fileKey(sha256 string) (int64, bool) {
	b, err := hex.DecodeString(sha256)
	if err != nil || len(b) < 8 {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(b)), true
}

// filesOf lists the keys of the content that a message carries. What is to be
// fetched has only somebody's word for its hash.
func filesOf(m *chat.Message) (keys []int64) {
	for _, a := range m.Attachments {
		if k, ok := fileKey(a.SHA256); ok && a.State == chat.Stored && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (w *writer) noteFiles(keys []int64, seq int64) error {
	for _, k := range keys {
		if err := w.c.exec(`INSERT OR IGNORE INTO file (k, seq) VALUES (?, ?)`, k, seq); err != nil {
			return err
		}
	}
	return nil
}

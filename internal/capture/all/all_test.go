package all_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/all"
)

// A chat export that somebody sent lies among a phone's media; the phone's own
// database is what its folder is of.
func TestPhonesFolderWithAChatExportInIt(t *testing.T) {
	for name, c := range map[string]struct{ database, sql string }{
		"ios":     {"ChatStorage.sqlite", "CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, ZCHATSESSION INTEGER); CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY)"},
		"android": {"msgstore.db", "CREATE TABLE message (_id INTEGER PRIMARY KEY, chat_row_id INTEGER, key_id TEXT)"},
	} {
		dir := t.TempDir()
		db, err := sqlite3.Open("file:" + filepath.Join(dir, c.database))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Exec(c.sql), db.Close(), os.Mkdir(filepath.Join(dir, "Media"), 0o700),
			os.WriteFile(filepath.Join(dir, "Media", "chat.txt"), []byte("31/01/2024, 21:05 - Ana: hi\n31/01/2024, 21:06 - Bob: ho\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		for _, f := range all.Formats() {
			found, err := f.Find(t.Context(), dir, capture.Options{})
			if errors.Is(err, capture.ErrNotMine) {
				continue
			}
			if err != nil || f.Name != name || len(found) != 1 {
				t.Errorf("%s: read as %s: %d sources, %v", name, f.Name, len(found), err)
			}
			break
		}
	}
}

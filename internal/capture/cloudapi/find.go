package cloudapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/waxseal/waxseal/internal/capture"
)

// Format is the format's line in the list: what a firm has kept of deliveries
// and sends before Waxseal did.
func Format() capture.Format {
	return capture.Format{Name: Name, Find: find, Interpreter: Interpreter()}
}

// sniffSize is how much of a file says what it is.
const sniffSize = 64 << 10

// find implements capture.Format.Find. A folder is one capture. Where chat
// exports or databases of phones lie in it, it is not taken: a file in it may be
// what somebody has sent in a chat.
func find(ctx context.Context, p string, o capture.Options) ([]capture.Source, error) {
	fi, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	s := &source{path: p, o: o}
	if !fi.IsDir() {
		if !fi.Mode().IsRegular() {
			return nil, fmt.Errorf("%w: not a regular file", capture.ErrNotMine)
		}
		s.files = []string{p}
		if err := recognise(p); err != nil {
			return nil, err
		}
		return []capture.Source{s}, nil
	}
	err = filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case strings.HasPrefix(d.Name(), ".") && name != p:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || o.Owns(name) || !d.Type().IsRegular():
			return nil
		case chats.MatchString(d.Name()):
			return errOthers
		}
		switch err := recognise(name); {
		case errors.Is(err, capture.ErrNotMine):
			s.others++
		case err != nil:
			return err
		default:
			s.files = append(s.files, name)
		}
		return nil
	})
	if err == nil && len(s.files) == 0 {
		err = fmt.Errorf("%w: the folder holds no stored webhooks", capture.ErrNotMine)
	}
	if err != nil {
		return nil, err
	}
	return []capture.Source{s}, nil
}

// chats are files of chats.
var chats = regexp.MustCompile(`(?i)\.(txt|zip|sqlite|db|crypt\d*)$`)

var (
	errOthers  = fmt.Errorf("%w: chats lie in the folder. Give the files with the stored webhooks one by one", capture.ErrNotMine)
	errNothing = fmt.Errorf("%w: no webhook of WhatsApp stands at its beginning", capture.ErrNotMine)
)

// recognise reads the beginning of a file.
func recognise(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	head, err := io.ReadAll(io.LimitReader(f, sniffSize))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	head = bytes.TrimSpace(bytes.TrimPrefix(head, bom))
	if len(head) == 0 || head[0] != '{' && head[0] != '[' {
		return errNothing
	}
	has := func(s string) bool { return bytes.Contains(head, []byte(s)) }
	switch {
	case has("whatsapp_business_account"), has("messaging_product"), has(`"entry"`) && has(`"changes"`), isHAR(head):
		return nil
	}
	return errNothing
}

var bom = []byte("\xef\xbb\xbf")

// isHAR reports whether a text begins as what a browser or proxy writes of its
// traffic: {"log":{…}}.
func isHAR(head []byte) bool {
	d := json.NewDecoder(bytes.NewReader(head))
	for _, want := range []json.Token{json.Delim('{'), "log", json.Delim('{')} {
		if t, err := d.Token(); err != nil || t != want {
			return false
		}
	}
	return true
}

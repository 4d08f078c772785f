// Package demo writes the correspondence of a small invented firm as
// WhatsApp's own export files, for `waxseal demo` and for whoever needs an
// archive that looks like one. The files go through the same import as real
// ones do; this package knows nothing of the archive and must never import it.
//
// The same bytes come out each time: nothing depends on the clock. All people,
// numbers, banks and addresses are invented.
package demo

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Import is one export file, and what the person who imports it knows.
type Import struct {
	Path      string
	Custodian string
	Account   string // phone number of the account, E.164
	Me        string // the exporter's own name, as the file prints it
	Zone      string // IANA; what the file's local times are in
	Chat      string // its name, which the file's name says too
	Messages  int    // records in it
}

// Write puts the exports into dir and returns them in the order in which they
// were made, which is the order to import them in: two chats come twice.
func Write(ctx context.Context, dir string) ([]Import, error) {
	var made []Import
	for _, c := range chats() {
		all, err := c.timeline()
		if err != nil {
			return nil, fmt.Errorf("write sample chat: %w", err)
		}
		for _, when := range c.exports {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			m, err := writeExport(dir, c, all, when)
			if err != nil {
				return nil, fmt.Errorf("write sample export: %w", err)
			}
			made = append(made, m)
		}
	}
	return made, nil
}

// writeExport writes one file: dir/custodian/day of export/WhatsApp's name.
func writeExport(dir string, c chat, all []message, when time.Time) (Import, error) {
	e, err := render(c, all, when)
	if err != nil {
		return Import{}, err
	}
	folder := filepath.Join(dir, c.phone.custodian, when.Format(time.DateOnly))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Import{}, err
	}
	stem := strings.ReplaceAll(e.locale.file, "{chat}", c.name)
	file, data := stem+".txt", []byte(e.out.String())
	if e.locale.ios || c.media {
		file = stem + ".zip"
		member := stem + ".txt"
		if e.locale.ios {
			member = "_chat.txt"
		}
		if data, err = pack(member, data, e.files, when); err != nil {
			return Import{}, err
		}
	}
	path := filepath.Join(folder, file)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return Import{}, err
	}
	return Import{
		Path: path, Custodian: c.phone.custodian, Account: c.phone.account, Me: c.phone.me,
		Zone: c.phone.zone, Chat: c.name, Messages: e.records,
	}, nil
}

// pack makes the zip that a phone makes: text first, media stored as they are.
func pack(member string, text []byte, files []file, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	add := func(name string, data []byte, method uint16) error {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: when})
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	if err := add(member, text, zip.Deflate); err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := add(f.name, f.data, zip.Store); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

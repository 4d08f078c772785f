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
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/capture"
)

// Format is the format of stored bodies of deliveries: what a firm has kept
// from before. They go in by the same cut as those that are delivered.
func Format() capture.Format {
	return capture.Format{Name: Name, Find: find, Interpreter: Interpreter()}
}

// sniffSize is how much of a file tells what it is.
const sniffSize = 64 << 10

// find implements capture.Format.Find.
func find(ctx context.Context, p string, o capture.Options) ([]capture.Source, error) {
	fi, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	switch {
	case fi.IsDir():
		return findFolder(ctx, p, o)
	case !fi.Mode().IsRegular():
		return nil, fmt.Errorf("%w: not a regular file", capture.ErrNotMine)
	}
	if err := bodies(p); err != nil {
		return nil, err
	}
	return []capture.Source{&source{path: p, o: o}}, nil
}

func findFolder(ctx context.Context, dir string, o capture.Options) (all []capture.Source, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !d.Type().IsRegular() || !slices.Contains([]string{".json", ".jsonl", ".ndjson", ".har", ".body", ".txt"}, strings.ToLower(filepath.Ext(p))) || o.Owns(p) {
			return nil
		}
		switch err := bodies(p); {
		case errors.Is(err, capture.ErrNotMine):
		case err != nil:
			all = append(all, capture.Broken(p, err))
		default:
			all = append(all, &source{path: p, o: o})
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%w: the folder holds no bodies of the Cloud API's webhooks", capture.ErrNotMine)
	}
	return all, err
}

// signs tell a file of the Cloud API from other JSON.
var signs = []string{`whatsapp_business_account`, `"messaging_product"`, `"changes"`, `"phone_number_id"`, `X-Hub-Signature`, `x-hub-signature`}

// bodies reports why a file holds no bodies of webhooks.
func bodies(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	head, err := io.ReadAll(io.LimitReader(f, sniffSize))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return fmt.Errorf("%w: not JSON", capture.ErrNotMine)
	}
	for _, s := range signs {
		if bytes.Contains(text, []byte(s)) {
			return nil
		}
	}
	return fmt.Errorf("%w: JSON, and not of the Cloud API's webhooks", capture.ErrNotMine)
}

// maxWhole bounds a file that is read at once; a larger one must have one body
// a line.
const maxWhole = 256 << 20

// stored is one body that a file holds, or one send with its answer.
type stored struct {
	Incoming
	sent *SendHead // not a delivery: raw is in Body
}

// split hands each body of a file to fn, in order.
func split(p string, fn func(stored) error) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read to its end, or given up
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if fi.Size() > maxWhole {
		return lines(f, fn)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	return splitBytes(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), fn)
}

func splitBytes(b []byte, fn func(stored) error) error {
	trimmed := bytes.TrimLeft(b, " \t\r\n")
	switch {
	case !json.Valid(b):
		return lines(bytes.NewReader(b), fn)
	case trimmed[0] == '[':
		var all []json.RawMessage
		if err := json.Unmarshal(b, &all); err != nil {
			return fmt.Errorf("read the list: %w", err)
		}
		for _, raw := range all {
			if err := one(raw, fn); err != nil {
				return err
			}
		}
		return nil
	}
	return one(b, fn)
}

// one hands on one object: a body as it is, the requests of a HAR file, or a
// send with its answer.
func one(raw []byte, fn func(stored) error) error {
	var o struct {
		Log *struct {
			Entries []harEntry `json:"entries"`
		} `json:"log"`
		Request, Response json.RawMessage
	}
	if json.Unmarshal(raw, &o) == nil {
		switch {
		case o.Log != nil && o.Log.Entries != nil:
			for _, e := range o.Log.Entries {
				if err := e.hand(fn); err != nil {
					return err
				}
			}
			return nil
		case o.Request != nil && o.Response != nil:
			return pair(o.Request, o.Response, fn)
		}
	}
	return fn(stored{Incoming: Incoming{Body: raw}})
}

// pair hands on a send and its answer: each the body itself, or an object with
// one.
func pair(request, response json.RawMessage, fn func(stored) error) error {
	type side struct {
		Path   string          `json:"path"`
		URL    string          `json:"url"`
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	}
	inner := func(raw json.RawMessage) (side, json.RawMessage) {
		var s side
		if json.Unmarshal(raw, &s) == nil && s.Body != nil {
			return s, s.Body
		}
		return side{}, raw
	}
	s, q := inner(request)
	a, w := inner(response)
	h := SendHead{Method: "POST", Path: s.Path, Status: a.Status}
	if h.Path == "" {
		h.Path = pathOf(s.URL)
	}
	h.Number = numberIn(h.Path)
	return fn(stored{sent: &h, Incoming: Incoming{Body: both(q, w)}})
}

// both is the raw content of a Sent item.
func both(request, response []byte) []byte {
	if len(response) == 0 {
		response = []byte("null")
	}
	return slices.Concat([]byte(`{"request":`), request, []byte(`,"response":`), response, []byte(`}`))
}

// numberIn is the phone_number_id in the path of a send.
func numberIn(p string) string {
	f := strings.Split(strings.Trim(p, "/"), "/")
	if len(f) < 2 {
		return ""
	}
	return f[len(f)-2]
}

// maxLine bounds a line: what is longer is no body of a webhook.
const maxLine = maxBody

// lines hands on a body a line. Where no line is JSON, all of it is one body
// that nobody can read.
func lines(r io.Reader, fn func(stored) error) error {
	b, err := io.ReadAll(io.LimitReader(r, maxLine+1))
	if err != nil {
		return err
	}
	if len(b) <= maxLine && !anyLine(b) {
		return fn(stored{Incoming: Incoming{Body: b}})
	}
	rest := io.MultiReader(bytes.NewReader(b), r)
	return eachLine(rest, func(line []byte) error {
		if line = bytes.TrimRight(line, "\r\n"); len(bytes.TrimSpace(line)) == 0 {
			return nil
		}
		return one(bytes.Clone(line), fn)
	})
}

func anyLine(b []byte) bool {
	for line := range bytes.Lines(b) {
		if object1(line) {
			return true
		}
	}
	return false
}

// eachLine reads lines of any length up to maxLine; what is longer comes in
// stretches.
func eachLine(r io.Reader, fn func([]byte) error) error {
	buf := make([]byte, 0, 1<<20)
	for {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, len(buf))
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for {
			i := bytes.IndexByte(buf, '\n')
			if i < 0 && len(buf) <= maxLine {
				break
			}
			if i < 0 {
				i = len(buf) - 1
			}
			if err := fn(buf[:i+1]); err != nil {
				return err
			}
			buf = buf[:copy(buf, buf[i+1:])]
		}
		if errors.Is(err, io.EOF) {
			if len(buf) > 0 {
				return fn(buf)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

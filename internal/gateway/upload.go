package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
)

// Bounds of uploads.
const (
	maxUpload  = 512 << 20
	maxAround  = 1 << 20 // of what is no file
	uploadTime = 15 * time.Minute
	held       = 256 // bytes at the end of an upload that wait for its record
)

// carries reports a request whose body is a file, or has files in it.
func (c *call) carries() bool {
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")) // of no kind: no file
	return c.r.ContentLength != 0 && kind != "" && kind != "application/json" && kind != formType && !strings.HasPrefix(kind, "text/")
}

// upload passes files on while they are archived, in memory for no more than a
// moment. Meta gets all but the end of the request at once, and the end when
// the record of it is durable: what the archive cannot keep is not uploaded.
func (c *call) upload() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), uploadTime)
	defer cancel()
	h := cloudapi.SendHead{At: c.g.o.Now().UTC(), Method: c.r.Method, Path: c.path(), Number: c.number(), Kind: cloudapi.NoMessage, Decision: rules.Forward}
	rest, to := io.Pipe()
	type outcome struct {
		a   *answer
		err error
	}
	done := make(chan outcome, 1)
	asked := h // what the archive learns meanwhile is not Meta's
	go func() {
		a, err := c.g.forward(ctx, c.src, asked, rest, c.r.ContentLength, c.r)
		_ = rest.Close() // it reads no more; what is still written is dropped
		done <- outcome{a, err}
	}()
	late := &holdBack{to: to}
	_, params, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")) // without a boundary all of it is one file
	raw, files, err := cutUpload(io.TeeReader(http.MaxBytesReader(c.w, c.r.Body, maxUpload), late), params["boundary"], func(r io.Reader) (record.Blob, error) {
		return c.src.Journal.Blob(ctx, r)
	})
	stop := func() {
		cancel()
		_ = to.CloseWithError(errors.New("given up")) // the reader learns of it
		<-done
	}
	var in *incomplete
	if errors.As(err, &in) {
		stop()
		say(c.w, http.StatusBadRequest, "The upload did not arrive whole, or is too large. It was not handed on.", "")
		return nil
	}
	hideToken(raw)
	var items []record.ItemFile
	for _, f := range files {
		items = append(items, f.ItemFile)
		h.Cut = append(h.Cut, f.at)
	}
	var seq int64
	if err == nil {
		seq, err = c.keep(ctx, cloudapi.Request, h, raw, items)
	}
	if err != nil {
		stop()
		say(c.w, http.StatusServiceUnavailable, "The archive could not take it, so it was not handed on. Try again later.", "")
		return fmt.Errorf("archive an upload: %w", err)
	}
	late.finish()
	out := <-done
	c.bind(out.a, files)
	return c.answered(ctx, seq, h, out.a, out.err)
}

// bind remembers which file an id of Meta's means.
func (c *call) bind(a *answer, files []uploadFile) {
	var v struct {
		ID string `json:"id"`
	}
	if a == nil || len(files) != 1 || json.Unmarshal(a.body, &v) != nil || v.ID == "" {
		return
	}
	c.g.uploads.put(c.src.Name+"\x00"+v.ID, files[0].ItemFile)
}

// uploads are the files behind the newest ids that Meta gave. After a start
// they are asked of Meta, as those of others are.
type uploads struct {
	mu   sync.Mutex
	of   map[string]record.ItemFile
	ring []string // in the order in which they came
}

const maxUploads = 20_000

func (u *uploads) put(id string, f record.ItemFile) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = map[string]record.ItemFile{}
	}
	if _, ok := u.of[id]; !ok {
		u.ring = append(u.ring, id)
	}
	u.of[id] = f
	if len(u.ring) > maxUploads {
		delete(u.of, u.ring[0])
		u.ring = u.ring[1:]
	}
}

func (u *uploads) get(id string) (record.ItemFile, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f, ok := u.of[id]
	return f, ok
}

// holdBack hands on what is written to it, but for the last bytes. Where nobody
// reads any more it takes the rest all the same: the archive wants it.
type holdBack struct {
	to   *io.PipeWriter
	last []byte
	dead bool
}

// Write implements io.Writer.
func (h *holdBack) Write(p []byte) (int, error) {
	h.last = append(h.last, p...)
	if n := len(h.last) - held; n > 0 {
		h.pass(h.last[:n])
		h.last = append(h.last[:0], h.last[n:]...)
	}
	return len(p), nil
}

func (h *holdBack) pass(p []byte) {
	if !h.dead {
		_, err := h.to.Write(p)
		h.dead = err != nil
	}
}

func (h *holdBack) finish() {
	h.pass(h.last)
	_ = h.to.Close() // of a pipe: never fails
}

// uploadFile is a file in an upload, and where it stood in what is around it.
type uploadFile struct {
	record.ItemFile
	at int64
}

// incomplete is a fault of what the sender wrote.
type incomplete struct{ error }

func (e *incomplete) Unwrap() error { return e.error }

// cutUpload reads the body of an upload. Files go to keep, and what is around
// them is returned as it was written; without a boundary all is one file.
func cutUpload(r io.Reader, boundary string, keep func(io.Reader) (record.Blob, error)) (around []byte, files []uploadFile, err error) {
	in := bufio.NewReaderSize(&faulty{r}, 64<<10)
	file := func(name string, body io.Reader) error {
		b, err := keep(body)
		files = append(files, uploadFile{record.ItemFile{Name: name, Blob: b}, int64(len(around))})
		return err
	}
	if boundary == "" {
		err := file("upload", in)
		return nil, files, err
	}
	start := len(around) // of the line
	head := false        // of a part
	name, found := "", false
	for {
		b, err := in.ReadSlice('\n')
		around = append(around, b...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(around) < maxAround:
			continue
		case errors.Is(err, io.EOF):
			return around, files, nil
		case err != nil:
			return nil, nil, err
		case len(around) >= maxAround:
			return nil, nil, &incomplete{errors.New("too much around the files")}
		}
		line := bytes.TrimRight(around[start:], "\r\n")
		start = len(around)
		switch {
		case string(line) == "--"+boundary:
			head, found = true, false
		case head && len(line) > 0:
			if n, ok := fileName(line); ok {
				name, found = n, true
			}
		case head && found:
			head = false
			if err := file(name, &until{in, []byte("\r\n--" + boundary)}); err != nil {
				return nil, nil, err
			}
		default:
			head = false
		}
	}
}

// tokenField is a part of a form that is an access token.
var tokenField = regexp.MustCompile(`(?i)name="?access_token"?[^\n]*\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]*)`)

// hideToken makes a token unreadable in what is archived of an upload. Nothing
// else moves.
func hideToken(around []byte) {
	for _, at := range tokenField.FindAllSubmatchIndex(around, -1) {
		for i := at[2]; i < at[3]; i++ {
			around[i] = '*'
		}
	}
}

// fileName reads the header of a part that is a file.
func fileName(line []byte) (string, bool) {
	k, v, _ := strings.Cut(string(line), ":")
	if !strings.EqualFold(strings.TrimSpace(k), "Content-Disposition") {
		return "", false
	}
	_, params, err := mime.ParseMediaType(v)
	name, ok := params["filename"]
	if err != nil && strings.Contains(v, "filename") { // as odd programs write it
		return "upload", true
	}
	return name, ok
}

// until reads up to a delimiter, which it leaves.
type until struct {
	r     *bufio.Reader
	delim []byte
}

// Read implements io.Reader.
func (u *until) Read(p []byte) (int, error) {
	_, err := u.r.Peek(len(u.delim))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	b, _ := u.r.Peek(u.r.Buffered()) // what is there
	i := bytes.Index(b, u.delim)
	switch {
	case i < 0 && err == nil:
		i = len(b) - len(u.delim) + 1 // a delimiter may begin after it
	case i < 0:
		i = len(b) // the body ends here
	}
	if i == 0 {
		return 0, io.EOF
	}
	n := copy(p, b[:i])
	_, err = u.r.Discard(n)
	return n, err
}

// faulty marks the errors of a sender's body as the sender's.
type faulty struct{ io.Reader }

// Read implements io.Reader.
func (f *faulty) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &incomplete{err}
	}
	return n, err
}

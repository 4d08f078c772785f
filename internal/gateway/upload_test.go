package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/chat"
)

const mediaAddress = "/gateway/key/v23.0/7/media"

// form is the body of an upload, as programs write it.
func form(t *testing.T, file []byte) (body []byte, kind string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	_ = m.WriteField("messaging_product", "whatsapp") // into memory
	f, err := m.CreateFormFile("file", "عقد.pdf")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write(file)
	_ = m.WriteField("type", "application/pdf")
	_ = m.Close()
	return b.Bytes(), m.FormDataContentType()
}

// noise is a file with everything in it that a boundary is made of.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = "\r\n--ab\x00"[r.IntN(7)]
	}
	return b
}

func (o *office) upload(body io.Reader, kind string, size int64) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, mediaAddress, body)
	r.Header.Set("Content-Type", kind)
	r.ContentLength = size
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

func TestAnUploadIsWholeAtMetaWhenItIsArchived(t *testing.T) {
	var o *office
	var got []byte
	sizes := []int{0, 1, 100, 4096, 70_000, 3 << 20}
	for _, size := range sizes {
		o = newOfficeRaw(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/messages") {
				_, _ = io.WriteString(w, taken)
				return
			}
			got = make([]byte, r.ContentLength)
			_, err := io.ReadFull(r.Body, got[:len(got)-1])
			if what, _ := o.items(t); err != nil || what != "request" {
				t.Errorf("%d bytes: when all had come but one, the archive had %q, %v", size, what, err)
			}
			_, _ = io.ReadFull(r.Body, got[len(got)-1:])
			_, _ = io.WriteString(w, `{"id":"4711"}`)
		})
		file := noise(size)
		body, kind := form(t, file)
		w := o.upload(bytes.NewReader(body), kind, int64(len(body)))
		if w.Code != 200 || w.Body.String() != `{"id":"4711"}` || !bytes.Equal(got, body) {
			t.Fatalf("%d bytes: %d %s", size, w.Code, w.Body)
		}
		what, heads := o.items(t)
		sum := sha256.Sum256(file)
		if want := hex.EncodeToString(sum[:]); what != "request answer" || len(heads[0].Files) != 1 || heads[0].Files[0].SHA256 != want || heads[0].Files[0].Name != "عقد.pdf" {
			t.Fatalf("%d bytes: %s %+v", size, what, heads)
		}
		raw, _ := o.sink.Entries[1].Decode(&cloudapi.Head{})
		cut := heads[0].Send.Cut[0]
		if whole := slices.Concat(raw[:cut], file, raw[cut:]); !bytes.Equal(whole, body) {
			t.Errorf("%d bytes: the request is not as it was written", size)
		}
	}
	// What is sent by its ID has the file.
	o.post(address, `{"to":"16505551234","type":"document","document":{"id":"4711","filename":"a.pdf"}}`)
	m := o.messages(t)
	if len(m) != 1 || len(m[0].Attachments) != 1 || m[0].Attachments[0].State != chat.Stored || m[0].Attachments[0].Size != 3<<20 || m[0].Attachments[0].Name != "a.pdf" {
		t.Errorf("%+v", m)
	}
	// Another's is fetched later.
	o.sink = &capturetest.Sink{}
	o.open(o.cfg.Graph)
	o.post(address, `{"to":"16505551234","type":"document","document":{"id":"4712"}}`)
	if m := o.messages(t); len(m) != 1 || m[0].Attachments[0].State != chat.Pending {
		t.Errorf("%+v", m)
	}
}

// newOfficeRaw lets the server read by itself.
func newOfficeRaw(t *testing.T, meta http.HandlerFunc) *office {
	t.Helper()
	srv := httptest.NewServer(meta)
	t.Cleanup(srv.Close)
	return (&office{}).open(srv.URL)
}

func TestUploadsThatFail(t *testing.T) {
	whole := 0
	o := newOfficeRaw(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole++
		}
	})
	body, kind := form(t, noise(1<<20))
	o.full = errors.New("full")
	if w := o.upload(bytes.NewReader(body), kind, int64(len(body))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("archive full: %d", w.Code)
	}
	o.full = nil
	for _, n := range []int{10, 300, 1 << 19, len(body) - 1} {
		cut := io.MultiReader(bytes.NewReader(body[:n]), iotestErr{})
		if w := o.upload(cut, kind, int64(len(body))); w.Code != http.StatusBadRequest {
			t.Errorf("cut after %d: %d %s", n, w.Code, w.Body)
		}
		cut = io.MultiReader(bytes.NewReader(body[:n]), iotestErr{})
		if w := o.upload(cut, kind, -1); w.Code != http.StatusBadRequest {
			t.Errorf("cut after %d in chunks: %d %s", n, w.Code, w.Body)
		}
	}
	if what, _ := o.items(t); whole != 0 || what != "" {
		t.Errorf("Meta got %d, the archive %q", whole, what)
	}
	// Meta is away: the archive has it, and says so.
	o.cfg.Graph = "http://127.0.0.1:1"
	if w := o.upload(bytes.NewReader(body), kind, int64(len(body))); w.Code != http.StatusBadGateway {
		t.Errorf("away: %d", w.Code)
	}
	if what, heads := o.items(t); what != "request answer" || heads[1].Send.Failed == "" {
		t.Errorf("%s", what)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestMetaAnswersAnUploadEarly(t *testing.T) {
	o := newOfficeRaw(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"code":190}}`)
	})
	body, kind := form(t, noise(4<<20))
	w := o.upload(bytes.NewReader(body), kind, int64(len(body)))
	if what, _ := o.items(t); what != "request answer" || w.Code != 401 && w.Code != 504 { // the connection may be cut before the answer is read
		t.Errorf("%s %d %s", what, w.Code, w.Body)
	}
}

// Bodies that are no files in a form are one file; and odd forms are kept.
func TestOddUploads(t *testing.T) {
	o := newOffice(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"h":"4:abc"}`) })
	for kind, body := range map[string]string{
		"application/octet-stream":         "a\nb",
		"multipart/form-data":              "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc\r\n--x--",
		"multipart/form-data; boundary=y":  "no part at all",
		"multipart/form-data; boundary=z":  "--z\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nnever ends\r\n-",
		"multipart/form-data; boundary=zz": "--zz\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n1\r\n--zz\r\ncontent-disposition: form-data; filename=\"b\"\n\n2\r\n--zz--",
	} {
		if w := o.upload(strings.NewReader(body), kind, int64(len(body))); w.Code != 200 {
			t.Errorf("%s: %d", kind, w.Code)
		}
		if last := o.got[len(o.got)-1]; !strings.HasSuffix(last, body) {
			t.Errorf("%s: Meta got %q", kind, last)
		}
		_, heads := o.items(t)
		h := heads[len(heads)-2]
		e := o.sink.Entries[len(o.sink.Entries)-2]
		raw, _ := e.Decode(&cloudapi.Head{})
		n := int64(len(raw))
		for _, f := range h.Files {
			n += f.Size
		}
		if n != int64(len(body)) {
			t.Errorf("%s: %d bytes of %d were kept: %q %+v", kind, n, len(body), raw, h.Files)
		}
	}
}

func TestALargeUploadIsNotHeldInMemory(t *testing.T) {
	o := newOfficeRaw(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"id":"1"}`)
	})
	const size = 128 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w := o.upload(io.LimitReader(zeros{}, size), "video/mp4", size)
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; w.Code != 200 || grown > 16 {
		t.Errorf("%d, %d MiB", w.Code, grown)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// FuzzUpload: whatever a program writes, all of it is kept.
func FuzzUpload(f *testing.F) {
	f.Add([]byte("--x\r\nContent-Disposition: form-data; filename=a\r\n\r\nabc\r\n--x--\r\n"))
	f.Add([]byte("--x\nContent-Disposition: form-data; filename=\"\n\n\r\n--x"))
	o := &office{}
	o.open("http://127.0.0.1:1")
	f.Fuzz(func(t *testing.T, body []byte) {
		o.sink = &capturetest.Sink{}
		o.open("http://127.0.0.1:1")
		if w := o.upload(bytes.NewReader(body), "multipart/form-data; boundary=x", int64(len(body))); w.Code != http.StatusBadGateway {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		_, heads := o.items(t)
		raw, _ := o.sink.Entries[1].Decode(&cloudapi.Head{})
		n := int64(len(raw))
		for _, f := range heads[0].Files {
			n += f.Size
		}
		if n != int64(len(body)) || !slices.IsSorted(heads[0].Send.Cut) {
			t.Errorf("%d of %d bytes: %q %+v", n, len(body), raw, heads[0].Files)
		}
	})
}

package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

var hash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// media gives out a file of the archive. A stranger made it, so a browser may
// do little with it: pictures, sound and video by content are shown, all else
// is handed over to be kept. SVG and HTML are all else: they can run scripts.
func (s *Server) media(w http.ResponseWriter, r *http.Request) (err error) {
	sum := r.PathValue("sha256")
	if !hash.MatchString(sum) {
		return errNoPage
	}
	// Before it is looked for, so that what is not there and what may not be
	// seen are one answer.
	if has, err := s.view(r).HasBlob(r.Context(), sum); err != nil || !has {
		return errors.Join(err, errNoPage)
	}
	content, _, err := s.blobs.OpenBlob(r.Context(), sum)
	if err != nil {
		return fmt.Errorf("open blob: %w", err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	var head [512]byte
	n, err := io.ReadFull(content, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read blob: %w", err)
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind blob: %w", err)
	}
	if err := s.traceFile(r, sum); err != nil {
		return err
	}
	name := r.URL.Query().Get("name")
	kind := mediaType(head[:n], name)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition(kind, name))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'")
	http.ServeContent(w, r, "", time.Time{}, content)
	return nil
}

const noType = "application/octet-stream"

// mediaType names a file's type by its first bytes. The name decides only
// between types that share a container; it cannot make a script of a picture.
func mediaType(head []byte, name string) string {
	ext := strings.ToLower(path.Ext(name))
	for _, m := range magic {
		if bytes.HasPrefix(head[min(m.at, len(head)):], []byte(m.bytes)) {
			if m.pick != nil {
				return m.pick(head, ext)
			}
			return m.kind
		}
	}
	// A bare MPEG or ADTS frame: eleven or twelve set bits. That is little to
	// go by, so the name must agree.
	if len(head) > 1 && head[0] == 0xff && head[1]&0xe0 == 0xe0 {
		switch ext {
		case ".mp3":
			return "audio/mpeg"
		case ".aac":
			return "audio/aac"
		}
	}
	return noType
}

// magic is the list of what a browser may show, and of PDF, which it may not
// but which is good to know when it is kept.
var magic = []struct {
	at    int
	bytes string
	kind  string
	pick  func(head []byte, ext string) string
}{
	{0, "\xff\xd8\xff", "image/jpeg", nil},
	{0, "\x89PNG\r\n\x1a\n", "image/png", nil},
	{0, "GIF87a", "image/gif", nil},
	{0, "GIF89a", "image/gif", nil},
	{0, "RIFF", "", riff},
	{0, "OggS", "audio/ogg", nil},
	{0, "ID3", "audio/mpeg", nil},
	{0, "fLaC", "audio/flac", nil},
	{0, "#!AMR", "audio/amr", nil},
	{0, "\x1a\x45\xdf\xa3", "", matroska},
	{4, "ftyp", "", isoMedia},
	{0, "%PDF-", "application/pdf", nil},
}

func riff(head []byte, _ string) string {
	switch {
	case len(head) < 12:
		return noType
	case string(head[8:12]) == "WEBP":
		return "image/webp"
	case string(head[8:12]) == "WAVE":
		return "audio/wav"
	}
	return noType
}

func matroska(head []byte, ext string) string {
	switch {
	case !bytes.Contains(head, []byte("webm")):
		return noType
	case ext == ".weba":
		return "audio/webm"
	}
	return "video/webm"
}

func isoMedia(head []byte, ext string) string {
	if len(head) < 12 {
		return noType
	}
	switch brand := string(head[8:12]); {
	case strings.HasPrefix(brand, "M4A"), ext == ".m4a":
		return "audio/mp4"
	case strings.HasPrefix(brand, "3g"):
		return "video/3gpp"
	case brand == "qt  ":
		return "video/quicktime"
	case brand == "avif", brand == "heic", brand == "heix", brand == "mif1":
		return noType // few browsers show them all
	}
	return "video/mp4"
}

// disposition says whether a browser may show a file, and under which name it
// is kept.
func disposition(kind, name string) string {
	how := "attachment"
	if strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "audio/") || strings.HasPrefix(kind, "video/") {
		how = "inline"
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimLeft(plain(name), ". "))
	if name == "" {
		return how
	}
	if d := mime.FormatMediaType(how, map[string]string{"filename": name}); d != "" {
		return d
	}
	return how
}

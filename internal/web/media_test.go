package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestMediaType(t *testing.T) {
	for _, tc := range []struct{ head, name, want string }{
		{"\xff\xd8\xff\xe0", "x.html", "image/jpeg"},
		{"\x89PNG\r\n\x1a\n", "x", "image/png"},
		{"RIFF\x00\x00\x00\x00WEBP", "s.webp", "image/webp"},
		{"RIFF\x00\x00\x00\x00AVI ", "s.avi", noType},
		{"RIFF", "s.webp", noType},
		{"OggS", "v.opus", "audio/ogg"},
		{"\x00\x00\x00\x20ftypisom", "v.mp4", "video/mp4"},
		{"\x00\x00\x00\x20ftypM4A ", "v.m4a", "audio/mp4"},
		{"\x00\x00\x00\x20ftypisom", "v.m4a", "audio/mp4"},
		{"\x00\x00\x00\x20ftypheic", "v.heic", noType},
		{"\x00\x00\x00\x20ft", "v.mp4", noType},
		{"%PDF-1.4", "x.pdf", "application/pdf"},
		{"<svg xmlns", "x.svg", noType},
		{"<html><script>", "x.png", noType},
		{"GIF89a<script>", "x.html", "image/gif"},
		{"PK\x03\x04", "x.docx", noType},
		{"\xff\xfb\x90", "x.mp3", "audio/mpeg"},
		{"\xff\xfb\x90", "x.html", noType},
		{"", "", noType},
	} {
		if got := mediaType([]byte(tc.head), tc.name); got != tc.want {
			t.Errorf("%q as %s: %s, want %s", tc.head, tc.name, got, tc.want)
		}
	}
}

func TestMediaIsHandedOutSafely(t *testing.T) {
	c := newConsole(t, nil)
	for _, tc := range []struct {
		sum, name, kind, how string
	}{
		{pictureSum, "a.png", "image/png", "inline"},
		{pictureSum, "a.html", "image/png", "inline"},
		{sum(drawing), "a.svg", noType, "attachment"},
		{sum(drawing), "a.png", noType, "attachment"},
		{sum([]byte("%PDF-1.7 a contract")), "a.pdf", "application/pdf", "attachment"},
		{sum(voice), "a.opus", "audio/ogg", "inline"},
		{sum(video), "a.mp4", "video/mp4", "inline"},
	} {
		w := c.do(http.MethodGet, "/media/"+tc.sum+"?name="+tc.name, nil)
		h := w.Header()
		if w.Code != http.StatusOK || h.Get("Content-Type") != tc.kind || !strings.HasPrefix(h.Get("Content-Disposition"), tc.how) {
			t.Errorf("%s: %d %q %q", tc.name, w.Code, h.Get("Content-Type"), h.Get("Content-Disposition"))
		}
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: policy %q", tc.name, h.Get("Content-Security-Policy"))
		}
	}
}

func TestMediaAnswersOnlyHashes(t *testing.T) {
	c := newConsole(t, nil)
	for _, s := range []string{"x", strings.Repeat("0", 64), strings.ToUpper(pictureSum), "..%2f..%2fetc%2fpasswd", pictureSum + "0"} {
		c.get("/media/"+s, http.StatusNotFound)
	}
}

func TestMediaRange(t *testing.T) {
	c := newConsole(t, nil)
	w := c.do(http.MethodGet, "/media/"+sum(video), func(r *http.Request) { r.Header.Set("Range", "bytes=100-199") })
	if w.Code != http.StatusPartialContent || w.Body.Len() != 100 || w.Body.String() != string(video[100:200]) {
		t.Errorf("range: %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestFileNames(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "attachment",
		"a b.txt":                `attachment; filename="a b.txt"`,
		"../../etc/passwd":       "attachment; filename=_.._etc_passwd",
		"x\r\nSet-Cookie: a=b":   `attachment; filename="x Set-Cookie_ a=b"`,
		"photo\u202egpj.exe":     "attachment; filename*=utf-8''photo%EF%BF%BDgpj.exe",
		"Übersicht \"final\".md": "attachment; filename*=utf-8''%C3%9Cbersicht%20_final_.md",
	} {
		if got := disposition(noType, name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// lying are files that say one thing of themselves and are another, or two.
var lying = map[string][]byte{
	"picture.jpg":  []byte("<?xml version=\"1.0\"?>\n" + string(drawing)),
	"page.png":     []byte("<!doctype html><script>alert(1)</script>"),
	"both.gif":     []byte("GIF89a=1;alert(1)//" + strings.Repeat("\x00", 600)),
	"both.jpg":     []byte("\xff\xd8\xff\xe0=alert(1)/*<script>alert(2)</script>*/"),
	"contract.pdf": []byte("%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj"),
	"late.png":     []byte(strings.Repeat(" ", 600) + "<script>alert(1)</script>"),
	"utf16.png":    []byte("\xff\xfe<\x00s\x00c\x00r\x00i\x00p\x00t\x00>\x00a\x00l\x00e\x00r\x00t\x00(\x001\x00)\x00"),
	"video.mp4":    []byte("\x00\x00\x00\x20ftypisom<script>alert(1)</script>"),
	"script.js":    []byte("alert(1)"),
	"style.css":    []byte("body{background:url(https://evil.example/)}"),
}

// TestFilesThatLieRunNothing: opened by itself, shown in a page, or taken for a
// script, a style or a frame by one.
func TestFilesThatLieRunNothing(t *testing.T) {
	b := newBrowser(t)
	for name, content := range lying {
		b.web.files[sum(content)] = content
		w := b.web.do(http.MethodGet, "/media/"+sum(content)+"?name="+name, nil)
		kind, how := w.Header().Get("Content-Type"), w.Header().Get("Content-Disposition")
		guarded(t, "/media/"+name, w)
		if !strings.HasPrefix(how, "attachment") && !strings.HasPrefix(kind, "image/") && !strings.HasPrefix(kind, "video/") {
			t.Errorf("%s is shown as %s", name, kind)
		}
		b.open("/search")
		eval[bool](b, `(async () => {
			const at = `+"`/media/"+sum(content)+"?name="+name+"`"+`;
			await Promise.all([["script", "src"], ["img", "src"], ["iframe", "src"], ["embed", "src"], ["object", "data"], ["link", "href"], ["video", "src"]].map(([kind, prop]) => {
				const e = document.createElement(kind);
				if (kind === "link") e.rel = "stylesheet";
				const over = new Promise(r => { e.onload = e.onerror = e.onloadeddata = r; setTimeout(r, 500) });
				e[prop] = at;
				document.body.append(e);
				return over;
			}));
			return true })()`)
		b.mu.Lock()
		for _, what := range b.wrong {
			if strings.HasPrefix(what, "a script") || strings.HasPrefix(what, "request left the console: http") || strings.HasPrefix(what, "exception") {
				t.Errorf("%s: %s", name, what)
			}
		}
		b.mu.Unlock()
		b.forgive()
		if strings.HasPrefix(how, "inline") {
			b.open("/media/" + sum(content) + "?name=" + name)
			b.mu.Lock()
			for _, what := range b.wrong {
				if strings.HasPrefix(what, "a script") {
					t.Errorf("%s by itself: %s", name, what)
				}
			}
			b.mu.Unlock()
			b.forgive()
		}
	}
}

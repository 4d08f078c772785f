package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static/*
var staticFiles embed.FS

// layout is what all pages have around their own content.
type layout struct {
	Title    string
	Firm     string
	Nav      string // which entry of the navigation is this page's
	SignedIn bool
	Menu     []menuGroup
	ForYou   waiting // what waits for whoever looks
	Person   string  // name of who is signed in
	Done     string  // what the request before this page has done, in a sentence
}

func (s *Server) layout(r *http.Request, title, nav string) layout {
	who, waits := actor(r), sessionOf(r).waits
	return layout{
		Title: plain(title), Firm: s.name, Nav: nav, SignedIn: true, Person: clean(who.Name), Done: done(r),
		Menu: navigation(who, waits, nav, s.now()), ForYou: waits,
	}
}

// pages are the parsed templates, by name of the file without ".html". A file
// that begins with "_" holds parts that every page may use.
type pages map[string]*template.Template

func parsePages(st static) (pages, error) {
	base, err := template.New("").Funcs(template.FuncMap{
		"static": st.href, "count": count, "size": size, "plural": plural, "utc": utc,
		"clean": clean, "plain": plain, "dict": dict, "num": func(n int) int64 { return int64(n) },
	}).ParseFS(pageFiles, "pages/_*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(pageFiles, "pages/[^_]*.html")
	if err != nil {
		return nil, err
	}
	ps := pages{}
	for _, f := range files {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if t, err = t.ParseFS(pageFiles, f); err != nil {
			return nil, err
		}
		ps[strings.TrimSuffix(path.Base(f), ".html")] = t
	}
	return ps, nil
}

// execute writes the page of that name. "chat#stretch" is the part "stretch"
// of the page "chat", without the layout.
func (ps pages) execute(w io.Writer, name string, data any) error {
	name, part, ok := strings.Cut(name, "#")
	if !ok {
		part = "layout"
	}
	t := ps[name]
	if t == nil {
		return fmt.Errorf("no page %q", name)
	}
	return t.ExecuteTemplate(w, part, data)
}

// render answers with a page, or with an error and no half page.
func (s *Server) render(w http.ResponseWriter, name string, data any) error {
	return s.renderStatus(w, http.StatusOK, name, data)
}

func (s *Server) renderStatus(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := s.pages.execute(&b, name, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader is gone: nobody to tell
	return nil
}

// static holds the embedded files by name.
type static map[string]staticFile

type staticFile struct {
	content []byte
	mime    string
	hash    string // short, in the address: a new file has a new one
}

func readStatic() (static, error) {
	files, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		return nil, err
	}
	st := static{}
	for _, f := range files {
		b, err := staticFiles.ReadFile("static/" + f.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		st[f.Name()] = staticFile{content: b, mime: staticType(f.Name()), hash: hex.EncodeToString(sum[:6])}
	}
	return st, nil
}

// staticType does not ask the machine's own list of types for what matters:
// a script that is served as text does not run.
func staticType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}

func (st static) href(name string) (string, error) {
	f, ok := st[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + name + "?v=" + f.hash, nil
}

func (s *Server) staticFile(w http.ResponseWriter, r *http.Request) error {
	f, ok := s.static[r.PathValue("file")]
	if !ok {
		return errNoPage
	}
	w.Header().Set("Content-Type", f.mime)
	if r.URL.Query().Get("v") == f.hash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(f.content) // the reader is gone: nobody to tell
	return nil
}

// dict makes the argument of a template that needs more than one.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict of %d", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		k, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict key %d is no string", i)
		}
		m[k] = pairs[i+1]
	}
	return m, nil
}

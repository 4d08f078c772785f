package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"sync"

	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/rules"
)

// files are those that a send names: links, which Meta will fetch, and what they
// show may change, and uploads. One that cannot be had stops nothing; an upload
// that is not known here is asked of Meta later.
func (c *call) files(ctx context.Context, o cloudapi.Outline) (names []string, files []record.ItemFile) {
	files = make([]record.ItemFile, len(o.Links))
	ctx, cancel := context.WithTimeout(ctx, linkTime)
	defer cancel()
	var all sync.WaitGroup
	for i, link := range o.Links {
		all.Go(func() { files[i] = c.linked(ctx, link) })
	}
	all.Wait()
	names = append(names, o.Links...)
	for _, id := range o.Uploads {
		if f, ok := c.g.uploads.get(c.src.Name + "\x00" + id); ok {
			names, files = append(names, id), append(files, f)
		}
	}
	return names, files
}

func (c *call) linked(ctx context.Context, link string) record.ItemFile {
	f := record.ItemFile{Name: "linked file"}
	if u, err := url.Parse(link); err == nil && path.Base(u.Path) != "/" && path.Base(u.Path) != "." {
		f.Name = path.Base(u.Path)
	}
	b, err := c.download(ctx, link)
	if f.Blob = b; err != nil {
		f.Reason, f.Blob = "It could not be fetched when the message was sent.", record.Blob{}
	}
	return f
}

func (c *call) download(ctx context.Context, link string) (record.Blob, error) {
	if c.g.o.Links == nil {
		return record.Blob{}, errors.New("links are not fetched")
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return record.Blob{}, errors.New("fetch a linked file: no address")
	}
	w, err := c.g.o.Links.Do(q)
	if err != nil {
		return record.Blob{}, err
	}
	defer func() { _ = w.Body.Close() }() // read to its end, or given up
	if w.StatusCode != http.StatusOK {
		return record.Blob{}, fmt.Errorf("fetch a linked file: status %d", w.StatusCode)
	}
	return c.src.Journal.Blob(ctx, w.Body)
}

// render freezes the text of a template as the recipient sees it.
func (c *call) render(ctx context.Context, h *cloudapi.SendHead, s *rules.Send, o cloudapi.Outline, body []byte) {
	h.Template, h.Rendered = c.template(ctx, o, body)
	s.Text = cmp.Or(h.Rendered, s.Text)
	var t struct {
		Category string `json:"category"`
	}
	_ = json.Unmarshal([]byte(h.Template), &t) // a definition without one is of none
	s.Category = cmp.Or(s.Category, t.Category)
}

// template returns a template's definition and its text with the parameters of
// body; empty where it is none, or the definition is not to be had.
func (c *call) template(ctx context.Context, o cloudapi.Outline, body []byte) (def, text string) {
	if o.Template == "" || c.g.o.Template == nil {
		return "", ""
	}
	d, err := c.g.o.Template(ctx, c.src, o.Template, o.Language)
	if err != nil {
		c.g.o.Log.LogAttrs(ctx, slog.LevelWarn, "a template's definition was not to be had", slog.String("source", c.src.Name), slog.String("error", err.Error()))
		return "", ""
	}
	if text, err = cloudapi.Rendered(d, body); err != nil {
		text = "" // the parameters are there, the definition too
	}
	return string(d), text
}

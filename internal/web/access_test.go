package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"golang.org/x/net/html"
)

// accessible fails for what somebody could not use who does not see the page,
// or has no mouse: a field or a button without a name, a picture without words,
// headings out of order, a table whose heads belong to nothing.
func accessible(t *testing.T, body string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{} // ids that a label is for
	ids := map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			ids[attribute(n, "id")] = true
			if n.Data == "label" && words(n) != "" {
				named[attribute(n, "for")] = true
			}
		}
	}
	level, tops := 1, 0
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode || unseen(n) {
			continue
		}
		name := attribute(n, "aria-label") + attribute(n, "aria-labelledby") + attribute(n, "title")
		switch n.Data {
		case "html":
			if attribute(n, "lang") == "" {
				t.Error("the page does not say its language")
			}
		case "title":
			if words(n) == "" {
				t.Error("the page has no title")
			}
		case "input", "select", "textarea":
			if kind := attribute(n, "type"); kind == "hidden" || kind == "submit" {
				continue
			}
			if name == "" && !named[attribute(n, "id")] && !labelled(n) {
				t.Errorf("<%s name=%q> has no label", n.Data, attribute(n, "name"))
			}
		case "a", "button", "summary":
			if name == "" && words(n) == "" {
				t.Errorf("<%s %v> has no name", n.Data, n.Attr)
			}
		case "img":
			if !has(n, "alt") {
				t.Errorf("<img src=%q> has no alt", attribute(n, "src"))
			}
		case "svg":
			if attribute(n, "aria-hidden") == "" && name == "" && words(n) == "" {
				t.Error("a drawing has no words, and is not hidden from who hears the page")
			}
		case "th":
			if attribute(n, "scope") == "" {
				t.Errorf("the head %q belongs to nothing", words(n))
			}
		case "h1", "h2", "h3", "h4", "h5", "h6":
			l := int(n.Data[1] - '0')
			if l > level+1 {
				t.Errorf("<%s> %.40q after level %d", n.Data, words(n), level)
			}
			if level = l; l == 1 {
				tops++
			}
		}
		if x := attribute(n, "tabindex"); x != "" && x != "0" && x != "-1" {
			t.Errorf("<%s> has the place %s in the order of the keyboard", n.Data, x)
		}
		for _, k := range []string{"aria-describedby", "aria-labelledby", "aria-controls"} {
			for id := range strings.FieldsSeq(attribute(n, k)) {
				if !ids[id] {
					t.Errorf("<%s %s=%q> means nothing", n.Data, k, id)
				}
			}
		}
	}
	if strings.Contains(body, "<html") && tops != 1 {
		t.Errorf("%d headings of the first level", tops)
	}
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

// unseen reports what is not there before a script shows it.
func unseen(n *html.Node) bool {
	for ; n != nil; n = n.Parent {
		if has(n, "hidden") || attribute(n, "aria-hidden") == "true" {
			return true
		}
	}
	return false
}

func labelled(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == "label" && words(p) != "" {
			return true
		}
	}
	return false
}

// words are what is read out of an element.
func words(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		switch {
		case d.Type == html.TextNode:
			b.WriteString(d.Data)
		case d.Data == "img":
			b.WriteString(attribute(d, "alt"))
		case d.Data == "svg":
			b.WriteString(attribute(d, "aria-label"))
		}
	}
	return strings.TrimSpace(b.String())
}

// pagesOf are the addresses of all pages that a person of the hostile firm may
// open, and that show something.
func (p *people) pagesOf(login string) (paths []string) {
	p.as(login)
	for _, rt := range p.server.routes() {
		if strings.HasPrefix(rt.pattern, "POST ") || strings.Contains(rt.pattern, "{file}") || strings.Contains(rt.pattern, "/fragment/") {
			continue
		}
		all := addresses(rt.pattern, p.known)
		if strings.HasPrefix(rt.pattern, "GET /search") {
			all = append(all, all[0]+"?q=alert")
		}
		for _, path := range all {
			w := p.do(http.MethodGet, path, nil)
			if w.Code == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

func TestEveryPageIsAccessible(t *testing.T) {
	p := hostileFirm(t)
	for _, login := range []string{"olga", "root"} {
		for _, path := range p.pagesOf(login) {
			t.Run(login+path, func(t *testing.T) { accessible(t, p.get(path, http.StatusOK)) })
		}
	}
	p.cookie = nil
	for _, path := range []string{"/sign-in", "/chats"} {
		t.Run("nobody"+path, func(t *testing.T) { accessible(t, p.do(http.MethodGet, path, nil).Body.String()) })
	}
}

// contrasts lists texts that stand out too little, by what the browser shows:
// 4.5 to 1, or 3 to 1 where they are large.
const contrasts = `(() => {
	const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const rgba = s => { c.clearRect(0, 0, 1, 1); c.fillStyle = s; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data] };
	const over = (a, b) => { const t = a[3] / 255; return [0, 1, 2].map(i => a[i] * t + b[i] * (1 - t)).concat(255) };
	const lum = v => { const [r, g, b] = v.map(x => { x /= 255; return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4 }); return .2126 * r + .7152 * g + .0722 * b };
	const behind = e => { const all = []; for (; e; e = e.parentElement) { const s = getComputedStyle(e); if (s.backgroundImage !== "none") return null; all.push(rgba(s.backgroundColor)); if (all.at(-1)[3] === 255) break }
		return all.reverse().reduce((under, a) => over(a, under), [255, 255, 255, 255]) };
	const bad = new Map();
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.data.trim() || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest("svg, :disabled, option, pre, .unseen, .skip") || !e.getClientRects().length) continue;
		const s = getComputedStyle(e), under = behind(e);
		if (!under) continue;
		const a = lum(over(rgba(s.color), under)), b = lum(under), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		const size = parseFloat(s.fontSize), large = size >= 24 || size >= 18.66 && s.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) bad.set(e.tagName + "." + e.className + " in " + e.parentElement.className, ratio.toFixed(2) + " " + walk.currentNode.data.trim().slice(0, 30));
	}
	return [...bad].map(x => x.join(": "));
})()`

// TestEveryPageIsLegible, by day and by night, and can be walked through by
// the keyboard in the order in which it is read.
func TestEveryPageIsLegible(t *testing.T) {
	b := newBrowser(t)
	p := hostileFirm(t)
	srv := httptest.NewServer(p.server)
	t.Cleanup(srv.Close)
	b.at(srv.URL)
	b.forgive() // the link of the other console
	told := map[string]bool{}
	for _, login := range []string{"olga", "root"} {
		paths := p.pagesOf(login)
		command(b, network.SetCookie, network.SetCookieParams{Name: p.cookie.Name, Value: p.cookie.Value, URL: srv.URL})
		for _, path := range paths {
			if login == "root" && !strings.HasPrefix(path, "/users") {
				continue
			}
			b.open(path)
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(scheme)
				for _, what := range eval[[]string](b, contrasts) {
					if say := fmt.Sprintf("%s: %s", scheme, what); !told[say] {
						told[say] = true
						t.Errorf("%s, %s", path, say)
					}
				}
			}
		}
	}
	b.missing()
}

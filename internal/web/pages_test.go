package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/waxseal/waxseal/internal/index"
)

// everyPage is an address of every page and fragment, by what it shows.
func everyPage() map[string]string {
	hostile := url.PathEscape("hostile/../x?y#z")
	return map[string]string{
		"chats":                  "/chats",
		"chats, filtered":        "/chats?q=" + url.QueryEscape(hostileText),
		"rows":                   "/fragment/chats?q=a",
		"chat":                   "/chats/acme",
		"chat at":                "/chats/acme?at=9",
		"chat on a day":          "/chats/acme?date=2024-01-31",
		"chat from start":        "/chats/acme?start=1",
		"stretch":                "/fragment/chats/acme?before=9",
		"hostile chat":           "/chats/" + hostile,
		"hostile stretch":        "/fragment/chats/" + hostile + "?start=1",
		"search, empty":          "/search",
		"search":                 "/search?q=sign",
		"search, grouped":        "/search?q=e&group=chat&order=oldest",
		"search, no hit":         "/search?q=zzzzz",
		"search in a chat":       "/search?q=e&chat=acme",
		"hostile search":         "/search?q=alert+" + url.QueryEscape(hostileText),
		"print":                  "/chats/acme/print?from=2024-01-31&to=2024-01-31",
		"hostile print":          "/chats/" + hostile + "/print",
		"message":                "/messages/9",
		"hostile message":        "/messages/901",
		"hostile links":          "/messages/905",
		"hostile, own":           "/messages/906",
		"of a phone":             "/chats/phone",
		"print of a phone":       "/chats/phone/print",
		"poll":                   "/messages/511",
		"of a business":          "/chats/business",
		"of a business, hostile": "/messages/616",
		"state":                  "/state",
	}
}

func TestEveryPageIsWellFormedAndHarmless(t *testing.T) {
	c := newConsole(t, nil)
	for name, path := range everyPage() {
		t.Run(name, func(t *testing.T) {
			w := c.do(http.MethodGet, path, nil)
			if w.Code >= http.StatusInternalServerError {
				t.Errorf("answer %d", w.Code)
			}
			harmless(t, w.Body.String())
		})
	}
	t.Run("not found", func(t *testing.T) { harmless(t, c.get("/chats/nothing", http.StatusNotFound)) })
	t.Run("query not understood", func(t *testing.T) {
		body := c.get(`/search?q=%22open`, http.StatusBadRequest)
		if !strings.Contains(body, "a quote is open") {
			t.Error("the page does not say what is wrong")
		}
		harmless(t, body)
	})
}

// harmless fails for what hostile text must never become: a script, a handler,
// a style, an address of another scheme or site, a second element of one id.
func harmless(t *testing.T, body string) {
	t.Helper()
	if strings.ContainsAny(body, "\x00\x1b") || strings.ToValidUTF8(body, "") != body {
		t.Error("controls or bytes that are no UTF-8")
	}
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if strings.EqualFold(n.Data, "script") && n.FirstChild != nil || n.Data == "style" || n.Data == "iframe" {
			t.Errorf("<%s> with content", n.Data)
		}
		for _, a := range n.Attr {
			checkAttribute(t, n, a)
			if a.Key == "id" {
				if ids[a.Val] {
					t.Errorf("two elements with the id %q", a.Val)
				}
				ids[a.Val] = true
			}
		}
	}
}

func checkAttribute(t *testing.T, n *html.Node, a html.Attribute) {
	t.Helper()
	switch a.Key {
	case "style":
		t.Errorf("<%s> has an inline style", n.Data)
	case "src", "action", "data-more", "data-find", "data-fragment":
		if a.Val != "" && !strings.HasPrefix(a.Val, "/") {
			t.Errorf("<%s %s=%q> is not ours", n.Data, a.Key, a.Val)
		}
	case "href":
		checkLink(t, n, a.Val)
	case "title", "alt", "aria-label":
		if strings.ContainsAny(a.Val, "\u202e\u2067") {
			t.Errorf("<%s %s> has a direction override", n.Data, a.Key)
		}
	}
	if strings.HasPrefix(a.Key, "on") {
		t.Errorf("<%s> has a handler %s", n.Data, a.Key)
	}
}

func checkLink(t *testing.T, n *html.Node, href string) {
	t.Helper()
	u, err := url.Parse(href)
	if err != nil {
		t.Errorf("href %q: %v", href, err)
		return
	}
	if u.Scheme == "" && u.Host == "" {
		return
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		t.Errorf("href %q has the scheme %q", href, u.Scheme)
	}
	if got := attribute(n, "rel"); got != "noreferrer noopener nofollow" || attribute(n, "target") != "_blank" {
		t.Errorf("link to elsewhere with rel %q", got)
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// TestHostileNamesAreIsolated looks that every text of a stranger stands in an
// element that contains what it does to direction.
func TestHostileNamesAreIsolated(t *testing.T) {
	c := newConsole(t, nil)
	for name, path := range everyPage() {
		if !strings.HasPrefix(name, "hostile") && name != "chats" && name != "state" {
			continue
		}
		doc, err := html.Parse(strings.NewReader(c.do(http.MethodGet, path, nil).Body.String()))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			if n.Type != html.TextNode || !strings.ContainsRune(n.Data, '\u202e') {
				continue
			}
			if !isolated(n) {
				t.Errorf("%s: a direction override in <%s> is not contained", name, n.Parent.Data)
			}
			if language(n) != "" {
				t.Errorf("%s: a stranger's text in <%s> is said to be in the language of the page", name, n.Parent.Data)
			}
		}
	}
}

// language is what the page says of a text's language; strangers do not say
// which they write.
func language(n *html.Node) string {
	for p := n.Parent; p != nil; p = p.Parent {
		for _, a := range p.Attr {
			if a.Key == "lang" {
				return a.Val
			}
		}
	}
	return ""
}

func isolated(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == "bdi" || attribute(p, "dir") != "" {
			return true
		}
		if p.Data == "title" {
			return false
		}
	}
	return false
}

func TestChatShowsEverything(t *testing.T) {
	c := newConsole(t, nil)
	body := c.get("/chats/acme", http.StatusOK)
	for _, want := range []string{
		"Tuesday, 30 January 2024", "Ana Lima added Bruno Costa", "<audio src=", "<video src=", "<img src=\"/media/",
		"Forwarded many times", "Missed video call", "38.707750, -9.136592", "Notary Pinto", "The sender revoked this message",
		"Let us keep the side letter", "Named by the source, but not in it", "Left out of the export", "may be part of the message before it",
		"As printed by the source", "earlier version", "edited", "When do we sign?", "Disclosure letter v7 (comments).pdf",
		"This record could not be read", "31/1/24 (half a line", "Covers all 4,212 messages", "3 records could not be read",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the chat does not show %q", want)
		}
	}
}

// TestAHitIsMarkedWhereItStands: in the answer, in its chat, and in a version
// that the message no longer has.
func TestAHitIsMarkedWhereItStands(t *testing.T) {
	c := newConsole(t, nil)
	body := c.get("/search?q=sign", http.StatusOK)
	if want := `href="/chats/acme?at=3&amp;q=sign"`; !strings.Contains(body, want) {
		t.Errorf("a hit does not lead to %s", want)
	}
	body = c.get("/chats/acme?at=3&q=sign", http.StatusOK)
	for _, want := range []string{"wants to <mark>sign</mark> before", `/search?chat=acme&amp;q=sign`, `/chats/acme?at=3"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the chat does not have %q", want)
		}
	}
	for query, want := range map[string]string{
		"comments": "Disclosure letter v7 (<mark>comments</mark>).pdf", "thursday": "<mark>Thursday</mark>", "pinto": "Notary <mark>Pinto</mark>",
		"comércio": "Praça do <mark>Comércio</mark>", "added": "Ana Lima <mark>added</mark> Bruno Costa",
	} {
		if body = c.get("/chats/acme?q="+url.QueryEscape(query), http.StatusOK); !strings.Contains(body, want) {
			t.Errorf("the chat does not have %q", want)
		}
	}
	if body = c.get("/chats/acme?q=letter", http.StatusOK); !strings.Contains(body, `<details class="versions" open>`) || !strings.Contains(body, "side <mark>letter</mark> out") {
		t.Error("what a revoked message said is not marked")
	}
	if body = c.get("/fragment/chats/acme?after=2&q=sign", http.StatusOK); !strings.Contains(body, "<mark>sign</mark>") {
		t.Error("a stretch that is fetched later has no marks")
	}
	c.get("/chats/acme?q=%22open", http.StatusOK) // marks nothing
}

func TestEmptyArchiveTellsHowToBegin(t *testing.T) {
	c := newConsole(t, &archiveOf{})
	if body := c.get("/chats", http.StatusOK); !strings.Contains(body, "waxseal import PATH") {
		t.Error("the empty list does not tell how to import")
	}
	c.get("/state", http.StatusOK)
	if body := c.get("/search?q=a", http.StatusOK); !strings.Contains(body, "The archive holds no messages yet") || strings.Contains(body, "Covers all") {
		t.Error("an answer of nothing says that it covers all")
	}
	c.state = State{}
	if body := c.get("/state", http.StatusOK); !strings.Contains(body, "Never verified") {
		t.Error("the page does not say that nothing was ever verified")
	}
	c.get("/state/checkpoint", http.StatusNotFound)
}

func TestCoverageBehind(t *testing.T) {
	a := sampleArchive()
	a.coverage = index.Coverage{Through: 90, Of: 91, Messages: 80}
	c := newConsole(t, a)
	body := c.get("/chats", http.StatusOK)
	for _, want := range []string{"1 entry of the log is not followed yet", "every record could be read"} {
		if !strings.Contains(body, want) {
			t.Errorf("coverage does not say %q", want)
		}
	}
}

func TestChatListPages(t *testing.T) {
	a := &archiveOf{}
	for i := range chatsOnPage + 7 {
		a.chats = append(a.chats, index.ChatRow{ID: "c" + count(int64(i)), Name: "Chat"})
	}
	c := newConsole(t, a)
	body := c.get("/chats?q=chat", http.StatusOK)
	if got := strings.Count(body, `class="row"`); got != chatsOnPage {
		t.Errorf("%d rows, want %d", got, chatsOnPage)
	}
	body = c.get("/fragment/chats?q=chat&after=c49", http.StatusOK)
	if got := strings.Count(body, `class="row"`); got != 7 {
		t.Errorf("%d rows on the second page, want 7", got)
	}
}

func TestCheckpointIsHandedOver(t *testing.T) {
	c := newConsole(t, nil)
	w := c.do(http.MethodGet, "/state/checkpoint", nil)
	if w.Body.String() != sampleNote || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("checkpoint: %q, %q", w.Header().Get("Content-Disposition"), w.Body)
	}
}

package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// filters are what the form beside the query box writes into the query.
var filters = []string{"from", "in", "custodian", "type", "after", "before", "has", "is"}

// term is one piece of a query as its author wrote it.
type term struct {
	Text string
	Key  string // of a filter, where it is one: "from"
	Not  bool
	Val  string // without its quotes
}

// terms cuts a query at the blanks that stand outside quotes. It knows no more
// of the language: what it means is for the index to say.
func terms(q string) []term {
	var out []term
	for rest := strings.TrimSpace(q); rest != ""; rest = strings.TrimSpace(rest) {
		n, quoted := 0, false
		for n < len(rest) && (quoted || rest[n] != ' ' && rest[n] != '\t' && rest[n] != '\n') {
			if rest[n] == '"' {
				quoted = !quoted
			}
			n++
		}
		out = append(out, newTerm(rest[:n]))
		rest = rest[n:]
	}
	return out
}

func newTerm(s string) term {
	t := term{Text: s}
	k, v, ok := strings.Cut(strings.TrimPrefix(s, "-"), ":")
	if !ok || !slices.Contains(filters, strings.ToLower(k)) {
		return t
	}
	t.Key, t.Val, t.Not = strings.ToLower(k), strings.Trim(v, `"`), strings.HasPrefix(s, "-")
	return t
}

// filled returns what each filter of the form shows for a query. Negated
// filters and repeated ones stay words of the query: a form field holds one.
func filled(q string) map[string]string {
	out := map[string]string{}
	for _, t := range terms(q) {
		if t.Key != "" && !t.Not && out[t.Key] == "" {
			out[t.Key] = t.Val
		}
	}
	return out
}

// write puts the form's filters into the query: a filter that changed
// replaces the one that stood there, an empty one takes it away.
func write(q string, form url.Values) string {
	was := filled(q)
	var words []string
	for _, t := range terms(q) {
		if t.Key != "" && !t.Not && t.Val == was[t.Key] && form.Has("f-"+t.Key) {
			delete(was, t.Key) // only the first one is the form's
			if v := strings.TrimSpace(form.Get("f-" + t.Key)); v != t.Val {
				continue
			}
			form.Del("f-" + t.Key)
		}
		words = append(words, t.Text)
	}
	for _, k := range filters {
		if v := strings.TrimSpace(form.Get("f-" + k)); v != "" {
			words = append(words, k+":"+quoted(v))
		}
	}
	return strings.Join(words, " ")
}

func quoted(v string) string {
	v = strings.ReplaceAll(v, `"`, "")
	if strings.ContainsAny(v, " \t\n()") {
		return `"` + v + `"`
	}
	return v
}

// choice is one line of a select.
type choice struct{ Value, Name string }

var typeChoices = choicesOf(
	chat.Text, chat.Image, chat.Video, chat.Audio, chat.Voice, chat.Document, chat.Sticker, chat.Place, chat.LivePlace,
	chat.ContactCard, chat.PollType, chat.OccasionType, chat.CallType, chat.Order, chat.Interactive, chat.Template,
	chat.ViewOnce, chat.SystemType, chat.Unsupported, chat.Unknown,
)

func choicesOf(ts ...chat.Type) []choice {
	out := []choice{{"", "Any type"}}
	for _, t := range ts {
		out = append(out, choice{string(t), typeName(t)})
	}
	return out
}

var hasChoices = []choice{{"", "Anything"}, {"attachment", "An attachment"}, {"link", "A link"}, {"reaction", "A reaction"}}

var isChoices = []choice{
	{"", "Any"},
	{"edited", "Edited"},
	{"revoked", "Revoked"},
	{"forwarded", "Forwarded"},
	{"ambiguous", "Not certain"},
	{"unread", "Not readable"},
	{"missing", "With a file that is missing"},
	{"omitted", "With a file left out"},
	{"received", "Received"},
	{"sent", "Sent"},
}

package web

import (
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
)

// found are the marks of what a query found, by the text that they are in.
type found map[string][][2]int

// find looks for a query's words in what messages say and said. A query that
// is not understood finds nothing: the page of the search says why.
func find(query string, ms ...chat.Message) found {
	in := found{}
	if query == "" {
		return in
	}
	var texts []string
	for i := range ms {
		texts = append(texts, textsOf(&ms[i])...)
	}
	marks, err := index.Marks(query, texts)
	if err != nil {
		return in
	}
	for i, t := range texts {
		in[t] = marks[i]
	}
	return in
}

// textsOf lists what a bubble shows of a message's words.
func textsOf(m *chat.Message) []string {
	out := []string{m.Text}
	if m.Type == chat.SystemType {
		out = append(out, notice(m))
	}
	return append(out, m.Beside()...)
}

// pieces cuts a text at what was found in it.
func (in found) pieces(s string) []piece { return pieces(s, 0, len(s), sane(in[s], len(s))) }

// runs is pieces for a text that may have links in it.
func (in found) runs(s string) []run { return runs(s, in[s]) }

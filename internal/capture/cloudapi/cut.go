package cloudapi

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"strings"
)

// Element is one thing that a body tells of: a message, a status, a member of
// any other list, or a change that has no list.
type Element struct {
	At, End int64 // its bytes in the body
	Context Context
	// Contacts are the elements of contacts that are about its sender or
	// recipient, as [at, end].
	Contacts [][2]int64

	owns   []bool // the contact is kept with this element; with others it is a copy
	peek   peek
	looked bool
}

// Bounds of what is cut. They are far from anything that Meta sends, and keep
// the pieces of a hostile body from being many times as large as it.
const (
	maxPieces = 1 << 16
	maxDepth  = 10_000 // of encoding/json, too
	maxText   = 256    // of what a context says
	maxPhase  = 1 << 10
	maxPath   = 128
)

// Elements finds what a body tells of. It understands nothing: it looks for
// lists of objects at the places where Meta puts them. A body that is no JSON
// object, or has none, has no elements. What is wrong inside of an element does
// not keep the others from being found.
func Elements(body []byte) []Element {
	es, _ := cut(body)
	return es
}

// cut finds the elements of a body, or says why it has none.
func cut(body []byte) (es []Element, why string) {
	c := cutter{b: body}
	at := c.space(0)
	switch {
	case !balanced(body):
		return nil, "The body is no JSON."
	case body[at] != '{':
		return nil, "The body is no JSON object."
	}
	whole := span{at, len(body)}
	entry, list := c.find(whole, "entry")
	switch {
	case list:
		for e := range c.elements(entry) {
			c.entry(e)
		}
	case c.has(whole, "field") && c.has(whole, "value"):
		c.change(Context{}, whole)
	case c.has(whole, "messages") || c.has(whole, "statuses") || c.has(whole, "metadata"):
		c.value(Context{Field: "messages"}, span{at, c.skip(at)})
	case !json.Valid(body):
		return nil, "The body is no JSON."
	default:
		return nil, "The body has nothing of what WhatsApp delivers."
	}
	if len(c.out) > maxPieces {
		return nil, "The body tells of too many things."
	}
	return c.out, ""
}

// span is a stretch of the body.
type span struct{ at, end int }

// cutter walks through a body whose brackets and strings are balanced. What is
// wrong beside that makes objects and lists end early, never more.
type cutter struct {
	b   []byte
	out []Element
}

// entry cuts one of a delivery's entries.
func (c *cutter) entry(s span) {
	var ctx Context
	ctx.WABA = c.text(s, "id")
	ctx.Time, _ = strconv.ParseInt(c.text(s, "time"), 10, 64) // 0: it has none
	for key, v := range c.members(s) {
		for e := range c.elements(v) {
			switch {
			case c.b[e.at] != '{':
			case string(key) == "changes":
				c.change(ctx, e)
			default: // a list of the shape that other products of Meta have
				in := ctx
				in.Field = string(key[:min(len(key), maxText)])
				c.add(e, in)
			}
		}
	}
}

func (c *cutter) change(ctx Context, s span) {
	ctx.Field = c.text(s, "field")
	if v, ok := c.find(s, "value"); ok {
		c.value(ctx, v)
	}
}

// value cuts the value of a change into the members of its lists, or gives it
// whole where it has none.
func (c *cutter) value(ctx Context, s span) {
	if c.b[s.at] != '{' {
		c.add(s, ctx)
		return
	}
	m, ok := c.find(s, "metadata")
	if ok {
		ctx.Number, ctx.Phone = c.text(m, "phone_number_id"), c.text(m, "display_phone_number")
	}
	if !ok && c.text(s, "event") != "" {
		c.add(s, ctx) // of an account: its lists are details of one thing
		return
	}
	from := len(c.out)
	contacts := c.lists(ctx, s, "", 0)
	switch {
	case len(c.out) > from:
		share(c.b, c.out[from:], contacts)
	case len(contacts) > 0:
		ctx.Path = "contacts"
		for _, s := range contacts {
			c.add(s, ctx)
		}
	default:
		c.add(s, ctx)
	}
}

// depth is how deep lists lie: history[].threads[].messages[].
const depth = 4

// lists cuts the lists of objects in an object, and in the objects in it. It
// returns the elements of contacts, which belong to others.
func (c *cutter) lists(ctx Context, s span, path string, at int) (contacts []span) {
	for k, v := range c.members(s) {
		if open := c.b[v.at]; open != '{' && open != '[' || len(k) > maxPath {
			continue
		}
		key := string(k)
		name := key
		if path != "" {
			name = path + "." + key
		}
		switch {
		case key == "errors" || key == "metadata" || at >= depth:
		case c.b[v.at] == '{':
			contacts = append(contacts, c.lists(ctx, v, name, at+1)...)
		case c.b[v.at] == '[':
			for e := range c.elements(v) {
				switch {
				case c.b[e.at] != '{':
				case key == "contacts" && path == "":
					contacts = append(contacts, e)
				case key == "history" || key == "threads":
					c.nested(ctx, e, name, at)
				default:
					in := ctx
					in.Path = name
					c.add(e, in)
				}
			}
		}
	}
	return contacts
}

// nested cuts a member of a list that has lists itself; where it has none, it
// is an element.
func (c *cutter) nested(ctx Context, e span, name string, at int) {
	ctx.Path = name
	if m, ok := c.find(e, "metadata"); ok && m.end-m.at <= maxPhase && json.Valid(c.b[m.at:m.end]) {
		ctx.Phase = string(c.b[m.at:m.end])
	}
	if strings.HasSuffix(name, "threads") {
		ctx.Thread = c.text(e, "id")
	}
	from := len(c.out)
	c.lists(ctx, e, name, at+1)
	if len(c.out) == from {
		c.add(e, ctx)
	}
}

func (c *cutter) add(s span, ctx Context) {
	if len(c.out) <= maxPieces {
		c.out = append(c.out, Element{At: int64(s.at), End: int64(s.end), Context: ctx})
	}
}

// share gives each contact to the elements that it is about. One that is about
// none goes with the element at its place, or with the last; one about somebody
// whom another is about, too, goes with the first element alone.
func share(b []byte, es []Element, contacts []span) {
	if len(contacts) == 0 {
		return
	}
	by := map[string][]int{}
	for i := range es {
		es[i].look(b)
		for _, id := range es[i].peek.ids() {
			if at := by[id]; len(at) == 0 || at[len(at)-1] != i {
				by[id] = append(at, i)
			}
		}
	}
	for n, s := range contacts {
		p := peekAt(b, s)
		var of []int
		for _, id := range p.ids() {
			if of = by[id]; len(of) > 0 {
				by[id] = of[:1]
				break
			}
		}
		if len(of) == 0 {
			of = []int{min(n, len(es)-1)}
		}
		for k, i := range of {
			es[i].Contacts = append(es[i].Contacts, [2]int64{int64(s.at), int64(s.end)})
			es[i].owns = append(es[i].owns, k == 0)
		}
	}
}

// find returns the last member of a name, as encoding/json does.
func (c *cutter) find(s span, key string) (found span, ok bool) {
	for k, v := range c.members(s) {
		if string(k) == key {
			found, ok = v, true
		}
	}
	return found, ok
}

func (c *cutter) has(s span, key string) bool { _, ok := c.find(s, key); return ok }

// text returns a scalar member as text.
func (c *cutter) text(s span, key string) string {
	v, ok := c.find(s, key)
	if !ok {
		return ""
	}
	return c.scalar(v)
}

func (c *cutter) scalar(v span) string {
	if v.end-v.at > maxText {
		return ""
	}
	var t loose
	if t.UnmarshalJSON(c.b[v.at:v.end]) != nil {
		return ""
	}
	return string(t)
}

// peek is what of an element tells where it belongs.
type peek struct {
	From, To, WAID, Recipient, Group, FromUser, ToUser, User, RecipientUser, Timestamp string
}

// ids are the names of people in it.
func (p *peek) ids() (out []string) {
	for _, s := range []string{p.From, p.FromUser, p.WAID, p.User, p.Recipient, p.RecipientUser, p.To, p.ToUser} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func peekAt(b []byte, s span) (p peek) {
	c := cutter{b: b}
	for key, v := range c.members(s) {
		var into *string
		switch string(key) {
		case "from":
			into = &p.From
		case "to":
			into = &p.To
		case "wa_id":
			into = &p.WAID
		case "recipient_id":
			into = &p.Recipient
		case "group_id":
			into = &p.Group
		case "from_user_id":
			into = &p.FromUser
		case "to_user_id":
			into = &p.ToUser
		case "user_id":
			into = &p.User
		case "recipient_user_id":
			into = &p.RecipientUser
		case "timestamp":
			into = &p.Timestamp
		default:
			continue
		}
		*into = c.scalar(v)
	}
	return p
}

func (e *Element) look(b []byte) {
	if !e.looked {
		e.peek, e.looked = peekAt(b, span{int(e.At), int(e.End)}), true
	}
}

// members are the members of an object; none of anything else.
func (c *cutter) members(s span) iter.Seq2[[]byte, span] {
	return func(yield func([]byte, span) bool) {
		if c.b[s.at] != '{' {
			return
		}
		for i := c.space(s.at + 1); c.b[i] == '"'; i = c.space(i + 1) {
			key := span{i, c.skip(i)}
			if i = c.space(key.end); c.b[i] != ':' {
				return
			}
			v := span{at: c.space(i + 1)}
			if v.end = c.skip(v.at); v.end == v.at || !yield(c.name(key), v) {
				return
			}
			if i = c.space(v.end); c.b[i] != ',' {
				return
			}
		}
	}
}

// name is the text of a key.
func (c *cutter) name(s span) []byte {
	raw := c.b[s.at+1 : s.end-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	var name string
	if json.Unmarshal(c.b[s.at:s.end], &name) != nil {
		return raw
	}
	return []byte(name)
}

// elements are the elements of a list; none of anything else.
func (c *cutter) elements(s span) iter.Seq[span] {
	return func(yield func(span) bool) {
		if c.b[s.at] != '[' {
			return
		}
		for i := c.space(s.at + 1); ; i = c.space(i + 1) {
			e := span{i, c.skip(i)}
			if e.end == e.at || !yield(e) {
				return
			}
			if i = c.space(e.end); c.b[i] != ',' {
				return
			}
		}
	}
}

func (c *cutter) space(i int) int {
	for i < len(c.b) && (c.b[i] == ' ' || c.b[i] == '\n' || c.b[i] == '\r' || c.b[i] == '\t') {
		i++
	}
	return i
}

// skip returns the end of the value at i, which stands inside of brackets; i
// where there is none.
func (c *cutter) skip(i int) int {
	switch c.b[i] {
	case '"':
		return skipString(c.b, i)
	case '{', '[':
		for deep := 0; ; i++ {
			switch c.b[i] {
			case '"':
				i = skipString(c.b, i) - 1
			case '{', '[':
				deep++
			case '}', ']':
				if deep--; deep == 0 {
					return i + 1
				}
			}
		}
	}
	for i < len(c.b) && !delimits[c.b[i]] {
		i++
	}
	return i
}

// delimits are the bytes that no number or word has.
var delimits = [256]bool{',': true, ':': true, '"': true, '{': true, '}': true, '[': true, ']': true, ' ': true, '\n': true, '\r': true, '\t': true}

// skipString returns the end of the string that begins at i; 0 where it has
// none.
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return 0
		}
		i += n
		back := i
		for b[back-1] == '\\' {
			back--
		}
		if (i-back)%2 == 0 {
			return i + 1
		}
	}
}

// balanced reports whether a text is one list or object, as far as its brackets
// and strings go, with nothing but space around it.
func balanced(b []byte) bool {
	c := cutter{b: b}
	i := c.space(0)
	if i == len(b) || b[i] != '{' && b[i] != '[' {
		return false
	}
	var open []byte
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := skipString(b, i)
			if end == 0 {
				return false
			}
			i = end - 1
		case '{', '[':
			if open = append(open, b[i]+2); len(open) > maxDepth { // the bracket that closes it
				return false
			}
		case '}', ']':
			if open[len(open)-1] != b[i] {
				return false
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return c.space(i+1) == len(b)
			}
		}
	}
	return false
}

// loose is a scalar that may be written as a string or as a number.
type loose string

// UnmarshalJSON takes any scalar. What is none gives nothing.
func (l *loose) UnmarshalJSON(b []byte) error {
	*l = ""
	switch {
	case len(b) == 0 || b[0] == '{' || b[0] == '[' || b[0] == 'n':
	case b[0] == '"' && bytes.IndexByte(b, '\\') < 0:
		*l = loose(b[1 : len(b)-1])
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*l = loose(s)
	default:
		*l = loose(b)
	}
	return nil
}

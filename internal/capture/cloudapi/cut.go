package cloudapi

import (
	"bytes"
	"encoding/json"
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

	owns []bool // the contact is kept with this element; with others it is a copy
	peek peek
}

// Elements finds what a body tells of. It understands nothing: it looks for
// lists of objects at the places where Meta puts them (CAPTURE.md, 3.2). A body
// that is no JSON object, or has none, has no elements.
func Elements(body []byte) []Element {
	if !json.Valid(body) {
		return nil
	}
	c := cutter{b: body}
	top := c.object(c.space(0))
	switch entry, ok := top.find("entry"); {
	case ok:
		for _, e := range c.elements(entry) {
			c.entry(e)
		}
	case top.has("field") && top.has("value"):
		c.change(Context{}, top)
	case top.has("messages") || top.has("statuses") || top.has("metadata"):
		c.value(Context{Field: "messages"}, top.span)
	}
	return c.out
}

// span is a stretch of the body.
type span struct{ at, end int }

// member is one member of an object.
type member struct {
	key   string
	value span
}

// object is an object's members, in their order.
type object struct {
	span    span
	members []member
}

// find returns the last member of a name, as encoding/json does.
func (o object) find(key string) (s span, ok bool) {
	for _, m := range o.members {
		if m.key == key {
			s, ok = m.value, true
		}
	}
	return s, ok
}

func (o object) has(key string) bool { _, ok := o.find(key); return ok }

// cutter walks through valid JSON.
type cutter struct {
	b   []byte
	out []Element
}

// entry cuts one of a delivery's entries.
func (c *cutter) entry(s span) {
	o := c.object(s.at)
	ctx := Context{WABA: c.text(o, "id")}
	ctx.Time, _ = strconv.ParseInt(c.text(o, "time"), 10, 64)
	for _, m := range o.members {
		if c.b[m.value.at] != '[' {
			continue
		}
		for _, e := range c.elements(m.value) {
			switch {
			case c.b[e.at] != '{':
			case m.key == "changes":
				c.change(ctx, c.object(e.at))
			default: // a list of the shape that other products of Meta have
				in := ctx
				in.Field = m.key
				c.add(e, in)
			}
		}
	}
}

func (c *cutter) change(ctx Context, o object) {
	ctx.Field = c.text(o, "field")
	if v, ok := o.find("value"); ok {
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
	o := c.object(s.at)
	if m, ok := o.find("metadata"); ok && c.b[m.at] == '{' {
		meta := c.object(m.at)
		ctx.Number, ctx.Phone = c.text(meta, "phone_number_id"), c.text(meta, "display_phone_number")
	}
	if c.text(o, "event") != "" && !o.has("metadata") {
		c.add(s, ctx) // of an account: its lists are details of one thing
		return
	}
	from := len(c.out)
	contacts := c.lists(ctx, o, "", 0)
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

// lists cuts the lists of objects in o, and in the objects in it. It returns
// the elements of contacts, which belong to others.
func (c *cutter) lists(ctx Context, o object, path string, at int) (contacts []span) {
	for _, m := range o.members {
		name := m.key
		if path != "" {
			name = path + "." + m.key
		}
		switch {
		case m.key == "errors" || m.key == "metadata" || at >= depth:
		case c.b[m.value.at] == '{':
			contacts = append(contacts, c.lists(ctx, c.object(m.value.at), name, at+1)...)
		case c.b[m.value.at] == '[':
			for _, e := range c.elements(m.value) {
				switch {
				case c.b[e.at] != '{':
				case m.key == "contacts" && path == "":
					contacts = append(contacts, e)
				case m.key == "history" || m.key == "threads":
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
	o := c.object(e.at)
	ctx.Path = name
	if m, ok := o.find("metadata"); ok {
		ctx.Phase = string(c.b[m.at:m.end])
	}
	if strings.HasSuffix(name, "threads") {
		ctx.Thread = c.text(o, "id")
	}
	from := len(c.out)
	c.lists(ctx, o, name, at+1)
	if len(c.out) == from {
		c.add(e, ctx)
	}
}

func (c *cutter) add(s span, ctx Context) {
	c.out = append(c.out, Element{At: int64(s.at), End: int64(s.end), Context: ctx})
}

// share gives each contact to the elements that it is about. One that is about
// none goes with the element at its place, or with the first.
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
		var p peek
		_ = json.Unmarshal(b[s.at:s.end], &p) // one of another shape is about nobody known
		var of []int
		for _, id := range p.ids() {
			if of = by[id]; len(of) > 0 {
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

// text returns a scalar member as text.
func (c *cutter) text(o object, key string) string {
	s, ok := o.find(key)
	if !ok || c.b[s.at] == '{' || c.b[s.at] == '[' {
		return ""
	}
	var t loose
	_ = t.UnmarshalJSON(c.b[s.at:s.end])
	return string(t)
}

// object reads the members of the object at i, which is one.
func (c *cutter) object(i int) object {
	o := object{span: span{i, i}}
	if i >= len(c.b) || c.b[i] != '{' {
		return o
	}
	for i = c.space(i + 1); c.b[i] != '}'; i = c.space(i) {
		if c.b[i] == ',' {
			i = c.space(i + 1)
		}
		key := span{i, c.skip(i)}
		i = c.space(c.space(key.end) + 1) // the colon
		v := span{i, c.skip(i)}
		var name string
		_ = json.Unmarshal(c.b[key.at:key.end], &name) // valid JSON
		o.members = append(o.members, member{name, v})
		i = v.end
	}
	o.span.end = i + 1
	return o
}

// elements returns the elements of the array at s; none where it is something
// else.
func (c *cutter) elements(s span) (out []span) {
	i := s.at
	if c.b[i] != '[' {
		return nil
	}
	for i = c.space(i + 1); c.b[i] != ']'; i = c.space(i) {
		if c.b[i] == ',' {
			i = c.space(i + 1)
		}
		e := span{i, c.skip(i)}
		out = append(out, e)
		i = e.end
	}
	return out
}

func (c *cutter) space(i int) int {
	for i < len(c.b) && (c.b[i] == ' ' || c.b[i] == '\n' || c.b[i] == '\r' || c.b[i] == '\t') {
		i++
	}
	return i
}

// skip returns the end of the value at i.
func (c *cutter) skip(i int) int {
	switch c.b[i] {
	case '"':
		return c.skipString(i)
	case '{', '[':
		for deep := 0; ; {
			switch c.b[i] {
			case '"':
				i = c.skipString(i)
				continue
			case '{', '[':
				deep++
			case '}', ']':
				if deep--; deep == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(c.b) && !bytes.ContainsRune([]byte(",]} \n\r\t"), rune(c.b[i])) {
		i++
	}
	return i
}

func (c *cutter) skipString(i int) int {
	for i++; ; i++ {
		n := bytes.IndexAny(c.b[i:], `"\`)
		if i += n; c.b[i] == '"' {
			return i + 1
		}
		i++ // what is escaped
	}
}

// loose is a scalar that may be written as a string or as a number.
type loose string

// UnmarshalJSON takes any scalar. What is none gives nothing.
func (l *loose) UnmarshalJSON(b []byte) error {
	*l = ""
	switch {
	case len(b) == 0 || b[0] == '{' || b[0] == '[' || b[0] == 'n':
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

// peek is what of an element tells where it belongs.
type peek struct {
	From          loose `json:"from"`
	To            loose `json:"to"`
	WAID          loose `json:"wa_id"`
	Recipient     loose `json:"recipient_id"`
	Group         loose `json:"group_id"`
	FromUser      loose `json:"from_user_id"`
	ToUser        loose `json:"to_user_id"`
	User          loose `json:"user_id"`
	RecipientUser loose `json:"recipient_user_id"`
	Timestamp     loose `json:"timestamp"`
}

// ids are the names of people in it.
func (p *peek) ids() (out []string) {
	for _, s := range []loose{p.From, p.FromUser, p.WAID, p.User, p.Recipient, p.RecipientUser, p.To, p.ToUser} {
		if s != "" {
			out = append(out, string(s))
		}
	}
	return out
}

func (e *Element) look(b []byte) {
	if e.peek == (peek{}) {
		_ = json.Unmarshal(b[e.At:e.End], &e.peek) // one of another shape belongs to its number
	}
}

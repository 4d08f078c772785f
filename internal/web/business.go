package web

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// What a bubble shows of messages between a business and its customers.

// detail is something that a message says beside its text.
type detail struct {
	Label string
	Text  []run
	Rows  []detailRow
}

// detailRow is a line of it.
type detailRow struct{ Name, Value []piece }

// maxDetails bounds what is shown of a form or an order in a bubble; all of it
// is on the message's own page.
const maxDetails = 30

func detailsOf(m *chat.Message, in found) (out []detail) {
	add := func(label, text string, rows ...detailRow) {
		if text != "" || len(rows) > 0 {
			out = append(out, detail{Label: label, Text: in.runs(text), Rows: rows[:min(len(rows), maxDetails)]})
		}
	}
	if b := m.Basket; b != nil {
		var rows []detailRow
		for _, i := range b.Items {
			rows = append(rows, detailRow{in.pieces(i.Product), in.pieces(strings.TrimSpace(cmp.Or(i.Quantity, "1") + " × " + i.Price + " " + i.Currency))})
		}
		add("Ordered", "", rows...)
	}
	if p := m.Product; p != nil {
		add("About the product", p.ID)
	}
	if r := m.Referral; r != nil {
		label := "Came by an advertisement"
		if r.Source != "" && r.Source != "ad" {
			label = "Came by: " + clean(r.Source)
		}
		var rows []detailRow
		for _, s := range []string{r.Headline, r.Body} {
			if s != "" {
				rows = append(rows, detailRow{Name: in.pieces(s)})
			}
		}
		add(label, cmp.Or(r.URL, r.ID), rows...)
	}
	if c := m.Choice; c != nil {
		chosen(m, c, in, add)
	}
	if len(m.Errors) > 0 && m.Type != chat.Unsupported {
		add("WhatsApp says", strings.Join(m.Errors, "; "))
	}
	return out
}

func chosen(m *chat.Message, c *chat.Choice, in found, add func(label, text string, rows ...detailRow)) {
	var options []detailRow
	for _, o := range c.Options {
		options = append(options, detailRow{Name: in.pieces(o)})
	}
	switch {
	case c.Kind == "template":
		add("From the template", c.ID)
		add("With", "", options...)
	case c.Kind == "call_permission_reply":
		add("Permission to call", c.ID)
	case len(options) > 0:
		add("To choose from", "", options...)
	case c.Form != "":
		rows := formRows(c.Form, in)
		text := ""
		if rows == nil {
			text = c.Form
		}
		add("Filled in", text, rows...)
	case m.Direction != chat.Out:
		add("Chosen", strings.Join(slices.DeleteFunc([]string{c.ID, c.Detail}, func(s string) bool { return s == "" || s == m.Text }), ": "))
	}
}

// formRows are the fields of a form, or nil where it is not one that can be
// read.
func formRows(form string, in found) (rows []detailRow) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(form), &fields) != nil {
		return nil
	}
	names := make([]string, 0, len(fields))
	for n := range fields {
		if n != "flow_token" { // a machine's
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		v := string(fields[n])
		var s string
		if json.Unmarshal(fields[n], &s) == nil {
			v = s
		}
		rows = append(rows, detailRow{in.pieces(strings.ReplaceAll(n, "_", " ")), in.pieces(v)})
	}
	return rows
}

// ownWords reports a text that only repeats a card or a place.
func ownWords(m *chat.Message) bool {
	var names []string
	for _, c := range m.Contacts {
		names = append(names, c.Name)
	}
	l := m.Location
	return len(names) > 0 && m.Text == strings.Join(names, ", ") || l != nil && m.Text == strings.TrimSpace(l.Name+" "+l.Address)
}

// sent is how far a message came on its way out.
type sent struct {
	Words, Why string
	Bad        bool
}

// sentOf says what became of a message that was to be sent; nil where it went
// out as it should.
func sentOf(m *chat.Message) *sent {
	if s := m.Sending; s != nil && s.Words() != "" {
		out := sent{Words: s.Words(), Why: clean(s.Why), Bad: s.State != chat.SendWaits && s.State != chat.SendDeferred}
		if s.Rule != "" {
			out.Words += " by the rule " + clean(s.Rule)
		} else if s.By != "" && s.State == chat.SendWithdrawn {
			out.Words += " by " + clean(s.By)
		}
		return &out
	}
	return nil
}

// fragment says what is known of a message that came without its content; empty
// for others.
func fragment(m *chat.Message) string {
	switch {
	case m.Type == chat.Unsupported && len(m.Errors) > 0:
		return "WhatsApp delivered this message without its content (" + clean(strings.Join(m.Errors, "; ")) + ")"
	case m.Type == chat.Unsupported && m.TypeCode == "media_placeholder":
		return "WhatsApp named this message and has not given its file"
	case !m.Partial || m.Revoked || m.Edited:
		return ""
	case m.TypeCode == "reaction":
		return "A reaction that the business sent"
	case m.Direction == chat.Out && (len(m.Receipts) > 0 || m.Sending != nil):
		return "Sent by the business: only what WhatsApp reports of it is known"
	case len(m.Reactions) > 0:
		return "Only a reaction to this message is known"
	case len(m.Attachments) > 0:
		return "Only a file of this message is known"
	}
	return ""
}

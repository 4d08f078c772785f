package cloudapi

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// Fact is what an item that is about no message says.
type Fact struct {
	Field, Event string
	Number       string // phone_number_id
	WABA         string
	At           time.Time
	Say          string          // a line
	Value        json.RawMessage // as it came
}

// About says what an item means that is about no message: of an account, a
// template, a person's wishes.
func About(e record.Entry) (out []Fact) {
	var h Head
	raw, err := e.Decode(&h)
	if err != nil {
		return nil
	}
	add := func(ctx Context, raw []byte) {
		t, err := parse(raw)
		if err != nil {
			return
		}
		f := Fact{Field: ctx.Field, Number: ctx.Number, WABA: ctx.WABA, At: at(t, "timestamp"), Value: raw, Event: t.or("event", "type", "value", "action", "decision")}
		if errs := t.list("errors"); f.Event == "" && len(errs) > 0 {
			f.Event = errs[0].str("code")
		}
		if f.At.IsZero() && ctx.Time > 0 {
			f.At = time.Unix(ctx.Time, 0).UTC()
		}
		f.Say = strings.ToLower(strings.ReplaceAll(said(ctx.Field, f.Event, t.or("category", "current_limit", "message_template_name", "reason")), "_", " "))
		switch ctx.Path[strings.LastIndexByte(ctx.Path, '.')+1:] {
		case "messages", "statuses", "message_echoes", "standby", "calls", "groups":
			return
		}
		out = append(out, f)
	}
	switch {
	case h.What == Delivery && h.Delivery != nil && h.Delivery.Pieces == 0:
		for _, el := range Elements(raw) {
			add(el.Context, raw[el.At:el.End])
		}
	case h.What == Piece && h.Piece != nil:
		add(h.Piece.In, raw)
	}
	return out
}

// said puts words that say something behind each other, in one short line.
func said(words ...string) string {
	line := []rune(strings.Join(strings.Fields(strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), ": ")), " "))
	return string(line[:min(len(line), 200)])
}

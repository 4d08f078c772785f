package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
)

// messagePage is everything that the archive knows of one message.
type messagePage struct {
	layout
	Bubble   bubble
	ChatName string
	ChatHref string
	Fields   []field
	JSON     string
	ID       string
	Records  []int64

	Key       *chat.Key // WhatsApp's own
	Receipts  []act
	Reactions []act

	Notes           notesPart
	Labels, Matters []choice // that it can be put into
	MayOrder        bool
	MayHold         bool
	ChatID          string
}

// act is what one person did with a message, or to whom it came.
type act struct {
	Name, Address string
	What, At      string
}

func newAct(p *chat.Person, what, at string) act {
	a := act{Name: who(p), What: clean(what), At: moment(at)}
	if a.At == "" {
		a.At = "not known"
	}
	for _, s := range []string{p.Phone, p.LID, p.JID, p.BSUID} {
		if s = clean(s); s != "" && s != a.Name {
			a.Address = s
			break
		}
	}
	return a
}

// field is one line of the message object: its path and its value.
type field struct{ Name, Value string }

func (s *Server) message(w http.ResponseWriter, r *http.Request) error {
	m, err := s.view(r).Message(r.Context(), r.PathValue("message"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	if err := s.trace(r, traceMessage, []string{"message:" + m.ID, "chat:" + m.Chat.ID}, nil); err != nil {
		return err
	}
	bs, err := s.bubbles(r.Context(), []chat.Message{m}, view{})
	if err != nil {
		return err
	}
	fields, pretty, err := fieldsOf(m)
	if err != nil {
		return err
	}
	bs[0].Named, bs[0].Long = bs[0].Side != "notice", 0
	if m.Poll != nil {
		bs[0].Poll = newPoll(m.Poll, nil, math.MaxInt)
		bs[0].Poll.Open = true
	}
	p := messagePage{
		layout: s.layout(r, "Message "+m.ID, "chats"), Bubble: bs[0],
		ChatName: chatName(m.Chat.Name), ChatHref: chatHref(m.Chat.ID) + "#end",
		Fields: fields, JSON: pretty, ID: m.ID, Records: m.Records, Key: cleanKey(m.Key),
	}
	who := actor(r)
	p.MayOrder, p.MayHold, p.ChatID = who.May(access.Order, s.now()) == nil, who.May(access.PlaceHold, s.now()) == nil, m.Chat.ID
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.Notes = s.notesOn(r, st, "message:"+m.ID, "/messages/"+url.PathEscape(m.ID))
		p.Labels, p.Matters = openLabels(st), openMatters(st)
		return nil
	}); err != nil {
		return err
	}
	for _, r := range m.Receipts {
		what := receiptNames[r.State]
		if r.Why != "" {
			what += ": " + r.Why
		}
		p.Receipts = append(p.Receipts, newAct(&r.Who, what, r.At))
	}
	for _, r := range m.Reactions {
		p.Reactions = append(p.Reactions, newAct(&r.From, r.Emoji, r.At))
	}
	return s.render(w, "message", p)
}

var receiptNames = map[chat.ReceiptState]string{
	chat.Sent: "Sent", chat.Delivered: "Delivered", chat.Read: "Read", chat.Played: "Played", chat.Failed: "Not delivered",
}

func cleanKey(k *chat.Key) *chat.Key {
	if k == nil {
		return nil
	}
	return &chat.Key{ID: clean(k.ID), FromMe: k.FromMe, Chat: clean(k.Chat), Sender: clean(k.Sender)}
}

// fieldsOf flattens the message object in its own order: "chat.name",
// "attachments[0].sha256". It reads the JSON and not the type, so that a field
// that is added later is shown without anybody thinking of it here.
func fieldsOf(m chat.Message) ([]field, string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, "", fmt.Errorf("encode message %s: %w", m.ID, err)
	}
	dec := json.NewDecoder(bytes.NewReader(b.Bytes()))
	dec.UseNumber()
	var out []field
	if err := flatten(dec, "", &out); err != nil {
		return nil, "", fmt.Errorf("read message %s: %w", m.ID, err)
	}
	return out, clean(strings.TrimSpace(b.String())), nil
}

func flatten(dec *json.Decoder, name string, out *[]field) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		for dec.More() {
			k, err := dec.Token()
			if err != nil {
				return err
			}
			if err := flatten(dec, strings.TrimPrefix(fmt.Sprintf("%s.%v", name, k), "."), out); err != nil {
				return err
			}
		}
		_, err = dec.Token()
		return err
	case json.Delim('['):
		for i := 0; dec.More(); i++ {
			if err := flatten(dec, fmt.Sprintf("%s[%d]", name, i), out); err != nil {
				return err
			}
		}
		_, err = dec.Token()
		return err
	}
	v := fmt.Sprint(t)
	if t == nil {
		v = "null"
	}
	*out = append(*out, field{Name: name, Value: clean(v)})
	return nil
}

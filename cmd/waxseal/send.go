package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

type sendCmd struct {
	List     sendListCmd     `cmd:"" help:"List what waits in the gateway, and why."`
	Show     sendShowCmd     `cmd:"" help:"Show one send that waits, with its text."`
	Release  sendReleaseCmd  `cmd:"" help:"Let a send go that a rule holds. Whoever sends it cannot."`
	Withdraw sendWithdrawCmd `cmd:"" help:"Withdraw a send that waits: it does not go out."`
}

// sendLine is a send as send list --json prints it.
type sendLine struct {
	govern.SendWait
	Since   time.Time     `json:"since"`
	State   string        `json:"state"`
	By      string        `json:"released_by,omitempty"`
	Message *chat.Message `json:"message,omitempty"`
}

// sendState is one word for how far a send is.
func sendState(x *govern.Send) string {
	switch {
	case !x.Withdrawn.At.IsZero():
		return "withdrawn"
	case !x.Done.IsZero():
		return "done"
	case !x.Gone.IsZero():
		return "going"
	case !x.Released.At.IsZero():
		return "released"
	}
	return "waits"
}

// sendMessage is the message of a request, as far as whoever types may see it.
func (a *app) sendMessage(v *index.View, x *govern.Send) (*chat.Message, error) {
	m, err := v.Message(a.ctx, strconv.FormatInt(x.Request, 10))
	if err != nil {
		return nil, err
	}
	return &m, nil
}

type sendListCmd struct {
	JSON bool `help:"One JSON object a line, with the message."`
}

func (c *sendListCmd) Run(a *app) error {
	return a.withView(func(ar *archive.Archive, v *index.View) error {
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		var all []govern.Send
		if err := l.Read(a.ctx, func(s *govern.State) error { all = s.SendsWaiting(); return nil }); err != nil {
			return err
		}
		n := 0
		for i := range all {
			x := &all[i]
			m, err := a.sendMessage(v, x)
			if err != nil && !who.Scope.All() {
				continue // outside of what they may see
			}
			n++
			line := sendLine{SendWait: x.SendWait, Since: x.Since, State: sendState(x), By: x.Released.By, Message: m}
			if err := a.sayDone(c.JSON, line, "%8d  %-9s %-6s since %s  %s", x.Request, line.State, x.For, x.Since.Format("2006-01-02 15:04:05"), oneLine(x.Why, 200)); err != nil {
				return err
			}
		}
		if n == 0 && !c.JSON {
			return a.sayDone(false, nil, "Nothing waits.")
		}
		return nil
	})
}

type sendShowCmd struct {
	Request int64 `arg:"" help:"The request, by its number."`
	JSON    bool  `help:"Print JSON."`
}

func (c *sendShowCmd) Run(a *app) error {
	return a.withView(func(ar *archive.Archive, v *index.View) error {
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		var x govern.Send
		if err := l.Read(a.ctx, func(s *govern.State) error {
			if s.Sends[c.Request] == nil {
				return govern.Refuse(govern.ErrUnknown, "No such send waits.")
			}
			x = *s.Sends[c.Request]
			return nil
		}); err != nil {
			return err
		}
		m, err := a.sendMessage(v, &x)
		if err != nil && !who.Scope.All() {
			return err
		}
		if c.JSON {
			return a.sayDone(true, sendLine{SendWait: x.SendWait, Since: x.Since, State: sendState(&x), By: x.Released.By, Message: m}, "")
		}
		text := "(its text is not in the index yet, or was disposed of)"
		if m != nil {
			text = m.Text
		}
		return a.sayDone(false, nil, "Request %d, %s since %s: %s\nExpires %s.\n\n%s", x.Request, sendState(&x), x.Since.Format("2006-01-02 15:04:05"), x.Why, x.Expires.Format("2006-01-02 15:04:05"), text)
	})
}

// decideSend does one act on a send, where whoever types may see it.
func (a *app) decideSend(request int64, act, reason, done string, asJSON bool) error {
	return a.withView(func(ar *archive.Archive, v *index.View) error {
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		if !who.Scope.All() {
			if _, err := v.Message(a.ctx, strconv.FormatInt(request, 10)); err != nil {
				return err
			}
		}
		if _, err := l.Do(a.ctx, who, govern.Request{Act: act, Reason: reason, Data: govern.ForSend{Request: request}}); err != nil {
			return err
		}
		return a.sayDone(asJSON, numbered{ID: request}, "%s", done)
	})
}

type sendReleaseCmd struct {
	Request int64  `arg:"" help:"The request, by its number."`
	Reason  string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON    bool   `help:"Print JSON."`
}

func (c *sendReleaseCmd) Run(a *app) error {
	return a.decideSend(c.Request, govern.ActSendRelease, c.Reason, fmt.Sprintf("Request %d is let go. The gateway sends it when it runs.", c.Request), c.JSON)
}

type sendWithdrawCmd struct {
	Request int64  `arg:"" help:"The request, by its number."`
	Reason  string `required:"" help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON    bool   `help:"Print JSON."`
}

func (c *sendWithdrawCmd) Run(a *app) error {
	return a.decideSend(c.Request, govern.ActSendWithdraw, c.Reason, fmt.Sprintf("Request %d is withdrawn. It does not go out.", c.Request), c.JSON)
}

package web

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

func init() {
	maps.Copy(said, map[string]string{
		govern.ActSendRelease:    "Let go. It leaves when it is its turn.",
		govern.ActSendWithdraw:   "Withdrawn. It does not go out.",
		govern.ActSendRuleSet:    "The rule is set, and counts from now on.",
		govern.ActSendRuleRemove: "The rule is removed.",
		govern.ActConsentSet:     "Noted. It counts from now on.",
		"rule-asked":             "Asked. Something could go out that is stopped now, so a second person has to confirm it, under Requests.",
	})
	requestWords[govern.ActSendRuleSet] = "Loosen a rule for what is sent"
	requestWords[govern.ActSendRuleRemove] = "Remove a rule for what is sent"
}

// traceSends notes who sees the text of what waits.
const traceSends = "read.sends"

// sendsPage lists what waits in the gateway.
type sendsPage struct {
	layout
	Waiting []sendRow
	Lately  []sendRow // that are done with, the newest
	Hidden  bool      // texts are not shown: the firm asks for a reason first
	May     bool      // decide
}

// sendPage is one of them.
type sendPage struct {
	layout
	sendRow
	Hidden bool
	May    bool
	Wrong  string
	Reason string
}

type sendRow struct {
	ID          int64
	For         string // what it waits for
	State       string
	Tag         string // class of the state
	Why         string
	Rule        string // name, where it is still there
	RuleID      string
	To, Text    string
	Say         string // what it is, where it has no text
	Known       bool   // the message can be shown
	Since, Till string
	Left        string // until it goes, or is withdrawn
	Sender      string
	Own         bool
	Waits       bool
	Held        bool
	Delayed     bool
	By, At      string // who let it go or withdrew it
	Word        string // why
	Outcome     string
}

// sendsDone is how many of those that are done with are listed.
const sendsDone = 30

func (s *Server) sends(w http.ResponseWriter, r *http.Request) error {
	who := actor(r)
	p := sendsPage{layout: s.layout(r, "Waiting to go out", "sends"), May: who.May(access.DecideSend, s.now()) == nil}
	waiting, done, soon := []govern.Send{}, []govern.Send{}, false
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		waiting, done, p.Hidden = st.SendsWaiting(), st.SendsDone(), st.ReasonRequired
		return nil
	})
	if err != nil {
		return err
	}
	shown := 0
	row := func(x *govern.Send) (sendRow, bool, error) {
		row, ok, err := s.sendRow(r, x, p.Hidden)
		if row.Text != "" {
			shown++
		}
		return row, ok, err
	}
	for i := range waiting {
		x, ok, err := row(&waiting[i])
		if err != nil {
			return err
		}
		if ok {
			p.Waiting = append(p.Waiting, x)
			soon = soon || x.Delayed && x.Waits && waiting[i].Until.Sub(s.now()) < time.Minute
		}
	}
	for i := range done[:min(len(done), sendsDone)] {
		x, ok, err := row(&done[i])
		if err != nil {
			return err
		}
		if ok {
			p.Lately = append(p.Lately, x)
		}
	}
	if shown > 0 {
		if err := s.traceOnce(r, traceSends, fmt.Sprint(shown), map[string]any{"count": shown}); err != nil {
			return err
		}
	}
	if soon { // a minute's countdown, which keeps no session open for long
		w.Header().Set("Refresh", "2")
	}
	return s.render(w, "sends", p)
}

// sendRow is a send as somebody may see it; false: they may not.
func (s *Server) sendRow(r *http.Request, x *govern.Send, hidden bool) (row sendRow, ok bool, err error) {
	now := s.now()
	row = sendRow{
		ID: x.Request, Why: clean(x.Why), RuleID: plain(x.Rule), Since: utc(x.Since), Own: x.Sender != "" && x.Sender == actor(r).ID,
		Waits: x.Waits() && !x.Ready(now), Held: x.For == govern.SendHold, Delayed: x.For == govern.SendDelay, Outcome: clean(x.Outcome),
	}
	m, err := s.view(r).Message(r.Context(), strconv.FormatInt(x.Request, 10))
	switch {
	case err == nil:
		row.Known, row.To = true, sendTo(&m)
		if !hidden {
			if row.Text = clean(m.Text); row.Text == "" {
				row.Say = typeName(m.Type)
			}
		}
	case !errors.Is(err, index.ErrNotFound):
		return row, false, fmt.Errorf("find what waits: %w", err)
	case partly(actor(r)):
		return row, false, nil
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		if rule := st.SendRules[x.Rule]; rule != nil {
			row.Rule = clean(rule.Name)
		}
		if x.Sender != "" {
			row.Sender = personName(st, x.Sender)
		}
		decided := x.Released
		if !x.Withdrawn.At.IsZero() {
			decided = x.Withdrawn
		}
		if !decided.At.IsZero() {
			row.By, row.At, row.Word = "Waxseal itself", utc(decided.At), clean(decided.Why)
			if decided.By != "" {
				row.By = personName(st, decided.By)
			}
		}
		return nil
	})
	row.state(x, now)
	return row, true, err
}

// sendTo is whom a message goes to.
func sendTo(m *chat.Message) string {
	if m.Chat.Name != "" {
		return clean(m.Chat.Name)
	}
	if phone, ok := strings.CutSuffix(m.Chat.JID, "@s.whatsapp.net"); ok {
		return "+" + clean(phone)
	}
	return clean(m.Chat.JID)
}

func (row *sendRow) state(x *govern.Send, now time.Time) {
	row.For = map[string]string{govern.SendHold: "for a second person", govern.SendDelay: "for its time", govern.SendDefer: "for Meta"}[x.For]
	switch {
	case !x.Withdrawn.At.IsZero():
		row.State, row.Tag = "Withdrawn", "bad"
	case !x.Done.IsZero():
		row.State, row.Tag = "Gone", "good"
	case !x.Gone.IsZero() || x.Ready(now) && x.For != govern.SendDefer:
		row.State = "On its way"
	case x.For == govern.SendDelay:
		row.State, row.Tag, row.Till, row.Left = "Delayed", "", utc(x.Until), within(x.Until.Sub(now))
	case x.For == govern.SendHold:
		row.State, row.Tag, row.Till, row.Left = "Held", "warn", utc(x.Expires), within(x.Expires.Sub(now))
	default:
		row.State, row.Till, row.Left = "Deferred", utc(x.Expires), within(x.Expires.Sub(now))
	}
}

// within is a short time in words.
func within(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return plural(int64(d.Round(time.Second).Seconds()), "second")
	case d < 2*time.Hour:
		return plural(int64(d.Minutes()), "minute")
	}
	return plural(int64(d.Hours()), "hour")
}

// sendAt is the send in the address.
func (s *Server) sendAt(ctx context.Context, r *http.Request) (x govern.Send, hidden bool, err error) {
	n, err := strconv.ParseInt(r.PathValue("send"), 10, 64)
	if err != nil {
		return x, false, errNoPage
	}
	err = s.ledger.Read(ctx, func(st *govern.State) error {
		if st.Sends[n] == nil {
			return errNoPage
		}
		x, hidden = *st.Sends[n], st.ReasonRequired
		return nil
	})
	return x, hidden, err
}

func (s *Server) oneSend(w http.ResponseWriter, r *http.Request) error {
	return s.showSend(w, r, http.StatusOK, "")
}

func (s *Server) showSend(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	x, hidden, err := s.sendAt(r.Context(), r)
	if err != nil {
		return err
	}
	row, ok, err := s.sendRow(r, &x, hidden)
	if err != nil {
		return err
	}
	if !ok {
		return errNoPage
	}
	if row.Text != "" {
		if err := s.traceOnce(r, traceSends, r.PathValue("send"), map[string]any{"count": 1, "request": row.ID}); err != nil {
			return err
		}
	}
	return s.renderStatus(w, status, "send", sendPage{
		layout: s.layout(r, "Waiting to go out", "sends"), sendRow: row, Hidden: hidden, Wrong: wrong,
		May: actor(r).May(access.DecideSend, s.now()) == nil, Reason: clean(r.PostFormValue("reason")),
	})
}

// actOnSend lets a send go or withdraws it: POST /sends/12/release.
func (s *Server) actOnSend(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	act := "send." + r.PathValue("act")
	if !slices.Contains([]string{govern.ActSendRelease, govern.ActSendWithdraw}, act) {
		return errNoPage
	}
	x, _, err := s.sendAt(r.Context(), r)
	if err != nil {
		return err
	}
	if partly(actor(r)) { // nobody decides about what they may not read
		if _, err := s.view(r).Message(r.Context(), strconv.FormatInt(x.Request, 10)); err != nil {
			return errNoPage
		}
	}
	_, err = s.ledger.Do(r.Context(), actor(r), govern.Request{Act: act, Reason: plain(r.PostForm.Get("reason")), Data: govern.ForSend{Request: x.Request}})
	var no *govern.Refusal
	if errors.As(err, &no) {
		return s.showSend(w, r, http.StatusConflict, no.Say)
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/sends", act)
}

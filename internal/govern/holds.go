package govern

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of holds.
const (
	ActHoldPlace       = "hold.place"
	ActHoldChange      = "hold.change"
	ActHoldNotice      = "hold.notice"
	ActHoldAcknowledge = "hold.acknowledge"
	ActHoldRelease     = "hold.release" // by two people
)

// Hold keeps what it covers from disposal, whatever any policy says. It is
// live: what its query finds later it covers too.
type Hold struct {
	ID       int64     `json:"id"` // entry of the act that placed it
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Name     string    `json:"name"`
	Reason   string    `json:"reason"`
	Matter   int64     `json:"matter,omitempty"`
	Query    string    `json:"query,omitempty"`
	Messages Runs      `json:"messages,omitempty"` // beside what the query finds
	Notices  []Notice  `json:"notices,omitempty"`

	Released   time.Time `json:"released,omitzero"`
	ReleasedBy [2]string `json:"released_by,omitzero"` // who asked, who confirmed
	Why        string    `json:"why,omitempty"`        // of the release
}

// Open reports a hold that counts.
func (h *Hold) Open() bool { return h.Released.IsZero() }

// Notice tells custodians of a hold, and what they have to do.
type Notice struct {
	Seq          int64                      `json:"seq"`
	At           time.Time                  `json:"at"`
	By           string                     `json:"by"`
	Text         string                     `json:"text"`
	Custodians   []string                   `json:"custodians"`
	Acknowledged map[string]Acknowledgement `json:"acknowledged,omitempty"` // by custodian
}

// Acknowledgement says that a custodian has read a notice.
type Acknowledgement struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Note string    `json:"note,omitempty"` // where an officer recorded it
}

// Waiting are the custodians that have not acknowledged a notice.
func (n *Notice) Waiting() (ids []string) {
	for _, c := range n.Custodians {
		if _, ok := n.Acknowledged[c]; !ok {
			ids = append(ids, c)
		}
	}
	return ids
}

// HoldData is the data of ActHoldPlace.
type HoldData struct {
	Name     string `json:"name"`
	Matter   int64  `json:"matter,omitempty"`
	Query    string `json:"query,omitempty"`
	Messages Runs   `json:"messages,omitempty"`
}

// HoldChange is the data of ActHoldChange. A hold is only ever widened: to
// narrow it, another is placed and this one released.
type HoldChange struct {
	Hold     int64  `json:"hold"`
	Name     string `json:"name,omitempty"`
	Matter   int64  `json:"matter,omitempty"`
	Messages Runs   `json:"messages,omitempty"` // to be added
}

// NoticeData is the data of ActHoldNotice.
type NoticeData struct {
	Hold       int64    `json:"hold"`
	Text       string   `json:"text"`
	Custodians []string `json:"custodians"`
}

// AcknowledgeData is the data of ActHoldAcknowledge.
type AcknowledgeData struct {
	Hold      int64  `json:"hold"`
	Notice    int64  `json:"notice"`
	Custodian string `json:"custodian"`
}

// HoldRef is the data of ActHoldRelease.
type HoldRef struct {
	Hold int64 `json:"hold"`
}

func onHold(id int64) []string { return []string{"hold:" + strconv.FormatInt(id, 10)} }

func holdActs() map[string]kind {
	return map[string]kind{
		ActHoldPlace: define(access.PlaceHold, checkHold, func(s *State, a *Act, d HoldData) {
			s.Holds[a.Seq] = &Hold{ID: a.Seq, At: a.At, By: a.By, Name: d.Name, Reason: a.Reason, Matter: d.Matter, Query: d.Query, Messages: d.Messages}
		}),
		ActHoldChange: about(define(access.PlaceHold, checkHoldChange, func(s *State, _ *Act, d HoldChange) {
			h := s.Holds[d.Hold]
			if d.Name != "" {
				h.Name = d.Name
			}
			if d.Matter != 0 {
				h.Matter = d.Matter
			}
			if len(d.Messages) > 0 {
				h.Messages = RunsOf(append(h.Messages.Seqs(), d.Messages.Seqs()...))
			}
		}), func(_ *Act, d HoldChange) []string { return onHold(d.Hold) }),
		ActHoldNotice: about(define(access.PlaceHold, checkNotice, func(s *State, a *Act, d NoticeData) {
			h := s.Holds[d.Hold]
			h.Notices = append(h.Notices, Notice{Seq: a.Seq, At: a.At, By: a.By, Text: d.Text, Custodians: d.Custodians, Acknowledged: map[string]Acknowledgement{}})
		}), func(_ *Act, d NoticeData) []string {
			on := onHold(d.Hold)
			for _, c := range d.Custodians {
				on = append(on, "custodian:"+c)
			}
			return on
		}),
		ActHoldAcknowledge: about(define(access.Self, checkAcknowledge, func(s *State, a *Act, d AcknowledgeData) {
			s.Holds[d.Hold].notice(d.Notice).Acknowledged[d.Custodian] = Acknowledgement{a.At, a.By, a.Reason}
		}), func(_ *Act, d AcknowledgeData) []string { return append(onHold(d.Hold), "custodian:"+d.Custodian) }),
		ActHoldRelease: two(about(define(access.ReleaseHold, func(s *State, a *Act, d HoldRef) error {
			if _, err := s.openHold(d.Hold); err != nil {
				return err
			}
			return reasoned(a)
		}, func(s *State, a *Act, d HoldRef) {
			h := s.Holds[d.Hold]
			h.Released, h.ReleasedBy, h.Why = a.At, [2]string{a.By, a.Second}, a.Reason
		}), func(_ *Act, d HoldRef) []string { return onHold(d.Hold) }), access.ReleaseHold),
	}
}

func (s *State) openHold(id int64) (*Hold, error) {
	h := s.Holds[id]
	switch {
	case h == nil:
		return nil, refuseAs(ErrUnknown, "There is no hold %d.", id)
	case !h.Open():
		return nil, refuse("The hold %s was released.", h.Name)
	}
	return h, nil
}

func (h *Hold) notice(seq int64) *Notice {
	i := slices.IndexFunc(h.Notices, func(n Notice) bool { return n.Seq == seq })
	if i < 0 {
		return nil
	}
	return &h.Notices[i]
}

func checkHold(s *State, a *Act, d HoldData) error {
	if err := named("hold", d.Name); err != nil {
		return err
	}
	if strings.TrimSpace(d.Query) == "" && len(d.Messages) == 0 && d.Matter == 0 {
		return refuse("Say what the hold covers: a query, messages, or a matter.")
	}
	if moving.MatchString(d.Query) {
		return refuse("Write the date: what a hold covers must not move with the days.")
	}
	if d.Matter != 0 && s.Matters[d.Matter] == nil {
		return refuseAs(ErrUnknown, "There is no matter %d.", d.Matter)
	}
	for _, h := range s.Holds {
		if h.Open() && strings.EqualFold(h.Name, d.Name) {
			return refuse("There is an open hold of that name.")
		}
	}
	if err := d.Messages.checked(a.Seq); err != nil {
		return err
	}
	return reasoned(a)
}

func checkHoldChange(s *State, a *Act, d HoldChange) error {
	if _, err := s.openHold(d.Hold); err != nil {
		return err
	}
	if d.Name != "" {
		if err := named("hold", d.Name); err != nil {
			return err
		}
	}
	if d.Matter != 0 && s.Matters[d.Matter] == nil {
		return refuseAs(ErrUnknown, "There is no matter %d.", d.Matter)
	}
	if d.Matter != 0 && s.Holds[d.Hold].Matter != 0 && s.Holds[d.Hold].Matter != d.Matter {
		return refuse("The hold covers another matter. A hold is never narrowed: place another.")
	}
	return d.Messages.checked(a.Seq)
}

func checkNotice(s *State, _ *Act, d NoticeData) error {
	if _, err := s.openHold(d.Hold); err != nil {
		return err
	}
	if len(d.Custodians) == 0 {
		return refuse("Say who is to be told.")
	}
	for _, c := range d.Custodians {
		if s.Custodians[c] == nil {
			return refuseAs(ErrUnknown, "There is no custodian %q.", c)
		}
	}
	return text("notice", d.Text)
}

// checkAcknowledge: custodians speak for themselves; an officer may record what
// somebody signed on paper, and says so in the reason.
func checkAcknowledge(s *State, a *Act, d AcknowledgeData) error {
	h := s.Holds[d.Hold]
	if h == nil {
		return refuseAs(ErrUnknown, "There is no hold %d.", d.Hold)
	}
	n := h.notice(d.Notice)
	switch {
	case n == nil:
		return refuseAs(ErrUnknown, "There is no such notice.")
	case !slices.Contains(n.Custodians, d.Custodian):
		return refuse("The notice was not for %q.", d.Custodian)
	}
	if _, ok := n.Acknowledged[d.Custodian]; ok {
		return refuse("It was acknowledged already.")
	}
	who, err := s.Subject(a.By)
	if err != nil {
		return err
	}
	if slices.Contains(who.Roles, access.Custodian) && slices.Contains(who.Scope.Custodians, d.Custodian) {
		return nil
	}
	if err := s.may(a.By, access.PlaceHold, a); err != nil {
		return err
	}
	return reasoned(a)
}

// HoldQuery is what a hold's query is in the index, its matter included: empty
// where it has none.
func (h *Hold) HoldQuery() string {
	m := ""
	if h.Matter != 0 {
		m = "matter:" + strconv.FormatInt(h.Matter, 10)
	}
	q := strings.TrimSpace(h.Query)
	switch {
	case q == "":
		return m
	case m == "":
		return q
	}
	return "(" + q + ") OR " + m
}

var (
	quotes  = strings.NewReplacer(`"`, "", "“", "", "”", "", "„", "", "‟", "", "«", "", "»", "")
	moving  = regexp.MustCompile(`(?i)\b(before|after|on):["“”„‟«» ]*(today|yesterday)`)
	without = regexp.MustCompile(`(?i)(-|\bnot\s+)(\(|label:|matter:|group:|custodian:)`)
)

// narrows refuses what would take messages out of an open hold by one person's
// hand: a hold that asks for a label or a matter holds what has it. Where a
// query leaves something out, giving more a label is the same.
func (s *State) narrows(gives bool, filter string, names ...string) error {
	for _, h := range s.Holds {
		if !h.Open() {
			continue
		}
		for _, q := range s.queries(h) {
			if gives && !without.MatchString(q) {
				continue
			}
			for _, n := range names {
				if strings.Contains(q, filter+":"+strings.ToLower(n)) {
					return refuse("The hold %s asks for that %s: it would hold less, which takes two people. Release it, or hold what it covers by another query first.", h.Name, filter)
				}
			}
		}
	}
	return nil
}

// queries are what a hold asks, and what the rules of labels may ask for it.
func (s *State) queries(h *Hold) []string {
	all := []string{quotes.Replace(strings.ToLower(h.HoldQuery()))}
	if strings.Contains(all[0], "label:") {
		for _, l := range s.Labels {
			if l.Rule != "" {
				all = append(all, quotes.Replace(strings.ToLower(l.Rule)))
			}
		}
	}
	return all
}

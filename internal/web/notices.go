package web

import (
	"cmp"
	"errors"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

func init() {
	said["notice-acknowledged"] = "Acknowledged. Keep what the notice speaks of until somebody tells you that the hold is released."
}

// ownNotice is a notice of a hold, for one of the custodians that somebody is.
type ownNotice struct {
	hold      *govern.Hold
	notice    *govern.Notice
	custodian string
}

// ownNotices are all notices for whoever looks, the newest first.
func ownNotices(st *govern.State, who govern.Actor, now time.Time) (out []ownNotice) {
	if !who.Has(access.Custodian, now) {
		return nil
	}
	for _, h := range st.Holds {
		for i := range h.Notices {
			for _, c := range h.Notices[i].Custodians {
				if slices.Contains(who.Scope.Custodians, c) {
					out = append(out, ownNotice{h, &h.Notices[i], c})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b ownNotice) int {
		return cmp.Or(cmp.Compare(b.notice.Seq, a.notice.Seq), cmp.Compare(a.custodian, b.custodian))
	})
	return out
}

// openNotices are those that wait for a word: of holds that count.
func openNotices(st *govern.State, who govern.Actor, now time.Time) iter.Seq[ownNotice] {
	return func(yield func(ownNotice) bool) {
		for _, n := range ownNotices(st, who, now) {
			if _, ok := n.notice.Acknowledged[n.custodian]; n.hold.Open() && !ok && !yield(n) {
				return
			}
		}
	}
}

// noticesPage is a custodian's own: what they were told, and their word for it.
type noticesPage struct {
	layout
	Wrong        string
	Open, Before []noticeCard
}

type noticeCard struct {
	Seq, Hold      int64
	Custodian      string
	Name, Text     string
	By, At         string
	Late           bool
	Acknowledged   string // when
	AcknowledgedBy string // where it was not they
	Released       string
}

func (s *Server) notices(w http.ResponseWriter, r *http.Request) error {
	return s.showNotices(w, r, http.StatusOK, "")
}

func (s *Server) showNotices(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	who := actor(r)
	p := noticesPage{layout: s.layout(r, "Notices", "notices"), Wrong: wrong}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, n := range ownNotices(st, who, s.now()) {
			c := noticeCard{
				Seq: n.notice.Seq, Hold: n.hold.ID, Custodian: n.custodian, Name: clean(n.hold.Name), Text: clean(n.notice.Text),
				By: personName(st, n.notice.By), At: utc(n.notice.At), Late: s.now().Sub(n.notice.At) > noticeDue,
			}
			if k, ok := n.notice.Acknowledged[n.custodian]; ok {
				c.Acknowledged = utc(k.At)
				if k.By != who.ID {
					c.AcknowledgedBy = personName(st, k.By)
				}
			}
			if !n.hold.Open() {
				c.Released = utc(n.hold.Released)
			}
			if c.Acknowledged == "" && c.Released == "" {
				p.Open = append(p.Open, c)
			} else {
				p.Before = append(p.Before, c)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.renderStatus(w, status, "notices", p)
}

// acknowledge is a custodian's word that they have read a notice.
func (s *Server) acknowledge(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	seq, err := strconv.ParseInt(r.PathValue("notice"), 10, 64)
	if err != nil {
		return errNoPage
	}
	who := actor(r)
	var of []ownNotice
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, n := range ownNotices(st, who, s.now()) {
			if n.notice.Seq == seq && n.custodian == r.PostForm.Get("custodian") {
				of = append(of, n)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if len(of) == 0 {
		return errNoPage
	}
	_, err = s.ledger.Do(r.Context(), who, govern.Request{
		Act: govern.ActHoldAcknowledge, Data: govern.AcknowledgeData{Hold: of[0].hold.ID, Notice: seq, Custodian: of[0].custodian},
	})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		return s.showNotices(w, r, http.StatusConflict, clean(refusal.Say))
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/notices", "notice-acknowledged")
}

// noticesOf are the notices for one custodian, by hold.
func noticesOf(st *govern.State, custodian string) (out []ownNotice) {
	for _, id := range slices.Sorted(maps.Keys(st.Holds)) {
		h := st.Holds[id]
		for i := range h.Notices {
			if slices.Contains(h.Notices[i].Custodians, custodian) {
				out = append(out, ownNotice{h, &h.Notices[i], custodian})
			}
		}
	}
	return out
}

package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/retain"
)

// Desk prepares disposals and does them. *dispose.Runner is one.
type Desk interface {
	Due(ctx context.Context, at time.Time) (*dispose.Due, error)
	Erasure(ctx context.Context, query string, at time.Time) (*dispose.Due, map[int64]retain.Decision, error)
	Propose(ctx context.Context, who govern.Actor, due *dispose.Due, today, reason string) (int64, error)
	Approve(ctx context.Context, who govern.Actor, dec govern.Decision, reason string) (int64, error)
	List(ctx context.Context) ([]dispose.Listed, error)
	Certificate(ctx context.Context, entry int64) (*dispose.Certified, error)
	// Start begins a disposal that was decided, or goes on with it; Progress
	// tells how far it is.
	Start(ctx context.Context, request int64) error
	Progress() dispose.Running
}

func init() {
	maps.Copy(said, map[string]string{
		"disposal-proposed":  "Proposed. Nothing is disposed of until a second person has confirmed it and it is run.",
		"disposal-confirmed": "Confirmed. Nothing is gone yet: it can be run now.",
		"disposal-declined":  "Declined. Nothing is disposed of.",
		"disposal-taken":     "Taken back. Nothing is disposed of.",
		"disposal-run":       "The disposal is running.",
	})
	requestWords[govern.ActDispose] = "Dispose of messages"
	requestHref[govern.ActDispose] = func(q *govern.Asked) string { return disposalHref(q.Seq) }
}

// disposing refuses pages of disposals where there are none, and to whoever sees
// a part of the archive.
func (s *Server) disposing(r *http.Request) error {
	if s.desk == nil {
		return errNoPage
	}
	return wholly(r, "Disposals are")
}

func disposalHref(request int64) string { return "/disposals/" + strconv.FormatInt(request, 10) }
func certificateHref(entry int64) string {
	return "/disposals/certificates/" + strconv.FormatInt(entry, 10)
}

// disposalsPage says what is due, and lists what was disposed of.
type disposalsPage struct {
	layout
	Due        *batch
	Wrong      string       // why it cannot be told what is due
	Waits      *disposalRow // the newest proposal that nobody has decided
	List       []disposalRow
	Running    *dispose.Running
	MayPropose bool
}

type disposalRow struct {
	Href, At, By, Approver, Reason string
	State                          string
	Messages                       int64
	Certificate                    string
	CertificateNo                  int64
}

// batch is what a disposal takes, by what it is of.
type batch struct {
	Messages, Entries, Imports int64
	Policies                   []policyTally
	Custodians, Years, Months  []share
	Chats                      int64
	Kept                       []keptRow
	Samples                    days
	Unseen                     bool // samples are not for whoever looks
	First, Last                string
}

// share is a part of a batch.
type share struct {
	Name string
	N    int64
}

type policyTally struct {
	share
	Href, Clause string
}

// keptRow is a hold that keeps what would be due without it.
type keptRow struct {
	share
	Href string
}

func (s *Server) disposals(w http.ResponseWriter, r *http.Request) error {
	if err := s.disposing(r); err != nil {
		return err
	}
	p := disposalsPage{layout: s.layout(r, "Disposals", "disposals"), MayPropose: actor(r).May(access.ProposeDisposal, s.now()) == nil}
	list, err := s.desk.List(r.Context())
	if err != nil {
		return fmt.Errorf("list disposals: %w", err)
	}
	if now := s.desk.Progress(); now.Request != 0 && !now.Ended {
		p.Running = &now
	}
	due, err := s.desk.Due(r.Context(), s.now())
	if p.Wrong, err = whyNotDue(err); err != nil {
		return fmt.Errorf("find what is due: %w", err)
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		if due != nil {
			p.Due = newBatch(st, &due.Data)
		}
		for i := range list {
			p.List = append(p.List, newDisposalRow(st, &list[i]))
			if row := &p.List[i]; row.State == "proposed" && p.Waits == nil {
				waits := *row
				p.Waits = &waits
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.render(w, "disposals", p)
}

// whyNotDue is a sentence for what a person can mend.
func whyNotDue(err error) (string, error) {
	var refusal *govern.Refusal
	switch {
	case errors.Is(err, index.ErrQuery):
		return "A hold or a label has a query that can no longer be asked. Until it is mended it is not known what it covers, and nothing is disposed of.", nil
	case errors.Is(err, dispose.ErrBehind):
		return "The index has not followed the log to its end yet. Look again in a moment.", nil
	case errors.As(err, &refusal):
		return clean(refusal.Say), nil
	}
	return "", err
}

func newDisposalRow(st *govern.State, l *dispose.Listed) disposalRow {
	row := disposalRow{
		Href: disposalHref(l.Request), At: utc(l.At), By: personName(st, l.By), Reason: clean(l.Reason), State: l.State, Messages: l.Messages,
	}
	if l.State == "certified" || l.State == "running" || l.State == "decided" {
		row.Approver = personName(st, l.Approver)
	}
	if l.Certificate != 0 {
		row.Certificate, row.CertificateNo = certificateHref(l.Certificate), l.Certificate
	}
	return row
}

func newBatch(st *govern.State, d *govern.DisposalData) *batch {
	b := &batch{Messages: d.Messages.Len(), Entries: d.Entries.Len(), Imports: int64(len(d.Evidence)), Chats: int64(len(d.Chats))}
	b.tally(st, d.Policies, d.Custodians, d.Months)
	for _, t := range d.Held {
		b.Kept = append(b.Kept, newKeptRow(t))
	}
	return b
}

// tally fills in what a batch is of, by policy, person and time.
func (b *batch) tally(st *govern.State, policies, custodians, months []govern.Tallied) {
	for _, t := range policies {
		b.Policies = append(b.Policies, newPolicyTally(st, t))
	}
	for _, t := range custodians {
		row := share{clean(t.Name), t.N}
		if c := st.Custodians[t.Name]; c != nil {
			row.Name = clean(c.Name)
		} else if t.Name == "" {
			row.Name = "Nobody named"
		}
		b.Custodians = append(b.Custodians, row)
	}
	years := map[string]int64{}
	for _, t := range months {
		at, err := time.Parse("2006-01", t.Name)
		if err != nil || at.Year() <= 1 {
			b.Months = append(b.Months, share{"Time not known", t.N})
			years["Time not known"] += t.N
			continue
		}
		b.Months = append(b.Months, share{at.Format("January 2006"), t.N})
		years[at.Format("2006")] += t.N
		if b.First == "" {
			b.First = at.Format("January 2006")
		}
		b.Last = at.Format("January 2006")
	}
	for _, y := range slices.Sorted(maps.Keys(years)) {
		b.Years = append(b.Years, share{y, years[y]})
	}
	most := func(a, b share) int { return int(min(max(b.N-a.N, -1), 1)) }
	slices.SortStableFunc(b.Custodians, most)
	slices.SortStableFunc(b.Policies, func(x, y policyTally) int { return most(x.share, y.share) })
}

// newPolicyTally finds the clause of "us-ria-5y v2".
func newPolicyTally(st *govern.State, t govern.Tallied) policyTally {
	row := policyTally{share: share{clean(t.Name), t.N}}
	id, version, _ := strings.Cut(t.Name, " v")
	p := st.Policies[id]
	if p == nil {
		return row
	}
	row.Href = "/policies/" + id
	for i := range p.Versions {
		if v := &p.Versions[i]; strconv.Itoa(v.Version) == version {
			row.Name, row.Clause = closed(clean(v.Name))+", version "+version, clean(v.Clause)
		}
	}
	return row
}

// newKeptRow finds the hold of "hold 12 (Acme)".
func newKeptRow(t govern.Tallied) keptRow {
	row := keptRow{share: share{clean(t.Name), t.N}}
	number, _, _ := strings.Cut(strings.TrimPrefix(t.Name, "hold "), " ")
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && strings.HasPrefix(t.Name, "hold ") {
		row.Href = "/holds/" + strconv.FormatInt(n, 10)
		row.Name = strings.ToUpper(row.Name[:1]) + row.Name[1:]
	}
	return row
}

// samplesOf is how many messages of a batch are shown.
const samplesOf = 8

// sample shows some messages of a batch to those who may read them.
func (s *Server) sample(r *http.Request, b *batch, messages govern.Runs) error {
	who := actor(r)
	if b.Unseen = who.May(access.Read, s.now()) != nil; b.Unseen {
		return nil
	}
	var ms []chat.Message
	on := []string{}
	for _, seq := range spread(messages, samplesOf) {
		m, err := s.view(r).Message(r.Context(), strconv.FormatInt(seq, 10))
		if errors.Is(err, index.ErrNotFound) {
			continue // outside of what the person may see, or gone
		}
		if err != nil {
			return fmt.Errorf("read a sample: %w", err)
		}
		ms = append(ms, m)
		on = append(on, "message:"+m.ID)
	}
	if len(ms) == 0 {
		return nil
	}
	if err := s.trace(r, traceMessage, on, nil); err != nil {
		return err
	}
	bs, err := s.bubbles(r.Context(), ms, view{})
	if err != nil {
		return err
	}
	for i := range bs {
		bs[i].Named, bs[i].Loose = bs[i].Side != "notice", true
	}
	b.Samples = cutDays(bs)
	return nil
}

// spread picks n entries of runs, as far apart as they go.
func spread(rs govern.Runs, n int64) (out []int64) {
	total := rs.Len()
	n = min(n, total)
	at, i := int64(0), int64(0) // entries before the run, entries picked
	for _, r := range rs {
		for i < n && i*total/n < at+r[1] {
			out = append(out, r[0]+i*total/n-at)
			i++
		}
		at += r[1]
	}
	return out
}

// proposePage is what would be proposed, before it is.
type proposePage struct {
	layout
	Due           *batch
	Wrong         string
	Seen          string // what whoever proposes was shown, as a hash
	Today, Reason string // as typed
}

// seen is a hash of what a batch takes: who confirms a page confirms that.
func seen(d *govern.DisposalData) string {
	b, _ := json.Marshal([]any{d.Messages, d.Entries, d.Evidence}) // numbers
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:8])
}

func (s *Server) newDisposal(w http.ResponseWriter, r *http.Request) error {
	return s.showProposal(w, r, http.StatusOK, proposePage{})
}

func (s *Server) showProposal(w http.ResponseWriter, r *http.Request, status int, p proposePage) error {
	if err := s.disposing(r); err != nil {
		return err
	}
	due, err := s.desk.Due(r.Context(), s.now())
	why, err := whyNotDue(err)
	if err != nil {
		return fmt.Errorf("find what is due: %w", err)
	}
	p.layout = s.layout(r, "Propose a disposal", "disposals")
	if why != "" {
		p.Wrong = why
		return s.renderStatus(w, http.StatusConflict, "disposal-new", p)
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.Due = newBatch(st, &due.Data)
		return nil
	})
	if err != nil {
		return err
	}
	p.Seen = seen(&due.Data)
	if err := s.sample(r, p.Due, due.Data.Messages); err != nil {
		return err
	}
	return s.renderStatus(w, status, "disposal-new", p)
}

func (s *Server) proposeDisposal(w http.ResponseWriter, r *http.Request) error {
	if err := s.disposing(r); err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	v := r.PostForm
	p := proposePage{Today: clean(v.Get("today")), Reason: clean(v.Get("reason"))}
	due, err := s.desk.Due(r.Context(), s.now())
	if why, err := whyNotDue(err); why != "" || err != nil {
		if err != nil {
			return fmt.Errorf("find what is due: %w", err)
		}
		return s.showProposal(w, r, http.StatusConflict, p)
	}
	if seen(&due.Data) != v.Get("seen") {
		p.Wrong = "What is due has changed since the page was shown. Nothing was proposed: look again."
		return s.showProposal(w, r, http.StatusConflict, p)
	}
	id, err := s.desk.Propose(r.Context(), actor(r), due, v.Get("today"), v.Get("reason"))
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		p.Wrong = clean(refusal.Say)
		return s.showProposal(w, r, http.StatusConflict, p)
	}
	if err != nil {
		return err
	}
	return goOn(w, r, disposalHref(id), "disposal-proposed")
}

// disposalPage is one disposal, from its proposal to its certificate.
type disposalPage struct {
	layout
	Row      disposalRow
	ID       int64
	Batch    *batch
	Wrong    string
	Today    string // that the proposer read
	Waits    bool
	Own, May bool // has proposed it; may confirm, decline and run
	Second   string
	Decided  *signedView
	Began    string
	MayRun   bool
	WhyNot   string // it cannot be run
	Run      *runView
	Subject  int64
}

// runView is a run as a page shows it.
type runView struct {
	Step     string
	Done, Of int64
}

func (s *Server) disposal(w http.ResponseWriter, r *http.Request) error {
	return s.showDisposal(w, r, http.StatusOK, "")
}

func (s *Server) showDisposal(w http.ResponseWriter, r *http.Request, status int, wrong string) error {
	id, err := strconv.ParseInt(r.PathValue("request"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if err := s.disposing(r); err != nil {
		return err
	}
	list, err := s.desk.List(r.Context())
	if err != nil {
		return fmt.Errorf("list disposals: %w", err)
	}
	i := slices.IndexFunc(list, func(l dispose.Listed) bool { return l.Request == id })
	if i < 0 {
		return errNoPage
	}
	who, data := actor(r), govern.DisposalData{}
	p := disposalPage{layout: s.layout(r, "Disposal "+strconv.FormatInt(id, 10), "disposals"), ID: id, Wrong: wrong}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		q := st.Requests[id]
		if err := json.Unmarshal(q.Data, &data); err != nil {
			return fmt.Errorf("read the disposal %d: %w", id, err)
		}
		p.Row, p.Batch, p.Today, p.Subject = newDisposalRow(st, &list[i]), newBatch(st, &data), clean(data.Today), data.Subject
		p.Waits, p.Own, p.May, p.Second = q.Waits(s.now()), q.By == who.ID, who.May(access.ApproveDisposal, s.now()) == nil, secondText(q.Second)
		if q.Decided != "" {
			p.Decided = &signedView{At: utc(q.DecidedAt), By: personName(st, q.Decider), Why: clean(q.Why)}
		}
		d := st.Disposals[id]
		if d == nil {
			return nil
		}
		if d.Entry != 0 {
			p.Began = utc(d.Began)
		}
		if d.Certificate == 0 {
			p.WhyNot, err = whyNotDue(st.MayRun(d, s.now()))
			p.MayRun = p.May && p.WhyNot == "" && err == nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if p.Waits {
		if err := s.sample(r, p.Batch, data.Messages); err != nil {
			return err
		}
	}
	p.progress(w, s.desk.Progress())
	return s.renderStatus(w, status, "disposal", p)
}

// progress tells of a run; the browser asks again while there is one.
func (p *disposalPage) progress(w http.ResponseWriter, now dispose.Running) {
	busy := now.Request != 0 && !now.Ended
	switch {
	case busy && now.Request == p.ID:
		p.Run = &runView{now.Step, now.Done, now.Of}
		p.MayRun, p.Done = false, ""
		w.Header().Set("Refresh", "2")
	case busy:
		p.MayRun, p.WhyNot = false, "Another disposal is running. One is done at a time."
	case now.Request == p.ID && now.Err != nil && p.Row.Certificate == "":
		say, err := whyNotDue(now.Err)
		if err != nil {
			say = "The run stopped before its end; the log of the console says why. What is gone is gone, what is left is whole, and it can be run again: it goes on where it was."
		}
		p.Wrong = say
	}
}

// actOnDisposal confirms a disposal, declines it, or runs it.
func (s *Server) actOnDisposal(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("request"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if err := s.disposing(r); err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	decide := func(act string) error {
		return s.decideOn(r, act, govern.Decision{Request: id, Today: r.PostForm.Get("today")})
	}
	word := ""
	switch r.PathValue("act") {
	case "confirm":
		word, err = "disposal-confirmed", decide(govern.ActApprove)
	case "decline":
		word, err = "disposal-declined", decide(govern.ActDecline)
	case "take-back":
		word, err = "disposal-taken", decide(govern.ActDecline)
	case "run":
		if err := s.trace(r, traceRun, []string{"disposal:" + strconv.FormatInt(id, 10)}, nil); err != nil {
			return err
		}
		word, err = "disposal-run", s.desk.Start(r.Context(), id)
	default:
		return errNoPage
	}
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) && !errors.Is(err, govern.ErrUnknown) {
		return s.showDisposal(w, r, http.StatusConflict, clean(refusal.Say))
	}
	if err != nil {
		return err
	}
	return goOn(w, r, disposalHref(id), word)
}

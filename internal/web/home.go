package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// waiting is how much waits for somebody.
type waiting struct {
	Requests int // that they could confirm
	Notices  int // of holds that they have not acknowledged
	Sends    int // that a rule holds, and that they could let go
}

func waitsFor(st *govern.State, who govern.Actor, now time.Time) (w waiting) {
	for _, q := range st.Requests {
		if waitsForWord(q, who, now) {
			w.Requests++
		}
	}
	for range openNotices(st, who, now) {
		w.Notices++
	}
	if who.May(access.DecideSend, now) == nil && !partly(who) {
		for _, x := range st.SendsWaiting() {
			if x.For == govern.SendHold && x.Waits() && !x.Ready(now) && (x.Sender == "" || x.Sender != who.ID) {
				w.Sends++
			}
		}
	}
	return w
}

// waitsForWord reports a request that somebody could confirm or decline.
func waitsForWord(q *govern.Asked, who govern.Actor, now time.Time) bool {
	return q.Waits(now) && q.By != who.ID && who.May(q.Second, now) == nil
}

const (
	// noticeDue is after how long a notice that is not acknowledged is due.
	noticeDue = 7 * 24 * time.Hour
	// subjectNear is how long before its date the request of a data subject is
	// shown on the first page.
	subjectNear = 14 * 24 * time.Hour
	// firstShown is how many of one kind the first page lists.
	firstShown = 5
)

// homePage is the first page: what waits for whoever looks.
type homePage struct {
	layout
	Tasks []task
}

// task is one thing that waits.
type task struct {
	Title, Href string
	Say         string // what to do, and why
	Go          string // words of the way there
	Late        bool
	Items       []taskItem
	More        int // beyond Items
}

type taskItem struct {
	Name, Href, Note string
	Late             bool
}

func (t *task) add(items ...taskItem) {
	n := min(len(items), firstShown)
	t.Items, t.More = items[:n], len(items)-n
	for _, i := range items {
		t.Late = t.Late || i.Late
	}
}

// home is the first page. Whoever has nothing waiting goes on to what they came
// for; an officer is told so.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	who, now := actor(r), s.now()
	p := homePage{layout: s.layout(r, "Start", "home")}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, t := range []func(*govern.State, govern.Actor, time.Time) *task{
			taskAlarms, taskNotices, taskRequests, taskSubjects, taskDisposals, taskDue, taskHolds, taskPolicy, taskOfficer,
		} {
			if t := t(st, who, now); t != nil {
				p.Tasks = append(p.Tasks, *t)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(p.Tasks) > 0 && !who.Operator || who.Has(access.Officer, now) {
		return s.render(w, "home", p)
	}
	to := "/account"
	for _, m := range menu { // the first thing that the person may open
		if m.role == "" && who.May(m.action, now) == nil {
			to = m.Href
			break
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

func taskNotices(st *govern.State, who govern.Actor, now time.Time) *task {
	var items []taskItem
	for n := range openNotices(st, who, now) {
		items = append(items, taskItem{Name: clean(n.hold.Name), Href: "/notices#n" + strconv.FormatInt(n.notice.Seq, 10), Note: "sent " + n.notice.At.Format(time.DateOnly), Late: now.Sub(n.notice.At) > noticeDue})
	}
	if items == nil {
		return nil
	}
	t := &task{Title: "Hold notices for you", Href: "/notices", Go: "Read and acknowledge", Say: "Somebody has to keep what you have. Read what the notice asks of you, and say that you have."}
	t.add(items...)
	return t
}

func taskRequests(st *govern.State, who govern.Actor, now time.Time) *task {
	var all []*govern.Asked
	for _, q := range st.Requests {
		if waitsForWord(q, who, now) {
			all = append(all, q)
		}
	}
	if all == nil {
		return nil
	}
	slices.SortFunc(all, func(a, b *govern.Asked) int { return cmp.Compare(a.Seq, b.Seq) })
	var items []taskItem
	for _, q := range all {
		items = append(items, taskItem{
			Name: cmp.Or(requestWords[q.Act], plain(q.Act)), Href: "/requests#r" + strconv.FormatInt(q.Seq, 10),
			Note: "asked by " + personName(st, q.By) + ", " + q.At.Format(time.DateOnly), Late: now.Sub(q.At) > noticeDue,
		})
	}
	t := &task{Title: plural(int64(len(all)), "request") + " for you to decide", Href: "/requests", Go: "Confirm or decline", Say: "One person alone must not decide these. Whoever asked waits for your word."}
	t.add(items...)
	return t
}

func taskSubjects(st *govern.State, who govern.Actor, now time.Time) *task {
	if who.May(access.SubjectRequest, now) != nil {
		return nil
	}
	var all []*govern.SubjectRequest
	for _, q := range st.Subjects {
		if q.Open() && now.Add(subjectNear).After(q.Due) {
			all = append(all, q)
		}
	}
	if all == nil {
		return nil
	}
	slices.SortFunc(all, func(a, b *govern.SubjectRequest) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	var items []taskItem
	for _, q := range all {
		items = append(items, taskItem{Name: clean(q.Person) + " asks for " + plain(q.Kind), Href: "/subjects/" + strconv.FormatInt(q.ID, 10), Note: "answer by " + q.Due.Format(time.DateOnly), Late: now.After(q.Due)})
	}
	t := &task{Title: "Data subjects wait for an answer", Href: "/subjects", Go: "Answer", Say: "They have a right to an answer within a month of asking."}
	t.add(items...)
	return t
}

func taskDisposals(st *govern.State, who govern.Actor, now time.Time) *task {
	if who.May(access.ProposeDisposal, now) != nil {
		return nil
	}
	var all []*govern.Disposal
	for _, d := range st.Disposals {
		if d.Certificate == 0 {
			all = append(all, d)
		}
	}
	if all == nil {
		return nil
	}
	slices.SortFunc(all, func(a, b *govern.Disposal) int { return cmp.Compare(a.Request, b.Request) })
	var items []taskItem
	for _, d := range all {
		note := "decided " + d.Approved.Format(time.DateOnly) + ", not begun"
		if d.Entry != 0 {
			note = "begun " + d.Began.Format(time.DateOnly)
		}
		items = append(items, taskItem{Name: plural(d.Data.Messages.Len(), "message"), Href: disposalHref(d.Request), Note: note, Late: d.Entry != 0})
	}
	t := &task{Title: "Disposals that are not finished", Href: "/disposals", Go: "Run", Say: "Two people have decided them. A disposal is finished when it has its certificate."}
	t.add(items...)
	return t
}

// taskDue tells what the archive has noted, until somebody has proposed it.
func taskDue(st *govern.State, who govern.Actor, now time.Time) *task {
	n := st.DueNoted
	if n == nil || who.May(access.ProposeDisposal, now) != nil {
		return nil
	}
	for _, q := range st.Requests {
		if q.Act == govern.ActDispose && q.At.After(n.At) {
			return nil
		}
	}
	return &task{
		Title: plural(n.Messages, "message") + " due for disposal", Href: "/disposals", Go: "Look at them",
		Say: "On " + n.At.Format(time.DateOnly) + " nothing kept them any longer. Nothing goes by itself: one person proposes it, and another confirms.",
	}
}

func taskHolds(st *govern.State, who govern.Actor, now time.Time) *task {
	if who.May(access.PlaceHold, now) != nil {
		return nil
	}
	var items []taskItem
	for _, h := range st.Holds {
		if n := due(h, now); n > 0 {
			items = append(items, taskItem{Name: clean(h.Name), Href: "/holds/" + strconv.FormatInt(h.ID, 10), Note: plural(int64(n), "acknowledgement") + " missing", Late: true})
		}
	}
	if items == nil {
		return nil
	}
	slices.SortFunc(items, func(a, b taskItem) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Href, b.Href)) })
	t := &task{Title: "Notices that nobody acknowledged", Href: "/holds", Go: "See who", Say: "They were sent more than a week ago. Remind whoever they are for, or note what they signed on paper."}
	t.add(items...)
	return t
}

// due is how many acknowledgements of an open hold have been waited for too
// long.
func due(h *govern.Hold, now time.Time) (n int) {
	if !h.Open() {
		return 0
	}
	for i := range h.Notices {
		if now.Sub(h.Notices[i].At) > noticeDue {
			n += len(h.Notices[i].Waiting())
		}
	}
	return n
}

func taskPolicy(st *govern.State, who govern.Actor, now time.Time) *task {
	if len(st.Policies) > 0 || who.May(access.ManagePolicies, now) != nil {
		return nil
	}
	return &task{Title: "There is no policy yet", Href: "/policies", Go: "Look at the proposal", Say: "Everything is kept, for ever. A policy says how long, and from when that counts; one is proposed to begin with."}
}

func taskOfficer(st *govern.State, who govern.Actor, now time.Time) *task {
	if st.Officered || !st.Enrolled || who.May(access.ManageUsers, now) != nil {
		return nil
	}
	return &task{Title: "Nobody answers yet for what is kept", Href: "/users", Go: "Invite the officer", Say: "Invite the compliance officer. From the day on which the officer accepts, nobody gets to read without the officer's word."}
}

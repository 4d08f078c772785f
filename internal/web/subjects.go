package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	"github.com/waxseal/waxseal/internal/subject"
)

func init() {
	maps.Copy(said, map[string]string{
		"subject-opened":   "The request is entered.",
		"subject-answered": "The request is answered.",
	})
}

func subjectHref(id int64) string { return "/subjects/" + strconv.FormatInt(id, 10) }

// soon is how long before its date a request stands out.
const soon = 7 * 24 * time.Hour

// subjectsPage lists what data subjects asked for.
type subjectsPage struct {
	layout
	Open, Closed []subjectRow
}

type subjectRow struct {
	ID                      int64
	Href                    string
	Kind                    string // "access" or "erasure"
	Name, Query             string
	Received, DueOn, By     string
	Late, Soon              bool
	Answer, ClosedAt, Why   string
	Disposal                string // address of the one that answered it
	At                      string
	DisposalNo, Certificate int64
}

// answerWords are how a request can end.
var answerWords = map[string]string{
	govern.AnswerCopy: "A copy was given", govern.AnswerErased: "Erased", govern.AnswerRefused: "Refused", govern.AnswerWithdrawn: "Withdrawn",
}

func (s *Server) newSubjectRow(st *govern.State, q *govern.SubjectRequest) subjectRow {
	const day = "2 January 2006"
	row := subjectRow{
		ID: q.ID, Href: subjectHref(q.ID), Kind: q.Kind, Name: clean(q.Person), Query: clean(q.Query), Received: plain(q.Received),
		DueOn: q.Due.Format(day), By: personName(st, q.By), At: utc(q.At),
	}
	if q.Open() {
		left := q.Due.AddDate(0, 0, 1).Sub(s.now())
		row.Late, row.Soon = left <= 0, left > 0 && left < soon
		return row
	}
	row.Answer, row.ClosedAt, row.Why = answerWords[q.Answer], q.Closed.UTC().Format(day), clean(q.Why)
	if d := st.Disposals[q.Disposal]; d != nil {
		row.Disposal, row.DisposalNo, row.Certificate = disposalHref(q.Disposal), q.Disposal, d.Certificate
	}
	return row
}

func (s *Server) subjects(w http.ResponseWriter, r *http.Request) error {
	p := subjectsPage{layout: s.layout(r, "Data subjects", "subjects")}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, id := range slices.Sorted(maps.Keys(st.Subjects)) {
			if q := st.Subjects[id]; q.Open() {
				p.Open = append(p.Open, s.newSubjectRow(st, q))
			} else {
				p.Closed = append(p.Closed, s.newSubjectRow(st, q))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(p.Closed)
	return s.render(w, "subjects", p)
}

// subjectForm is a request before it is entered.
type subjectForm struct {
	layout
	Wrong                                 string
	Kind, Person, Query, Received, Reason string
}

func (s *Server) newSubject(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, "subject-new", subjectForm{layout: s.layout(r, "A request of a data subject", "subjects"), Kind: govern.Access, Query: clean(r.URL.Query().Get("q"))})
}

func (s *Server) openSubject(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	v := r.PostForm
	f := subjectForm{
		layout: s.layout(r, "A request of a data subject", "subjects"),
		Kind:   clean(v.Get("kind")), Person: clean(v.Get("person")), Query: clean(v.Get("query")), Received: clean(v.Get("received")), Reason: clean(v.Get("reason")),
	}
	if strings.TrimSpace(v.Get("query")) != "" {
		_, err := s.view(r).Search(r.Context(), index.Search{Query: v.Get("query"), Limit: 1})
		if errors.Is(err, index.ErrQuery) {
			f.Wrong = "The query is not understood. Try it under Search first."
			return s.renderStatus(w, http.StatusBadRequest, "subject-new", f)
		}
		if err != nil {
			return fmt.Errorf("try a query: %w", err)
		}
	}
	id, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActSubjectOpen, Reason: v.Get("reason"), Data: govern.SubjectData{
		Kind: v.Get("kind"), Person: v.Get("person"), Query: v.Get("query"), Received: v.Get("received"),
	}})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		f.Wrong = clean(refusal.Say)
		return s.renderStatus(w, http.StatusConflict, "subject-new", f)
	}
	if err != nil {
		return err
	}
	return goOn(w, r, subjectHref(id), "subject-opened")
}

// subjectPage is one request: what is found, what has to stay and why, and its
// answer.
type subjectPage struct {
	layout
	subjectRow
	IsOpen       bool
	Wrong        string
	Found        string // of access: messages
	Due          *batch // of erasure: what can go
	Kept         []keptRow
	KeptN        int64
	Seen         string
	Today, Typed string // date and reason, as typed
	MayPropose   bool
	MayCopy      bool
	Waits        []disposalRow // disposals that were proposed for it
}

// subjectOf finds a request.
func (s *Server) subjectOf(r *http.Request) (q govern.SubjectRequest, row subjectRow, err error) {
	id, err := strconv.ParseInt(r.PathValue("subject"), 10, 64)
	if err != nil {
		return q, row, errNoPage
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		if st.Subjects[id] == nil {
			return errNoPage
		}
		q = *st.Subjects[id]
		row = s.newSubjectRow(st, &q)
		return nil
	})
	return q, row, err
}

func (s *Server) subject(w http.ResponseWriter, r *http.Request) error {
	return s.showSubject(w, r, http.StatusOK, subjectPage{})
}

func (s *Server) showSubject(w http.ResponseWriter, r *http.Request, status int, p subjectPage) error {
	q, row, err := s.subjectOf(r)
	if err != nil {
		return err
	}
	who := actor(r)
	p.subjectRow, p.layout, p.IsOpen = row, s.layout(r, "Request "+strconv.FormatInt(q.ID, 10), "subjects"), q.Open()
	p.MayPropose, p.MayCopy = who.May(access.ProposeDisposal, s.now()) == nil, who.May(access.Export, s.now()) == nil
	switch {
	case !q.Open():
	case q.Kind == govern.Erasure && s.desk != nil:
		if err := s.erasure(r, &q, &p); err != nil {
			return err
		}
	default:
		p.Found, err = s.covered(r, q.Query)
		if errors.Is(err, index.ErrQuery) {
			p.Wrong, err = "Its query can no longer be asked. Enter the request again with another.", nil
		}
		if err != nil {
			return fmt.Errorf("count what a data subject has: %w", err)
		}
	}
	return s.renderStatus(w, status, "subject", p)
}

// erasure fills in what can be erased, and what has to stay.
func (s *Server) erasure(r *http.Request, q *govern.SubjectRequest, p *subjectPage) error {
	if why, _ := whyNotDue(s.disposing(r)); why != "" {
		p.Wrong = why
		return nil
	}
	due, kept, err := s.desk.Erasure(r.Context(), q.Query, s.now())
	why, err := whyNotDue(err)
	if err != nil {
		return fmt.Errorf("find what can be erased: %w", err)
	}
	if why != "" {
		p.Wrong = why
		return nil
	}
	list, err := s.desk.List(r.Context())
	if err != nil {
		return fmt.Errorf("list disposals: %w", err)
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.Due = newBatch(st, &due.Data)
		p.Seen, p.KeptN = seen(&due.Data), int64(len(kept))
		for _, t := range dispose.Grounds(kept) {
			p.Kept = append(p.Kept, newKeptRow(t))
		}
		for i := range list {
			var of struct {
				Subject int64 `json:"subject"`
			}
			err := json.Unmarshal(st.Requests[list[i].Request].Data, &of)
			if l := &list[i]; err == nil && of.Subject == q.ID && l.State != "declined" && l.State != "lapsed" {
				p.Waits = append(p.Waits, newDisposalRow(st, l))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.sample(r, p.Due, due.Data.Messages)
}

// actOnSubject proposes the erasure, or answers the request.
func (s *Server) actOnSubject(w http.ResponseWriter, r *http.Request) error {
	q, _, err := s.subjectOf(r)
	if err != nil {
		return err
	}
	if err := form(w, r); err != nil {
		return err
	}
	v := r.PostForm
	p := subjectPage{Today: clean(v.Get("today")), Typed: clean(v.Get("reason"))}
	to, word := subjectHref(q.ID), "subject-answered"
	switch r.PathValue("act") {
	case "answer":
		_, err = s.ledger.Do(r.Context(), actor(r), govern.Request{
			Act: govern.ActSubjectClose, Reason: v.Get("reason"), Data: govern.SubjectAnswer{Subject: q.ID, Answer: v.Get("answer")},
		})
	case "propose":
		if q.Kind != govern.Erasure {
			return errNoPage
		}
		if err := s.disposing(r); err != nil {
			return err
		}
		due, _, look := s.desk.Erasure(r.Context(), q.Query, s.now())
		if look != nil {
			return s.showSubject(w, r, http.StatusConflict, p) // which says why
		}
		if seen(&due.Data) != v.Get("seen") {
			p.Wrong = "What can be erased has changed since the page was shown. Nothing was proposed: look again."
			return s.showSubject(w, r, http.StatusConflict, p)
		}
		due.Data.Subject = q.ID
		var id int64
		id, err = s.desk.Propose(r.Context(), actor(r), due, v.Get("today"), v.Get("reason"))
		to, word = disposalHref(id), "disposal-proposed"
	default:
		return errNoPage
	}
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		p.Wrong = clean(refusal.Say)
		return s.showSubject(w, r, http.StatusConflict, p)
	}
	if err != nil {
		return err
	}
	return goOn(w, r, to, word)
}

// copyPage asks who of those in the messages it is who asked.
type copyPage struct {
	layout
	subjectRow
	Wrong  string
	People []copyPerson
	More   int64
	Empty  bool
}

type copyPerson struct {
	Key, Name string
	Addresses string
	Messages  int64
	Them      bool
}

// peopleOnPage is how many people are listed; others are picked by number.
const peopleOnPage = 60

// copiedAtOnce is how many messages are read at once for a copy.
const copiedAtOnce = 500

// everything gives all messages of a request, as far as whoever asks sees them.
func (s *Server) everything(r *http.Request, query string) subject.Source {
	x := s.view(r)
	return func(ctx context.Context, fn func(*chat.Message) error) error {
		q := index.Search{Query: query, Order: index.Oldest, Limit: copiedAtOnce}
		for {
			res, err := x.Search(ctx, q)
			if err != nil {
				return fmt.Errorf("search for all: %w", err)
			}
			for i := range res.Hits {
				if err := fn(&res.Hits[i].Message); err != nil {
					return err
				}
			}
			if q.Cursor = res.Next; q.Cursor == "" {
				return nil
			}
		}
	}
}

// survey finds who occurs in the messages of a request for access.
func (s *Server) survey(r *http.Request) (q govern.SubjectRequest, p copyPage, src subject.Source, people *subject.People, err error) {
	if q, p.subjectRow, err = s.subjectOf(r); err != nil {
		return q, p, nil, nil, err
	}
	if q.Kind != govern.Access || !q.Open() {
		return q, p, nil, nil, errNoPage
	}
	p.layout = s.layout(r, "The copy for request "+strconv.FormatInt(q.ID, 10), "subjects")
	var beside []string
	if err = s.ledger.Read(r.Context(), func(st *govern.State) error { beside = st.Names(); return nil }); err != nil {
		return q, p, nil, nil, err
	}
	src = s.everything(r, q.Query)
	people, err = subject.Survey(r.Context(), src, beside, func(ctx context.Context, id string) ([]string, error) {
		row, err := s.view(r).Chat(ctx, id)
		return row.Participants, err
	})
	if errors.Is(err, index.ErrQuery) {
		err = govern.Refuse(nil, "Its query can no longer be asked. Enter the request again with another.")
	}
	if err != nil {
		return q, p, nil, nil, fmt.Errorf("read who is in the messages: %w", err)
	}
	all := people.List()
	p.Empty, p.More = len(all) == 0, int64(max(0, len(all)-peopleOnPage))
	same := func(x subject.Somebody) bool {
		return slices.ContainsFunc(x.Names, func(n string) bool { return strings.EqualFold(strings.TrimSpace(n), strings.TrimSpace(q.Person)) })
	}
	alone := len(slices.DeleteFunc(slices.Clone(all), func(x subject.Somebody) bool { return !same(x) })) == 1
	for _, x := range all[:min(len(all), peopleOnPage)] {
		row := copyPerson{Key: pick(x.Key), Name: clean(cmp.Or(strings.Join(x.Names, ", "), x.Key)), Addresses: clean(strings.Join(x.Addresses, ", ")), Messages: x.Messages}
		row.Them = alone && same(x)
		p.People = append(p.People, row)
	}
	return q, p, src, people, nil
}

// pick names a person on a form: what people are called may be no text.
func pick(key string) string {
	h := sha256.Sum256([]byte(key))
	return hex.EncodeToString(h[:8])
}

func (s *Server) newCopy(w http.ResponseWriter, r *http.Request) error {
	q, p, _, _, err := s.survey(r)
	if err != nil {
		return err
	}
	if err := s.trace(r, traceSearch, []string{"subject:" + strconv.FormatInt(q.ID, 10)}, map[string]any{"query": q.Query}); err != nil {
		return err
	}
	return s.render(w, "subject-copy", p)
}

// makeCopy hands over a copy as a file.
func (s *Server) makeCopy(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	q, p, src, people, err := s.survey(r)
	if err != nil {
		return err
	}
	var them []string
	for _, x := range people.List() {
		if slices.Contains(r.PostForm["them"], pick(x.Key)) {
			them = append(them, x.Key)
		}
	}
	for also := range strings.SplitSeq(r.PostForm.Get("also"), ",") {
		if also = strings.TrimSpace(also); also != "" {
			them = append(them, also)
		}
	}
	if err := people.Are(them...); err != nil {
		if !errors.Is(err, subject.ErrWho) {
			return err
		}
		p.Wrong = "It cannot be told who of them asked. Tick them, or give a name or number as the messages have it."
		for i := range p.People {
			p.People[i].Them = slices.Contains(r.PostForm["them"], p.People[i].Key)
		}
		return s.renderStatus(w, http.StatusConflict, "subject-copy", p)
	}
	var b bytes.Buffer
	lines, page, mime, ext := io.Discard, io.Writer(&b), "text/html; charset=utf-8", "html"
	if r.PostForm.Get("as") == "jsonl" {
		lines, page, mime, ext = &b, io.Discard, "application/jsonl", "jsonl"
	}
	n, err := subject.Write(r.Context(), src, people, subject.About{Firm: s.name, Person: q.Person, Request: q.ID, At: s.now().UTC().Truncate(time.Second)}, lines, page)
	if err != nil {
		return err
	}
	if err := s.trace(r, govern.TraceCopy, []string{"subject:" + strconv.FormatInt(q.ID, 10)}, map[string]any{"as": ext, "count": n.Messages}); err != nil {
		return err
	}
	attach(w, mime, fmt.Sprintf("copy-%d.%s", q.ID, ext), b.Bytes())
	return nil
}

package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// noteRow is a note as pages show it.
type noteRow struct {
	Seq          int64
	By, At, Text string
	Own          bool
}

// notesPart is what the template "notes" shows: notes about something, and
// the form for another.
type notesPart struct {
	On       string // what they are about, as acts name it
	Back     string // page to come back to
	Notes    []noteRow
	MayWrite bool
}

func (s *Server) notesOn(r *http.Request, st *govern.State, on, back string) notesPart {
	who := actor(r)
	p := notesPart{On: on, Back: back, MayWrite: who.May(access.Order, s.now()) == nil}
	for _, n := range st.NotesOn(on) {
		p.Notes = append(p.Notes, noteRow{Seq: n.Seq, By: personName(st, n.By), At: utc(n.At), Text: clean(n.Text), Own: p.MayWrite && n.By == who.ID})
	}
	return p
}

// personName is what an account is called.
func personName(st *govern.State, login string) string {
	if u := st.Users[login]; u != nil {
		return clean(u.Name)
	}
	if login == "" {
		return "Whoever held the keys"
	}
	return plain(login)
}

// choices of labels and matters that something can be put into.
func openLabels(st *govern.State) (out []choice) {
	for id, l := range st.Labels {
		if !l.Closed {
			out = append(out, choice{strconv.FormatInt(id, 10), clean(st.LabelPath(id))})
		}
	}
	return byName(out)
}

func openMatters(st *govern.State) (out []choice) {
	for id, m := range st.Matters {
		if m.Closed.IsZero() {
			out = append(out, choice{strconv.FormatInt(id, 10), clean(m.Name)})
		}
	}
	return byName(out)
}

func byName(all []choice) []choice {
	slices.SortFunc(all, func(a, b choice) int {
		if c := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); c != 0 {
			return c
		}
		return strings.Compare(a.Value, b.Value)
	})
	return all
}

// bulkPage asks before something is done with all that a search finds.
type bulkPage struct {
	layout
	Query, Chat, ChatName string
	Back                  string
	Count                 int64
	Covered               coverage
	Labels, Matters       []choice
	Acts                  []choice
	Act, Target           string // as it was sent
	Wrong                 string
}

// bulkActs are what can be done with many messages.
var bulkActs = []choice{
	{govern.ActLabelApply, "Label them"},
	{govern.ActLabelRemove, "Take a label off them"},
	{govern.ActMatterCollect, "Collect them for a matter"},
	{govern.ActMatterDrop, "Take them out of a matter"},
}

func (s *Server) bulk(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	return s.showBulk(w, r, http.StatusOK, bulkPage{Query: v.Get("q"), Chat: v.Get("chat"), Act: v.Get("act"), Target: v.Get("target")}, nil)
}

// showBulk shows the page for a search whose messages are seqs, or asks it.
func (s *Server) showBulk(w http.ResponseWriter, r *http.Request, status int, p bulkPage, seqs []int64) error {
	p.layout = s.layout(r, "All that was found", "search")
	var err error
	if seqs == nil {
		if seqs, err = s.found(r, p.Query, p.Chat); err != nil {
			return err
		}
	}
	p.Count = int64(len(seqs))
	if p.Chat != "" {
		c, err := s.view(r).Chat(r.Context(), p.Chat)
		if err != nil {
			return fmt.Errorf("read chat to search in: %w", err)
		}
		p.ChatName = chatName(c.Name)
	}
	p.Back = "/search?" + url.Values{"q": {p.Query}, "chat": {p.Chat}}.Encode()
	p.Acts = bulkActs
	if p.Covered, err = s.coverage(r); err != nil {
		return err
	}
	if err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.Labels, p.Matters = openLabels(st), openMatters(st)
		return nil
	}); err != nil {
		return err
	}
	p.Query = clean(p.Query)
	return s.renderStatus(w, status, "bulk", p)
}

// found are all messages that a search finds, however many. A query that is
// not understood is refused in its own words.
func (s *Server) found(r *http.Request, query, chat string) ([]int64, error) {
	if strings.TrimSpace(query) == "" {
		return nil, govern.Refuse(nil, "Search for something first: all that is found is what this is done with.")
	}
	seqs := []int64{}
	err := s.view(r).Found(r.Context(), query, chat, func(seq int64, _ time.Time) { seqs = append(seqs, seq) })
	switch {
	case errors.Is(err, index.ErrQuery):
		return nil, govern.Refuse(nil, "The search is not understood. %s", problem(err))
	case err != nil:
		return nil, fmt.Errorf("search for all: %w", err)
	}
	return seqs, nil
}

// doBulk does it, when what is found is still as many as the person was told.
func (s *Server) doBulk(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	p := bulkPage{Query: f.Get("q"), Chat: f.Get("chat"), Act: f.Get("act")}
	kind := "label"
	if strings.HasPrefix(p.Act, "matter.") {
		kind = "matter"
	}
	p.Target = f.Get(kind)
	seqs, err := s.found(r, p.Query, p.Chat)
	if err != nil {
		return err
	}
	if f.Get("count") != strconv.Itoa(len(seqs)) {
		p.Wrong = fmt.Sprintf("Meanwhile %s found; you were told of %s. Nothing was done. Look again.", isAre(int64(len(seqs))), plain(f.Get("count")))
		return s.showBulk(w, r, http.StatusConflict, p, seqs)
	}
	if err := s.put(r, p.Act, p.Target, seqs, f.Get("reason")); err != nil {
		var no *govern.Refusal
		if errors.As(err, &no) {
			p.Wrong = no.Say
			return s.showBulk(w, r, http.StatusConflict, p, seqs)
		}
		return err
	}
	if kind == "matter" {
		return goOn(w, r, "/matters/"+p.Target, p.Act)
	}
	return goOn(w, r, "/labels", p.Act)
}

func isAre(n int64) string {
	if n == 1 {
		return "1 message is"
	}
	return count(n) + " messages are"
}

// put puts messages into a label or a matter, or takes them out.
func (s *Server) put(r *http.Request, act, target string, seqs []int64, reason string) error {
	id, err := strconv.ParseInt(target, 10, 64)
	if err != nil {
		return govern.Refuse(nil, "Choose which label or matter.")
	}
	all := govern.RunsOf(seqs).Parts()
	if len(all) == 0 {
		return govern.Refuse(nil, "Nothing is found, so nothing is done.")
	}
	for _, runs := range all {
		var data any
		switch act {
		case govern.ActLabelApply, govern.ActLabelRemove:
			data = govern.Labelled{Label: id, Messages: runs}
		case govern.ActMatterCollect, govern.ActMatterDrop:
			data = govern.Collected{Matter: id, Messages: runs}
		default:
			return govern.Refuse(nil, "Choose what to do.")
		}
		if _, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: act, Reason: plain(reason), Data: data}); err != nil {
			return err
		}
	}
	return nil
}

// orderMessage labels or collects one message.
func (s *Server) orderMessage(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	m, err := s.view(r).Message(r.Context(), r.PathValue("message"))
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	act, target := r.PostForm.Get("act"), r.PostForm.Get("label")
	if strings.HasPrefix(act, "matter.") {
		target = r.PostForm.Get("matter")
	}
	if err := s.put(r, act, target, []int64{m.Seq}, ""); err != nil {
		return err
	}
	return goOn(w, r, "/messages/"+url.PathEscape(m.ID), act)
}

// maxNote is the most that the form of a note sends: what a note may have, each
// character at its longest in a form.
const maxNote = 20_000*len("%F0%9F%98%80") + 4<<10

// addNote writes a note about something.
func (s *Server) addNote(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, int64(maxNote))
	if err := r.ParseForm(); err != nil {
		return errors.Join(errRequest, err)
	}
	on := r.PostForm.Get("on")
	if err := s.seen(r, on); err != nil {
		return err
	}
	if _, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActNoteAdd, Data: govern.NoteData{
		On: on, Text: strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n"),
	}}); err != nil {
		return err
	}
	return goOn(w, r, here(r.PostForm.Get("back")), "note-added")
}

// seen refuses a note about a message or a chat that the person cannot see.
func (s *Server) seen(r *http.Request, on string) (err error) {
	what, id, _ := strings.Cut(on, ":")
	switch what {
	case "message":
		_, err = s.view(r).Message(r.Context(), id)
	case "chat":
		_, err = s.view(r).Chat(r.Context(), id)
	}
	return err
}

func (s *Server) withdrawNote(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PathValue("note"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if _, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActNoteWithdraw, Data: govern.NoteRef{Note: id}}); err != nil {
		return err
	}
	return goOn(w, r, here(r.PostForm.Get("back")), "note-withdrawn")
}

// saveSearch keeps a query: the person's own, everybody's, or a matter's.
func (s *Server) saveSearch(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	f := r.PostForm
	d := govern.SearchData{Name: f.Get("name"), Query: f.Get("q"), Shared: f.Get("shared") != ""}
	back, word := "/search", "search-saved"
	if m := f.Get("matter"); m != "" {
		id, err := strconv.ParseInt(m, 10, 64)
		if err != nil {
			return errRequest
		}
		d.Matter, back = id, "/matters/"+m
	}
	if _, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActSearchSave, Data: d}); err != nil {
		return err
	}
	return goOn(w, r, back, word)
}

func (s *Server) forgetSearch(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PathValue("search"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if _, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActSearchForget, Data: govern.SearchRef{Search: id}}); err != nil {
		return err
	}
	return goOn(w, r, here(r.PostForm.Get("back")), "search-forgotten")
}

// savedRow is a saved search as pages list it.
type savedRow struct {
	ID              int64
	Name, Query, By string
	Href            string
	Shared, Forget  bool
}

func (s *Server) savedRow(r *http.Request, st *govern.State, q *govern.SavedSearch) savedRow {
	return savedRow{
		ID: q.ID, Name: clean(q.Name), Query: clean(q.Query), By: personName(st, q.By), Shared: q.Shared,
		Href:   "/search?" + url.Values{"q": {q.Query}}.Encode(),
		Forget: q.By == actor(r).ID || q.Shared || q.Matter != 0,
	}
}

func cleanAll(all []string) (out []string) {
	for _, s := range all {
		out = append(out, clean(s))
	}
	return out
}

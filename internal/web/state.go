package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
)

// importsOnPage is how many imports are listed. An archive that is fed every
// day has thousands.
const importsOnPage = 100

// statePage says how the archive is, and what came into it.
type statePage struct {
	layout
	State    State
	Size     string
	Coverage coverage
	Imports  []importRow // the newest
	Older    int64       // that are not listed; the sums have them
	Sums     importSums
	Part     bool // whoever looks sees a part of the archive: no imports are listed
}

// importRow is one capture.
type importRow struct {
	Seq       int64
	At        string
	Source    string
	File      string
	Account   string
	Custodian string
	Evidence  []evidence
	Open      bool // has no end: it runs, or was cut short
	Broken    bool // its summary cannot be read
	S         capture.Summary
	Warnings  []string
	Whole     bool // nothing is missing, unread or uncertain
	Database  bool // it was rows of tables, and no text
	Kinds     []kindCount
	Rows      capture.TableCount // of all tables
	Holes     []hole
	Missing   []capture.Missing
}

type kindCount struct {
	Name string
	N    int64
}

// hole is a stretch of row numbers without rows.
type hole struct {
	Table    string
	From, To int64
	N        int64
}

type evidence struct{ Name, SHA256, Size string }

// importSums adds up what all imports left open.
type importSums struct{ Unread, Missing, Omitted, Ambiguous, Open int64 }

func (s *Server) archiveState(w http.ResponseWriter, r *http.Request) error {
	st, err := s.state(r.Context())
	if err != nil {
		return fmt.Errorf("read state of the archive: %w", err)
	}
	cov, err := s.coverage(r)
	if err != nil {
		return err
	}
	p := statePage{layout: s.layout(r, "State of the archive", "state"), State: st, Size: size(st.Bytes), Coverage: cov, Part: partly(actor(r))}
	if p.Part { // an import is of many chats: what it says of itself is of all of them
		return s.render(w, "state", p)
	}
	caps, err := s.view(r).Captures(r.Context())
	if err != nil {
		return fmt.Errorf("list captures: %w", err)
	}
	slices.SortFunc(caps, func(a, b index.CaptureRow) int { return cmp.Compare(b.Seq, a.Seq) })
	for i := range caps {
		p.add(newImportRow(caps[i]))
	}
	return s.render(w, "state", p)
}

func (p *statePage) add(row importRow) {
	if len(p.Imports) < importsOnPage {
		p.Imports = append(p.Imports, row)
	} else {
		p.Older++
	}
	p.Sums.Unread += row.S.Unparsed
	p.Sums.Missing += row.S.AttachmentsMissing
	p.Sums.Omitted += row.S.Omitted
	p.Sums.Ambiguous += row.S.Ambiguous
	if row.Open || row.Broken {
		p.Sums.Open++
	}
}

func newImportRow(c index.CaptureRow) importRow {
	row := importRow{
		Seq: c.Seq, At: utc(c.At), Source: plain(c.Head.Source), File: plain(c.Head.File),
		Account: clean(c.Head.Account), Custodian: clean(c.Head.Custodian), Open: c.Summary == nil,
	}
	for _, e := range c.Head.Evidence {
		row.Evidence = append(row.Evidence, evidence{Name: plain(e.Name), SHA256: e.SHA256, Size: size(e.Size)})
	}
	if row.Open {
		return row
	}
	if err := json.Unmarshal(c.Summary, &row.S); err != nil {
		row.Broken = true
		return row
	}
	row.S.Chat, row.S.Zone, row.S.DateOrder = clean(row.S.Chat), plain(row.S.Zone), plain(row.S.DateOrder)
	row.S.First = plain(strings.Replace(row.S.First, "T", " ", 1))
	row.S.Last = plain(strings.Replace(row.S.Last, "T", " ", 1))
	for _, x := range slices.Concat(row.S.Gaps, row.S.Warnings) {
		row.Warnings = append(row.Warnings, clean(x))
	}
	row.Whole = row.S.Complete() && row.S.Ambiguous == 0
	row.database()
	return row
}

// database adds what only the import of a database says of itself. Names of
// tables and files are the database's own: strangers can have made them up.
func (row *importRow) database() {
	s := &row.S
	for name, n := range s.Kinds {
		row.Kinds = append(row.Kinds, kindCount{Name: clean(typeName(chat.Type(name))), N: n})
	}
	slices.SortFunc(row.Kinds, func(a, b kindCount) int { return cmp.Or(cmp.Compare(b.N, a.N), strings.Compare(a.Name, b.Name)) })
	row.Database = len(s.Tables) > 0
	for i := range s.Tables {
		t := &s.Tables[i]
		t.Name, t.Reason = clean(t.Name), clean(t.Reason)
		row.Rows.Rows += t.Rows
		row.Rows.Records += t.Records
		row.Rows.Attached += t.Attached
		row.Rows.Excluded += t.Excluded
	}
	for _, h := range s.Holes {
		row.Holes = append(row.Holes, hole{Table: clean(h.Table), From: h.From, To: h.To, N: h.To - h.From + 1})
	}
	for _, m := range s.Missing {
		for i := range m.First {
			m.First[i] = plain(m.First[i])
		}
		row.Missing = append(row.Missing, capture.Missing{Reason: clean(m.Reason), Files: m.Files, First: m.First})
	}
	for _, list := range [][]string{s.Unknown, s.Damage} {
		for i := range list {
			list[i] = clean(list[i])
		}
	}
	if c := s.Container; c != nil {
		c.Key, c.Checksum = clean(c.Key), clean(c.Checksum)
	}
}

// checkpoint hands the last checkpoint over, to be kept where the archive's
// own administrator cannot reach it.
func (s *Server) checkpoint(w http.ResponseWriter, r *http.Request) error {
	st, err := s.state(r.Context())
	if err != nil {
		return fmt.Errorf("read state of the archive: %w", err)
	}
	if st.Checkpoint == "" {
		return errors.Join(errNoPage, errors.New("no checkpoint yet"))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="waxseal-checkpoint-%d.txt"`, st.Entries))
	_, _ = w.Write([]byte(st.Checkpoint)) // the reader is gone: nobody to tell
	return nil
}

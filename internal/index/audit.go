package index

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/analyze"
	"github.com/waxseal/waxseal/internal/record"
)

// AuditQuery asks the audit trail. The zero value asks for the newest rows.
type AuditQuery struct {
	By       string
	Act      string // "hold.place"; with a dot at its end, all that begin so
	On       string // "hold:12"
	Text     string // words, each of which stands anywhere in it
	From, To time.Time
	Refused  *bool
	Before   int64 // rows of entries before this one; 0: from the newest
	Limit    int   // 0: 50
}

// AuditRow is one thing that somebody did, as the log has it.
type AuditRow struct {
	Seq  int64       `json:"entry"`
	At   time.Time   `json:"at"`
	Kind record.Kind `json:"kind"`
	record.ActHead
	// Void says why an act counts for nothing.
	Void string `json:"void,omitempty"`
	// Gone marks one whose content was disposed of.
	Gone bool `json:"gone,omitempty"`
}

// Audit is a page of the audit trail, the newest first.
type Audit struct {
	Rows  []AuditRow
	Total int64 // that answer, on all pages; -1: more than MaxAudited
	Next  int64 // Before of the next page; 0: there is none
}

// MaxAudited bounds how far the rows that answer are counted.
const MaxAudited = 10_000

// Names of what is no act, beside acts in the trail.
const (
	ActImport      = "import"
	ActDispose     = "dispose"
	ActCertificate = "dispose.certificate"
)

// audited is what the index keeps of one row: what it is found by. What it
// says is read from the log.
type audited struct {
	at    time.Time
	act   string
	by    string
	no    bool // refused
	on    []string
	words []byte
}

// maxSaid bounds the bytes of one row that words are taken from.
const maxSaid = 8 << 10

// auditedOf is the row of an entry in the trail, or nil. The second part of an
// act, which holds secrets, is not looked at.
func auditedOf(e record.Entry) *audited {
	r := rowOf(e)
	if r == nil || r.Gone {
		return nil
	}
	said := strings.Join(append([]string{r.Act, r.By, r.Via, r.From, r.Reason, r.Refused}, r.On...), "\n")
	var data any
	if json.Unmarshal(r.Data, &data) == nil {
		said += "\n" + strings.Join(stringsIn(data, nil), "\n")
	}
	a := &audited{at: r.At, act: r.Act, by: r.By, no: r.Refused != "", on: slices.Compact(slices.Sorted(slices.Values(r.On)))}
	a.words = appendTokens(nil, strings.ToValidUTF8(said[:min(len(said), maxSaid)], " "))
	return a
}

// stringsIn lists the words of an act's data.
func stringsIn(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		to = append(to, v)
	case []any:
		for _, e := range v {
			to = stringsIn(e, to)
		}
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			to = stringsIn(v[k], to)
		}
	}
	return to
}

// rowOf is what the trail says of an entry; nil for one that is not in it.
func rowOf(e record.Entry) *AuditRow {
	r := &AuditRow{Seq: e.Seq, At: e.At, Kind: e.Kind}
	switch e.Kind {
	case record.Act, record.Trace:
	case record.Capture:
		r.Act, r.On = ActImport, []string{"import:" + strconv.FormatInt(e.Seq, 10)}
	case record.Disposal:
		r.Act = ActDispose
	case record.Certificate:
		r.Act = ActCertificate
	default:
		return nil
	}
	if len(e.Parts) == 0 {
		r.Gone = true
		return r
	}
	head, _, err := record.Cut(e.Parts[0])
	switch {
	case err != nil:
	case e.Kind == record.Act || e.Kind == record.Trace:
		if json.Unmarshal(head, &r.ActHead) != nil {
			r.ActHead = record.ActHead{} // verify finds the damage
		}
		if made := begun(r); made != "" && !slices.Contains(r.On, made) {
			r.On = append(r.On, made)
		}
	case e.Kind == record.Capture:
		var h record.CaptureHead
		if json.Unmarshal(head, &h) == nil {
			r.Data = asRaw(map[string]string{"file": h.File, "source": h.Source, "account": h.Account, "custodian": h.Custodian, "chat": h.Chat})
			if h.Custodian != "" {
				r.On = append(r.On, "custodian:"+h.Custodian)
			}
		}
	case e.Kind == record.Disposal:
		var h record.DisposalHead
		if json.Unmarshal(head, &h) == nil {
			r.On = []string{"disposal:" + strconv.FormatInt(e.Seq, 10), "request:" + strconv.FormatInt(h.Request, 10)}
			r.Data = asRaw(map[string]int64{"entries": lengthOf(h.Entries)})
		}
	case e.Kind == record.Certificate:
		var h record.CertificateHead
		if json.Unmarshal(head, &h) == nil {
			r.On = []string{"disposal:" + strconv.FormatInt(h.Disposal, 10)}
			r.Data = asRaw(map[string]int64{"records": h.Records, "blobs": h.Blobs, "shared": h.Shared, "kept": lengthOf(h.Kept)})
		}
	}
	return r
}

// begins are acts whose entry is the number of what they begin, by what that is.
// They cannot name it: an entry has no number before it is in the log.
var begins = map[string]string{
	"ask": "request", "gap.open": "gap", "hold.place": "hold", "label.set": "label", "matter.open": "matter", "policy.order": "order", "subject.open": "subject",
}

// begun is what the act of a row began, or nothing.
func begun(r *AuditRow) string {
	what, ok := begins[r.Act]
	if !ok || r.Kind != record.Act {
		return ""
	}
	var again struct {
		Label int64 `json:"label"`
	}
	if r.Act == "label.set" && (json.Unmarshal(r.Data, &again) != nil || again.Label != 0) {
		return ""
	}
	return what + ":" + strconv.FormatInt(r.Seq, 10)
}

func lengthOf(rs [][2]int64) (n int64) {
	for _, r := range rs {
		n += r[1]
	}
	return n
}

func asRaw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil // maps of strings and numbers do encode
	}
	return b
}

// note puts a row of the trail into the index.
func (w *writer) note(seq int64, a *audited) error {
	name, err := w.actName(a.act)
	if err != nil {
		return err
	}
	var no any
	if a.no {
		no = 1
	}
	if err := w.c.exec(`INSERT INTO act (seq, at, name, by, refused) VALUES (?, ?, ?, ?, ?)`, seq, a.at.UnixMilli(), name, a.by, no); err != nil {
		return err
	}
	for _, on := range a.on {
		if err := w.c.exec(`INSERT INTO act_on (object, seq) VALUES (?, ?)`, on, seq); err != nil {
			return err
		}
	}
	return w.c.exec(`INSERT INTO said (rowid, t) VALUES (?, ?)`, seq, string(a.words))
}

func (w *writer) actName(name string) (int64, error) {
	if id := w.acts[name]; id != 0 {
		return id, nil
	}
	id, ok, err := w.c.number(`SELECT id FROM act_name WHERE name = ?`, name)
	if err == nil && !ok {
		err = w.c.exec(`INSERT INTO act_name (name) VALUES (?)`, name)
		id = w.c.LastInsertRowID()
	}
	if err == nil {
		w.acts[name] = id
	}
	return id, err
}

// Audit answers from the audit trail.
func (x *Index) Audit(ctx context.Context, q AuditQuery) (a Audit, err error) {
	q.Limit = cmp.Or(q.Limit, 50)
	err = x.read(ctx, func(c *conn) error {
		t, err := newTrail(c, &q)
		if err != nil {
			return err
		}
		if a.Total, err = t.count(); err != nil {
			return err
		}
		seqs, err := t.newest(q.Before, q.Limit+1)
		if err != nil {
			return err
		}
		if len(seqs) > q.Limit {
			seqs = seqs[:q.Limit]
			a.Next = seqs[q.Limit-1]
		}
		a.Rows, err = x.auditRows(ctx, seqs)
		return err
	})
	if err != nil {
		err = fmt.Errorf("audit trail: %w", err)
	}
	return a, err
}

// auditRows reads rows of the trail from the log.
func (x *Index) auditRows(ctx context.Context, seqs []int64) (rows []AuditRow, err error) {
	if len(seqs) == 0 {
		return nil, nil
	}
	entries, err := x.cfg.Log.Get(ctx, seqs)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		r := rowOf(e)
		if r == nil {
			continue
		}
		if e.Kind == record.Act && !r.Gone && x.cfg.Books != nil {
			if why := x.cfg.Books.Void(e.Seq); why != nil {
				r.Void = why.Error()
			}
		}
		rows = append(rows, *r)
	}
	return rows, nil
}

// trail is a question to the audit trail as SQL: one statement for each name
// of acts where these decide, so that each walks an index from its newest row.
type trail struct {
	c     *conn
	from  string // tables and conditions
	args  []any
	names []int64 // nil: of any name, in one statement
}

func newTrail(c *conn, q *AuditQuery) (*trail, error) {
	t := &trail{c: c, from: `act WHERE 1`}
	text, ok := saidExpr(q.Text)
	switch {
	case !ok:
		t.from += ` AND 0` // signs alone are in no row
	case text != "":
		t.from, t.args = `said CROSS JOIN act ON act.seq = said.rowid WHERE said MATCH ?`, []any{text}
		if q.On != "" {
			t.and(`EXISTS (SELECT 1 FROM act_on WHERE object = ? AND act_on.seq = act.seq)`, q.On)
		}
	case q.On != "":
		t.from, t.args = `act_on CROSS JOIN act ON act.seq = act_on.seq WHERE object = ?`, []any{q.On}
	}
	narrow := q.Text == "" && q.On == "" && (q.Refused == nil || !*q.Refused)
	if err := t.name(q, narrow); err != nil {
		return nil, err
	}
	if q.Refused != nil {
		if *q.Refused {
			t.head(`refused = 1`)
		} else {
			t.head(`refused IS NULL`)
		}
	}
	return t, t.days(q)
}

func (t *trail) and(cond string, args ...any) {
	t.from += ` AND ` + cond
	t.args = append(t.args, args...)
}

// name narrows to acts and to who did them.
func (t *trail) name(q *AuditQuery, narrow bool) error {
	if q.Act != "" || narrow && q.By != "" {
		sql, args := `SELECT id FROM act_name`, []any(nil)
		if prefix, all := strings.CutSuffix(q.Act, "."); all {
			sql, args = sql+` WHERE name = ? OR name >= ? AND name < ?`, []any{prefix, prefix + ".", prefix + "/"}
		} else if q.Act != "" {
			sql, args = sql+` WHERE name = ?`, []any{q.Act}
		}
		names := []int64{}
		if err := t.c.query(sql, func(st *sqlite3.Stmt) error { names = append(names, st.ColumnInt64(0)); return nil }, args...); err != nil {
			return err
		}
		if narrow {
			t.names = names
			t.from += ` AND name = ?`
		} else {
			t.and(`+name IN (SELECT value FROM json_each(?))`, asJSON(names))
		}
	}
	switch {
	case q.By == "":
	case narrow:
		t.from = strings.Replace(t.from, `act WHERE 1`, `act WHERE by = ?`, 1)
		t.args = append([]any{q.By}, t.args...)
	default:
		t.and(`+by = ?`, q.By)
	}
	return nil
}

// days narrows to entries of a time. Entries are about in the order of their
// times: the first and the last of them bound what is walked.
func (t *trail) days(q *AuditQuery) error {
	if q.From.IsZero() && q.To.IsZero() {
		return nil
	}
	from, to := int64(0), maxID
	if !q.From.IsZero() {
		from = q.From.UnixMilli()
	}
	if !q.To.IsZero() {
		to = q.To.UnixMilli()
	}
	lo, hi := int64(0), int64(-1)
	err := t.c.query(`SELECT min(seq), max(seq) FROM act INDEXED BY act_at WHERE at >= ? AND at < ?`, func(st *sqlite3.Stmt) error {
		if st.ColumnType(0) != sqlite3.NULL {
			lo, hi = st.ColumnInt64(0), st.ColumnInt64(1)
		}
		return nil
	}, from, to)
	t.head(`act.seq BETWEEN ? AND ?`, lo, hi)
	t.head(`+at >= ? AND +at < ?`, from, to)
	return err
}

// head adds a condition whose arguments stand before the name's.
func (t *trail) head(cond string, args ...any) {
	if t.names == nil {
		t.and(cond, args...)
		return
	}
	t.from = strings.TrimSuffix(t.from, ` AND name = ?`) + ` AND ` + cond + ` AND name = ?`
	t.args = append(t.args, args...)
}

// each runs sql once, or once for each name.
func (t *trail) each(before, after string, row func(*sqlite3.Stmt) error, more ...any) error {
	run := func(args []any) error {
		return t.c.query(before+t.from+after, row, append(args, more...)...)
	}
	if t.names == nil {
		return run(slices.Clone(t.args))
	}
	for _, n := range t.names {
		if err := run(append(slices.Clone(t.args), n)); err != nil {
			return err
		}
	}
	return nil
}

func (t *trail) count() (n int64, err error) {
	err = t.each(`SELECT count(*) FROM (SELECT 1 FROM `, ` LIMIT ?)`, func(st *sqlite3.Stmt) error { n += st.ColumnInt64(0); return nil }, MaxAudited+1)
	if n > MaxAudited {
		n = -1
	}
	return n, err
}

// newest lists the newest rows before an entry.
func (t *trail) newest(before int64, limit int) (seqs []int64, err error) {
	if before <= 0 {
		before = maxID
	}
	err = t.each(`SELECT act.seq FROM `, ` AND act.seq < ? ORDER BY `+t.order()+` DESC LIMIT ?`,
		func(st *sqlite3.Stmt) error { seqs = append(seqs, st.ColumnInt64(0)); return nil }, before, limit)
	slices.SortFunc(seqs, func(a, b int64) int { return cmp.Compare(b, a) })
	return seqs[:min(limit, len(seqs))], err
}

func (t *trail) order() string {
	switch {
	case strings.HasPrefix(t.from, "said"):
		return "said.rowid"
	case strings.HasPrefix(t.from, "act_on"):
		return "act_on.seq"
	}
	return "act.seq"
}

// saidExpr is the full-text expression of words that all stand in a row, the
// beginning of each being enough. ok is false where text has none.
func saidExpr(text string) (expr string, ok bool) {
	var all []string
	for w := range strings.FieldsSeq(text) {
		var any []string
		for _, p := range analyze.Query(w, true).Any {
			any = append(any, phrase(p))
		}
		if len(any) > 0 {
			all = append(all, anyOf(any))
		}
	}
	return strings.Join(all, " AND "), len(all) > 0 || strings.TrimSpace(text) == ""
}

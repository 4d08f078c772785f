// Package chatexport reads what WhatsApp's "Export chat" writes, on iOS and
// Android, in every language: a text file, alone, in a folder or in a zip with
// its media.
//
// The text is read twice. The first pass decides what needs the whole of it
// (encoding, layout, date order, authors: the reading); the second cuts it into
// records that hold the file's own bytes. Memory does not grow with the file.
// It must never import archive, index or web.
package chatexport

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// Name is the format's name, and the source's in records.
const Name = "chatexport"

// Format is the format's line in the list.
func Format() capture.Format {
	return capture.Format{Name: Name, Find: find, Interpreter: Interpreter{}}
}

// source is one export that was found.
type source struct {
	path string
	o    capture.Options
	open func() (*export, error)
}

// Path implements capture.Source.
func (s *source) Path() string { return s.path }

// Run implements capture.Source.
func (s *source) Run(ctx context.Context, sink capture.Sink) (sum capture.Summary, err error) {
	e, err := s.open()
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	r := &run{ctx: ctx, sink: sink, s: s, e: e, stored: map[*member]record.ItemFile{}, now: time.Now()}
	return r.do()
}

// run is an import in progress.
type run struct {
	ctx    context.Context
	sink   capture.Sink
	s      *source
	e      *export
	now    time.Time
	enc    encoding
	r      *reading
	p      *parser
	sum    capture.Summary
	stored map[*member]record.ItemFile // members that were given to the sink
	seen   []string                    // keys of shapes, as they first appeared
	loose  map[int64]bool              // offsets of headers that may stand inside a message
	done   int64                       // bytes read, both passes
	total  int64
}

func (r *run) do() (capture.Summary, error) {
	evidence, err := r.keepEvidence()
	if err != nil {
		return r.sum, err
	}
	ls, warnings, err := r.survey()
	if err != nil {
		return r.sum, err
	}
	r.name(ls)
	r.sum = capture.Summary{
		Path: r.s.path, Format: Name, SHA256: evidence[0].SHA256, Chat: r.r.Chat, Zone: r.r.Zone, ZoneAssumed: r.r.Assumed,
		DateOrder: r.r.summaryOrder(r.seen), DateOrderCertain: len(r.r.Unsure) == 0, DateOrders: r.r.open(), DateOrderPassedBy: r.r.passedBy,
		Warnings: append(warnings, r.e.warnings...), Gaps: r.e.gaps,
	}
	extra, err := r.keepUnreferenced()
	if err != nil {
		return r.sum, err
	}
	seq, err := r.begin(append(evidence, extra...))
	if err != nil {
		return r.sum, err
	}
	em := &emitter{run: r, capture: seq, lineage: r.lineage(), batch: capture.NewBatch(r.ctx, r.sink, r.progress)}
	runs, err := em.emit()
	if err != nil {
		return r.sum, err
	}
	r.truncation(ls)
	if err := r.end(seq, runs); err != nil {
		return r.sum, err
	}
	r.sum.Capture = seq
	return r.sum, nil
}

// keepEvidence keeps the original file whole.
func (r *run) keepEvidence() ([]record.Evidence, error) {
	f, err := r.e.evidence()
	if err != nil {
		return nil, fmt.Errorf("read export: %w", err)
	}
	b, err := r.sink.Blob(r.ctx, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("keep the original file: %w", err)
	}
	return []record.Evidence{{Name: filepath.Base(r.s.path), Blob: b}}, nil
}

func (r *run) progress(records int64) {
	if r.s.o.Progress != nil {
		r.s.o.Progress(capture.Progress{Bytes: r.done, Of: r.total, Records: records})
	}
}

func (r *run) survey() (*layoutSurvey, []string, error) {
	r.total = 2 * r.e.text.size
	sv, err := takeSurvey(r.ctx, r.e.text.open, r.now, func(n int64) { r.done = n; r.progress(0) })
	if err != nil {
		return nil, nil, fmt.Errorf("read export: %w", err)
	}
	r.enc = sv.enc
	if sv.layout() == noLayout {
		return nil, nil, fmt.Errorf("%s: %w", filepath.Base(r.s.path), errNoHeader)
	}
	var warnings []string
	r.r, warnings = sv.decide(parseOrder(r.s.o.DateOrder))
	r.r.Zone, r.r.Assumed, r.r.Me = r.s.o.Zone.String(), r.s.o.ZoneAssumed, r.s.o.Me
	ls := &sv.layouts[sv.layout()]
	r.seen, r.loose = ls.order, sv.loose(r.r)
	if r.p, err = newParser(r.r); err != nil {
		return nil, nil, err
	}
	return ls, warnings, nil
}

// name gives the chat its name: what the operator says, what WhatsApp's file
// naming says, the group that a notice names, or the file's stem.
func (r *run) name(ls *layoutSurvey) {
	switch named, ok := chatName(r.e.names); {
	case r.s.o.Chat != "":
		r.r.Chat = r.s.o.Chat
	case ok:
		r.r.Chat = named
	case ls.group != "":
		r.r.Chat = ls.group
	default:
		r.r.Chat = stem(r.s.path)
	}
}

// owner is whose chat it is: two files are one chat when owner and name are
// the same.
func (r *run) lineage() string {
	owner := r.s.o.Custodian
	if owner == "" {
		owner = r.s.o.Account
	}
	return owner + "\x00" + r.r.Chat
}

// begin appends the record that opens the capture.
func (r *run) begin(evidence []record.Evidence) (int64, error) {
	reading, err := json.Marshal(r.r)
	if err != nil {
		return 0, fmt.Errorf("encode reading: %w", err)
	}
	head := record.CaptureHead{
		Source: Name, File: filepath.Base(r.s.path), Evidence: evidence, Account: r.s.o.Account, Custodian: r.s.o.Custodian,
		Chat: r.r.Chat, Reading: reading,
	}
	part, err := record.Part(head, nil)
	if err != nil {
		return 0, err
	}
	rec := record.Record{Kind: record.Capture, Parts: [][]byte{part}, Lineage: r.lineage()}
	for _, e := range evidence {
		rec.Blobs = append(rec.Blobs, e.Blob)
	}
	got, err := r.sink.Append(r.ctx, []record.Record{rec})
	if err != nil {
		return 0, fmt.Errorf("append capture: %w", err)
	}
	return got[0].Seq, nil
}

func (r *run) end(seq int64, runs [][3]int64) error {
	sum, err := json.Marshal(r.sum)
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	part, err := record.Part(record.CaptureEndHead{Capture: seq, Summary: sum, Seen: runs}, nil)
	if err != nil {
		return err
	}
	rec := record.Record{Kind: record.CaptureEnd, Parts: [][]byte{part}, Lineage: r.lineage()}
	if _, err := r.sink.Append(r.ctx, []record.Record{rec}); err != nil {
		return fmt.Errorf("append end of capture: %w", err)
	}
	return nil
}

// WhatsApp's limits on one export (its FAQ): the newest are kept, the oldest
// are cut in silence.
const (
	limitWithMedia = 10_000
	limitWithout   = 40_000
)

func (r *run) truncation(ls *layoutSurvey) {
	n := r.sum.Records
	if !ls.encrypted && (n == limitWithMedia || n == limitWithout || n == limitWithMedia-1 || n == limitWithout-1) {
		r.sum.Gaps = append(r.sum.Gaps, fmt.Sprintf("The export has exactly %d records and no opening notice: WhatsApp has probably left older messages out.", n))
	}
}

// emitter is the second pass.
type emitter struct {
	*run
	capture int64
	lineage string
	batch   *capture.Batch
	ordinal int64
	day     dayRun
	days    map[[3]int16]int // how many runs each printed day had
	held    *held
}

// held is a record that waits for the next one: only then is it known whether
// its end is certain.
type held struct {
	rec  parsed
	head record.ItemHead
	kind record.Kind
	part []byte
	out  record.Record
}

// dayRun is a run of records of one printed day.
type dayRun struct {
	f     [3]int16
	near  string
	n     int
	last  int // clock of the record before
	until int // the end of the hour in which it was put back
	known map[[16]byte]int
}

// emit appends the records, and returns which of them the archive had (see
// record.CaptureEndHead).
func (em *emitter) emit() (runs [][3]int64, err error) {
	text, err := em.e.text.open()
	if err != nil {
		return nil, fmt.Errorf("read export: %w", err)
	}
	defer func() { err = errors.Join(err, text.Close()) }()
	em.days = map[[3]int16]int{}
	sp := newSplitter(text, em.r)
	for {
		st, err := sp.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read export: %w", err)
		}
		if err := em.take(st); err != nil {
			return nil, err
		}
		em.done = em.total/2 + st.offset
	}
	if err := em.release(false); err != nil {
		return nil, err
	}
	em.sum.AlreadyArchived, runs, err = em.batch.Close()
	return runs, err
}

func layoutOf(name string) layout {
	for _, l := range []layout{bracket, dash, colon} {
		if l.String() == name {
			return l
		}
	}
	return noLayout
}

// take makes a record of a stretch.
func (em *emitter) take(st stretch) error {
	h := &held{kind: record.Item}
	h.head = record.ItemHead{Capture: em.capture, Ordinal: em.ordinal, Offset: st.offset}
	em.ordinal++
	text := em.enc.text(st.raw)
	head, ok := parseHeader(text)
	if ok && st.isHead {
		h.rec = em.p.parse(text, head, h.head.Ordinal < earlyRecords)
		ok = h.rec.dated
	}
	h.out = record.Record{Lineage: em.lineage}
	loose := false
	if !ok || !st.isHead {
		h.kind, h.head.Why = record.Unparsed, why(st, h.rec)
	} else {
		loose = em.held != nil && (em.p.suspects[h.rec.author] || em.loose[st.offset])
		h.head.Loose = loose
		h.head.Late = em.late(&h.rec)
		h.out.Period = string(h.rec.at.appendLocal(nil, false)[:7])
		if err := em.attach(h); err != nil {
			return err
		}
	}
	h.out.Kind = h.kind
	em.identify(h, st.raw)
	// A record may be as long as memory allows once: its text goes here, and
	// only its part waits.
	h.rec.body, h.rec.content.text = "", ""
	if err := em.release(loose); err != nil {
		return err
	}
	var err error
	h.part, err = itemPart(&h.head, st.raw)
	em.held = h
	return err
}

func why(st stretch, rec parsed) string {
	switch {
	case st.huge:
		return "a stretch without a header that is too long for one record"
	case !st.isHead:
		return "lines before the first header"
	case !rec.dated:
		return "the date is none in the order of this file"
	}
	return "not understood"
}

// late tells whether the clock had been put back before in this hour.
func (em *emitter) late(rec *parsed) bool {
	c := rec.clock()
	if em.day.known == nil || em.day.f != rec.f {
		em.days[rec.f]++
		em.day = dayRun{f: rec.f, near: fmt.Sprint(rec.f), n: em.days[rec.f], last: c, known: map[[16]byte]int{}}
		return false
	}
	if wentBack(em.day.last, c) {
		em.day.until = c - c%3600 + 3600
	}
	em.day.last = c
	return c < em.day.until
}

// release turns the held record into one of the batch. loose says that the
// next one may be part of it.
func (em *emitter) release(loose bool) error {
	h := em.held
	if h == nil {
		return nil
	}
	em.held = nil
	if loose && !h.head.Loose {
		h.head.Loose = true
		_, raw, err := record.Cut(h.part)
		if err == nil {
			h.part, err = itemPart(&h.head, raw)
		}
		if err != nil {
			return err
		}
	}
	h.out.Parts = [][]byte{h.part}
	em.count(h)
	return em.batch.Add(h.out)
}

// maxIdentity is how long a record's bytes are their own identity; those of a
// longer one are hashed.
const maxIdentity = 64 << 10

// identify gives the record what makes it the same raw item in another export:
// its bytes without what a second writing may change, its files, and how many
// equal ones came before it in this run of its day.
func (em *emitter) identify(h *held, raw []byte) {
	core := cutEnd(trimBOM(raw, em.enc))
	if len(core) > maxIdentity {
		sum := sha256.Sum256(core)
		core = sum[:]
	}
	if h.kind == record.Unparsed {
		h.out.Identity = fmt.Appendf(append([]byte("unparsed\x00"), core...), "\x00%d", h.head.Ordinal)
		return
	}
	id := append([]byte(nil), core...)
	for _, f := range h.head.Files {
		id = append(append(id, 0), f.SHA256...)
	}
	sum := sha256.Sum256(id)
	key := [16]byte(sum[:16])
	h.head.Again = em.day.known[key]
	em.day.known[key]++
	h.out.Near = em.day.near
	id = strconv.AppendInt(append(id, 0), int64(em.day.n), 10)
	h.out.Identity = strconv.AppendInt(append(id, '.'), int64(h.head.Again), 10)
}

func trimBOM(raw []byte, enc encoding) []byte {
	for _, bom := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if enc == utf8Text && len(bom) == 3 || enc != utf8Text && len(bom) == 2 {
			if s, ok := strings.CutPrefix(string(raw[:min(len(raw), 3)]), bom); ok {
				return raw[min(len(raw), 3)-len(s):]
			}
		}
	}
	return raw
}

// count adds a record to the summary.
func (em *emitter) count(h *held) {
	if h.kind == record.Unparsed {
		em.sum.Unparsed++
		return
	}
	em.sum.Records++
	local := string(h.rec.at.appendLocal(nil, h.rec.shape.Seconds))
	if em.sum.First == "" {
		em.sum.First = local
	}
	em.sum.Last = local
	if h.head.Loose || h.rec.doubt {
		em.sum.Ambiguous++
	}
	if h.rec.system {
		em.sum.System++
		return
	}
	em.sum.Messages++
	if h.rec.garbled {
		em.sum.Garbled++
	}
	c := &h.rec.content
	switch {
	case c.omitted:
		em.sum.Omitted++
	case c.file != "":
		em.sum.Attachments++
		if f := h.head.Files[0]; f.SHA256 == "" {
			em.sum.AttachmentsMissing++
			em.sum.Miss(f.Reason, valid(f.Name))
		}
	case c.kind == chat.Text:
	}
}

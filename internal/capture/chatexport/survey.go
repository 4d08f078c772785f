package chatexport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
)

// survey is the first pass over a text: it gathers what only the whole of it
// can tell. Its memory is bounded whatever the file is.
type survey struct {
	enc     encoding
	cr      bool // lines end in CR alone
	rule    lineRule
	words   bool // unknown words beside the time are taken for day periods
	dates   dateMemo
	first   layout // of the first header
	layouts [4]layoutSurvey
	end     lineEnd // of the line before
	crlf    int64   // lines that end in CRLF
	quoted  int64   // headers after a bare line feed, before the first CRLF
}

// lineRule says which lines of an iOS export may begin a record.
type lineRule uint8

const (
	guessed   lineRule = iota // after CRLF, once there is one
	everyLine                 // a file that has lost its CRs
	afterCRLF
)

// lineEnd is how a line ended.
type lineEnd uint8

const (
	endNone lineEnd = iota // there was no line
	endLF
	endCRLF
)

// layoutSurvey is what was gathered of the headers of one layout. A line of
// another layout inside a body is no header, which is known at the end only.
type layoutSurvey struct {
	headers   int64
	afterCRLF int64 // headers that follow a CRLF, those inside bodies included
	afterLF   int64 // the same for a bare line feed
	shapes    map[string]*shapeSurvey
	order     []string // keys of shapes as they first appeared
	authors   map[string]*authorSurvey
	doubles   map[string]int // prefixes that hold ": ": candidates for such names
	about     map[string]int // names that hold ": ", by notices that name them
	capped    bool
	group     string // named in a notice
	isGroup   bool
	encrypted bool         // the opening notice is there
	marked    bool         // WhatsApp's own words have marks before them
	same      int64        // records with the stamp of the one before
	odd       int64        // headers with a word that no table knows
	bare      int64        // headers without a word
	stamp     stamp        // of the record before
	unsigned  bool         // it has no author
	recent    *shapeSurvey // of its shape
	back      []string
	jumps     [4]jumps // by order
}

// Bounds on what is gathered.
const (
	maxShapes  = 32
	maxAuthors = 4096
	maxDoubles = 20_000
	maxName    = 200 // bytes
	maxBack    = 1000
)

// take reads one record's first line.
func (ls *layoutSurvey) take(h *header, line []byte, offset int64, limit civil) {
	ls.headers++
	sh := ls.shape(h)
	if sh == nil {
		return
	}
	// What follows a notice is not inside of it: that is one line.
	inside := ls.headers > 1 && !ls.unsigned
	same := inside && h.stamp == ls.stamp
	// A clock that went back within an hour tells the two passes of one that
	// occurs twice.
	if ls.headers > 1 && h.f == ls.stamp.f && wentBack(ls.stamp.clock(), h.clock()) {
		ls.noteBack(h)
	}
	if same {
		ls.same++
	}
	ls.stamp = h.stamp
	days := sh.take(h, line, limit)
	for _, o := range []order{dmy, mdy, ymd} {
		if days == [4]int{} {
			break // a date of no use: a clock that was never set
		}
		ls.jumps[o].take(moment{days[o]*24*60 + int(h.hour)*60 + int(h.minute), offset}, days[o] != 0, inside)
	}
	ls.marked = ls.marked || startsOwn(line)
	ls.author(line[h.rest:], same)
}

// startsOwn reports whether a line begins with the mark that iOS puts before
// what is WhatsApp's own.
func startsOwn(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\u200e")) || bytes.HasPrefix(b, []byte("\u200f"))
}

const (
	jumpMinutes = 75 // more than the hour of a clock that is put back
	jumpRecords = 20
	backMinutes = 5 // records of one moment are not always in order
	maxFound    = 100_000
)

// clock is the time of day in seconds.
func (s *stamp) clock() int { return int(s.hour)*3600 + int(s.minute)*60 + int(s.second) }

func (ls *layoutSurvey) noteBack(h *header) {
	for _, o := range []order{dmy, mdy, ymd} {
		c, ok := h.civil(o)
		if !ok {
			continue
		}
		if hour := hourOf(c); len(ls.back) < maxBack && !slices.Contains(ls.back, hour) {
			ls.back = append(ls.back, hour)
		}
	}
}

// wentBack reports whether the clock was put back between two records, by what
// it said in seconds: both are of one hour, and it is more than records of one
// moment in another order.
func wentBack(before, now int) bool {
	return before/3600 == now/3600 && before-now >= backMinutes*60
}

// hourOf is a date and the hour: 2024-10-27T02.
func hourOf(c civil) string { return string(c.appendLocal(nil, false)[:len("2024-10-27T02")]) }

// takeSurvey reads the whole text; once more where the end of it showed that
// other lines begin its records than it was read by.
func takeSurvey(ctx context.Context, open func() (io.ReadCloser, error), now time.Time, progress func(int64)) (*survey, error) {
	s := &survey{}
	if err := s.read(ctx, open, now, progress); err != nil {
		return nil, err
	}
	again := &survey{rule: s.rule, words: s.words || s.layouts[s.layout()].oddOnes()}
	switch only, edited := s.crlfRule(); {
	case edited:
		again.rule = everyLine
	case only && s.quoted > 0:
		again.rule = afterCRLF
	}
	if again.rule == s.rule && again.words == s.words {
		return s, nil
	}
	return again, again.read(ctx, open, now, progress)
}

// oddOnes reports whether the headers with unknown words are headers, although
// the first has none: all others have a word too, and they are many.
func (ls *layoutSurvey) oddOnes() bool {
	return ls.bare == 0 && ls.odd > 2 && ls.odd*10 > ls.headers
}

func (s *survey) read(ctx context.Context, open func() (io.ReadCloser, error), now time.Time, progress func(int64)) (err error) {
	text, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, text.Close()) }()
	head, err := io.ReadAll(io.LimitReader(text, sniffSize))
	if err != nil {
		return err
	}
	s.enc = sniff(head)
	s.cr = onlyCR(s.enc, head)
	t := now.AddDate(0, 0, 1)
	limit := civil{year: t.Year(), month: int8(t.Month()), day: int8(t.Day())}
	l := newLineReader(io.MultiReader(bytes.NewReader(head), text), s.enc, s.cr)
	for n := 0; ; n++ {
		l.hold = l.at
		start, end, err := l.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		raw := l.buf[start:end]
		if n&0x3fff == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			progress(l.base + int64(start))
		}
		s.line(raw, l.base+int64(start), limit)
		s.end = endLF
		if endsCRLF(raw, s.enc) {
			s.end = endCRLF
			s.crlf++
		}
	}
	progress(l.base + int64(l.at))
	s.layouts[bracket].follows(s.end)
	for l := range s.layouts {
		for o := range s.layouts[l].jumps {
			s.layouts[l].jumps[o].end()
		}
	}
	return nil
}

func endsCRLF(raw []byte, enc encoding) bool {
	switch enc {
	case utf16le:
		return bytes.HasSuffix(raw, []byte{'\r', 0, '\n', 0})
	case utf16be:
		return bytes.HasSuffix(raw, []byte{0, '\r', 0, '\n'})
	case utf8Text:
	}
	return len(raw) >= 2 && raw[len(raw)-2] == '\r' && raw[len(raw)-1] == '\n'
}

func (s *survey) line(raw []byte, offset int64, limit civil) {
	line := raw
	if s.enc != utf8Text {
		line = s.enc.text(raw[:min(len(raw), 8<<10)])
	}
	h, ok := s.dates.header(line)
	if !ok {
		return
	}
	ls := &s.layouts[h.shape.Layout]
	ls.follows(s.end)
	if s.end == endLF && h.shape.Layout == bracket {
		if s.rule == afterCRLF || s.rule == guessed && s.crlf > 0 {
			return // probably quoted inside a body
		}
		s.quoted++
	}
	if s.first == noLayout {
		s.first, s.words = h.shape.Layout, s.words || h.odd
	}
	switch {
	case h.odd:
		ls.odd++
		if !s.words {
			return // words of a sentence
		}
	case !h.shape.Half:
		ls.bare++
	}
	ls.take(&h, line, offset, limit)
}

// follows notes how the line before a header ended, or before the end of the file.
func (ls *layoutSurvey) follows(end lineEnd) {
	switch end {
	case endCRLF:
		ls.afterCRLF++
	case endLF:
		ls.afterLF++
	case endNone:
	}
}

// overwhelming is how many more headers than that of its first one a layout has
// that is a file's all the same: what begins a file is seldom a quotation.
const overwhelming = 20

// layout is that of the first header.
func (s *survey) layout() layout {
	best := s.first
	for _, l := range []layout{dash, bracket, colon} {
		if s.layouts[l].headers > overwhelming*s.layouts[best].headers {
			best = l
		}
	}
	return best
}

// crlfRule reports whether only a header after CRLF begins a record: the
// layout of iOS, in a file that has kept its CRs.
func (s *survey) crlfRule() (rule, edited bool) {
	ls := &s.layouts[bracket]
	if s.crlf == 0 || s.layout() != bracket {
		return false, false
	}
	if ls.afterLF > ls.afterCRLF {
		return false, true
	}
	return true, false
}

// decide settles the reading.
func (s *survey) decide(o order) (*reading, []string) {
	lay := s.layout()
	ls := &s.layouts[lay]
	r := &reading{Version: 1, Encoding: s.enc.String(), CR: s.cr, Words: s.words, Marks: lay != dash && ls.marked, Layout: lay.String(), Orders: map[string]string{}, Possible: map[string][]string{}, Back: ls.back, Capped: ls.capped}
	var warnings []string
	rule, edited := s.crlfRule()
	if r.CRLF = rule; edited {
		warnings = append(warnings, "Line ends were changed after the export: records are told apart by lines alone.")
	}
	r.Authors, r.Slots = ls.people(r.ios())
	long, once := ls.longNames()
	for _, name := range long {
		r.Long = append(r.Long, valid(name))
	}
	slices.Sort(r.Long)
	slices.Sort(once)
	r.Once = slices.Compact(once)
	if !r.CRLF {
		r.Suspects = ls.suspects(r.Authors)
	}
	if ls.decideOrders(r, o) {
		r.passedBy = true
		warnings = append(warnings, "The date order that was given contradicts dates in the file; where it does, the file counts.")
	}
	r.Kind = string(chat.Direct)
	if ls.isGroup || len(r.Authors) > 2 {
		r.Kind = string(chat.Group)
	}
	return r, warnings
}

package chatexport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

// shapeSurvey is the evidence for the date order of one shape.
type shapeSurvey struct {
	n       int64
	invalid [4]int64 // by order: readings that are no date, or out of range
	only    [4]int64 // dates that are one in this order of day and month, not the other
	back    [4]int64 // steps back of more than a day
	votes   [4]int64 // dates in names of files that agree
	differ  bool     // some date differs between the orders that are possible
	last    [4]int   // day number of the record before
	upper   int64    // of them, with AM or PM in capitals
	travel  [4]int64 // days that its dates go forth and back, all in all
}

// authorSurvey counts how an author's bodies begin.
type authorSurvey struct {
	n     int64
	plain int64 // without a mark, or a mark and media: a person
	same  int64 // with the same stamp as the record before
	// about are notices about a name that begins with this one; whole are those
	// in which the first colon stands elsewhere. other: some record is neither.
	about map[string]int64
	whole int64
	other bool
}

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

// jumps finds headers that may stand inside a message, by their time: it lies
// well before that of the record above them, or after, and soon the time is back,
// as where somebody quotes lines of another day. Clocks that are put back an
// hour, and phones that lay in a drawer, do not do so.
type jumps struct {
	recent [jumpRecords]moment // the records before, in a ring
	n      int
	from   int     // minute of the record before time went back
	gone   []int64 // offsets of the records since
	ahead  []int64 // of those before, since time had leapt ahead
	found  []int64
}

type moment struct {
	minute int
	offset int64
}

const (
	jumpMinutes = 75 // more than the hour of a clock that is put back
	jumpRecords = 20
	backMinutes = 5 // records of one moment are not always in order
	maxFound    = 100_000
)

func (j *jumps) take(m moment, dated, inside bool) {
	if !dated { // in the other order, as a stranger's phone writes it
		j.find(m.offset)
		return
	}
	switch {
	case len(j.gone) == 0:
		if last := j.before(1).minute; inside && j.n > 0 && last-m.minute > jumpMinutes {
			j.from, j.gone = last, append(j.gone, m.offset)
			j.leapt(m.minute)
		}
	case m.minute >= j.from-backMinutes:
		j.find(j.gone...)
		j.gone = j.gone[:0]
	case len(j.gone) < jumpRecords:
		j.gone = append(j.gone, m.offset)
	default: // it stays there: it was ahead before, if anything
		j.find(j.ahead...)
		j.gone = j.gone[:0]
	}
	j.recent[j.n%jumpRecords] = m
	j.n++
}

// before is the nth record before the one to come.
func (j *jumps) before(n int) moment { return j.recent[(j.n+jumpRecords-n)%jumpRecords] }

// leapt notes the records since time was last where it has come back to.
func (j *jumps) leapt(minute int) {
	j.ahead = j.ahead[:0]
	for i := 1; i <= min(j.n, jumpRecords); i++ {
		m := j.before(i)
		if m.minute <= minute+backMinutes {
			return
		}
		j.ahead = append(j.ahead, m.offset)
	}
	j.ahead = j.ahead[:0]
}

// end is called at the end of the file, where it cannot be told which it was.
func (j *jumps) end() {
	if len(j.gone) > 0 {
		j.find(j.gone...)
		j.find(j.ahead...)
	}
}

func (j *jumps) find(offsets ...int64) {
	if len(j.found) < maxFound {
		j.found = append(j.found, offsets...)
	}
}

func (ls *layoutSurvey) shape(h *header) *shapeSurvey {
	if ls.recent != nil && ls.stamp.shape == h.shape {
		return ls.recent
	}
	ls.recent = ls.newShape(h)
	return ls.recent
}

func (ls *layoutSurvey) newShape(h *header) *shapeSurvey {
	key := h.shape.key()
	sh := ls.shapes[key]
	if sh == nil {
		if len(ls.shapes) >= maxShapes {
			return nil
		}
		if ls.shapes == nil {
			ls.shapes = map[string]*shapeSurvey{}
		}
		sh = &shapeSurvey{}
		ls.shapes[key] = sh
		ls.order = append(ls.order, key)
	}
	return sh
}

// firstYear is the year in which WhatsApp appeared.
const firstYear = 2009

func inRange(c civil, limit civil) bool {
	return c.year >= firstYear && c.dayNumber() <= limit.dayNumber()
}

func (sh *shapeSurvey) take(h *header, line []byte, limit civil) (days [4]int) {
	sh.n++
	if at := line[:h.rest]; h.shape.Half && (bytes.Contains(at, []byte("PM")) || bytes.Contains(at, []byte("AM"))) {
		sh.upper++
	}
	for _, o := range []order{dmy, mdy, ymd} {
		c, ok := h.civil(o)
		if !ok || !inRange(c, limit) {
			sh.invalid[o]++
			continue
		}
		d := c.dayNumber()
		days[o] = d
		if sh.last[o]-d > 1 {
			sh.back[o]++
		}
		if sh.last[o] != 0 {
			sh.travel[o] += int64(abs(d - sh.last[o]))
		}
		sh.last[o] = d
	}
	switch {
	case days[dmy] != 0 && days[mdy] == 0:
		sh.only[dmy]++
	case days[mdy] != 0 && days[dmy] == 0:
		sh.only[mdy]++
	}
	if days[dmy] != days[mdy] && days[dmy] != 0 && days[mdy] != 0 || days[ymd] != 0 && days[ymd] != max(days[dmy], days[mdy]) {
		sh.differ = true
	}
	if y, ok := dateInName(line[h.rest:]); ok {
		for o, d := range days {
			if d != 0 && abs(d-y) <= 1 {
				sh.votes[o]++
			}
		}
	}
	return days
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// dateInName finds a date in the name of a media file: IMG-20240504-WA0001.jpg
// or 00000012-PHOTO-2024-05-04-09-10-11.jpg. It returns its day number.
func dateInName(line []byte) (int, bool) {
	i := bytes.Index(line, []byte("-20"))
	if i < 0 || i+11 > len(line) {
		return 0, false
	}
	s := line[i+1:]
	if len(s) > 12 && s[8] == '-' && s[9] == 'W' && s[10] == 'A' && digits(string(s[:8])) {
		return dayOf(s[0:4], s[4:6], s[6:8])
	}
	if len(s) > 10 && s[4] == '-' && s[7] == '-' && s[10] == '-' && i >= 6 {
		return dayOf(s[0:4], s[5:7], s[8:10])
	}
	return 0, false
}

func dayOf(y, m, d []byte) (int, bool) {
	n := func(b []byte) int {
		v := 0
		for _, c := range b {
			if c < '0' || c > '9' {
				return 0
			}
			v = v*10 + int(c-'0')
		}
		return v
	}
	c := civil{year: n(y), month: int8(n(m)), day: int8(n(d))}
	if c.month < 1 || c.month > 12 || c.day < 1 || int(c.day) > daysIn(c.year, int(c.month)) {
		return 0, false
	}
	return c.dayNumber(), true
}

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

// author counts the names that a record may be by.
func (ls *layoutSurvey) author(rest []byte, same bool) {
	rest = bytes.TrimRight(rest, "\r\n")
	name, body, ok := cutAuthor(rest)
	if ls.unsigned = !ok; !ok {
		ls.named(string(rest))
		return
	}
	if ls.authors == nil {
		ls.authors, ls.doubles, ls.about = map[string]*authorSurvey{}, map[string]int{}, map[string]int{}
	}
	a := ls.authors[string(name)]
	if a == nil {
		if len(ls.authors) >= maxAuthors || len(name) > maxName {
			ls.capped = ls.capped || len(name) <= maxName
			return
		}
		a = &authorSurvey{}
		ls.authors[string(name)] = a
	}
	a.n++
	if same {
		a.same++
	}
	if ls.person(body) {
		a.plain++
	}
	// "ACME: Support: hello" may be by ACME: Support.
	for i := range 2 {
		more, next, ok := cutAuthor(body)
		if !ok || next == nil || len(more) > 40 || startsMarked(string(body)) || !partOfName(string(more)) {
			a.other = a.other || i == 0 && !ls.notice(a, rest)
			return
		}
		long := string(rest[:len(rest)-len(next)-2])
		// "ACME: Support added ACME: Support" is a notice about the long name.
		if i == 0 && ls.doubles[long] < 2 && ls.notice(a, rest) {
			return
		}
		if n, ok := ls.doubles[long]; ok {
			ls.doubles[long] = n + 1
		} else if len(ls.doubles) < maxDoubles {
			ls.doubles[long] = 1
		}
		body = next
	}
}

// notice notes a record of what may be an author and is a notice. Most authors
// are people, and their first record tells.
func (ls *layoutSurvey) notice(a *authorSurvey, rest []byte) bool {
	if a.other {
		return false
	}
	names, leads, ok := noticeNaming(string(rest))
	if !ok {
		return false
	}
	if !leads {
		a.whole++
	}
	for _, n := range names {
		if len(ls.about) < maxDoubles {
			ls.about[n]++
		}
		if a.about == nil {
			a.about = map[string]int64{}
		}
		a.about[n]++
	}
	return true
}

// person reports whether a body is a person's: not one that begins with the
// mark of WhatsApp's own sentences, unless it is media or the like.
func (ls *layoutSurvey) person(body []byte) bool {
	if !startsOwn(body) || len(body) > maxNotice {
		return true
	}
	c := classify(string(body), true)
	if c.kind != chat.Text {
		ls.marked = true
		return true
	}
	ls.named(string(body))
	return false
}

// cutAuthor cuts "author: body", "author:" and "author:.".
func cutAuthor(rest []byte) (name, body []byte, ok bool) {
	i := bytes.Index(rest, []byte(": "))
	switch {
	case i > 0:
		return rest[:i], rest[i+2:], true
	case len(rest) > 1 && rest[len(rest)-1] == ':':
		return rest[:len(rest)-1], nil, true
	case len(rest) > 2 && bytes.HasSuffix(rest, []byte(":.")):
		return rest[:len(rest)-2], nil, true
	}
	return nil, nil, false
}

// named takes the group's name and kind from a notice.
func (ls *layoutSurvey) named(body string) {
	if len(body) > 600 || ls.group != "" && ls.isGroup && ls.encrypted {
		return
	}
	switch n := notice(body, ""); n.Event {
	case chat.NoticeEncrypted:
		ls.encrypted = true
	case chat.NoticeGroupCreated:
		ls.isGroup = true
		if ls.group == "" {
			ls.group = n.Value
		}
	case chat.NoticeMemberAdded, chat.NoticeMemberLeft, chat.NoticeMemberRemoved, chat.NoticeMemberJoined, chat.NoticeSubject, chat.NoticeAdmin:
		ls.isGroup = true
	}
}

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

// decideOrders decides the date order of each shape, by evidence in the order
// of its strength. It reports whether the operator's word had to be passed by.
func (ls *layoutSurvey) decideOrders(r *reading, given order) (contradicted bool) {
	var sure order
	taken := given == unknownOrder
	for _, key := range ls.order {
		o, certain := ls.shapes[key].decide()
		by := byEvidence
		if given != unknownOrder {
			if possible(ls.shapes[key], given) {
				o, certain, by, taken = given, true, byOperator, true
			} else {
				// Where four digits say which is the year, an order that has
				// it elsewhere was not meant for this shape.
				contradicted = contradicted || key[1] == '.' || (given == ymd) == (key[1] == '0')
			}
		}
		r.Orders[key], r.Possible[key] = o.String(), ls.shapes[key].choices()
		switch {
		case !certain:
			r.Unsure = append(r.Unsure, key)
		case by == byOperator:
			r.OrderBy = byOperator
		case r.OrderBy == "":
			r.OrderBy = byEvidence
		}
		if certain && o != ymd && sure == unknownOrder {
			sure = o
		}
	}
	// A shape that cannot decide follows one that can.
	for _, key := range r.Unsure {
		if sure != unknownOrder && possible(ls.shapes[key], sure) {
			r.Orders[key] = sure.String()
		}
	}
	return contradicted || !taken
}

// possible reports whether no other order leaves fewer dates that are none.
func possible(sh *shapeSurvey, o order) bool { return sh.invalid[o] == slices.Min(sh.invalid[dmy:]) }

// choices are the orders that an operator may choose.
func (sh *shapeSurvey) choices() (all []string) {
	for _, o := range []order{dmy, mdy, ymd} {
		if possible(sh, o) {
			all = append(all, o.String())
		}
	}
	return all
}

// decide returns the order of a shape, and whether it is certain. It is not
// where hardly a date is one in it, nor where day and month stand in both orders.
func (sh *shapeSurvey) decide() (order, bool) {
	o, certain := sh.choose()
	contested := min(sh.only[dmy], sh.only[mdy])*overwhelming >= max(sh.only[dmy], sh.only[mdy], 1)
	return o, certain && !contested && sh.n > sh.invalid[o]
}

func (sh *shapeSurvey) choose() (order, bool) {
	left := sh.possible()
	if len(left) == 1 {
		return left[0], true
	}
	if best, ok := single(left, func(o order) int64 { return -sh.votes[o] }); ok {
		return best, true
	}
	if !sh.differ {
		return left[0], true
	}
	if best, ok := single(left, func(o order) int64 { return sh.back[o] }); ok {
		return best, true
	}
	// Nothing decides. Chats go from day to day rather than from month to
	// month: the better guess, and no more than that.
	best, ok := single(left, func(o order) int64 { return sh.travel[o] })
	if !ok && sh.upper == sh.n && slices.Contains(left, mdy) {
		best = mdy // AM and PM in capitals: few but Americans write them
	}
	return best, false
}

// possible are the orders with the fewest dates that are none. A year of two
// digits comes first in few locales (Korean, Basque, Nepali): that reading
// counts only where the slot of the year moves more slowly for it, or nothing
// else fits.
func (sh *shapeSurvey) possible() []order {
	fewest := slices.Min(sh.invalid[dmy:])
	var left []order
	for _, o := range []order{dmy, mdy, ymd} {
		if sh.invalid[o] == fewest {
			left = append(left, o)
		}
	}
	if len(left) < 2 || left[len(left)-1] != ymd {
		return left
	}
	others := left[:len(left)-1]
	for _, o := range others {
		if sh.travel[o] <= sh.travel[ymd] && sh.votes[ymd] <= sh.votes[o] {
			return others
		}
	}
	return []order{ymd}
}

// single returns the one order with the lowest cost, if it is one.
func single(left []order, cost func(order) int64) (order, bool) {
	best, n := left[0], 0
	for _, o := range left {
		switch {
		case cost(o) < cost(best):
			best, n = o, 1
		case cost(o) == cost(best):
			n++
		}
	}
	return best, n == 1
}

// people tells the authors from what only looks like one.
func (ls *layoutSurvey) people(ios bool) (authors, slots []string) {
	long, _ := ls.longNames()
	for name, a := range ls.authors {
		full, covered := long[name]
		if covered {
			name = full
		} else if ls.notAName(name, a) {
			continue
		}
		name = valid(name)
		if ios && a.plain == 0 {
			slots = append(slots, name)
		} else {
			authors = append(authors, name)
		}
	}
	slices.Sort(authors)
	slices.Sort(slots)
	return slices.Compact(authors), slices.Compact(slots)
}

// longNames finds names that hold ": " themselves, by the short name: every
// record that begins with it goes on with the same words, or is a notice about
// them. once are short names of which there is one such record: another file
// may tell.
func (ls *layoutSurvey) longNames() (long map[string]string, once []string) {
	long = map[string]string{}
	for name, n := range ls.doubles {
		short, _, _ := strings.Cut(name, ": ")
		a := ls.authors[short]
		if a == nil || a.other || a.n != int64(n)+a.about[plain(name)] {
			continue
		}
		if n < 2 {
			once = append(once, valid(short))
		} else if len(name) > len(long[short]) {
			long[short] = name
		}
	}
	return long, once
}

// notAName reports whether what stands before the first colon is a notice that
// holds a colon: it quotes something, or says something of a known author.
func (ls *layoutSurvey) notAName(name string, a *authorSurvey) bool {
	if unbalanced(name) {
		return true
	}
	if a.whole == a.n {
		return true
	}
	// "X: Y left" may be what X wrote. That X: Y is somebody must be told twice.
	for n, about := range a.about {
		if about == a.n && ls.about[n] > 1 {
			return true
		}
	}
	if a.n > 2 {
		return false
	}
	if utf8.RuneCountInString(name) > 100 {
		return true
	}
	if strings.Count(name, " ") < 3 {
		return false
	}
	for other, b := range ls.authors {
		rest, ok := strings.CutPrefix(name, other+" ")
		if ok && b.n >= a.n && len(strings.Fields(rest)) >= 3 {
			return true
		}
	}
	return false
}

// unbalanced reports whether a quotation begins in s and does not end: what
// follows the colon is still part of it.
func unbalanced(s string) bool {
	for _, q := range []string{"“”", "„“", "«»", "「」", "『』", "‘’"} {
		open, n := utf8.DecodeRuneInString(q)
		end, _ := utf8.DecodeRuneInString(q[n:])
		if i := strings.LastIndexFunc(s, func(r rune) bool { return r == open }); i >= 0 && !strings.ContainsRune(s[i+utf8.RuneLen(open):], end) {
			return open != '‘'
		}
	}
	return strings.Count(s, `"`)%2 == 1
}

// minSuspicion is how many records a file must have before an author can be
// suspected where there are but two, or most records have the stamp of the one
// before: in a short one everybody is new.
const minSuspicion = 20

// suspects are authors that may not be: whose every record has the same stamp
// as the one before it, as a header has that somebody wrote into a message.
// No byte tells it from a real one on Android, nor on iOS in a file that has
// lost its CRs.
func (ls *layoutSurvey) suspects(authors []string) (all []string) {
	few := max(ls.headers/20, 1)
	if ls.headers >= minSuspicion {
		few = max(few, 3)
	} else if len(authors) < 3 || ls.same*2 > ls.headers {
		return nil
	}
	for _, name := range authors {
		if a := ls.authors[name]; a != nil && a.n == a.same && a.n <= few {
			all = append(all, name)
		}
	}
	return all
}

// loose are the offsets of headers that their time makes suspect, where no line
// end tells. Several orders in one file leave no time to go by.
func (s *survey) loose(r *reading) map[int64]bool {
	all := map[int64]bool{}
	ls := &s.layouts[s.layout()]
	orders := r.summaryOrder(ls.order)
	if r.CRLF || parseOrder(orders) == unknownOrder {
		return all
	}
	for _, at := range ls.jumps[parseOrder(orders)].found {
		all[at] = true
	}
	return all
}

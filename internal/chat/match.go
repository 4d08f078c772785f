package chat

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// A chat export prints a message: by name, to the minute or second of the
// phone's clock, without ids. A phone's database has it with addresses and to
// the instant. What follows tells that both are of one message.

// Exact reports whether a record has a message as WhatsApp has it, and not
// only as printed.
func Exact(m *Message) bool {
	switch {
	case m.Key != nil:
		return true
	case m.From == nil:
		return m.AsPrinted == ""
	}
	return m.From.JID != "" || m.From.LID != "" || m.From.BSUID != ""
}

// Pair finds which printed and exact records of one chat, each in the order of
// time, show one message. No record is in two pairs.
func Pair(printed, exact []*Message) [][2]int {
	p := pairing{
		printed: views(printed), exact: views(exact), by: map[int64][]int{},
		to: make([]int, len(printed)), used: make([]bool, len(exact)), known: map[string]string{},
	}
	for j, e := range p.exact {
		p.by[e.minute] = append(p.by[e.minute], j)
	}
	for i := range p.to {
		p.to[i] = -1
	}
	p.clocks()
	p.round(func(a, b *view) bool { return p.who(a, b) == yes && alike(a, b) })
	p.learn()
	for _, shows := range []func(a, b *view) bool{alike, akin, revises} {
		p.round(func(a, b *view) bool { return p.who(a, b) == yes && shows(a, b) })
	}
	for _, shows := range []func(a, b *view) bool{alike, akin} {
		p.round(func(a, b *view) bool { return p.who(a, b) == unsure && shows(a, b) })
	}
	var out [][2]int
	for i, j := range p.to {
		if j >= 0 {
			out = append(out, [2]int{i, j})
		}
	}
	return out
}

// pairing is the state of one call of Pair.
type pairing struct {
	printed, exact []view
	by             map[int64][]int   // exact ones by minute
	to             []int             // the partner of each printed one, or -1
	used           []bool            // exact ones that have a partner
	known          map[string]string // who a printed name is, as far as messages say
}

// view is what is compared of a message.
type view struct {
	*Message
	minute int64 // of the instant; lost where there is none
	or     int64 // or that one: the clock may have changed before or after
	text   string
	name   string // of the sender, where it is one
	number string // the sender's phone number, digits alone
	who    string // exact ones: the sender
}

const lost = -1 << 40

func views(ms []*Message) []view {
	out := make([]view, len(ms))
	for i, m := range ms {
		v := view{Message: m, minute: lost, text: Said(m.Text)}
		if at, ok := instantOf(m.SentAt); ok {
			v.minute = at.Unix() / 60
			v.or = v.minute
		}
		if f := m.From; f != nil {
			v.number = digits(cmp.Or(f.Phone, userOf(f.JID)))
			if !isNumber(f) {
				v.name = plain(strings.TrimLeft(f.Name, "~\u00a0 "))
			}
			v.who = cmp.Or(f.JID, f.LID, f.BSUID, v.number)
		}
		if own(m) {
			v.who = "me"
		}
		out[i] = v
	}
	return out
}

func own(m *Message) bool { return m.Direction == Out || m.Key != nil && m.Key.FromMe }

// userOf is the number of a phone's address.
func userOf(jid string) string {
	if n, ok := strings.CutSuffix(jid, "@s.whatsapp.net"); ok {
		return n
	}
	return ""
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// isNumber reports a name that is the person's number, printed.
func isNumber(p *Person) bool {
	return p.Name == "" || p.Phone != "" && strings.HasPrefix(plain(p.Name), "+") && digits(p.Name) == digits(p.Phone)
}

// Said is a text as the sources of one message agree on it: they name those
// who are mentioned, or give their numbers.
func Said(text string) string {
	if strings.Contains(text, "@") {
		text = withoutMentions(text)
	}
	return plain(text)
}

func withoutMentions(s string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "@")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteByte('@')
		n := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		s = rest
		if name, after, ok := strings.Cut(rest, "\u2069"); ok && strings.HasPrefix(name, "\u2068") {
			s = after
		} else if n >= 5 {
			s = rest[n:]
		}
	}
}

// round pairs what has no partner yet.
func (p *pairing) round(same func(a, b *view) bool) {
	for i := range p.printed {
		if j := p.find(i, same); j >= 0 {
			p.to[i], p.used[j] = j, true
		}
	}
}

// find returns the first free exact record of the minute that is the same, or
// -1.
func (p *pairing) find(i int, same func(a, b *view) bool) int {
	a := &p.printed[i]
	if p.to[i] >= 0 || a.minute == lost {
		return -1
	}
	for _, minute := range []int64{a.minute, a.or} {
		for _, j := range p.by[minute] {
			if !p.used[j] && sameSeconds(a.Message, p.exact[j].Message) && same(a, &p.exact[j]) {
				return j
			}
		}
	}
	return -1
}

// sameSeconds lets what is known to the second differ by the rounding of one.
func sameSeconds(a, b *Message) bool {
	if a.Precision != "second" || b.Precision != "second" {
		return true
	}
	x, y := second(a.SentAt), second(b.SentAt)
	return max(x-y, y-x) <= 1
}

// second is the second of the minute: zones do not change it.
func second(at string) int {
	t, _ := instantOf(at)
	return t.Second()
}

// Texts that say how far an assumed zone is off: long enough not to be said
// twice by chance, and so many of them.
const (
	anchorLen = 6
	anchors   = 3
)

// maxZone is how far two zones lie apart, in minutes.
const maxZone = 26 * 60

// clocks puts printed times right whose zone was only assumed. By how much is
// seen in the texts nearby that both sides have once: it changes with summer
// time, and is a whole number of quarter hours.
func (p *pairing) clocks() {
	once := func(all []view) map[string]int {
		m := map[string]int{}
		for i, v := range all {
			if utf8.RuneCountInString(v.text) < anchorLen || v.minute == lost {
				continue
			}
			if _, twice := m[v.text]; twice {
				i = -1
			}
			m[v.text] = i
		}
		return m
	}
	theirs := once(p.exact)
	off := map[int]int64{}
	votes := map[int64]int{}
	for text, i := range once(p.printed) {
		j, ok := theirs[text]
		if i < 0 || !ok || j < 0 || !p.printed[i].ZoneAssumed {
			continue
		}
		if d := p.exact[j].minute - p.printed[i].minute; d%15 == 0 && max(d, -d) <= maxZone {
			off[i] = d
			votes[d]++
		}
	}
	var at []int
	for i, d := range off {
		if votes[d] >= anchors {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return
	}
	slices.Sort(at)
	k := 0
	for i := range p.printed {
		for k+1 < len(at) && at[k+1] <= i {
			k++
		}
		before, after := at[k], at[min(k+1, len(at)-1)]
		if after-i < i-before {
			before, after = after, before
		}
		if v := &p.printed[i]; v.ZoneAssumed && v.minute != lost {
			v.minute, v.or = v.minute+off[before], v.minute+off[after]
		}
	}
}

// answer is whether two senders are one person.
type answer int

const (
	no answer = iota
	unsure
	yes
)

func sure(same bool) answer {
	if same {
		return yes
	}
	return no
}

// who compares senders: by direction, number, name, and by what other messages
// say of the name.
func (p *pairing) who(a, b *view) answer {
	switch {
	case a.Type == SystemType || b.Type == SystemType:
		return sure(a.Type == b.Type)
	case a.From == nil || b.From == nil && b.who == "":
		return no
	case a.Direction == Out || a.Direction == In:
		if (a.Direction == Out) != (b.who == "me") {
			return no
		}
		if a.Direction == Out || b.Chat.Kind == Direct {
			return yes
		}
	}
	switch {
	case a.name == "" && a.number != "" && b.number != "":
		return sure(a.number == b.number)
	case a.name != "" && a.name == b.name:
		return yes
	}
	switch known := p.known[cmp.Or(a.name, a.number)]; known {
	case "":
		return unsure
	case b.who:
		return yes
	}
	return no
}

// learn finds out who the printed names are: most of what one of them wrote,
// and nobody else in that minute, one person wrote.
func (p *pairing) learn() {
	count := map[string]map[string]int{}
	for i := range p.printed {
		a := &p.printed[i]
		maybe := func(a, b *view) bool { return p.who(a, b) == unsure && alike(a, b) }
		j := p.find(i, maybe)
		if j < 0 || p.several(a, &p.exact[j]) {
			continue
		}
		name := cmp.Or(a.name, a.number)
		if count[name] == nil {
			count[name] = map[string]int{}
		}
		count[name][p.exact[j].who]++
	}
	for name, of := range count {
		best, n, second := "", 0, 0
		for who, c := range of {
			if c > n {
				best, n, second = who, c, n
			} else {
				second = max(second, c)
			}
		}
		if n > 2*second {
			p.known[name] = best
		}
	}
}

// several reports whether another exact record of the minute, of another
// sender, could be meant too.
func (p *pairing) several(a, b *view) bool {
	return slices.ContainsFunc(p.by[a.minute], func(j int) bool { return p.exact[j].who != b.who && alike(a, &p.exact[j]) })
}

// alike reports whether two records show the same content.
func alike(a, b *view) bool {
	switch {
	case a.Type == SystemType || b.Type == SystemType:
		return a.Type == b.Type && sameNotice(a.System, b.System)
	case a.Revoked || b.Revoked:
		return a.Revoked && b.Revoked
	case media(a.Message) && media(b.Message):
		return sameMedia(a.Message, b.Message) && (sameFile(a.Message, b.Message) || a.text != "" && a.text == b.text && kindred(a.Type, b.Type))
	}
	return a.text != "" && a.text == b.text && media(a.Message) == media(b.Message)
}

func sameNotice(a, b *System) bool {
	if a == nil || b == nil || a.Event != b.Event || a.Event == NoticeOther {
		return false
	}
	x, y := names(a.Who), names(b.Who)
	return len(x) == 0 || len(y) == 0 || meet(x, y)
}

// names are those of people who are named, rather than given by number.
func names(who []string) (out []string) {
	for _, n := range who {
		if n = plain(strings.TrimLeft(n, "~\u00a0 ")); n != "" && n[0] != '+' && !strings.Contains(n, "@") {
			out = append(out, n)
		}
	}
	return out
}

// akin reports whether two records can show the same content, of which one
// says less: a file that was left out, a place without its name.
func akin(a, b *view) bool {
	switch {
	case a.Revoked || b.Revoked || a.Type == SystemType || b.Type == SystemType:
		return false
	case media(a.Message) && media(b.Message):
		return sameMedia(a.Message, b.Message) && kindred(a.Type, b.Type) && (a.text == b.text || leftOut(a.Message) || leftOut(b.Message))
	case a.Type == Text || b.Type == Text:
		return false
	case a.Poll != nil && b.Poll != nil && plain(a.Poll.Question) != plain(b.Poll.Question):
		return false
	}
	return a.Type == b.Type || a.Type == Unknown && !media(b.Message) || a.Type == LivePlace && b.Type == Place || a.Type == Place && b.Type == LivePlace
}

// revises reports whether one record can be an edited or revoked state of the
// other.
func revises(a, b *view) bool {
	switch {
	case a.Type == SystemType || b.Type == SystemType:
		return false
	case a.Revoked || b.Revoked:
		return a.Revoked != b.Revoked
	}
	return (a.Edited || b.Edited) && a.text != b.text && media(a.Message) == media(b.Message)
}

// kindred reports types of files that sources do not tell apart alike: an
// image that was sent as a document, a recording.
func kindred(a, b Type) bool {
	for _, t := range []Type{Unknown, Document, ViewOnce} {
		if a == t || b == t {
			return true
		}
	}
	return a == b || a == Audio && b == Voice || a == Voice && b == Audio
}

func sameFile(a, b *Message) bool {
	x, y := &a.Attachments[0], &b.Attachments[0]
	return x.SHA256 != "" && x.SHA256 == y.SHA256 || x.Name != "" && path.Base(x.Name) == path.Base(y.Name)
}

package demo

import (
	"sort"
	"strings"
	"time"
)

// what a message is.
type what int

const (
	text what = iota
	notice
	photo
	voice
	video
	sticker
	document
	card
	place
	live
	poll
	call
	viewOnce
	revoked
	edited
	omitted
)

// message is one record of a chat, in no phone's language yet.
type message struct {
	at     time.Time
	from   string // empty for a notice
	what   what
	notice string // kind of notice
	arg    string // what stood in the bracket
	text   string // text, or caption
	fate   *fateOf
}

// fateOf says what became of a message after it was sent.
type fateOf struct {
	at      time.Time
	revoked bool
	text    string
}

var brackets = map[string]what{
	"photo": photo, "voice": voice, "video": video, "sticker": sticker, "pdf": document, "card": card,
	"location": place, "live": live, "poll": poll, "call": call, "viewonce": viewOnce,
	"deleted": revoked, "edited": edited, "omitted": omitted,
}

// compose makes a message of a line whose slots are filled.
func (c chat) compose(when time.Time, from, said string) message {
	m := message{at: when, from: from, text: said}
	if !strings.HasPrefix(said, "[") {
		return m
	}
	inside, caption, ok := strings.Cut(said[1:], "]")
	name, arg, _ := strings.Cut(inside, " ")
	if kind, known := brackets[name]; ok && known {
		m.what, m.arg, m.text = kind, arg, strings.TrimPrefix(caption, " ")
	}
	return m
}

// cast gives the roles of a scene to the people of the chat; with dice, B and
// C of a group are any two of them.
func (c chat) cast(d *dice) map[string]person {
	first, second := 0, 1%len(c.others)
	if d != nil && len(c.others) > 1 {
		first = d.n(len(c.others))
		second = (first + 1 + d.n(len(c.others)-1)) % len(c.others)
	}
	return map[string]person{
		"A": {c.phone.me, c.phone.short},
		"B": c.others[first],
		"C": c.others[second],
	}
}

// timeline returns everything that was said in c, in the order in which the
// phone shows it.
func (c chat) timeline() ([]message, error) {
	b, err := readBook(c.talk)
	if err != nil {
		return nil, err
	}
	told, err := readStories(c)
	if err != nil {
		return nil, err
	}
	d := roll(c.name)
	all := c.opening()
	all = append(all, told...)
	busy := map[string]bool{}
	for _, m := range told {
		busy[m.at.Format(time.DateOnly)] = true
	}
	all = append(all, c.scenes(b, busy, d)...)
	sort.SliceStable(all, func(i, j int) bool { return all[i].at.Before(all[j].at) })
	return all, nil
}

// opening returns the notices at the head of a chat.
func (c chat) opening() []message {
	when := c.from.Add(8*time.Hour + 31*time.Minute + 4*time.Second)
	head := []message{{at: when, what: notice, notice: "encrypted"}}
	if c.group {
		head = append(head,
			message{at: when, what: notice, notice: "created", arg: c.others[0].name},
			message{at: when, what: notice, notice: "addedMe", arg: c.others[0].name})
	}
	return head
}

// scenes plays scenes of b on the days of c until about enough was said. A
// scene is not played twice before all others were.
func (c chat) scenes(b book, busy map[string]bool, d *dice) []message {
	fit := b.only(c.group)
	var plays []scene
	for said := 0; said < c.messages; {
		for _, i := range d.order(len(fit)) {
			if said < c.messages {
				plays = append(plays, fit[i])
				said += len(fit[i].lines)
			}
		}
	}
	var all []message
	var free time.Time // when the last scene was over
	for i, when := range c.days(len(plays), busy, d) {
		if when.Before(free) {
			when = c.awake(free)
		}
		played := c.play(plays[i], b, when, d)
		free = played[len(played)-1].at.Add(time.Duration(4+d.n(50)) * time.Minute)
		all = append(all, played...)
	}
	return all
}

// days draws the starts of n scenes between the chat's first day and its last
// export: in business hours, seldom on a weekend, never on a busy day.
func (c chat) days(n int, busy map[string]bool, d *dice) []time.Time {
	end := c.exports[len(c.exports)-1]
	span := int(end.Sub(c.from).Hours()/24) - 3
	var starts []time.Time
	for len(starts) < n {
		day := c.from.AddDate(0, 0, 1+d.n(span))
		if w := day.Weekday(); (w == c.phone.weekend[0] || w == c.phone.weekend[1]) && d.n(14) > 0 {
			continue
		}
		if busy[day.Format(time.DateOnly)] {
			continue
		}
		minutes := 8*60 + 35 + (d.n(9*60)+d.n(9*60))/2
		starts = append(starts, day.Add(time.Duration(minutes)*time.Minute+time.Duration(d.n(60))*time.Second))
	}
	sort.Slice(starts, func(i, j int) bool { return starts[i].Before(starts[j]) })
	return starts
}

// play speaks one scene, beginning at when.
func (c chat) play(s scene, b book, when time.Time, d *dice) []message {
	cast := c.cast(d)
	slots := b.slotsFor(c, cast, when.Truncate(24*time.Hour), d)
	var all []message
	before := ""
	for _, l := range s.lines {
		if before != "" {
			when = c.awake(when.Add(pause(l.who == before, d)))
		}
		all = append(all, c.compose(when, cast[l.who].name, say(l.text, slots, d)))
		before = l.who
	}
	return all
}

// pause is how long people take: bursts, then minutes, sometimes an hour.
func pause(same bool, d *dice) time.Duration {
	k := d.n(100)
	switch {
	case same:
		return time.Duration(6+d.n(50)) * time.Second
	case k < 65:
		return time.Duration(9+d.n(110)) * time.Second
	case k < 90:
		return time.Duration(120+d.n(900)) * time.Second
	}
	return time.Duration(1200+d.n(7200)) * time.Second
}

// awake moves a time of the night to the next working morning.
func (c chat) awake(t time.Time) time.Time {
	if t.Hour() < 21 {
		return t
	}
	morning := workday(t.Truncate(24*time.Hour).AddDate(0, 0, 1), c.phone.weekend)
	return morning.Add(8*time.Hour + 22*time.Minute + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second)
}

// order returns 0 … n-1 shuffled.
func (d *dice) order(n int) []int {
	o := make([]int, n)
	for i := range o {
		j := d.n(i + 1)
		o[i], o[j] = o[j], i
	}
	return o
}

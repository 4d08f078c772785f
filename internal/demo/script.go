package demo

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed talk/*.txt
var talkFiles embed.FS

// line is one thing said in a scene, before its slots are filled.
type line struct {
	who  string // A, B, C
	text string
}

// scene is a short conversation about one thing.
type scene struct {
	group bool
	lines []line
}

// book is everything that is said in one language.
type book struct {
	slots  map[string][]string
	scenes []scene
}

// readBook reads talk/<language>.txt; README.md there tells the form.
func readBook(language string) (book, error) {
	name := "talk/" + language + ".txt"
	raw, err := talkFiles.ReadFile(name)
	if err != nil {
		return book{}, fmt.Errorf("read sample talk: %w", err)
	}
	b := book{slots: map[string][]string{}}
	for n, l := range strings.Split(string(raw), "\n") {
		switch {
		case l == "" || l[0] == '#':
		case l[0] == ':':
			name, values, _ := strings.Cut(l[1:], " ")
			b.slots[name] = strings.Split(values, "|")
		case l[0] == '@':
			b.scenes = append(b.scenes, scene{group: strings.HasPrefix(l, "@g ")})
		default:
			who, text, ok := strings.Cut(l, ": ")
			if !ok || len(who) != 1 || len(b.scenes) == 0 {
				return book{}, fmt.Errorf("%s line %d: not a line of talk", name, n+1)
			}
			s := &b.scenes[len(b.scenes)-1]
			s.lines = append(s.lines, line{who, strings.TrimRight(text, " ")})
		}
	}
	return b, nil
}

// only returns the scenes that suit a group, or a conversation of two.
func (b book) only(group bool) []scene {
	var fit []scene
	for _, s := range b.scenes {
		if s.group == group {
			fit = append(fit, s)
		}
	}
	return fit
}

var choice = regexp.MustCompile(`\(([^()]*\|[^()]*)\)`)

// say fills the slots of text and makes its choices.
func say(text string, slots map[string]string, d *dice) string {
	text = choice.ReplaceAllStringFunc(text, func(m string) string {
		return d.of(strings.Split(m[1:len(m)-1], "|"))
	})
	for name, value := range slots {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return strings.ReplaceAll(text, `\n`, "\n")
}

// slotsFor draws a value for every slot of a scene that plays on day.
func (b book) slotsFor(c chat, cast map[string]person, day time.Time, d *dice) map[string]string {
	slots := map[string]string{}
	for _, name := range []string{"fund", "amount", "usd", "doc", "bank", "place", "weekday"} {
		if values := b.slots[name]; len(values) > 0 {
			slots[name] = d.of(values)
		}
	}
	date := func(t time.Time) string {
		return strings.NewReplacer("{d}", strconv.Itoa(t.Day()), "{month}", b.slots["month"][t.Month()-1]).Replace(b.slots["date"][0])
	}
	slots["date"] = date(workday(day.AddDate(0, 0, 3+d.n(14)), c.phone.weekend))
	slots["last"] = date(day.AddDate(0, 0, -day.Day())) // end of the month before
	slots["time"] = fmt.Sprintf("%d:%02d", 9+d.n(8), 15*d.n(4))
	slots["pct"] = fmt.Sprintf("%d.%d %%", d.n(4), 1+d.n(9))
	if c.talk != "en" && c.talk != "hi" && c.talk != "ja" && c.talk != "zh" && c.talk != "he" {
		slots["pct"] = strings.Replace(slots["pct"], ".", ",", 1)
	}
	slots["nav"] = fmt.Sprintf("%02d.%02d", d.n(60), d.n(100))
	slots["ref"] = fmt.Sprintf("HV-%05d", 20000+d.n(9000))
	slots["isin"] = fmt.Sprintf("XS00%08d", d.n(100000000)) // XS00 is no issue of anybody
	slots["email"] = c.mail
	for role, p := range cast {
		slots[strings.ToLower(role)] = p.short
	}
	return slots
}

// workday returns day or the first one after it that is not of the weekend.
func workday(day time.Time, weekend [2]time.Weekday) time.Time {
	for day.Weekday() == weekend[0] || day.Weekday() == weekend[1] {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

package chatexport

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
)

// location reads pins and places.
func location(body string, t *tables) (content, bool) {
	i := strings.LastIndex(body, "https://")
	if i < 0 || strings.ContainsAny(body[i:], " \n") {
		return content{}, false
	}
	link, label := body[i:], strings.TrimFunc(body[:i], isMark)
	lat, lon, pin := coordinates(link)
	if !pin && !strings.HasPrefix(link, "https://foursquare.com/v/") {
		return content{}, false
	}
	loc := &chat.Location{URL: link}
	if pin {
		loc.Lat, loc.Lon = &lat, &lon
	}
	if strings.Contains(label, "\n") {
		return placeLines(label, loc, t)
	}
	label, ok := strings.CutSuffix(strings.TrimRight(label, " "), ":")
	if !ok {
		if label, ok = strings.CutSuffix(label, "："); !ok {
			return content{}, false
		}
	}
	label = strings.TrimSpace(label)
	name, address, place := strings.Cut(strings.TrimSuffix(label, ")"), " (")
	switch {
	case t.location[strings.ToLower(strings.TrimSpace(label))]:
	case place && strings.HasSuffix(label, ")"):
		loc.Name, loc.Address = name, address
	case pin && startsMarked(body):
	default:
		return content{}, false
	}
	return content{kind: chat.Place, place: loc}, true
}

// placeLines reads the place that Android writes on lines of its own: name,
// address, and a link with or without the word for location before it.
func placeLines(label string, loc *chat.Location, t *tables) (content, bool) {
	lines := strings.Split(strings.TrimRight(label, " "), "\n")
	last := strings.TrimSpace(strings.TrimRight(strings.TrimSpace(lines[len(lines)-1]), ":："))
	if last != "" && !t.location[strings.ToLower(last)] {
		return content{}, false
	}
	lines = lines[:len(lines)-1]
	if len(lines) == 0 || len(lines) > 3 {
		return content{}, false
	}
	loc.Name, loc.Address = lines[0], strings.Join(lines[1:], ", ")
	return content{kind: chat.Place, place: loc}, true
}

// coordinates reads https://maps.google.com/?q=LAT,LON. Latitude comes first.
func coordinates(link string) (lat, lon float64, ok bool) {
	q, ok := strings.CutPrefix(link, "https://maps.google.com/?q=")
	if !ok {
		return 0, 0, false
	}
	a, b, ok := strings.Cut(q, ",")
	lat, err1 := strconv.ParseFloat(a, 64)
	lon, err2 := strconv.ParseFloat(b, 64)
	return lat, lon, ok && err1 == nil && err2 == nil && lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180
}

// pollBody reads a poll by its shape: a word in capitals and a colon alone on
// the first line, the question, and options that end in their votes.
func pollBody(body string) (content, bool) {
	first, _, ok := strings.Cut(body, "\n")
	if !ok || len(first) > 120 || !headWord(first) {
		return content{}, false
	}
	lines := strings.Split(body, "\n")
	p := &chat.Poll{}
	var question []string
	for _, l := range lines[1:] {
		if o, ok := pollOption(l); ok {
			p.Options = append(p.Options, o)
			continue
		}
		if len(p.Options) > 0 {
			return content{}, false
		}
		question = append(question, strings.TrimLeftFunc(l, isMark))
	}
	if len(p.Options) == 0 || len(question) == 0 {
		return content{}, false
	}
	p.Question = strings.Join(question, "\n")
	return content{kind: chat.PollType, poll: p}, true
}

// headWord reports whether a line is a word in capitals, or in a script
// without them, and a colon.
func headWord(line string) bool {
	s := strings.TrimFunc(line, func(r rune) bool { return isMark(r) || isBlank(r) })
	w, ok := strings.CutSuffix(s, ":")
	if !ok {
		if w, ok = strings.CutSuffix(s, "："); !ok {
			return false
		}
	}
	w = strings.TrimRightFunc(w, isBlank)
	if w == "" || utf8.RuneCountInString(w) > 24 {
		return false
	}
	for _, r := range w {
		if unicode.IsLower(r) || unicode.IsDigit(r) || unicode.IsPunct(r) {
			return false
		}
	}
	return true
}

// pollOption reads "‎OPTION: text (3 votes)".
func pollOption(line string) (chat.PollOption, bool) {
	s := strings.TrimFunc(line, func(r rune) bool { return isMark(r) || isBlank(r) })
	if !strings.HasSuffix(s, ")") {
		return chat.PollOption{}, false
	}
	open := strings.LastIndexByte(s, '(')
	colon := strings.IndexAny(s, ":：")
	if open < 0 || colon < 0 || colon > open || !headWord(s[:colon]+":") {
		return chat.PollOption{}, false
	}
	votes, found := 0, false
	for _, r := range s[open:] {
		if d := digit(r); d >= 0 {
			votes, found = votes*10+d, true
		}
		if votes > 1<<20 {
			return chat.PollOption{}, false
		}
	}
	_, n := utf8.DecodeRuneInString(s[colon:])
	return chat.PollOption{Text: strings.TrimSpace(s[colon+n : open]), Votes: votes}, found
}

// occasionBody reads an event by its field "… Start time: 1765279800000".
func occasionBody(body string) (content, bool) {
	first, _, ok := strings.Cut(body, "\n")
	if !ok || len(first) > 1000 {
		return content{}, false
	}
	head, title, ok := strings.Cut(strings.TrimLeftFunc(first, isMark), ":")
	if !ok || len(head) > 100 || !headWord(head+":") {
		return content{}, false
	}
	lines := strings.Split(body, "\n")
	o := &chat.Occasion{Title: strings.TrimSpace(title)}
	found := false
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(strings.TrimLeftFunc(l, isMark), ":")
		value = strings.TrimSpace(value)
		switch name = strings.ToLower(name); {
		case strings.Contains(name, "start time"):
			if ms, err := strconv.ParseInt(value, 10, 64); err == nil {
				o.Starts, found = time.UnixMilli(ms).UTC().Format(time.RFC3339), true
			}
		case strings.Contains(name, "cancelled"):
			o.Cancelled = value == "true"
		case strings.Contains(name, "description"):
			o.Description = value
		case strings.Contains(name, "location name"):
			o.Place = value
		case strings.Contains(name, "join link"):
			o.Link = value
		}
	}
	return content{kind: chat.OccasionType, occasion: o}, found
}

// markedCall reads "‎Missed voice call. ‎Tap to call back." and "‎Video call, ‎5 min".
func markedCall(body string, t *tables) (content, bool) {
	if len(body) > 160 || !startsMarked(body) || strings.Contains(body, "\n") {
		return content{}, false
	}
	whole := plain(body)
	if said := t.says[whole]; said.call() {
		return callContent(whole, "", said, true)
	}
	in := strings.TrimLeftFunc(body, isMark)
	i := lastMark(in)
	if i <= 0 {
		return content{}, false
	}
	head := plain(strings.TrimRight(strings.TrimFunc(in[:i], func(r rune) bool { return isMark(r) || isBlank(r) }), ".,"))
	if said := t.says[head]; said.call() {
		return callContent(head, plain(in[i:]), said, true)
	}
	return content{}, false
}

func callContent(head, printed string, said says, marked bool) (content, bool) {
	// "Voice call" without a mark is something that people write.
	missed := !strings.HasSuffix(head, "oice call") && !strings.HasSuffix(head, "ideo call") || strings.HasPrefix(head, "Missed")
	if !missed && !marked {
		return content{}, false
	}
	return content{kind: chat.CallType, own: true, call: &chat.Call{Video: said == sayVideo, Missed: missed, Printed: printed, Seconds: callSeconds(printed)}}, true
}

// callSeconds reads "2 min", "1 hr 5 min" and "40 sec".
func callSeconds(s string) (n int) {
	f := strings.Fields(s)
	for i := 0; i+1 < len(f); i += 2 {
		v, err := strconv.Atoi(f[i])
		if err != nil || v > 1000 {
			return 0
		}
		switch {
		case strings.HasPrefix(f[i+1], "h"):
			n += v * 3600
		case strings.HasPrefix(f[i+1], "m"):
			n += v * 60
		case strings.HasPrefix(f[i+1], "s"):
			n += v
		}
	}
	return n
}

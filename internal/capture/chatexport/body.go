package chatexport

import (
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
)

// content is what a body turned out to be.
type content struct {
	kind    chat.Type
	text    string // what the author wrote
	file    string // the attachment that is named
	omitted bool   // media that the export says were left out
	revoked bool
	edited  bool
	empty   bool
	// own: WhatsApp wrote the body, in the author's name.
	own      bool
	place    *chat.Location
	poll     *chat.Poll
	call     *chat.Call
	occasion *chat.Occasion
}

// marked reports whether iOS writes such a body with a direction mark.
func (c *content) marked() bool {
	return c.file != "" || c.revoked || c.edited || c.call != nil || c.poll != nil || c.kind == chat.LivePlace
}

// ownWords reports whether a direction mark stands before a body, or before the
// angle that ends it.
func ownWords(body string) bool {
	open := strings.LastIndexByte(body, '<')
	before, _ := utf8.DecodeLastRuneInString(body[:max(open, 0)])
	return startsMarked(body) || isMark(before)
}

// classify says what a body is. body has its lines joined by LF; marked is
// whether a direction mark stands before it. Structure comes first, the tables
// refine; a language that is in no table is text.
func classify(body string, ios bool) content {
	if body == "" {
		return content{kind: chat.Unknown, empty: true}
	}
	body, edited := cutEdited(body)
	c := classifyUnedited(body, ios)
	c.edited = edited
	return c
}

func classifyUnedited(body string, ios bool) content {
	t, has := loadTables(), look(body)
	// Most bodies are words and nothing else, and are tried for nothing.
	if has&(hasAngle|hasParen|hasWide) != 0 {
		if c, ok := attached(body, ios, t); ok {
			return c
		}
		if c, ok := leftOut(body, ios, t); ok {
			return c
		}
	}
	if has&(hasColon|hasWide) != 0 {
		if c, ok := location(body, t); ok {
			return c
		}
		if has&hasLine != 0 {
			if c, ok := pollBody(body); ok {
				return c
			}
			if c, ok := occasionBody(body); ok {
				return c
			}
		}
	}
	if has&hasMark != 0 {
		if c, ok := markedCall(body, t); ok {
			return c
		}
	}
	return classifyPlain(body, has, ios, t)
}

// trait is what is in a body, by which most of what it could be is ruled out.
type trait uint8

const (
	hasAngle trait = 1 << iota
	hasParen
	hasColon
	hasLine
	hasWide // beyond ASCII
	hasMark // of direction
	hasOdd  // a blank that is no plain space
	hasLead // of a character that may be a mark or such a blank
)

// traits are those of bytes.
var traits = func() (t [256]trait) {
	t['<'], t['>'], t['('], t[')'], t[':'], t['\n'], t['\t'] = hasAngle, hasAngle, hasParen, hasParen, hasColon, hasLine, hasOdd
	for c := utf8.RuneSelf; c < len(t); c++ {
		t[c] = hasWide
	}
	for _, r := range "\u061c\u200e\u2066\ufeff\u00a0\u2009\u3000" {
		t[string(r)[0]] |= hasLead
	}
	return t
}()

func look(s string) (has trait) {
	for i := 0; i < len(s); i++ {
		c := traits[s[i]]
		has |= c
		if c&hasLead == 0 {
			continue
		}
		switch r, _ := utf8.DecodeRuneInString(s[i:]); {
		case isMark(r):
			has |= hasMark
		case isBlank(r):
			has |= hasOdd
		}
	}
	return has
}

// classifyPlain tells the sentences that WhatsApp puts in an author's mouth.
func classifyPlain(body string, has trait, ios bool, t *tables) content {
	if len(body) > 500 || has&hasLine != 0 {
		return content{kind: chat.Text, text: body}
	}
	switch said := t.sentence(body, has); said {
	case sayRevoked:
		return content{kind: chat.Unknown, revoked: true, own: true}
	case sayLive:
		return content{kind: chat.LivePlace, own: true}
	case sayWaiting:
		return content{kind: chat.Unsupported, own: true}
	case sayViewOnce:
		return content{kind: chat.ViewOnce, own: true}
	case sayVoice, sayVideo:
		if c, ok := callContent(trimStop(body), "", said, false); ok {
			return c
		}
	case sayNothing:
		if !ios {
			return content{kind: chat.Unknown, empty: true}
		}
	case sayText:
	}
	return content{kind: chat.Text, text: body}
}

// cutEdited takes the edit marker off the end of a body.
func cutEdited(body string) (string, bool) {
	if !strings.HasSuffix(body, ">") {
		return body, false
	}
	open := strings.LastIndexByte(body, '<')
	if open <= 0 || len(body)-open > 200 {
		return body, false
	}
	if !loadTables().edited[plain(body[open+1:len(body)-1])] {
		return body, false
	}
	before := strings.TrimRightFunc(body[:open], func(r rune) bool { return isMark(r) })
	trimmed, ok := strings.CutSuffix(before, " ")
	if !ok && before != "" && !strings.HasSuffix(before, "\n") {
		return body, false
	}
	return strings.TrimSuffix(trimmed, "\n"), true
}

// attached finds the file that a body names.
func attached(body string, ios bool, t *tables) (content, bool) {
	if ios {
		return attachedIOS(body, t)
	}
	return attachedAndroid(body, t)
}

// attachedIOS reads "caption ‎<attached: file>". The marker ends the body.
func attachedIOS(body string, t *tables) (content, bool) {
	if !strings.HasSuffix(body, ">") {
		return content{}, false
	}
	open := strings.LastIndexByte(body, '<')
	marker := body[max(open, 0):]
	file := ""
	for _, a := range t.attached {
		if len(a.before) == 0 || a.before[0] != '<' {
			if !strings.HasSuffix(a.after, ">") || a.before != "" {
				continue
			}
			// 2015: "2015-08-04-PHOTO-00004762.jpg <attached>"
			if f, ok := strings.CutSuffix(body, a.after); ok && fileName(f) {
				return fileContent(strings.TrimLeftFunc(f, isMark), ""), true
			}
			continue
		}
		if f, ok := cutAffix(marker, a); ok {
			file = f
			break
		}
	}
	if file == "" {
		file = numberedFile(marker)
	}
	if open < 0 || file == "" || strings.ContainsAny(file, "\n") {
		return content{}, false
	}
	return fileContent(file, body[:open]), true
}

func cutAffix(s string, a affix) (string, bool) {
	if len(s) <= len(a.before)+len(a.after) {
		return "", false
	}
	in, ok := strings.CutPrefix(s, a.before)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(in, a.after)
}

// numberedFile reads a marker in a language that is not in the tables, by the
// numbered names that iOS gives its files: <word: 00000012-PHOTO-….jpg>.
func numberedFile(marker string) string {
	in := strings.Trim(marker, "<> ")
	for i := 0; i+9 < len(in); i++ {
		if in[i] < '0' || in[i] > '9' {
			continue
		}
		if f := in[i:]; digits(f[:8]) && f[8] == '-' && path.Ext(f) != "" {
			if e := strings.LastIndexByte(f, ' '); e > 0 && !strings.Contains(f[e:], ".") {
				f = f[:e]
			}
			return f
		}
		break
	}
	return ""
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// attachedAndroid reads "file (file attached)" and the caption below it.
func attachedAndroid(body string, t *tables) (content, bool) {
	line, caption, _ := strings.Cut(body, "\n")
	if !strings.HasSuffix(line, ")") && ascii(line) {
		return content{}, false // every marker ends so, or is in another script
	}
	line = strings.TrimRightFunc(line, isMark)
	for _, a := range t.attached {
		if len(a.before) > 0 && a.before[0] == '<' || strings.HasSuffix(a.after, ">") {
			continue
		}
		f, ok := cutAffix(strings.TrimLeftFunc(line, isMark), a)
		if !ok {
			continue
		}
		if f = strings.TrimFunc(f, isMark); fileName(f) {
			return fileContent(f, caption), true
		}
	}
	// Another language, told by the names that Android gives its files.
	f, rest, ok := strings.Cut(strings.TrimLeftFunc(line, isMark), " (")
	if ok && strings.HasSuffix(rest, ")") && androidFile(f) {
		return fileContent(f, caption), true
	}
	return content{}, false
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// androidFile reports whether f is named IMG-20240504-WA0001.jpg or alike.
func androidFile(f string) bool {
	if len(f) < 20 || f[3] != '-' || f[12:15] != "-WA" {
		return false
	}
	return digits(f[4:12]) && digits(f[15:19]) && f[19] == '.'
}

// fileName reports whether f can be the name of a file: it has an extension,
// be it an empty one, or is a hash.
func fileName(f string) bool {
	f = strings.TrimFunc(f, isMark)
	if f == "" || len(f) > 500 || strings.ContainsAny(f, "\n<>") {
		return false
	}
	dot := strings.LastIndexByte(f, '.')
	if dot < 0 {
		return len(f) == 32 && strings.Trim(f, "0123456789abcdef") == ""
	}
	ext := f[dot+1:]
	if dot == 0 || len(ext) > 10 {
		return false
	}
	for _, r := range ext {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

// fileContent is a body that names a file. Around it stand the caption, and
// what WhatsApp says of documents: their name and how many pages they have.
func fileContent(file, around string) content {
	return content{kind: typeOfFile(file), file: file, text: caption(around, file)}
}

// caption is what of the text around a file its author wrote.
func caption(around, file string) string {
	s := strings.TrimRightFunc(around, func(r rune) bool { return isMark(r) || isBlank(r) || r == '\n' })
	s = strings.TrimLeftFunc(s, isMark)
	if s == "" {
		return ""
	}
	// "Plan.pdf • ‎2 pages": the bullet and the mark are WhatsApp's.
	if i := strings.LastIndex(s, " • "); i >= 0 {
		if after := s[i+len(" • "):]; !strings.Contains(after, "\n") && (startsMarked(after) || strings.ContainsAny(after, "0123456789")) {
			if j := strings.LastIndexByte(s[:i], '\n'); j >= 0 {
				return s[:j]
			}
			return ""
		}
	}
	// Android repeats a document's name below it.
	if file != "" && (s == file || s == strings.TrimSuffix(file, path.Ext(file))) {
		return ""
	}
	if rest, ok := strings.CutPrefix(s, strings.TrimSuffix(file, path.Ext(file))+"\n"); ok && file != "" && !androidFile(file) {
		return rest
	}
	return s
}

func startsMarked(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return isMark(r)
}

// typeOfFile tells the type of a message by the name of its file.
func typeOfFile(f string) chat.Type {
	upper := strings.ToUpper(f)
	for _, p := range []struct {
		mark string
		kind chat.Type
	}{
		{"PTT-", chat.Voice},
		{"STK-", chat.Sticker},
		{"IMG-", chat.Image},
		{"VID-", chat.Video},
		{"-PHOTO-", chat.Image},
		{"-VIDEO-", chat.Video},
		{"-STICKER-", chat.Sticker},
		{"-GIF-", chat.Video},
		{"GIF-", chat.Video},
	} {
		if p.mark[0] == '-' && len(upper) > 8 && strings.HasPrefix(upper[8:], p.mark) || strings.HasPrefix(upper, p.mark) {
			return p.kind
		}
	}
	switch strings.ToLower(path.Ext(f)) {
	case ".jpg", ".jpeg", ".png", ".gif", ".heic", ".heif", ".bmp", ".tif", ".tiff", ".avif":
		return chat.Image
	case ".webp":
		return chat.Sticker
	case ".mp4", ".mov", ".3gp", ".mkv", ".avi", ".m4v", ".webm":
		return chat.Video
	case ".opus":
		return chat.Voice
	case ".m4a", ".mp3", ".aac", ".amr", ".ogg", ".wav", ".flac":
		return chat.Audio
	case ".vcf":
		return chat.ContactCard
	}
	if strings.HasPrefix(upper, "AUD-") || len(upper) > 8 && strings.HasPrefix(upper[8:], "-AUDIO-") {
		return chat.Audio
	}
	return chat.Document
}

var omittedTypes = map[string]chat.Type{
	"image": chat.Image, "video": chat.Video, "audio": chat.Audio, "gif": chat.Video, "sticker": chat.Sticker, "contact": chat.ContactCard,
	"document": chat.Document, "media": chat.Unknown, "product": chat.Unknown, "videonote": chat.Video, "viewonce": chat.ViewOnce,
}

// leftOut reads the placeholder of media that the export was made without.
func leftOut(body string, ios bool, t *tables) (content, bool) {
	if !ios {
		// "<Media omitted>", and the caption below it.
		first, rest, _ := strings.Cut(body, "\n")
		if len(first) > 200 || !strings.HasPrefix(strings.TrimLeftFunc(first, isMark), "<") {
			return content{}, false
		}
		kind, ok := t.omitted[plain(first)]
		return content{kind: omittedTypes[kind], omitted: true, text: rest}, ok
	}
	// "caption ‎image omitted": the last mark begins the placeholder.
	at := lastMark(body)
	if at < 0 || len(body)-at > 200 {
		return content{}, false
	}
	kind, ok := t.omitted[plain(body[at:])]
	if !ok {
		return content{}, false
	}
	return content{kind: omittedTypes[kind], omitted: true, text: caption(body[:at], "")}, true
}

// lastMark is where the last direction mark of s stands, or -1.
func lastMark(s string) int {
	for i := len(s); i > 0; {
		r, n := utf8.DecodeLastRuneInString(s[:i])
		i -= n
		if r == 0x200e || r == 0x200f {
			return i
		}
	}
	return -1
}

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

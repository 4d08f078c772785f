package chatexport

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
)

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

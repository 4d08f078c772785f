package demo

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"time"
)

//go:embed media/*.opus media/*.mp4 media/*.webp
var mediaFiles embed.FS

// attach writes a record that names a file, and keeps the file.
func (e *export) attach(m message, d *dice) error {
	data, own, err := e.content(m, d)
	if err != nil {
		return err
	}
	name := e.fileName(m, own)
	marker := strings.ReplaceAll(e.locale.attached, "{f}", name)
	body := e.own(marker)
	switch {
	case e.locale.ios && m.what == document:
		pages := strings.ReplaceAll(e.locale.pages, "{n}", fmt.Sprint(pagesOf(data)))
		body = own + " • " + e.own(pages) + " " + body
		if m.text != "" {
			body = m.text + " " + body
		}
	case e.locale.ios && m.text != "":
		body = m.text + " " + body
	case !e.locale.ios && m.what == document:
		body += "\n" + strings.TrimSuffix(own, path.Ext(own))
	case !e.locale.ios && m.text != "":
		body += "\n" + m.text
	}
	e.put(m, m.from, body, true)
	if e.chat.lost && !e.lost && m.what == photo {
		e.lost = true // named above, and not there
		return nil
	}
	for _, f := range e.files {
		if f.name == name {
			return nil // the same document, sent again
		}
	}
	e.files = append(e.files, file{name, data})
	return nil
}

// content returns the file of m, and its own name where it has one.
func (e *export) content(m message, d *dice) (data []byte, own string, err error) {
	switch m.what {
	case photo:
		data, err = paint(m.arg, d)
	case document:
		own = fileSafe(m.arg) + ".pdf"
		data = pdf(m.arg, e.chat.name+m.arg)
	case card:
		own = m.arg + ".vcf"
		data = vcard(m.arg, d)
	case video:
		data, err = mediaFiles.ReadFile("media/video.mp4")
	case sticker:
		data, err = mediaFiles.ReadFile("media/sticker-" + d.of([]string{"smile", "done"}) + ".webp")
	case voice:
		data, err = mediaFiles.ReadFile("media/" + e.voiceFile(d))
	default:
		err = fmt.Errorf("kind %d has no file", m.what)
	}
	if err != nil {
		return nil, "", fmt.Errorf("make attachment: %w", err)
	}
	return data, own, nil
}

// voiceFile picks a recording in the language of the chat.
func (e *export) voiceFile(d *dice) string {
	switch e.chat.talk {
	case "de", "pt", "ar", "ja":
		return "voice-" + e.chat.talk + ".opus"
	}
	return fmt.Sprintf("voice-en-%d.opus", 1+d.n(2))
}

// fileName numbers attachments as the phone does: an iPhone all of a chat,
// with holes; Android those of a day.
func (e *export) fileName(m message, own string) string {
	if !e.locale.ios {
		if own != "" {
			return own
		}
		day := m.at.Format("20060102")
		if _, ok := e.today[day]; !ok {
			e.today[day] = roll(day).n(4)
		}
		n := e.today[day]
		e.today[day]++
		kind := map[what]string{photo: "IMG-%s-WA%04d.jpg", voice: "PTT-%s-WA%04d.opus", video: "VID-%s-WA%04d.mp4", sticker: "STK-%s-WA%04d.webp"}[m.what]
		return fmt.Sprintf(kind, day, n)
	}
	e.number += 1 + roll(m.at.Format(time.DateTime)).n(3)
	if own != "" {
		return fmt.Sprintf("%08d-%s", e.number, own)
	}
	kind := map[what]string{photo: "PHOTO-%s.jpg", voice: "AUDIO-%s.opus", video: "VIDEO-%s.mp4", sticker: "STICKER-%s.webp"}[m.what]
	return fmt.Sprintf("%08d-"+kind, e.number, m.at.Format("2006-01-02-15-04-05"))
}

// fileSafe keeps separators out of a name.
func fileSafe(s string) string { return strings.NewReplacer("/", "-", `\`, "-", ":", " ").Replace(s) }

package demo

import (
	"bytes"
	"fmt"
	"strings"
)

// pdf writes a small valid document of two or three pages by hand. Its text is
// plain ASCII: it needs no font that a reader does not have.
func pdf(title, seed string) []byte {
	d := roll(seed)
	pages := 2 + d.n(2)
	var out bytes.Buffer
	var offsets []int
	object := func(body string) {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", len(offsets), body)
	}
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids []string
	for i := range pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", 4+2*i))
	}
	object(fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), pages))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for i := range pages {
		object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", 5+2*i))
		text := pageText(ascii(title), i+1, pages, d)
		object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text))
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return out.Bytes()
}

// pageText is the content stream of one page.
func pageText(title string, page, of int, d *dice) string {
	var t strings.Builder
	show := func(size, y int, s string) {
		fmt.Fprintf(&t, "BT /F1 %d Tf 60 %d Td (%s) Tj ET\n", size, y, strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(s))
	}
	show(10, 790, Firm)
	show(18, 750, title)
	show(9, 60, fmt.Sprintf("Page %d of %d. Sample document, no offer.", page, of))
	heads := []string{"Equities", "Government bonds", "Corporate bonds", "Infrastructure", "Private credit", "Cash", "Fees", "Income", "Transfers"}
	y := 700
	for _, i := range d.order(len(heads)) {
		show(11, y, fmt.Sprintf("%s: %d.%02d per cent, %d,%03d,%03d", heads[i], d.n(30), d.n(100), 1+d.n(9), d.n(1000), d.n(1000)))
		y -= 26
	}
	return strings.TrimSuffix(t.String(), "\n")
}

func pagesOf(pdf []byte) int { return bytes.Count(pdf, []byte("/Type /Page ")) }

// ascii keeps what the standard fonts of a PDF can show; a title in another
// script becomes a plain one.
func ascii(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s))
	if len(s) < 4 {
		return "Document"
	}
	return s
}

// vcard is a contact card as phones share it. Numbers are of a range that is
// reserved for fiction.
func vcard(name string, d *dice) []byte {
	first, last, _ := strings.Cut(name, " ")
	number := fmt.Sprintf("44 7700 900%03d", d.n(1000))
	return fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:3.0\r\nN:%s;%s;;;\r\nFN:%s\r\nTEL;type=CELL;type=VOICE;waid=%s:+%s\r\nEND:VCARD\r\n",
		last, first, name, strings.ReplaceAll(number, " ", ""), number)
}

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"
)

// printable makes a name or text safe for a terminal: whatever could move the
// cursor, change colours or turn the direction of what follows is shown as its
// number. Lines stay lines.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029, r == 0xfffd:
			return '\u00b7'
		}
		return r
	}, strings.ToValidUTF8(s, "\u00b7"))
}

// oneLine is printable on one line, cut to max runes.
func oneLine(s string, max int) string {
	s = strings.Join(strings.Fields(printable(s)), " ")
	if r := []rune(s); len(r) > max {
		s = string(r[:max-1]) + "…"
	}
	return s
}

// group writes a number with a comma between thousands.
func group(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count writes a number and a noun: "1 hit", "2,000 hits", "0 entries".
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "ry"); ok {
		return group(n) + " " + stem + "ries"
	}
	return group(n) + " " + noun + "s"
}

// bytesOf writes a size for people.
func bytesOf(n int64) string {
	const units = "kMGT"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, u := float64(n), -1
	for f >= 1000 && u < len(units)-1 {
		f /= 1000
		u++
	}
	return fmt.Sprintf("%.1f %cB", f, units[u])
}

// isTerminal reports whether w is one.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct {
	mu    sync.Mutex
	a     *app
	name  string
	on    bool
	drawn bool
	last  time.Time
	start time.Time
}

func (a *app) bar(name string) *progress {
	return &progress{a: a, name: name, on: isTerminal(a.stderr), start: time.Now()}
}

const barWidth = 24

// set draws the bar, at most ten times a second.
func (p *progress) set(done, of int64, what string) {
	if !p.on {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.last) < 100*time.Millisecond {
		return
	} else {
		p.last = now
	}
	full := 0
	percent := int64(0)
	if of > 0 {
		done = min(done, of)
		full, percent = int(done*barWidth/of), done*100/of
	}
	left := ""
	if gone := time.Since(p.start); done > 0 && done < of && gone > 2*time.Second {
		left = ", " + time.Duration(float64(gone)*float64(of-done)/float64(done)).Round(time.Second).String() + " left"
	}
	p.drawn = true
	_, _ = fmt.Fprintf(p.a.stderr, "\r\x1b[K%s %s%s %3d %%  %s%s", p.name,
		strings.Repeat("█", full), strings.Repeat("░", barWidth-full), percent, what, left) // a bar is no reason to fail
}

// done removes the bar.
func (p *progress) done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		_, _ = fmt.Fprint(p.a.stderr, "\r\x1b[K") // as above
		p.drawn = false
	}
}

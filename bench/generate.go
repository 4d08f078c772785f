package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// generator makes the messages of one long chat, always the same ones: 84 %
// short texts, 8 % of several lines, 5 % media left out, 2 % revoked, 1 %
// notices. Half of the words are common ones, a third come from a list of two
// thousand, the rest from one of fifty thousand, so that a search can be for
// a word of any rarity.
type generator struct {
	state uint64
	at    time.Time
	step  time.Duration // between messages, beside half a minute or so
	words []string
}

const (
	mark       = "\u200e"
	commonOnes = 60
	midOnes    = 2000
	rareOnes   = 50_000
)

var (
	authors = []string{"Ana Lima", "Bruno Costa", "Chloé Martin", "Dr. Esra Kaya", "Farid N"}
	common  = []string{
		"the", "plan", "for", "friday", "is", "fine", "please", "send", "invoice", "number", "and", "delivery", "date", "before", "noon",
		"thanks", "see", "you", "at", "site", "office", "with", "drawings", "team", "agreed", "budget", "risk", "call", "later", "maybe",
		"tomorrow", "morning", "ok", "great", "update", "draft", "contract", "to", "we", "can", "not", "yet", "from", "client", "wire",
		"in", "on", "it", "this", "that", "will", "be", "have", "they", "need", "more", "time", "after", "next", "week",
	}
	starts = []string{"b", "br", "d", "f", "g", "gl", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr", "v", "w"}
	vowels = []string{"a", "e", "i", "o", "u", "ai", "ea"}
	ends   = []string{"n", "r", "s", "l", "t", "nd", "st", "x"}
)

func newGenerator(seed uint64) *generator {
	// The fifteenth: even a short export leaves no doubt about day and month.
	return &generator{state: seed, at: time.Date(2024, 1, 15, 8, 0, 0, 0, time.UTC), words: words()}
}

var words = sync.OnceValue(vocabulary)

// vocabulary is the same for every seed: commonOnes, midOnes and rareOnes
// words, in this order.
func vocabulary() []string {
	g := &generator{state: 42}
	words := append([]string{}, common...)
	seen := map[string]bool{}
	for _, w := range words {
		seen[w] = true
	}
	for len(words) < commonOnes+midOnes+rareOnes {
		w := ""
		for range 2 + g.n(2) {
			w += g.of(starts) + g.of(vowels)
		}
		w += g.of(ends)
		if !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}

func (g *generator) n(k int) int {
	g.state += 0x9e3779b97f4a7c15
	z := g.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(k))
}

func (g *generator) of(list []string) string { return list[g.n(len(list))] }

// word returns one of a band picked at random.
func (g *generator) word() string {
	switch k := g.n(100); {
	case k < 50:
		return g.words[g.n(commonOnes)]
	case k < 85:
		return g.words[commonOnes+g.n(midOnes)]
	}
	return g.words[commonOnes+midOnes+g.n(rareOnes)]
}

func (g *generator) say(b []byte, n int) []byte {
	for i := range n {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, g.word()...)
	}
	return b
}

// next appends the body of the next message to b and says who wrote it, and
// whether an iPhone marks its record.
func (g *generator) next(b []byte) (author string, body []byte, marked bool) {
	g.at = g.at.Add(time.Duration(1+g.n(58))*time.Second + g.step)
	author = g.of(authors)
	switch k := g.n(100); {
	case k < 84:
		b = g.say(b, 3+g.n(14))
	case k < 92:
		b = g.say(b, 4)
		b = append(b, '\n')
		b = g.say(b, 6)
		if g.n(2) == 0 {
			b = append(b, "\n\n"...)
			b = g.say(b, 3)
		}
	case k < 97:
		b, marked = append(b, mark+"image omitted"...), true
	case k < 99:
		b = append(b, mark+"This message was deleted."...)
	default:
		b = append(append(append(b, mark...), author...), " left"...)
		author = "Harbour Works"
	}
	return author, b, marked
}

// export writes n messages as an iPhone's export.
func (g *generator) export(w io.Writer, n int) error {
	out := bufio.NewWriterSize(w, 1<<20)
	var body, line []byte
	for range n {
		author, b, marked := g.next(body[:0])
		body = b
		line = line[:0]
		if marked {
			line = append(line, mark...)
		}
		line = append(line, '[')
		line = g.at.AppendFormat(line, "02/01/2006, 15:04:05")
		line = append(append(append(line, "] "...), author...), ": "...)
		line = append(append(line, b...), "\r\n"...)
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// file writes the next n messages as an export.
func (g *generator) file(path string, n int) error {
	f, err := os.Create(path)
	if err == nil {
		err = errors.Join(g.export(f, n), f.Close())
	}
	if err != nil {
		return fmt.Errorf("make input: %w", err)
	}
	return nil
}

func exportFile(path string, seed uint64, n int) (size int64, err error) {
	if err := newGenerator(seed).file(path, n); err != nil {
		return 0, err
	}
	fi, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("make input: %w", err)
	}
	return fi.Size(), nil
}

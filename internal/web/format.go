package web

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/waxseal/waxseal/internal/chat"
)

// count writes 4212331 as 4,212,331.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	return sign + b.String()
}

// size writes bytes for people, in the units that file managers use.
func size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n), "B"
	for _, unit = range []string{"kB", "MB", "GB", "TB", "PB"} {
		if f /= 1000; f < 999.5 {
			break
		}
	}
	if f < 9.95 {
		return fmt.Sprintf("%.1f %s", f, unit)
	}
	return fmt.Sprintf("%.0f %s", f, unit)
}

// plural writes "1 message", "2 messages".
func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + one + "s"
}

// utc writes an instant of the archive's own clock.
func utc(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }

// localTime reads a time as a source printed it: with seconds or without.
func localTime(s string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// day writes the day of a local time: with its weekday for a separator.
func day(local string) string {
	if t, ok := localTime(local); ok {
		return t.Format("Monday, 2 January 2006")
	}
	return "Date not known"
}

func shortDay(local string) string {
	if t, ok := localTime(local); ok {
		return t.Format("2 Jan 2006")
	}
	return ""
}

// clock writes the time of day, with seconds only where the source has them.
func clock(local, precision string) string {
	t, ok := localTime(local)
	switch {
	case !ok:
		return "no time"
	case precision == "second":
		return t.Format("15:04:05")
	default:
		return t.Format("15:04")
	}
}

// colours is the number of colours that the style sheet has for names.
const colours = 12

// colour gives a name its colour: the same on every page and every day.
func colour(name string) int {
	return int(hashOf(name) % colours)
}

func hashOf(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // a hash never fails
	return h.Sum32()
}

// instant writes a time as a source gave it, RFC 3339, or as it is.
func instant(s string) string {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Format("2 Jan 2006, 15:04 UTC")
	}
	return plain(s)
}

// moment writes an instant to the second, for what is evidence.
func moment(s string) string { return plain(chat.Moment(s)) }

// initial is what stands in a round picture where WhatsApp has a photo.
func initial(name string) string {
	name = strings.TrimLeft(plain(name), " ~+\u200e\u200f\u00a0\u202f")
	r, n := utf8.DecodeRuneInString(name)
	if n == 0 {
		return "?"
	}
	return strings.ToUpper(string(r))
}

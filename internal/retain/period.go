package retain

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxYears bounds a period: what is longer is said with Forever.
const maxYears = 200

// ErrPeriod is a period that is not understood.
var ErrPeriod = errors.New(`a period is written as years, months and days: "5y", "18m", "6y6m", "90d"`)

var periodText = regexp.MustCompile(`^(?:(\d{1,3})y)?(?:(\d{1,4})m)?(?:(\d{1,5})d)?$`)

// ParsePeriod reads "5y", "18m", "1y6m" or "90d". An empty text is no time.
func ParsePeriod(s string) (Period, error) {
	m := periodText.FindStringSubmatch(strings.ToLower(strings.ReplaceAll(s, " ", "")))
	if m == nil {
		return Period{}, fmt.Errorf("%w, not %q", ErrPeriod, s)
	}
	var n [3]int
	for i, digits := range m[1:] {
		n[i], _ = strconv.Atoi(digits) // digits, or none: zero
	}
	p := Period{Years: n[0], Months: n[1], Days: n[2]}
	if !p.sane() {
		return Period{}, fmt.Errorf("%w, and is no longer than %d years", ErrPeriod, maxYears)
	}
	return p, nil
}

func (p Period) sane() bool {
	return p.Years >= 0 && p.Months >= 0 && p.Days >= 0 && p.atMost() <= maxYears*366
}

// atLeast and atMost bound a period's days, whenever it begins: 1 to 28
// February is a month too.
func (p Period) atLeast() int { return 365*p.Years + 28*p.Months + p.Days }
func (p Period) atMost() int  { return 366*p.Years + 31*p.Months + p.Days }

// NotShorter reports whether p can end no earlier than q, whenever both begin.
// It says no where that depends on the day.
func (p Period) NotShorter(q Period) bool {
	pm, qm := 12*p.Years+p.Months, 12*q.Years+q.Months
	return pm >= qm && p.Days >= q.Days || p.atLeast() >= q.atMost()
}

// String writes it as ParsePeriod reads it.
func (p Period) String() string {
	var b strings.Builder
	for _, u := range []struct {
		n    int
		unit byte
	}{{p.Years, 'y'}, {p.Months, 'm'}, {p.Days, 'd'}} {
		if u.n != 0 {
			b.WriteString(strconv.Itoa(u.n))
			b.WriteByte(u.unit)
		}
	}
	return b.String()
}

// Say is it in words.
func (p Period) Say() string {
	var parts []string
	for _, u := range []struct {
		n    int
		unit string
	}{{p.Years, "year"}, {p.Months, "month"}, {p.Days, "day"}} {
		switch {
		case u.n == 1:
			parts = append(parts, "1 "+u.unit)
		case u.n != 0:
			parts = append(parts, strconv.Itoa(u.n)+" "+u.unit+"s")
		}
	}
	if len(parts) == 0 {
		return "no time"
	}
	return strings.Join(parts, ", ")
}

// date is a day on the calendar, of no zone.
type date struct {
	year  int
	month time.Month
	day   int
}

func dateOf(t time.Time, zone *time.Location) date {
	y, m, d := t.In(zone).Date()
	return date{y, m, d}
}

func (d date) before(e date) bool {
	if d.year != e.year {
		return d.year < e.year
	}
	if d.month != e.month {
		return d.month < e.month
	}
	return d.day < e.day
}

// over is the first instant after the day.
func (d date) over(zone *time.Location) time.Time {
	return time.Date(d.year, d.month, d.day+1, 0, 0, 0, 0, zone)
}

func (d date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day) }

func daysIn(year int, m time.Month) int { return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }

// plus is the last day of a period that begins on d. As the law counts (for
// one, Regulation 1182/71, article 3(2)(c)), it is the day of the same date,
// or the last of the month where the month has no such day: three years from
// 29 February 2020 end with 28 February 2023.
func (d date) plus(p Period) date {
	months := int(d.month) - 1 + p.Months
	d.year += p.Years + months/12
	d.month = time.Month(months%12 + 1)
	d.day = min(d.day, daysIn(d.year, d.month))
	if p.Days == 0 {
		return d
	}
	return dateOf(time.Date(d.year, d.month, d.day+p.Days, 0, 0, 0, 0, time.UTC), time.UTC)
}

// in is the end of the fiscal year in that calendar year.
func (f Fiscal) in(year int) date {
	return date{year, f.Month, min(f.Day, daysIn(year, f.Month))}
}

// endOf is the last day of the fiscal year that d is in.
func (f Fiscal) endOf(d date) date {
	if end := f.in(d.year); !end.before(d) {
		return end
	}
	return f.in(d.year + 1)
}

// after is the last day of a period that begins with the end of the fiscal
// year of d. A fiscal year that ends with February ends with its last day,
// in whichever year the period ends.
func (f Fiscal) after(d date, p Period) date {
	return f.in(f.endOf(d).year + p.Years).plus(Period{Months: p.Months, Days: p.Days})
}

// String writes it as ParseFiscal reads its two parts.
func (f Fiscal) String() string {
	if f == (Fiscal{}) {
		return ""
	}
	return fmt.Sprintf("%02d-%02d %s", f.Month, f.Day, f.Zone)
}

// ParseFiscal reads the last day of a fiscal year ("12-31") and its zone.
func ParseFiscal(end, zone string) (Fiscal, error) {
	t, err := time.Parse("2006-01-02", "2024-"+strings.TrimSpace(end)) // a year that has 29 February
	if err != nil {
		return Fiscal{}, fmt.Errorf(`the end of a fiscal year is written as month and day: "12-31", not %q`, end)
	}
	f := Fiscal{Month: t.Month(), Day: t.Day(), Zone: strings.TrimSpace(zone)}
	return f, f.Check()
}

// Check says what is wrong with it.
func (f Fiscal) Check() error {
	if f.Month < time.January || f.Month > time.December || f.Day < 1 || f.Day > daysIn(2024, f.Month) {
		return errors.New("a fiscal year ends on a day of the calendar")
	}
	if f.Zone == "" || f.Zone == "Local" {
		return errors.New(`a fiscal year needs a zone, "Europe/London"`)
	}
	if _, err := time.LoadLocation(f.Zone); err != nil {
		return fmt.Errorf("there is no zone %q", f.Zone)
	}
	return nil
}

package index

import (
	"slices"
	"testing"
)

// TestTouched: what a disposal leaves a capture is its own messages, those that
// it saw a further time, and those that it had unchanged.
func TestTouched(t *testing.T) {
	l := newLog(t)
	first := l.capture(t, "Harbour", fakeReading{})
	var all []int64
	for _, at := range []string{"2024-05-13T09:00", "2024-05-13T09:01", "2024-05-13T09:02"} {
		all = append(all, first.said(t, at, "Ana", "at "+at))
	}
	first.end(t)
	later := l.capture(t, "Harbour", fakeReading{})
	for _, seq := range all {
		later.again(seq)
	}
	more := later.said(t, "2024-05-13T09:03", "Ana", "more")
	later.end(t)
	other := l.capture(t, "Yard", fakeReading{})
	other.said(t, "2024-05-13T10:00", "Ana", "elsewhere")
	other.end(t)
	open := l.capture(t, "Quay", fakeReading{}) // has no end
	unended := open.said(t, "2024-05-13T11:00", "Ana", "cut short")

	x := indexOf(t, l)
	for _, c := range []struct {
		entries, touched, emptied []int64
	}{
		{nil, nil, nil},
		{all[:2], []int64{first.seq, later.seq}, nil},
		{all, []int64{first.seq, later.seq}, []int64{first.seq}},
		{[]int64{more}, []int64{later.seq}, nil},
		{append(slices.Clone(all), more), []int64{first.seq, later.seq}, []int64{first.seq, later.seq}},
		{[]int64{unended}, []int64{open.seq}, nil},
		{[]int64{1 << 40}, nil, nil},
	} {
		touched, emptied, err := x.Touched(t.Context(), c.entries)
		if err != nil || !slices.Equal(touched, c.touched) || !slices.Equal(emptied, c.emptied) {
			t.Errorf("of %v: touched %v, emptied %v (%v); want %v, %v", c.entries, touched, emptied, err, c.touched, c.emptied)
		}
		records, err := x.Records(t.Context(), c.entries)
		if err != nil || !slices.Equal(records, c.entries) {
			t.Errorf("records of %v are %v (%v)", c.entries, records, err)
		}
	}
}

package govern

import (
	"math"
	"slices"
	"sort"
)

// Runs are entries as runs of [first, length], sorted and not overlapping: how
// acts name sets of messages.
type Runs [][2]int64

// maxInAct bounds the messages that one act names; more is several acts.
const maxInAct = 1_000_000

// RunsOf makes runs of entries in any order.
func RunsOf(seqs []int64) (rs Runs) {
	seqs = slices.Clone(seqs)
	slices.Sort(seqs)
	for _, seq := range slices.Compact(seqs) {
		if n := len(rs); n > 0 && rs[n-1][0]+rs[n-1][1] == seq {
			rs[n-1][1]++
		} else {
			rs = append(rs, [2]int64{seq, 1})
		}
	}
	return rs
}

// Len is how many entries there are.
func (rs Runs) Len() (n int64) {
	for _, r := range rs {
		n += r[1]
	}
	return n
}

// Has reports whether an entry is one of them.
func (rs Runs) Has(seq int64) bool {
	i := sort.Search(len(rs), func(i int) bool { return rs[i][0]+rs[i][1] > seq })
	return i < len(rs) && rs[i][0] <= seq
}

// Seqs lists the entries.
func (rs Runs) Seqs() []int64 {
	out := make([]int64, 0, rs.Len())
	for _, r := range rs {
		for seq := r[0]; seq < r[0]+r[1]; seq++ {
			out = append(out, seq)
		}
	}
	return out
}

// checked refuses runs that are none, or name what cannot be there yet.
func (rs Runs) checked(before int64) error {
	last, n := int64(-1), int64(0)
	for _, r := range rs {
		if r[1] <= 0 || r[1] > maxInAct || r[0] <= last || r[0] > math.MaxInt64-r[1] {
			return refuse("The list of messages is not in order.")
		}
		last = r[0] + r[1] - 1
		if n += r[1]; n > maxInAct {
			return refuse("One act takes %d messages at most; do it in parts.", maxInAct)
		}
	}
	if before >= 0 && last >= before {
		return refuse("The list names a message that is not in the archive yet.")
	}
	return nil
}

// Parts cuts runs into as many as acts take.
func (rs Runs) Parts() (parts []Runs) {
	var part Runs
	left := int64(maxInAct)
	for _, r := range rs {
		for r[1] > 0 {
			n := min(r[1], left)
			part = append(part, [2]int64{r[0], n})
			r[0], r[1] = r[0]+n, r[1]-n
			if left -= n; left == 0 {
				parts, part, left = append(parts, part), nil, maxInAct
			}
		}
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

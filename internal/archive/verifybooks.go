package archive

import (
	"context"
	"fmt"
	"slices"

	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/store"
)

// disposals are what the log says was, or is being, disposed of.
type disposals struct {
	runs     []disposedRun // in order, not overlapping
	evidence map[int64]bool
}

type disposedRun struct {
	from, to int64
	disposal
}

type disposal struct {
	seq       int64
	certified bool
}

// of finds the disposal that lists an entry.
func (d *disposals) of(seq int64) (disposal, bool) {
	i, _ := slices.BinarySearchFunc(d.runs, seq, func(r disposedRun, seq int64) int {
		if r.to <= seq {
			return -1
		}
		return 1
	})
	if i < len(d.runs) && d.runs[i].from <= seq {
		return d.runs[i].disposal, true
	}
	return disposal{}, false
}

// books reads which entries are marked as acts, and what disposals and
// certificates say.
func (v *verifier) books(ctx context.Context) error {
	v.booked = map[int64]bool{}
	v.disposals = disposals{evidence: map[int64]bool{}}
	heads := map[int64]*record.DisposalHead{}
	certified := map[int64]*record.CertificateHead{}
	var rows []store.Entry
	err := v.a.store.Booked(ctx, 0, v.head.Size, func(e store.Entry) error { rows = append(rows, e); return nil })
	if err != nil {
		return err
	}
	for _, row := range rows {
		v.booked[row.Seq] = true
		kind, err := kindOf(row.Kind)
		if err != nil || kind != record.Disposal && kind != record.Certificate {
			continue // reported with the entries
		}
		if err := v.bookOf(ctx, row, heads, certified); err != nil {
			return err
		}
	}
	for seq, h := range heads {
		v.disposals.add(seq, h, certified[seq])
		if certified[seq] == nil {
			v.r.note("the disposal %d is not finished: run waxseal dispose resume", seq)
		}
	}
	v.r.Certified = len(certified)
	v.disposals.sort()
	return nil
}

func (v *verifier) bookOf(ctx context.Context, row store.Entry, heads map[int64]*record.DisposalHead, certified map[int64]*record.CertificateHead) error {
	e, err := v.a.entry(ctx, row)
	if err != nil {
		return err
	}
	if e.Kind == record.Disposal {
		h := &record.DisposalHead{}
		heads[e.Seq] = h
		_, err = e.Decode(h)
		return err
	}
	h := &record.CertificateHead{}
	if _, err = e.Decode(h); err != nil {
		return err
	}
	if heads[h.Disposal] == nil {
		return fmt.Errorf("%w: the certificate %d is of no disposal", store.ErrDamaged, e.Seq)
	}
	if certified[h.Disposal] == nil { // a second one says nothing
		certified[h.Disposal] = h
	}
	return nil
}

// add lists the entries of a disposal without those that were kept. Where a
// record was kept by one disposal and went with a later one, the later counts.
func (d *disposals) add(seq int64, h *record.DisposalHead, c *record.CertificateHead) {
	var kept [][2]int64
	if c != nil {
		kept = slices.Clone(c.Kept)
		slices.SortFunc(kept, func(a, b [2]int64) int { return int(min(max(a[0]-b[0], -1), 1)) })
	}
	for _, r := range h.Entries {
		from, to := r[0], r[0]+r[1]
		for _, k := range kept {
			if k[0] >= to || k[0]+k[1] <= from {
				continue
			}
			if k[0] > from {
				d.runs = append(d.runs, disposedRun{from, k[0], disposal{seq, c != nil}})
			}
			from = max(from, k[0]+k[1])
		}
		if from < to {
			d.runs = append(d.runs, disposedRun{from, to, disposal{seq, c != nil}})
		}
	}
	for _, c := range h.Evidence {
		d.evidence[c] = true
	}
}

// sort orders the runs. Entries that two disposals list count as certified
// only where one of those that list them is: the runs are cut at every end.
func (d *disposals) sort() {
	slices.SortFunc(d.runs, func(a, b disposedRun) int { return int(min(max(a.from-b.from, -1), 1)) })
	var out []disposedRun
	for _, r := range d.runs {
		if n := len(out); n > 0 && r.from < out[n-1].to {
			if r.to <= out[n-1].to {
				continue
			}
			r.from = out[n-1].to
		}
		out = append(out, r)
	}
	d.runs = out
}

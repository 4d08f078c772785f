package dispose

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/waxseal/waxseal/internal/govern"
)

// again decides once more about all that a disposal is to take, before each of
// the archive's steps: what came into the books since then counts.
type again struct {
	d    *Desk
	dis  *govern.Disposal
	size int64 // of the log when it was last decided; -1: never

	kept []int64          // the archive's list
	why  map[int64]string // of messages that stay
	ends map[int64]int64  // of captures
	lost bool             // the index does not know what went already
}

// still implements archive.Still.
func (a *again) still(ctx context.Context, size int64) ([]int64, error) {
	if same, err := quiet(ctx, a.d.Archive, a.size, size); err != nil || same {
		a.size = size
		return a.kept, err
	}
	if err := a.d.follow(ctx); err != nil {
		return nil, err
	}
	messages, err := a.decide(ctx)
	if err != nil {
		return nil, err
	}
	if a.kept, err = a.entries(ctx, messages); err != nil {
		return nil, err
	}
	a.size = size
	return a.kept, nil
}

// decide returns the messages that stay: those that a hold covers, that an
// order or a policy keeps by now, or that the index does not know, since
// nothing tells that they may go.
func (a *again) decide(ctx context.Context) (messages []int64, err error) {
	w, rules, err := a.d.World(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.prepare(ctx, a.d.facts(""), a.d.Now(), rules)
	if err != nil {
		return nil, err
	}
	// A message may be known by another record than when it was proposed.
	of, err := a.d.Index.Of(ctx, a.dis.Data.Entries)
	if err != nil {
		return nil, fmt.Errorf("find the messages of the records: %w", err)
	}
	concerned := govern.RunsOf(of)
	a.why = map[int64]string{}
	err = a.d.facts("")(ctx, func(f *Fact) error {
		if !concerned.Has(f.Seq) {
			return nil
		}
		dec := &v.decide(f)[0]
		if holds := v.of(f).facts.Holds; len(holds) > 0 {
			a.why[f.Seq] = holds[0]
		} else if dec.Keep && (a.dis.Data.Subject == 0 && !a.dis.Data.Erased.Has(f.Seq) || dec.Ordered || dec.Policy != "") {
			a.why[f.Seq] = version(rules, dec, a.d.Now())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := a.others(ctx); err != nil {
		return nil, err
	}
	records, err := a.d.Index.Records(ctx, of)
	if err != nil {
		return nil, fmt.Errorf("find the records of the messages: %w", err)
	}
	known := govern.RunsOf(records)
	unknown := slices.DeleteFunc(a.dis.Data.Messages.Seqs(), known.Has)
	there, err := a.there(ctx, unknown)
	if err != nil {
		return nil, err
	}
	a.lost = len(there) < len(unknown)
	for _, seq := range there {
		a.why[seq] = "the index does not know it"
	}
	for seq := range a.why {
		messages = append(messages, seq)
	}
	slices.Sort(messages)
	return messages, nil
}

// others notes, for the certificate, what was decided about and is by now of
// another message that stays.
func (a *again) others(ctx context.Context) error {
	for seq, why := range maps.Clone(a.why) {
		if a.dis.Data.Messages.Has(seq) {
			continue
		}
		records, err := a.d.Index.Records(ctx, []int64{seq})
		if err != nil {
			return fmt.Errorf("find the records of a message: %w", err)
		}
		for _, r := range records {
			if a.dis.Data.Messages.Has(r) {
				a.why[r] = why
			}
		}
	}
	return nil
}

// there are those entries whose content is there.
func (a *again) there(ctx context.Context, seqs []int64) (out []int64, err error) {
	for some := range slices.Chunk(seqs, 1024) {
		es, err := a.d.Archive.Get(ctx, some)
		if err != nil {
			return nil, fmt.Errorf("read what may be kept: %w", err)
		}
		for i := range es {
			if len(es[i].Parts) > 0 {
				out = append(out, es[i].Seq)
			}
		}
	}
	return out, nil
}

// entries are all records of the messages that are there, and what else stays
// for their sake: their captures' records, without which nobody can read them,
// and the files of captures that nothing goes of.
func (a *again) entries(ctx context.Context, messages []int64) ([]int64, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	planned := a.dis.Data.Entries
	all, err := a.d.Index.Records(ctx, messages)
	if err != nil {
		return nil, fmt.Errorf("find the records of what is kept: %w", err)
	}
	all = slices.DeleteFunc(govern.RunsOf(append(all, messages...)).Seqs(), func(seq int64) bool { return !planned.Has(seq) })
	kept, err := a.there(ctx, all)
	if err != nil {
		return nil, err
	}
	captures, _, err := a.d.Index.Touched(ctx, kept)
	if err != nil {
		return nil, fmt.Errorf("find the captures of what is kept: %w", err)
	}
	stay := govern.RunsOf(kept)
	going := slices.DeleteFunc(planned.Seqs(), stay.Has)
	cut, _, err := a.d.Index.Touched(ctx, going)
	if err != nil {
		return nil, fmt.Errorf("find the captures of what goes: %w", err)
	}
	for _, c := range captures {
		if !a.lost && !slices.Contains(cut, c) {
			kept = append(kept, ^c) // the archive's word for its files
		}
		if !planned.Has(c) {
			continue
		}
		end, err := a.end(ctx, c)
		if err != nil {
			return nil, err
		}
		kept = append(kept, c, end)
	}
	slices.Sort(kept)
	return slices.Compact(kept), nil
}

// end is the entry that closes a capture.
func (a *again) end(ctx context.Context, capture int64) (int64, error) {
	if e, ok := a.ends[capture]; ok {
		return e, nil
	}
	all, err := a.d.capture(ctx, capture)
	if err != nil {
		return 0, fmt.Errorf("find the end of the capture %d: %w", capture, err)
	}
	if a.ends == nil {
		a.ends = map[int64]int64{}
	}
	a.ends[capture] = all[len(all)-1]
	return a.ends[capture], nil
}

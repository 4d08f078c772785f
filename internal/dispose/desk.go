package dispose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/retain"
)

// Archive is what a desk needs of the archive. *archive.Archive is one.
type Archive interface {
	Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error)
	Get(ctx context.Context, seqs []int64) ([]record.Entry, error)
	Size(ctx context.Context) (int64, error)
	Dispose(ctx context.Context, disposal int64, still archive.Still, progress func(done, of int64)) (archive.Disposed, error)
}

// Index is what a desk needs of the index. *index.Index is one.
type Index interface {
	Follow(ctx context.Context, progress func(done, of int64)) error
	Coverage(ctx context.Context) (index.Coverage, error)
	Facts(ctx context.Context, chat string, fn func(*index.Fact) error) error
	Matching(ctx context.Context, query string) (index.Set, error)
	Records(ctx context.Context, messages []int64) ([]int64, error)
	ChatIDs(ctx context.Context) (ids map[string]string, err error)
	Of(ctx context.Context, entries [][2]int64) (messages []int64, err error)
	Touched(ctx context.Context, entries []int64) (touched, emptied []int64, err error)
	Captures(ctx context.Context) ([]index.CaptureRow, error)
}

// Desk is where disposals are prepared and done.
type Desk struct {
	Archive Archive
	Index   Index
	Ledger  *govern.Ledger
	// Renew builds the index anew under another key, and lets the old one go.
	Renew func(ctx context.Context, progress func(done, of int64)) error
	Now   func() time.Time

	due memo[*Due]
}

// facts gives the index's facts, of one chat where chat is set.
func (d *Desk) facts(chat string) Facts {
	return func(ctx context.Context, fn func(*Fact) error) error {
		return d.Index.Facts(ctx, chat, fn)
	}
}

func (d *Desk) matching(ctx context.Context, query string) (func(int64) bool, error) {
	set, err := d.Index.Matching(ctx, query)
	return set.Has, err
}

// World gathers what decisions ask, and the rules of the books.
func (d *Desk) World(ctx context.Context) (w *World, rules retain.Rules, err error) {
	err = d.Ledger.Read(ctx, func(s *govern.State) error { rules = s.Rules(); return nil })
	if err != nil {
		return nil, rules, err
	}
	ids, err := d.Index.ChatIDs(ctx)
	if err != nil {
		return nil, rules, err
	}
	rules = under(ids, rules)
	if w, err = Gather(ctx, d.Ledger, d.matching, rules); err != nil {
		return nil, rules, err
	}
	for was, at := range maps.Clone(w.ChatsClosed) {
		if id, ok := ids[was]; ok && id != was && at.After(w.ChatsClosed[id]) {
			w.ChatsClosed[id] = at
		}
	}
	return w, rules, nil
}

// under names chats in rules by the IDs that they have by now.
func under(ids map[string]string, r retain.Rules) retain.Rules {
	r.Assignments, r.Orders = slices.Clone(r.Assignments), slices.Clone(r.Orders)
	for i := range r.Assignments {
		r.Assignments[i].To.Chat = cmp.Or(ids[r.Assignments[i].To.Chat], r.Assignments[i].To.Chat)
	}
	for i := range r.Orders {
		r.Orders[i].To.Chat = cmp.Or(ids[r.Orders[i].To.Chat], r.Orders[i].To.Chat)
	}
	return r
}

// Decisions decides about messages of one chat, or of all where chat is empty,
// with reasons.
func (d *Desk) Decisions(ctx context.Context, chat string, seqs []int64, at time.Time) (map[int64]retain.Decision, error) {
	w, rules, err := d.World(ctx)
	if err != nil {
		return nil, err
	}
	return w.Decisions(ctx, d.facts(chat), rules, at, seqs)
}

// Due is what is due for disposal at an instant.
type Due struct {
	At       time.Time
	Messages []int64 // sorted
	Data     govern.DisposalData
}

// ErrBehind says that the index has not followed the log to its end, so that what is
// due cannot be told.
var ErrBehind = errors.New("the index has not followed the log to its end")

// Due finds what nothing keeps any longer and a policy wants proposed. It may be
// some minutes old, where nothing but time went by. It is not to be changed.
func (d *Desk) Due(ctx context.Context, at time.Time) (*Due, error) {
	return d.due.get(ctx, d.Archive, "", at, func() (*Due, error) { return d.findDue(ctx, at) })
}

func (d *Desk) findDue(ctx context.Context, at time.Time) (*Due, error) {
	if err := d.follow(ctx); err != nil {
		return nil, err
	}
	w, rules, err := d.World(ctx)
	if err != nil {
		return nil, err
	}
	v, err := w.prepare(ctx, d.facts(""), at, rules)
	if err != nil {
		return nil, err
	}
	before, err := d.erasures(ctx)
	if err != nil {
		return nil, err
	}
	var erasedAgain []int64
	c := counts{}
	out := &Due{At: at}
	err = d.facts("")(ctx, func(f *Fact) error {
		dec := &v.decide(f)[0]
		switch {
		case dec.Held && !dec.End.IsZero() && !at.Before(dec.End):
			for _, h := range v.of(f).facts.Holds {
				c.add("held", h)
			}
		case !dec.Keep && !dec.Held && (dec.Must || dec.Propose):
			out.Messages = append(out.Messages, f.Seq)
			c.about(f, version(rules, dec, at))
		case !dec.Held && !dec.Ordered && (!dec.Keep || dec.Policy == ""):
			// Of an erasure, as Erasure decides.
			if i := slices.IndexFunc(before, func(e *erased) bool { return e.has(f) }); i >= 0 {
				out.Messages, erasedAgain = append(out.Messages, f.Seq), append(erasedAgain, f.Seq)
				c.about(f, erasureName(before[i].certificate))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(out.Messages)
	err = d.complete(ctx, out, c)
	out.Data.Erased = govern.RunsOf(erasedAgain)
	return out, err
}

// Erasure is what a query finds, of which nothing must be kept; the rest is
// given with why.
func (d *Desk) Erasure(ctx context.Context, query string, at time.Time) (due *Due, kept map[int64]retain.Decision, err error) {
	if err := d.follow(ctx); err != nil {
		return nil, nil, err
	}
	set, err := d.Index.Matching(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	w, rules, err := d.World(ctx)
	if err != nil {
		return nil, nil, err
	}
	v, err := w.prepare(ctx, d.facts(""), at, rules)
	if err != nil {
		return nil, nil, err
	}
	c := counts{}
	days := map[govern.ChatDay]bool{}
	due, kept = &Due{At: at}, map[int64]retain.Decision{}
	err = d.facts("")(ctx, func(f *Fact) error {
		if !set.Has(f.Seq) {
			return nil
		}
		dec := v.in[0].Decide(v.facts(f))
		// Where no policy names a message, no duty to keep it is known.
		if dec.Held || dec.Ordered || dec.Keep && dec.Policy != "" {
			kept[f.Seq] = dec
			return nil
		}
		due.Messages = append(due.Messages, f.Seq)
		c.about(f, version(rules, &dec, at))
		days[govern.ChatDay{Chat: f.Chat, Day: dayOf(f)}] = true
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(due.Messages)
	err = d.complete(ctx, due, c)
	due.Data.Days = slices.SortedFunc(maps.Keys(days), func(a, b govern.ChatDay) int {
		return cmp.Or(cmp.Compare(a.Chat, b.Chat), cmp.Compare(a.Day, b.Day))
	})
	return due, kept, err
}

// version names the policy that a decision follows, with its version.
func version(rules retain.Rules, d *retain.Decision, at time.Time) string {
	v := 0
	for _, p := range rules.Policies {
		if p.ID == d.Policy && !p.From.After(at) {
			v = max(v, p.Version)
		}
	}
	if v == 0 {
		return "no policy"
	}
	return fmt.Sprintf("%s v%d", d.Policy, v)
}

// counts are numbers of messages by kind of thing and name.
type counts map[[2]string]int64

func (c counts) add(kind, name string) { c[[2]string{kind, name}]++ }

func (c counts) about(f *Fact, policy string) {
	c.add("policy", policy)
	c.add("custodian", f.Custodian)
	c.add("chat", f.Chat)
	c.add("month", sentMonth(f))
}

func (c counts) of(kind string) (out []govern.Tallied) {
	for k, n := range c {
		if k[0] == kind {
			out = append(out, govern.Tallied{Name: k[1], N: n})
		}
	}
	slices.SortFunc(out, func(a, b govern.Tallied) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// complete finds all records of what is due, and the captures that go with it.
func (d *Desk) complete(ctx context.Context, due *Due, c counts) error {
	entries, err := d.Index.Records(ctx, due.Messages)
	if err != nil {
		return fmt.Errorf("records of messages: %w", err)
	}
	touched, emptied, err := d.Index.Touched(ctx, entries)
	if err != nil {
		return fmt.Errorf("captures of messages: %w", err)
	}
	for _, e := range emptied {
		all, err := d.capture(ctx, e)
		if err != nil {
			return fmt.Errorf("records of the capture %d: %w", e, err)
		}
		entries = append(entries, all...)
	}
	due.Data = govern.DisposalData{
		At: due.At.UTC().Format(time.RFC3339), Messages: govern.RunsOf(due.Messages), Entries: govern.RunsOf(entries), Evidence: touched,
		Policies: c.of("policy"), Custodians: c.of("custodian"), Chats: c.of("chat"), Months: c.of("month"), Held: c.of("held"),
	}
	return nil
}

// capture lists all entries of a capture of which nothing stays: its own
// record, its items, those too that are about no message, and its end.
func (d *Desk) capture(ctx context.Context, capture int64) (all []int64, err error) {
	const some = 4096
	size, err := d.Archive.Size(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, capture)
	for from := capture + 1; from < size; from += some {
		seqs := make([]int64, 0, some)
		for s := from; s < min(size, from+some); s++ {
			seqs = append(seqs, s)
		}
		es, err := d.Archive.Get(ctx, seqs)
		if err != nil {
			return nil, err
		}
		for _, e := range es {
			ours, end := ofCapture(e, capture)
			if ours {
				all = append(all, e.Seq)
			}
			if end {
				return all, nil
			}
		}
	}
	return all, nil
}

// ofCapture reports whether an entry is of a capture, and is its end.
func ofCapture(e record.Entry, capture int64) (ours, end bool) {
	if len(e.Parts) == 0 {
		return false, false
	}
	switch e.Kind {
	case record.Item, record.Unparsed:
		var h record.ItemHead
		_, err := e.Decode(&h)
		return err == nil && h.Capture == capture, false
	case record.CaptureEnd:
		var h record.CaptureEndHead
		_, err := e.Decode(&h)
		ours = err == nil && h.Capture == capture
		return ours, ours
	case record.Init, record.Capture, record.Act, record.Trace, record.Disposal, record.Certificate:
	}
	return false, false
}

// follow brings the index to the end of the log.
func (d *Desk) follow(ctx context.Context) error {
	size, err := d.Archive.Size(ctx) // people at work make it longer meanwhile
	if err != nil {
		return err
	}
	if err := d.Index.Follow(ctx, nil); err != nil {
		return err
	}
	c, err := d.Index.Coverage(ctx)
	if err == nil && c.Through < size {
		err = ErrBehind
	}
	return err
}

// Propose asks for a disposal. today is the date as the proposer sees it
// outside of the archive.
func (d *Desk) Propose(ctx context.Context, who govern.Actor, due *Due, today, reason string) (int64, error) {
	data := due.Data
	data.Today = today
	return d.Ledger.Ask(ctx, who, govern.Request{Act: govern.ActDispose, Reason: reason, Data: data})
}

// ringCopies is how long older copies of the ring may live.
const ringCopies = 35 * 24 * time.Hour

// Certificate is what a certificate of disposal says beside its head.
type Certificate struct {
	Request    int64            `json:"request"`
	Proposer   string           `json:"proposer"`
	Approver   string           `json:"approver"`
	Approved   time.Time        `json:"approved"`
	Reason     string           `json:"reason"`
	Subject    int64            `json:"subject,omitempty"`
	Messages   int64            `json:"messages"`
	Policies   []govern.Tallied `json:"policies,omitempty"`
	Custodians []govern.Tallied `json:"custodians,omitempty"`
	Chats      []govern.Tallied `json:"chats,omitempty"`
	Months     []govern.Tallied `json:"months,omitempty"`
	KeptUnder  []govern.Tallied `json:"kept_under,omitempty"` // what came in time
}

// Run does a disposal that was decided, and certifies it. It goes on with one
// that was cut short; progress may be nil.
func (d *Desk) Run(ctx context.Context, request int64, progress func(step string, done, of int64)) (certificate int64, err error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	dis, err := d.decided(ctx, request)
	if err != nil {
		return 0, err
	}
	if dis.Entry == 0 {
		// The archive says what its clock did in front of what is appended next:
		// that must be in the books before the disposal is.
		on := []string{"request:" + strconv.FormatInt(request, 10)}
		if _, err := d.Ledger.Trace(ctx, govern.Actor{Via: "archive"}, govern.Request{Act: "dispose.begin", On: on}); err != nil {
			return 0, err
		}
		if dis, err = d.decided(ctx, request); err != nil {
			return 0, err
		}
	}
	if dis.Entry == 0 {
		if dis.Entry, err = d.begin(ctx, dis); err != nil {
			return 0, err
		}
	}
	again := &again{d: d, dis: &dis, size: -1}
	res, err := d.Archive.Dispose(ctx, dis.Entry, again.still, func(done, of int64) {
		if progress("Disposing", done, of); done >= of {
			progress("Replacing keys", 0, 0) // and overwriting what was removed
		}
	})
	if err != nil {
		return 0, err
	}
	if err := d.Renew(ctx, func(done, of int64) { progress("Building the index anew", done, of) }); err != nil {
		return 0, fmt.Errorf("renew the index: %w", err)
	}
	return d.certify(ctx, dis, res, again.why)
}

func (d *Desk) decided(ctx context.Context, request int64) (govern.Disposal, error) {
	var out govern.Disposal
	err := d.Ledger.Read(ctx, func(s *govern.State) error {
		dis := s.Disposals[request]
		if dis == nil {
			return govern.Refuse(govern.ErrUnknown, "There is no disposal %d that two people have decided.", request)
		}
		out = *dis
		return s.MayRun(dis, d.Now())
	})
	return out, err
}

// begin appends the record with which a disposal begins. What was imported since
// it was decided may have brought nothing new, and a file with all of it.
func (d *Desk) begin(ctx context.Context, dis govern.Disposal) (int64, error) {
	if err := d.follow(ctx); err != nil {
		return 0, err
	}
	touched, _, err := d.Index.Touched(ctx, dis.Data.Entries.Seqs())
	if err != nil {
		return 0, fmt.Errorf("find the files of what goes: %w", err)
	}
	evidence := slices.Concat(dis.Data.Evidence, touched)
	slices.Sort(evidence)
	part, err := record.Part(record.DisposalHead{Request: dis.Request, Entries: dis.Data.Entries, Evidence: slices.Compact(evidence)}, nil)
	if err != nil {
		return 0, err
	}
	got, err := d.Archive.Append(ctx, []record.Record{{Kind: record.Disposal, Parts: [][]byte{part}}})
	if err != nil {
		return 0, fmt.Errorf("append the disposal: %w", err)
	}
	// Another process may have begun it between the question and this.
	if err := d.Ledger.Follow(ctx); err != nil {
		return 0, err
	}
	return got[0].Seq, d.Ledger.Void(got[0].Seq)
}

func (d *Desk) certify(ctx context.Context, dis govern.Disposal, res archive.Disposed, kept map[int64]string) (int64, error) {
	if n, err := d.certified(ctx, dis.Request); n != 0 || err != nil {
		return n, err
	}
	under := counts{}
	for _, r := range res.Kept {
		for seq := r[0]; seq < r[0]+r[1]; seq++ {
			if h, ok := kept[seq]; ok && dis.Data.Messages.Has(seq) {
				under.add("by", h)
			}
		}
	}
	messages := dis.Data.Messages.Len()
	for _, t := range under.of("by") {
		messages -= t.N
	}
	data, err := json.Marshal(Certificate{
		Request: dis.Request, Proposer: dis.Proposer, Approver: dis.Approver, Approved: dis.Approved, Reason: dis.Reason, Subject: dis.Data.Subject,
		Messages: messages, Policies: dis.Data.Policies, Custodians: dis.Data.Custodians, Chats: dis.Data.Chats, Months: dis.Data.Months, KeptUnder: under.of("by"),
	})
	if err != nil {
		return 0, fmt.Errorf("encode certificate: %w", err)
	}
	part, err := record.Part(record.CertificateHead{
		Disposal: dis.Entry, Kept: res.Kept, Records: res.Records, Blobs: res.Blobs, Shared: res.Shared,
		Complete: d.Now().UTC().Add(ringCopies).Truncate(time.Second), Data: data,
	}, nil)
	if err != nil {
		return 0, err
	}
	got, err := d.Archive.Append(ctx, []record.Record{{Kind: record.Certificate, Parts: [][]byte{part}}})
	if err != nil {
		return 0, fmt.Errorf("append the certificate: %w", err)
	}
	if n, err := d.certified(ctx, dis.Request); n != 0 || err != nil {
		return n, err
	}
	return 0, d.Ledger.Void(got[0].Seq)
}

// certified is the certificate of a disposal that counts: another process may
// have been faster, and only the first one says anything.
func (d *Desk) certified(ctx context.Context, request int64) (certificate int64, err error) {
	err = d.Ledger.Read(ctx, func(s *govern.State) error {
		if dis := s.Disposals[request]; dis != nil {
			certificate = dis.Certificate
		}
		return nil
	})
	return certificate, err
}

// Unfinished lists the requests whose disposal has begun and was not certified.
func (d *Desk) Unfinished(ctx context.Context) (requests []int64, err error) {
	err = d.Ledger.Read(ctx, func(s *govern.State) error {
		for id, dis := range s.Disposals {
			if dis.Entry != 0 && dis.Certificate == 0 {
				requests = append(requests, id)
			}
		}
		return nil
	})
	slices.Sort(requests)
	return requests, err
}

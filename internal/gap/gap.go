// Package gap finds what is missing in live capture, from facts that it is
// given: messages as the index folds them, when a source listened, what Meta
// says. What it finds is a hole with a reason, a start and an end; the books
// keep it (govern.Gap), and it closes when the hole is filled.
//
// It is pure: it does no I/O and has no clock. The package watch asks it.
package gap

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Kind says what is missing, or what would let something be missed.
type Kind string

// The kinds of holes.
const (
	// Orphan: WhatsApp reports on a message that the business sent, and nobody
	// has told the archive what it says.
	Orphan Kind = "orphan_outbound"
	// Unanswered: a message was forwarded, and Meta's answer was lost.
	Unanswered Kind = "unanswered"
	// NoStatus: Meta took a message, and nothing was heard of it since.
	NoStatus Kind = "no_status"
	// UnknownTarget: something answers, reacts to, edits or revokes a message
	// that is not there.
	UnknownTarget Kind = "unknown_target"
	// Ghost: a placeholder whose content never followed.
	Ghost Kind = "ghost"
	// Media: a file that a message names and that could not be had, or not yet.
	Media Kind = "media"
	// HistoryDeclined: the business did not share the chats from before.
	HistoryDeclined Kind = "history_declined"
	// HistoryMissing: Meta lists a message that is not there, or says that its
	// webhook failed.
	HistoryMissing Kind = "history_missing"
	// Subscription: Meta does not deliver to this archive, or not everything.
	Subscription Kind = "subscription"
	// Token: the access token is invalid, or will be soon.
	Token Kind = "token"
	// Offboarded: the number left the platform.
	Offboarded Kind = "offboarded"
	// Silence: nothing comes, unlike this number's habit.
	Silence Kind = "silence"
	// Canary: a message that was sent for a test did not come back.
	Canary Kind = "canary"
	// NotListening: nobody can say that the source listened.
	NotListening Kind = "not_listening"
	// UnknownField: Meta sent something for the first time that this version
	// does not know. It is kept; it may mean something.
	UnknownField Kind = "unknown_field"
)

// Kinds lists them, as pages do.
func Kinds() []Kind {
	return []Kind{
		Orphan, Unanswered, NoStatus, UnknownTarget, Ghost, Media, HistoryDeclined, HistoryMissing,
		Subscription, Token, Offboarded, Silence, Canary, NotListening, UnknownField,
	}
}

// Name is a kind in words.
func (k Kind) Name() string {
	return map[Kind]string{
		Orphan: "Sent by another way", Unanswered: "Answer lost", NoStatus: "Sent, and no status", UnknownTarget: "About a message that is not here",
		Ghost: "Content never came", Media: "File not here", HistoryDeclined: "History not shared", HistoryMissing: "Listed by Meta, not here",
		Subscription: "Subscription", Token: "Access token", Offboarded: "Number has left", Silence: "Unusual silence",
		Canary: "Test message lost", NotListening: "Did not listen", UnknownField: "New field",
	}[k]
}

// OfMessages reports a kind whose gaps gather messages: one gap a number and
// day, however many there are. A firm that sends by another tool has thousands.
func (k Kind) OfMessages() bool {
	return slices.Contains([]Kind{Orphan, Unanswered, NoStatus, UnknownTarget, Ghost, Media, HistoryMissing}, k)
}

// Informs reports a kind that misses nothing by itself.
func (k Kind) Informs() bool { return k == UnknownField }

// Finding is one hole as it is seen now.
type Finding struct {
	Kind   Kind
	Source string // name of the source
	Number string // of the business, E.164; empty: the whole source
	// Start and End are of the hole; a zero End: it is not over.
	Start, End time.Time
	Reason     string // a sentence, without text, name or number of a message
	Message    int64  // entry of the message, where there is one
	// Ref names what is not in the archive: see RefOf.
	Ref string
	// Mark tells holes of one kind apart that are of no message.
	Mark string
}

// Hole is the findings of one key: one gap of the books.
type Hole struct {
	Key        string
	Kind       Kind
	Source     string
	Number     string
	Start, End time.Time
	Reason     string
	Messages   []int64 // sorted
	Refs       []string
}

// Key names the gap that a finding belongs to. It is the same whenever the
// hole is looked at.
func (f *Finding) Key(zone *time.Location) string {
	mark := f.Mark
	if f.Kind.OfMessages() {
		mark = f.Start.In(zone).Format(time.DateOnly)
	}
	return strings.Join([]string{string(f.Kind), f.Source, f.Number, mark}, "/")
}

// Gather makes holes of findings. Days are those of the zone.
func Gather(fs []Finding, zone *time.Location) map[string]*Hole {
	out := map[string]*Hole{}
	for i := range fs {
		f := &fs[i]
		k := f.Key(zone)
		h := out[k]
		if h == nil {
			h = &Hole{Key: k, Kind: f.Kind, Source: f.Source, Number: f.Number, Start: f.Start, End: f.End, Reason: f.Reason}
			out[k] = h
		}
		if f.Start.Before(h.Start) {
			h.Start = f.Start
		}
		if h.End.Before(f.End) {
			h.End = f.End
		}
		if f.Message != 0 {
			h.Messages = append(h.Messages, f.Message)
		}
		if f.Ref != "" {
			h.Refs = append(h.Refs, f.Ref)
		}
	}
	for _, h := range out {
		slices.Sort(h.Messages)
		slices.Sort(h.Refs)
		h.Messages, h.Refs = slices.Compact(h.Messages), slices.Compact(h.Refs)
		h.Refs = h.Refs[:min(len(h.Refs), maxRefs)]
	}
	return out
}

// maxRefs bounds the names that one hole lists: where Meta lists more that are
// not here, nobody looks them up one by one.
const maxRefs = 5000

// Known is a gap as the books have it.
type Known struct {
	ID       int64
	Key      string
	Kind     Kind
	Over     bool    // its end is known
	Messages []int64 // sorted
	Refs     []string
}

// Change is what the books are to be told.
type Change struct {
	Open     *Hole // a new one
	Of       int64 // the gap that changes or closes
	Add      []int64
	Gone     []int64
	AddRefs  []string
	GoneRefs []string
	End      time.Time // known now
	Close    bool
}

// Looked says what was looked at: only what was looked at and is no hole any
// more is filled.
type Looked struct {
	// Message reports whether a message was looked at for holes of a kind.
	Message func(k Kind, entry int64) bool
	// Key reports whether the hole of a key was looked for, where it is of no
	// message; and whether a ref of it was.
	Key func(k Known) bool
	Ref func(k Known, ref string) bool
}

// Diff compares what was found with the gaps that are not closed.
func Diff(open []Known, found map[string]*Hole, looked Looked) (out []Change) {
	seen := map[string]bool{}
	for _, k := range open {
		seen[k.Key] = true
		h := found[k.Key]
		if !k.Kind.OfMessages() {
			switch {
			case h == nil && looked.Key(k):
				out = append(out, Change{Of: k.ID, Close: true})
			case h != nil && !h.End.IsZero() && !k.Over:
				out = append(out, Change{Of: k.ID, End: h.End})
			}
			continue
		}
		c := Change{Of: k.ID}
		var now []int64
		var refs []string
		if h != nil {
			now, refs = h.Messages, h.Refs
		}
		c.Add, c.Gone = lacks(now, k.Messages, nil), lacks(k.Messages, now, func(m int64) bool { return looked.Message(k.Kind, m) })
		c.AddRefs, c.GoneRefs = lacks(refs, k.Refs, nil), lacks(k.Refs, refs, func(r string) bool { return looked.Ref(k, r) })
		left := len(k.Messages) + len(k.Refs) + len(c.Add) + len(c.AddRefs) - len(c.Gone) - len(c.GoneRefs)
		switch {
		case left == 0:
			out = append(out, Change{Of: k.ID, Close: true})
		case len(c.Add)+len(c.Gone)+len(c.AddRefs)+len(c.GoneRefs) > 0:
			out = append(out, c)
		}
	}
	for key, h := range found {
		if !seen[key] {
			out = append(out, Change{Open: h})
		}
	}
	slices.SortFunc(out, func(a, b Change) int { return cmp.Or(cmp.Compare(a.Of, b.Of), cmp.Compare(a.key(), b.key())) })
	return out
}

func (c *Change) key() string {
	if c.Open == nil {
		return ""
	}
	return c.Open.Key
}

// lacks are those of a that are not in b and that ok, where it is given, lets.
func lacks[T cmp.Ordered](a, b []T, ok func(T) bool) (out []T) {
	for _, v := range a {
		if _, has := slices.BinarySearch(b, v); !has && (ok == nil || ok(v)) {
			out = append(out, v)
		}
	}
	return out
}

// RefOf names a message that is not in the archive, without the telephone
// number that WhatsApp's id of it hides: acts are kept for ever. It is the part
// of the id that a linked device sees too, where the id has one, or a hash.
func RefOf(wamid string) string {
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(wamid, "wamid.")); err == nil {
		end := len(raw)
		for end > 0 && raw[end-1] == 0 {
			end--
		}
		begin := end
		for begin > 0 && isHex(raw[begin-1]) {
			begin--
		}
		if end-begin >= 16 {
			return string(raw[begin:end])
		}
	}
	sum := sha256.Sum256([]byte(wamid))
	return hex.EncodeToString(sum[:6])
}

func isHex(b byte) bool { return b >= '0' && b <= '9' || b >= 'A' && b <= 'F' }

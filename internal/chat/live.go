package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// What follows is the fold of what is told of a message after it was sent, or
// before: in any order, and several times.

// live reports a message of a source that tells of it in any order.
func live(m *Message) bool { return m.Key != nil && m.Key.Unique }

// anyOrder orders two states of a message that came in any order, by what they
// say themselves: 0 for those of other sources, which come in their own.
func anyOrder(a, b *Message) int {
	if !live(a) || !live(b) {
		return 0
	}
	by := cmp.Or(strings.Compare(a.SentAt, b.SentAt), strings.Compare(string(a.Type), string(b.Type)), strings.Compare(a.Text, b.Text))
	if by != 0 {
		return by
	}
	x, _ := json.Marshal(a) // its members have no form that fails
	y, _ := json.Marshal(b)
	return bytes.Compare(x, y)
}

// reach orders the states of a message with one recipient. What failed with one
// device may have come to another.
var reach = []ReceiptState{Sent, Failed, Delivered, Read, Played}

// Furthest is how far a message came with each recipient, one receipt each.
func Furthest(rs []Receipt) (out []Receipt) {
	for _, r := range rs {
		i := slices.IndexFunc(out, func(o Receipt) bool { return r.Who != (Person{}) && samePerson(&o.Who, &r.Who) })
		switch {
		case i < 0:
			out = append(out, r)
		case slices.Index(reach, r.State) > slices.Index(reach, out[i].State):
			out[i] = r
		}
	}
	return out
}

// steps puts receipts together: each step that a message made with each
// recipient, when it was first made. one is whether there is one recipient,
// whatever addresses the receipts have.
func steps(all []Receipt, one bool) (out []Receipt) {
	who, of := recipients(all, one)
	for i := range who {
		for _, s := range reach {
			step := Receipt{Who: who[i]}
			for j, r := range all {
				if of[j] != i || r.State != s {
					continue
				}
				if step.State == "" || r.At != "" && (step.At == "" || r.At < step.At) {
					step.State, step.At = s, r.At
				}
				step.Why = max(step.Why, r.Why)
			}
			if step.State != "" {
				out = append(out, step)
			}
		}
	}
	return out
}

// recipients are the people of receipts, and whose each of them is. Two that
// share no address are one person where a third has both.
func recipients(all []Receipt, one bool) (who []Person, of []int) {
	is := make([]int, len(all)) // another of the same person, or itself
	root := func(i int) int {
		for is[i] != i {
			i = is[i]
		}
		return i
	}
	by := map[string]int{}
	for i := range all {
		is[i] = i
		names := addresses(&all[i].Who)
		if len(names) == 0 {
			names = []string{"\x00" + plain(all[i].Who.Name)}
		}
		if one {
			names = []string{""}
		}
		for _, n := range names {
			if j, ok := by[n]; ok {
				a, b := root(i), root(j)
				is[max(a, b)] = min(a, b)
			} else {
				by[n] = i
			}
		}
	}
	at := map[int]int{}
	of = make([]int, len(all))
	for i := range all {
		r := root(i)
		n, ok := at[r]
		if !ok {
			n = len(who)
			at[r] = n
			who = append(who, Person{})
		}
		of[i] = n
		p, q := &who[n], &all[i].Who
		p.Name, p.Phone, p.JID, p.LID, p.BSUID = least(p.Name, q.Name), least(p.Phone, q.Phone), least(p.JID, q.JID), least(p.LID, q.LID), least(p.BSUID, q.BSUID)
	}
	return who, of
}

// least is the lower of two texts that say something.
func least(a, b string) string {
	if a == "" || b == "" {
		return cmp.Or(a, b)
	}
	return min(a, b)
}

// course orders the states of sending. What was refused, since Meta could not
// be reached, may be accepted when it goes out again.
var course = []SendState{SendWaits, SendForwarded, SendDeferred, SendBlocked, SendWithdrawn, SendRefused, SendAccepted}

// rank is how far a state is on the course. A send may be forwarded and deferred
// again and again: of those the time decides.
func rank(s SendState) int {
	if s == SendDeferred {
		s = SendForwarded
	}
	return slices.Index(course, s)
}

// further is the later of two states of sending.
func further(a, b *Sending) *Sending {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	if cmp.Or(rank(a.State)-rank(b.State), cmp.Compare(a.At, b.At), slices.Index(course, a.State)-slices.Index(course, b.State), cmp.Compare(a.Why, b.Why), cmp.Compare(a.By, b.By)) < 0 {
		a, b = b, a
	}
	s := *a
	s.Rule, s.By = cmp.Or(a.Rule, b.Rule), cmp.Or(a.By, b.By)
	return &s
}

// settle lets a send of which no answer is known be accepted where WhatsApp
// tells what became of it.
func settle(m *Message) {
	if m.Sending == nil || m.Sending.State != SendForwarded || len(m.Receipts) == 0 {
		return
	}
	s := *m.Sending
	s.State, s.Why = SendAccepted, ""
	m.Sending = &s
}

// Failed reports whether a message did not come to somebody: Meta refused it,
// or WhatsApp could not deliver it.
func (m *Message) Failed() bool {
	return m.Sending != nil && m.Sending.State == SendRefused ||
		slices.ContainsFunc(Furthest(m.Receipts), func(r Receipt) bool { return r.State == Failed })
}

// calls puts together what is told of a call.
func calls(a, b *Call) *Call {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return &Call{
		Video: a.Video || b.Video, Missed: (a.Missed || b.Missed) && a.Seconds == 0 && b.Seconds == 0,
		Seconds: max(a.Seconds, b.Seconds), Printed: max(a.Printed, b.Printed),
	}
}

// keys is the key of a message by two records: one may have WhatsApp's id, the
// other what the gateway called it before.
func keys(a, b *Key) *Key {
	if a == nil || b == nil || *a == *b || a.Alias == "" && b.Alias == "" {
		return cmp.Or(a, b)
	}
	k := *a
	if k.ID == "" {
		k.FromMe, k.Unique = b.FromMe, b.Unique
	}
	k.ID, k.Alias, k.Chat, k.Sender = cmp.Or(k.ID, b.ID), cmp.Or(k.Alias, b.Alias), cmp.Or(k.Chat, b.Chat), cmp.Or(k.Sender, b.Sender)
	return &k
}

// fetched orders the states of a file that has a name of its own: one that was
// to be fetched was fetched, or not.
var fetched = []State{Pending, Omitted, Missing, Expired, Stored}

// attach adds an attachment that has the source's own name.
func attach(all []Attachment, a Attachment) []Attachment {
	i := slices.IndexFunc(all, func(o Attachment) bool { return o.Ref == a.Ref })
	if i < 0 {
		return append(all, a)
	}
	was, is := all[i], a
	if slices.Index(fetched, is.State) < slices.Index(fetched, was.State) {
		was, is = is, was
	}
	is.Name, is.MIME, is.Size, is.SHA256 = cmp.Or(is.Name, was.Name), cmp.Or(is.MIME, was.MIME), cmp.Or(is.Size, was.Size), cmp.Or(is.SHA256, was.SHA256)
	all = slices.Clone(all)
	all[i] = is
	return all
}

// alone is the instant of a message of which only others tell: the first that
// they tell of.
func alone(m *Message, es []Event) {
	for i := range es {
		if o := &es[i].Message; o.SentAt != "" && o.SentAt < m.SentAt {
			m.SentAt, m.SentLocal, m.Zone, m.ZoneAssumed, m.Precision, m.Time = o.SentAt, o.SentLocal, o.Zone, o.ZoneAssumed, o.Precision, o.Time
		}
	}
}

// ghost reports a message that came without its content.
func ghost(m *Message) bool {
	return m.Type == Unsupported && m.Text == "" && !media(m) && !m.Revoked && !m.Edited
}

package chat

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold makes one message of all events about it. It does not depend on the
// order in which they are given.
//
// What the author did last is what the message is: a text, its edit, its
// revocation. Earlier texts are its versions, and an attachment that was
// stored once stays, whatever a later record says of it.
func Fold(events []Event) Message {
	if len(events) == 0 {
		return Message{}
	}
	es := slices.Clone(events)
	slices.SortStableFunc(es, func(a, b Event) int { return cmp.Compare(a.Seq, b.Seq) })
	states := slices.Clone(es)
	slices.SortStableFunc(states, func(a, b Event) int {
		return cmp.Or(stage(&a.Message)-stage(&b.Message), strings.Compare(a.Message.ChangedAt, b.Message.ChangedAt), anyOrder(&a.Message, &b.Message))
	})

	m := last(states)
	m.ID, m.Seq = strconv.FormatInt(es[0].Seq, 10), es[0].Seq
	m.Records, m.SeenBy = nil, nil
	for _, e := range es {
		if !slices.Contains(m.Records, e.Seq) {
			m.Records = append(m.Records, e.Seq)
		}
		if e.Source != "" && !slices.Contains(m.SeenBy, e.Source) {
			m.SeenBy = append(m.SeenBy, e.Source)
		}
	}
	if len(es) > 1 {
		m.Versions = versions(states, &m)
		m.Attachments, m.Reactions, m.Receipts = nil, nil, nil
		if m.Partial {
			alone(&m, es)
		}
		by := es
		if live(&m) {
			by = states
		}
		var receipts []Receipt
		for i := range by {
			complete(&m, &by[i].Message)
			receipts = append(receipts, by[i].Message.Receipts...)
		}
		m.Receipts = steps(receipts, m.Chat.Kind == Direct)
		// Files by name: those of the message itself, then of who tells of it.
		for _, e := range slices.Backward(states) {
			for _, a := range e.Message.Attachments {
				if a.Ref != "" {
					m.Attachments = attach(m.Attachments, a)
				}
			}
		}
		settle(&m)
	}
	if slices.ContainsFunc(m.Reactions, takenBack) {
		m.Reactions = slices.DeleteFunc(slices.Clone(m.Reactions), takenBack)
	}
	m.Attachments = append(m.Attachments, otherBytes(&m, es)...)
	return m
}

// takenBack reports a reaction that says that there is none any more.
func takenBack(r Reaction) bool { return r.Emoji == "" }

// stage orders the states of a message in time: records come in any order,
// but nobody takes back an edit or a revocation.
func stage(m *Message) int {
	switch {
	case m.Revoked:
		return 2
	case m.Edited:
		return 1
	case m.Partial:
		return -2
	case leftOut(m), ghost(m):
		return -1 // its caption may have gone with the file; its content comes later
	}
	return 0
}

// last is the last state of a message. A record that tells of an edit or a
// revocation alone has the state; who wrote the message and when, the last
// whole record has.
func last(states []Event) Message {
	m := states[len(states)-1].Message
	if !m.Partial {
		return m
	}
	for _, e := range slices.Backward(states) {
		if w := e.Message; !w.Partial {
			if m.Revoked || m.Edited {
				w.Revoked, w.RevokedBy, w.Edited, w.ChangedAt, w.Text = m.Revoked, m.RevokedBy, m.Edited || w.Edited, m.ChangedAt, m.Text
			}
			if m.Revoked {
				w.Type = m.Type
			}
			return w
		}
	}
	return m
}

// versions returns the texts before the last, oldest first.
func versions(states []Event, last *Message) []Version {
	if n := len(states) - 1; states[n].Message.Partial {
		// Its state was put on another record, whose own is a version then.
		states = append(slices.Clone(states), states[n])
	}
	var out []Version
	seen, ghosts := map[string]bool{Said(last.Text): !last.Revoked}, false
	for _, e := range states[:len(states)-1] {
		if ghost(&e.Message) && !e.Message.Partial && last.Type != Unsupported && !ghosts {
			ghosts = true
			out = append(out, Version{Type: Unsupported, Seq: e.Seq})
		}
		if e.Message.Revoked || e.Message.Partial && !e.Message.Edited || seen[Said(e.Message.Text)] || e.Message.Text == "" && wordless(&e.Message) || e.Message.Type == SystemType {
			continue
		}
		seen[Said(e.Message.Text)] = true
		out = append(out, Version{Text: e.Message.Text, Seq: e.Seq})
	}
	return out
}

// wordless reports a message that may have no text at all.
func wordless(m *Message) bool { return m.Type != Text || media(m) }

// complete adds to m what another record knows better.
func complete(m, o *Message) {
	m.From = describe(m.From, o.From)
	if m.Direction == "" {
		m.Direction = o.Direction
	}
	retime(m, o)
	if !m.Revoked && !o.Revoked && !o.Partial {
		witness(m, o)
	}
	if m.Boundary == Ambiguous && o.Boundary != Ambiguous {
		m.Boundary = o.Boundary
	}
	if m.Time == Ambiguous && o.Time != Ambiguous && !o.Partial {
		m.Time = o.Time
	}
	if m.Type == Unknown && !m.Revoked && o.Type != Unknown && !o.Revoked {
		m.Type = o.Type
	}
	m.Key = keys(m.Key, o.Key)
	if m.Account == "" {
		m.Account, m.Custodian = o.Account, cmp.Or(m.Custodian, o.Custodian)
	}
	m.Chat.JID, m.Chat.LID, m.Chat.BSUID = cmp.Or(m.Chat.JID, o.Chat.JID), cmp.Or(m.Chat.LID, o.Chat.LID), cmp.Or(m.Chat.BSUID, o.Chat.BSUID)
	m.Chat.Kind = cmp.Or(m.Chat.Kind, o.Chat.Kind)
	m.Sending = further(m.Sending, o.Sending)
	if o.Partial {
		m.Call = calls(m.Call, o.Call)
	}
	if m.Quoted == nil {
		m.Quoted, m.ReplyTo = o.Quoted, cmp.Or(m.ReplyTo, o.ReplyTo)
	}
	if m.Poll == nil {
		m.Poll = o.Poll
	}
	m.Forwarded = max(m.Forwarded, o.Forwarded)
	m.EphemeralS = cmp.Or(m.EphemeralS, o.EphemeralS)
	m.Starred, m.Pinned = m.Starred || o.Starred, m.Pinned || o.Pinned
	m.Dropped = m.Dropped && o.Dropped
	for _, r := range o.Reactions {
		m.Reactions = react(m.Reactions, r)
	}
	for i, a := range o.Attachments {
		switch {
		case a.Ref != "":
		case i >= len(m.Attachments):
			m.Attachments = append(m.Attachments, a)
		case better(a.State, m.Attachments[i].State):
			m.Attachments[i] = a
		}
	}
}

// witness adds to m the content that another record of it shows better: a chat
// export prints it, a phone has it.
func witness(m, o *Message) {
	if m.Key == nil && o.Key != nil && o.Type != Unknown {
		m.Type = o.Type
	}
	if m.Type == SystemType && m.Text == "" {
		m.Text = o.Text
	}
	m.System = notices(m.System, o.System)
	m.Basket, m.Product = cmp.Or(m.Basket, o.Basket), cmp.Or(m.Product, o.Product)
	m.Referral, m.Choice = cmp.Or(m.Referral, o.Referral), cmp.Or(m.Choice, o.Choice)
	if m.Errors == nil && !ghost(o) {
		m.Errors = o.Errors
	}
	m.AsPrinted = cmp.Or(m.AsPrinted, o.AsPrinted)
	if !ghost(o) {
		m.TypeCode = cmp.Or(m.TypeCode, o.TypeCode)
	}
	m.Location, m.Call, m.Occasion = cmp.Or(m.Location, o.Location), cmp.Or(m.Call, o.Call), cmp.Or(m.Occasion, o.Occasion)
	if m.Contacts == nil {
		m.Contacts = o.Contacts
	}
	if m.Mentions == nil {
		m.Mentions = o.Mentions
	}
}

// notices is what a notice says by two records of it: one knows the sentence,
// one has names where the other has numbers.
func notices(a, b *System) *System {
	switch {
	case a == nil || b == nil:
		return cmp.Or(a, b)
	case a.Event == NoticeOther:
		return b
	case a.Event != b.Event:
		return a
	}
	s := *a
	if len(names([]string{s.Actor})) == 0 {
		s.Actor = cmp.Or(b.Actor, s.Actor)
	}
	if len(names(s.Who)) == 0 && len(b.Who) > 0 {
		s.Who = b.Who
	}
	s.Value = cmp.Or(s.Value, b.Value)
	return &s
}

// describe is a person by what two records say: addresses of the one, the name
// of the other.
func describe(a, b *Person) *Person {
	if a == nil || b == nil || *a == *b {
		return cmp.Or(a, b)
	}
	p := *a
	if isNumber(a) && b.Name != "" {
		p.Name = b.Name
	}
	p.Phone, p.JID, p.LID, p.BSUID = cmp.Or(a.Phone, b.Phone), cmp.Or(a.JID, b.JID), cmp.Or(a.LID, b.LID), cmp.Or(a.BSUID, b.BSUID)
	p.ParentBSUID = cmp.Or(a.ParentBSUID, b.ParentBSUID)
	return &p
}

// retime gives m the instant of a record that knows it better, on the clock of
// the zone that was given, where one was.
func retime(m, o *Message) {
	switch {
	case m.Precision == "minute" && o.Precision == "second":
		is, was := *m, *m
		is.SentAt, is.SentLocal, is.Zone, is.ZoneAssumed, is.Precision = o.SentAt, o.SentLocal, o.Zone, o.ZoneAssumed, o.Precision
		if *m = is; o.ZoneAssumed && !was.ZoneAssumed {
			onClockOf(m, &was)
		}
	case m.ZoneAssumed && !o.ZoneAssumed && m.Precision == o.Precision, m.ZoneAssumed && m.Key == nil && o.Key != nil && m.SentAt != o.SentAt:
		m.SentAt, m.SentLocal, m.Zone, m.ZoneAssumed, m.Precision = o.SentAt, o.SentLocal, o.Zone, o.ZoneAssumed, o.Precision
	case m.ZoneAssumed && !o.ZoneAssumed:
		onClockOf(m, o)
	}
}

// onClockOf gives the local time of m as o's zone has it, where both mean one
// minute.
func onClockOf(m, o *Message) {
	is, ok1 := instantOf(m.SentAt)
	was, ok2 := instantOf(o.SentAt)
	local, err := time.Parse("2006-01-02T15:04:05", (o.SentLocal + ":00")[:min(len(o.SentLocal)+3, 19)])
	if !ok1 || !ok2 || err != nil || is.Unix()/60 != was.Unix()/60 {
		return
	}
	m.SentLocal = is.Add(local.Truncate(time.Minute).Sub(was.Truncate(time.Minute))).Format("2006-01-02T15:04:05")
	m.Zone, m.ZoneAssumed = o.Zone, o.ZoneAssumed
}

func instantOf(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err == nil
}

// react adds a reaction: each person has one, the last. An empty one takes it
// back.
func react(all []Reaction, r Reaction) []Reaction {
	i := slices.IndexFunc(all, func(o Reaction) bool { return samePerson(&o.From, &r.From) })
	switch {
	case i < 0:
		return append(all, r)
	case r.At >= all[i].At:
		all = slices.Clone(all)
		all[i] = r
	}
	return all
}

func samePerson(a, b *Person) bool {
	x, y := addresses(a), addresses(b)
	if len(x) == 0 && len(y) == 0 {
		return plain(a.Name) == plain(b.Name)
	}
	return meet(x, y)
}

// otherBytes are the files that a later record has under the name of one of
// m's, and that are not the same: the fold shows each of them.
func otherBytes(m *Message, es []Event) (out []Attachment) {
	has := func(all []Attachment, sum string) bool {
		return slices.ContainsFunc(all, func(a Attachment) bool { return a.SHA256 == sum })
	}
	for i := range es {
		for _, a := range es[i].Message.Attachments {
			if a.State == Stored && a.SHA256 != "" && !has(m.Attachments, a.SHA256) && !has(out, a.SHA256) {
				a.Reason = "Another export has these bytes for this file."
				out = append(out, a)
			}
		}
	}
	return out
}

// better reports whether an attachment in state a is worth more than in b.
func better(a, b State) bool {
	order := []State{Omitted, Missing, Expired, Pending, Stored}
	return slices.Index(order, a) > slices.Index(order, b)
}

// MatchKey is equal for records that may be of one message: the same local
// minute, sender, and text or presence of media. Same decides.
func MatchKey(m *Message) string {
	content := "t" + plain(m.Text)
	if media(m) {
		content = "m" + plain(m.Text)
	}
	return PlaceKey(m) + "\x00" + content
}

// PlaceKey is equal for records that may be states of one message: the same
// local minute and sender.
func PlaceKey(m *Message) string {
	return m.SentLocal[:min(len(m.SentLocal), len("2006-01-02T15:04"))] + "\x00" + sender(m)
}

func sender(m *Message) string {
	if m.From == nil {
		return "\x01" + string(m.Direction)
	}
	return plain(cmp.Or(m.From.Name, m.From.Phone, m.From.JID, m.From.LID, m.From.BSUID))
}

// Same reports whether two records, of two captures of one chat and with equal
// MatchKeys, show the same message.
func Same(a, b *Message) bool {
	return !others(a, b) && sameSecond(a, b) && a.Revoked == b.Revoked && sameMedia(a, b) &&
		(a.Type == b.Type || media(a) && (a.Type == Unknown || b.Type == Unknown))
}

// others reports whether two records cannot be of one message whatever they
// show: their names are of two, or one shows nothing of it.
func others(a, b *Message) bool {
	for _, m := range []*Message{a, b} {
		if m.Partial && !m.Edited && !m.Revoked {
			return true
		}
	}
	return a.Key != nil && b.Key != nil && a.Key.ID != b.Key.ID && a.Key.Unique && b.Key.Unique && a.Key.ID != "" && b.Key.ID != ""
}

// Revises reports whether two records, of two captures of one chat and with
// equal PlaceKeys, can be two states of one message: one of them shows it
// edited or revoked.
func Revises(a, b *Message) bool {
	if a.Type == SystemType || b.Type == SystemType || a.From == nil || b.From == nil || others(a, b) || !sameSecond(a, b) {
		return false
	}
	if a.Revoked || b.Revoked {
		return a.Revoked != b.Revoked
	}
	return (a.Edited || b.Edited) && plain(a.Text) != plain(b.Text) && media(a) == media(b)
}

// Varies reports whether two records, of two captures of one chat and with
// equal PlaceKeys, show one message though neither Same nor Revises says so:
// one export left its file out, and with it the caption, or they hold other
// bytes under one name.
func Varies(a, b *Message) bool {
	if others(a, b) || !media(a) || !media(b) || a.Revoked || b.Revoked || a.Edited != b.Edited || !sameSecond(a, b) {
		return false
	}
	if leftOut(a) || leftOut(b) {
		return a.Type == b.Type || a.Type == Unknown || b.Type == Unknown
	}
	name := a.Attachments[0].Name
	return a.Type == b.Type && plain(a.Text) == plain(b.Text) && name != "" && name == b.Attachments[0].Name
}

// leftOut reports whether a message is a placeholder and nothing else.
func leftOut(m *Message) bool {
	return media(m) && m.Attachments[0].State == Omitted && m.Text == ""
}

func sameSecond(a, b *Message) bool {
	return a.Precision != "second" || b.Precision != "second" || a.SentLocal == b.SentLocal
}

func media(m *Message) bool { return len(m.Attachments) > 0 }

// sameMedia is false only where both have the content and it differs.
func sameMedia(a, b *Message) bool {
	for i := range min(len(a.Attachments), len(b.Attachments)) {
		x, y := a.Attachments[i].SHA256, b.Attachments[i].SHA256
		if x != "" && y != "" && x != y {
			return false
		}
	}
	return true
}

// plain is text as two exports of one message agree on it: composed, without
// invisible marks, its blanks as one space.
func plain(s string) string {
	s = norm.NFC.String(s)
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) && r != 0x200D && r != 0x200C {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

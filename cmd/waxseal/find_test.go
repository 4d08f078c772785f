package main

import (
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/chat"
)

// TestALineShowsWhatAPhoneKnows: what a chat export does not say.
func TestALineShowsWhatAPhoneKnows(t *testing.T) {
	ana, lid, at := &chat.Person{Name: "Ana"}, &chat.Person{LID: "7@lid"}, "2025-03-01T09:05:07Z"
	lat, lon := 38.5, -9.25
	for want, m := range map[string]chat.Message{
		"7@lid: hello":         {From: lid, Text: "hello"},
		"+447700900001: hello": {Direction: chat.Out, Account: "+447700900001", Text: "hello"},
		"the account's owner: hello [read: 1, delivered: 1]": {Direction: chat.Out, Text: "hello", Receipts: []chat.Receipt{{Who: *ana, State: chat.Read}, {Who: *lid, State: chat.Delivered}}},
		"The subject was changed: ·[31m [android:7/19]":      {Type: chat.SystemType, Direction: chat.Notice, Text: "The subject was changed: \x1b[31m", TypeCode: "android:7/19"},
		"Ana: yes [answers 7@lid: is it so?] [👍 Ana]":        {From: ana, Text: "yes", Quoted: &chat.Quoted{From: lid, Text: "is it\nso?"}, Reactions: []chat.Reaction{{From: *ana, Emoji: "👍"}}},
		"Ana: now [edited 2025-03-01 09:05:07 UTC] [forwarded many times] [starred] [pinned] [disappears after 7 days] [removed on the phone]": {
			From: ana, Text: "now", Edited: true, ChangedAt: at, Forwarded: 9, Starred: true, Pinned: true, EphemeralS: 604800, Dropped: true,
		},
		"Ana:  [unknown] [revoked by an administrator, 7@lid 2025-03-01 09:05:07 UTC; before: the plan]": {
			From: ana, Type: chat.Unknown, Revoked: true, RevokedBy: lid, ChangedAt: at, Versions: []chat.Version{{Text: "the plan"}},
		},
		"Ana:  [missed voice call]":                                {From: ana, Type: chat.CallType, Call: &chat.Call{Missed: true}},
		"Ana:  [poll] [When?] [Today: 2] [Never: 0]":               {From: ana, Type: chat.PollType, Poll: &chat.Poll{Question: "When?", Options: []chat.PollOption{{Text: "Today", Votes: 2}, {Text: "Never"}}}},
		"Ana:  [live location] [38.500000, -9.250000] [Praça Rua]": {From: ana, Type: chat.LivePlace, Location: &chat.Location{Lat: &lat, Lon: &lon, Name: "Praça", Address: "Rua"}},
		"Ana:  [contact] [Notary +351 2]":                          {From: ana, Type: chat.ContactCard, Contacts: []chat.Contact{{Name: "Notary", Phones: []string{"+351 2"}}}},
	} {
		if m.Type == "" {
			m.Type = chat.Text
		}
		var b strings.Builder
		m.SentLocal = "2025-03-01T09:00:00"
		if err := (&printer{w: &b}).message(m, nil); err != nil {
			t.Fatal(err)
		}
		_, got, _ := strings.Cut(b.String(), "09:00:00  ")
		if got != want+"\n" {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

package chat

import "testing"

func TestChanged(t *testing.T) {
	at := func(s string) func(*Message) { return func(m *Message) { m.ChangedAt = s } }
	partial := func(m *Message) { m.Partial = true }
	for name, c := range map[string]struct {
		a, b  Event
		kind  ChangeKind
		later bool
	}{
		"the same":                 {said(1, "", "x"), said(2, "", "x"), "", false},
		"marks of direction":       {said(1, "", "x y"), said(2, "", "\u200ex  y"), "", false},
		"edited":                   {said(1, "", "x"), said(2, "", "y", edited), ChangeEdited, false},
		"edited, the older second": {said(1, "", "y", edited), said(2, "", "x"), ChangeEdited, true},
		"edited twice":             {said(1, "", "z", edited, at("2024-05-13T10:00:00Z")), said(2, "", "y", edited, at("2024-05-13T09:30:00Z")), ChangeEdited, true},
		"marked only":              {said(1, "", "x"), said(2, "", "x", edited), "", false},
		"revoked":                  {said(1, "", "x"), said(2, "", "", revoked), ChangeRevoked, false},
		"revoked in both":          {said(1, "", "", revoked), said(2, "", "", revoked), "", false},
		"neither says why":         {said(1, "", "x"), said(2, "", "y"), ChangeText, false},
		"only a reaction":          {said(1, "", "x"), said(2, "", "", partial), "", false},
		"revoked by itself":        {said(1, "", "x"), said(2, "", "", partial, revoked), ChangeRevoked, false},
		"caption left out":         {said(1, "", "x", file(Stored, "aa")), said(2, "", "", omitted), "", false},
	} {
		if kind, later := Changed(&c.a.Message, &c.b.Message); kind != c.kind || later != c.later {
			t.Errorf("%s: %q, %v", name, kind, later)
		}
	}
}

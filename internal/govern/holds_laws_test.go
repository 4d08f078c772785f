package govern

import (
	"errors"
	"testing"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern/governtest"
)

// TestOnePersonNarrowsNoHold: what a hold asks for is taken from nothing, and
// what it leaves out is put on nothing, while it stands.
func TestOnePersonNarrowsNoHold(t *testing.T) {
	log := &governtest.Log{}
	log.Skip(100)
	l, err := Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	do := func(act string, data any) (int64, error) {
		return l.Do(t.Context(), Actor{Subject: access.Subject{Operator: true}}, Request{Act: act, Reason: "a test", Data: data})
	}
	must := func(id int64, err error) int64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	deals := must(do(ActLabelSet, LabelData{Name: "Deals"}))
	acme := must(do(ActLabelSet, LabelData{Name: "Acme", Parent: deals}))
	privileged := must(do(ActLabelSet, LabelData{Name: "Privileged"}))
	free := must(do(ActLabelSet, LabelData{Name: "Free"}))
	beta := must(do(ActLabelSet, LabelData{Name: "Beta"}))
	ruled := must(do(ActLabelSet, LabelData{Name: "Ruled", Rule: `label:"beta"`}))
	m := must(do(ActMatterOpen, MatterData{Name: "Inquiry"}))
	other := must(do(ActMatterOpen, MatterData{Name: "Other"}))
	some := Runs{{3, 2}}
	for _, h := range []HoldData{
		{Name: "one", Query: "label:\u201cdeals\u201d copper"},
		{Name: "two", Query: "copper -(tin OR label:privileged)"},
		{Name: "three", Matter: m},
		{Name: "four", Query: "Label:ruled"},
	} {
		must(do(ActHoldPlace, h))
	}
	for _, c := range []struct {
		act  string
		data any
		fine bool
	}{
		{ActLabelRemove, Labelled{deals, some}, false},
		{ActLabelRemove, Labelled{acme, some}, false}, // below
		{ActLabelApply, Labelled{acme, some}, true},
		{ActLabelSet, LabelData{Label: deals, Name: "Old deals"}, false},
		{ActLabelSet, LabelData{Label: acme, Name: "Acme"}, false}, // no longer below
		{ActLabelSet, LabelData{Label: deals, Name: "Deals", Closed: true}, true},
		{ActLabelApply, Labelled{privileged, some}, false},
		{ActLabelRemove, Labelled{free, some}, true},
		{ActLabelApply, Labelled{free, some}, true},
		{ActLabelRemove, Labelled{beta, some}, false}, // by the rule of another
		{ActLabelSet, LabelData{Label: ruled, Name: "Ruled", Rule: "tin"}, false},
		{ActMatterDrop, Collected{m, some}, false},
		{ActMatterCollect, Collected{m, some}, true},
		{ActMatterChange, MatterData{Matter: m, Name: "Renamed"}, true}, // it is named by its number
		{ActMatterDrop, Collected{other, some}, true},
		{ActHoldPlace, HoldData{Name: "five", Query: "copper After:\"yesterday\""}, false}, // tomorrow it would be less
		{ActHoldPlace, HoldData{Name: "five", Query: "copper after:2024 today"}, true},
	} {
		_, err := do(c.act, c.data)
		if r := (*Refusal)(nil); c.fine && err != nil || !c.fine && !errors.As(err, &r) {
			t.Errorf("%s %v: %v, want it to be fine: %v", c.act, c.data, err, c.fine)
		}
	}
}

// TestOnePersonTakesNobodyOutOfAHold: what is a custodian's, by name or by a
// group, stays theirs while a hold asks for it.
func TestOnePersonTakesNobodyOutOfAHold(t *testing.T) {
	log := &governtest.Log{}
	log.Skip(100)
	l, err := Open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	do := func(act string, data any) error {
		_, err := l.Do(t.Context(), Actor{Subject: access.Subject{Operator: true}}, Request{Act: act, Reason: "a test", Data: data})
		return err
	}
	for _, r := range []Request{
		{Act: ActCustodianSet, Data: CustodianData{ID: "jo", Name: "Jo"}},
		{Act: ActCustodianSet, Data: CustodianData{ID: "li", Name: "Li"}},
		{Act: ActCustodianSet, Data: CustodianData{ID: "free", Name: "Free"}},
		{Act: ActCustodianAccount, Data: AccountData{ID: "jo", Account: "+44 1", From: "2020-01-01"}},
		{Act: ActCustodianAccount, Data: AccountData{ID: "li", Account: "+44 2"}},
		{Act: ActCustodianAccount, Data: AccountData{ID: "free", Account: "+44 3"}},
		{Act: ActGroupSet, Data: Group{ID: "desk", Name: "Desk", Members: []string{"li", "free"}}},
		{Act: ActHoldPlace, Data: HoldData{Name: "one", Query: "custodian:jo copper"}},
		{Act: ActHoldPlace, Data: HoldData{Name: "two", Query: "group:desk"}},
	} {
		if err := do(r.Act, r.Data); err != nil {
			t.Fatalf("%s: %v", r.Act, err)
		}
	}
	for _, c := range []struct {
		act  string
		data any
		fine bool
	}{
		{ActCustodianAccount, AccountData{ID: "jo", Account: "+44 1", From: "2020-01-01", Drop: true}, false},
		{ActCustodianAccount, AccountData{ID: "jo", Account: "+44 1", From: "2020-01-01", To: "2021-01-01"}, false},
		{ActCustodianAccount, AccountData{ID: "jo", Account: "+44 1", From: "2020-01-01", To: "2199-01-01"}, true}, // nothing that is there
		{ActCustodianAccount, AccountData{ID: "li", Account: "+44 2", Drop: true}, false},                          // by the group
		{ActGroupSet, Group{ID: "desk", Name: "Desk", Members: []string{"li"}}, false},
		{ActGroupSet, Group{ID: "desk", Name: "Desk", Members: []string{"li", "free", "jo"}}, true},
	} {
		err := do(c.act, c.data)
		if r := (*Refusal)(nil); c.fine && err != nil || !c.fine && !errors.As(err, &r) {
			t.Errorf("%s %v: %v, want it to be fine: %v", c.act, c.data, err, c.fine)
		}
	}
}

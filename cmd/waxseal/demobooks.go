package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/demo"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/retain"
)

// Who keeps the books of the sample firm, beside demo.Officer.
const (
	demoLegal    = "c.dubois"
	demoReviewer = "s.adeyemi"
)

// bookkeeper does the firm's acts one after the other, until one fails.
type bookkeeper struct {
	firmAtWork
	x   *index.Index
	err error
}

// do does an act as somebody, or asks for it, and returns its entry.
func (b *bookkeeper) do(login, act, reason string, data any) int64 {
	if b.err != nil {
		return 0
	}
	who, err := b.as(login)
	if err == nil {
		var seq int64
		if seq, _, err = b.l.DoOrAsk(b.a.ctx, who, govern.Request{Act: act, Reason: reason, Data: data}); err == nil {
			return seq
		}
	}
	b.err = fmt.Errorf("%s of the sample: %w", act, err)
	return 0
}

// found is everything that a search finds.
func (b *bookkeeper) found(query string) govern.Runs {
	if b.err != nil {
		return nil
	}
	var seqs []int64
	b.err = b.x.All(b.a.ctx, query, func(m chat.Message) error { seqs = append(seqs, m.Seq); return nil })
	if b.err == nil && len(seqs) == 0 {
		b.err = fmt.Errorf("the sample has nothing that %s finds", query)
	}
	return govern.RunsOf(seqs)
}

// hire enters the firm's people and how long their chats are kept.
func (f firmAtWork) hire() error {
	b := bookkeeper{firmAtWork: f}
	officer := func(act, reason string, data any) { b.do(demo.Officer, act, reason, data) }
	for _, e := range demo.Employees() {
		officer(govern.ActCustodianSet, "", govern.CustodianData{ID: e.ID, Name: e.Name, Department: e.Department})
		for _, t := range e.Accounts {
			officer(govern.ActCustodianAccount, "", govern.AccountData{ID: e.ID, Account: t.Account, From: t.From, To: t.To})
		}
		if e.Left != "" {
			officer(govern.ActCustodianLeft, "", govern.LeftData{ID: e.ID, Day: e.Left})
		}
	}
	officer(govern.ActGroupSet, "", govern.Group{ID: "asia", Name: "Asia and the Gulf", Members: []string{"a.haddad", "k.tanaka"}})
	officer(govern.ActSettingsFiscal, "The firm's year", retain.Fiscal{Month: 12, Day: 31, Zone: demo.Zone})
	for _, p := range []struct {
		preset string
		to     retain.Target
	}{{"uk-fca-5y", retain.Target{}}, {"hk-sfc-7y", retain.Target{Custodian: "k.tanaka"}}} {
		preset, _ := retain.PresetByID(p.preset) // checked below: a policy without an ID is refused
		officer(govern.ActPolicySet, "Records policy of 2024", govern.PolicySet{Policy: preset.Policy})
		officer(govern.ActPolicyAssign, "Records policy of 2024", govern.PolicyTo{Policy: preset.ID, To: p.to})
	}
	return b.err
}

// keepBooks sets the imported chats in order, holds some, disposes of what is
// older than its policy, and says where all that is seen.
func (f firmAtWork) keepBooks(ar *archive.Archive, x *index.Index) (string, error) {
	b := &bookkeeper{firmAtWork: f, x: x}
	var out strings.Builder
	see := func(what string, n int64, say string) { fmt.Fprintf(&out, "  %-12s %5d  %s\n", what, n, say) }
	b.label()
	matter := b.matter()
	see("matter", matter, "Leeds Logistics: messages, notes, a search, and a hold with a notice")
	if b.err == nil {
		b.err = x.Follow(f.a.ctx, nil)
	}
	request := b.hold(matter)
	certificate := b.dispose(ar)
	see("certificate", certificate, "of a disposal: a chat until 2018, but for three messages that a hold keeps")
	b.do(demoLegal, govern.ActSubjectOpen, "", govern.SubjectData{
		Kind: govern.Access, Person: "Sabine Krüger", Query: `in:"Sabine Krüger"`, Received: time.Now().AddDate(0, 0, -6).Format(time.DateOnly),
	})
	see("request", request, demoLegal+" asks that a hold is released: it waits for you")
	if b.err == nil {
		b.err = x.Follow(f.a.ctx, nil)
	}
	return out.String(), b.err
}

func (b *bookkeeper) label() {
	b.do(demo.Officer, govern.ActLabelSet, "", govern.LabelData{Name: "Fraud attempts", Rule: `"new details" OR cust0dy OR "bank details"`})
	complaints := b.do(demo.Officer, govern.ActLabelSet, "", govern.LabelData{Name: "Complaints"})
	fees := b.do(demo.Officer, govern.ActLabelSet, "", govern.LabelData{Name: "Fees", Parent: complaints})
	b.do(demoReviewer, govern.ActLabelApply, "Review of old complaints", govern.Labelled{Label: fees, Messages: b.found(`in:"Beatrice Holm" "exit fee"`)})
}

func (b *bookkeeper) matter() int64 {
	const tip = `in:"Charlotte Whitmore" after:2026-09-17 before:2026-09-18`
	m := b.do(demoLegal, govern.ActMatterOpen, "Report of Maya Okafor", govern.MatterData{
		Name: "Leeds Logistics", About: "A client spoke of an offer before it was public.",
	})
	for _, login := range []string{demoLegal, demoReviewer} {
		b.do(demoLegal, govern.ActMatterMember, "", govern.MemberData{Matter: m, User: login})
	}
	tips := b.found(tip)
	b.do(demoReviewer, govern.ActMatterCollect, "What was said that day", govern.Collected{Matter: m, Messages: tips})
	if b.err == nil {
		b.do(demoReviewer, govern.ActNoteAdd, "", govern.NoteData{On: "message:" + strconv.FormatInt(tips[0][0], 10), Text: "Revoked the day after. The export of 18 September still has it."})
	}
	b.do(demoLegal, govern.ActNoteAdd, "", govern.NoteData{On: "matter:" + strconv.FormatInt(m, 10), Text: "Nothing was bought. To be reported to the FCA by the end of the month."})
	b.do(demoReviewer, govern.ActSearchSave, "", govern.SearchData{Name: "Leeds anywhere", Query: `Leeds OR "Leeds Logistics"`, Matter: m})
	return m
}

// hold places three holds and asks that one is released.
func (b *bookkeeper) hold(matter int64) (request int64) {
	leeds := b.do(demoLegal, govern.ActHoldPlace, "An inquiry is likely", govern.HoldData{Name: "Leeds Logistics", Matter: matter, Query: `in:"Charlotte Whitmore"`})
	notice := b.do(demoLegal, govern.ActHoldNotice, "", govern.NoticeData{
		Hold: leeds, Custodians: []string{"m.okafor", "j.brandt"},
		Text: "Keep everything about Leeds Logistics and Charlotte Whitmore, on paper and on your phone. Please confirm that you have read this.",
	})
	b.do(demoLegal, govern.ActHoldAcknowledge, "Signed on paper in the Strand office", govern.AcknowledgeData{Hold: leeds, Notice: notice, Custodian: "m.okafor"})
	b.do(demoLegal, govern.ActHoldPlace, "The ombudsman has not decided", govern.HoldData{Name: "Holm complaint", Query: `in:"Beatrice Holm" "exit fee"`})
	stone := b.do(demoLegal, govern.ActHoldPlace, "Police report of 13 August", govern.HoldData{Name: "Northgate takeover", Query: `in:"Rafael Stone" after:2026-08`})
	return b.do(demoLegal, govern.ActHoldRelease, "The police have closed the file", govern.HoldRef{Hold: stone})
}

// dispose does what a firm does once a year: the officer proposes what is due,
// somebody else confirms it.
func (b *bookkeeper) dispose(ar *archive.Archive) (certificate int64) {
	if b.err != nil {
		return 0
	}
	certificate, b.err = b.disposal(ar)
	return certificate
}

func (b *bookkeeper) disposal(ar *archive.Archive) (int64, error) {
	d, _, err := b.a.desk(ar, b.x)
	if err != nil {
		return 0, err
	}
	due, err := d.Due(b.a.ctx, time.Now())
	if err != nil {
		return 0, err
	}
	officer, err := b.as(demo.Officer)
	if err != nil {
		return 0, err
	}
	today := time.Now().UTC().Format(time.DateOnly)
	request, err := d.Propose(b.a.ctx, officer, due, today, "Yearly disposal under the records policy")
	if err != nil {
		return 0, err
	}
	b.do(demoLegal, govern.ActApprove, "", govern.Decision{Request: request, Today: today})
	if b.err != nil {
		return 0, b.err
	}
	return d.Run(b.a.ctx, request, nil)
}

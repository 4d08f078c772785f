package retain

import "slices"

// Sure says how sure a preset's figures are (COMPLIANCE.md).
type Sure string

// How sure: the rule's text was read, a summary of it was, or counsel must
// look first.
const (
	RuleRead    Sure = "rule read"
	SummaryRead Sure = "summary read"
	AskCounsel  Sure = "to be checked by counsel"
)

// Preset is a policy that is ready to be taken.
type Preset struct {
	Policy
	Sure Sure
	Note string
}

func years(n int) Period { return Period{Years: n} }

// presets are the regimes that are known. Add one here, and a case in testdata.
var presets = []Preset{
	{Policy{ID: "us-bd-comms-3y", Name: "Broker-dealer communications", Clause: "SEC 17a-4(b)(4)", Clock: Sent, Min: years(3), Accessible: years(2), Propose: true}, SummaryRead, ""},
	{Policy{ID: "us-finra-6y", Name: "FINRA records without another period", Clause: "FINRA 4511", Clock: Sent, Min: years(6), Accessible: years(2), Propose: true}, SummaryRead, "The safe choice of a broker-dealer. Account records run from the account's end: use the clock of a closed chat."},
	{Policy{ID: "us-ria-5y", Name: "Adviser records, five years from the end of the fiscal year", Clause: "SEC 204-2(e)(1)", Clock: FiscalYear, Min: years(5), Accessible: years(2), Propose: true}, SummaryRead, "The well-known \"SEC: five years\"."},
	{Policy{ID: "us-cftc-5y", Name: "CFTC records", Clause: "CFTC 1.31(b)", Clock: Sent, Min: years(5), Accessible: years(5), Propose: true}, SummaryRead, "Swaps: from the end of the swap; close the chat or the matter."},
	{Policy{ID: "us-finra-3170-3y", Name: "Taped firms", Clause: "FINRA 3170", Clock: Sent, Min: years(3), Accessible: years(2), Propose: true}, AskCounsel, ""},
	{Policy{ID: "eu-mifid-5y", Name: "MiFID II communications", Clause: "MiFID II 16(7); 2017/565 art. 76", Clock: Sent, Min: years(5), Accessible: years(5), Propose: true}, RuleRead, "Up to seven years by order of the authority: record the order. The GDPR asks that it goes afterwards."},
	{Policy{ID: "uk-fca-5y", Name: "FCA recordings", Clause: "FCA SYSC 10A.1.15", Clock: Sent, Min: years(5), Accessible: years(5), Propose: true}, RuleRead, "Seven years where the FCA asks: record the order."},
	{Policy{ID: "hk-sfc-order-2y", Name: "SFC order messages", Clause: "SFC 18EC30", Clock: Sent, Min: years(2), Accessible: years(2), Propose: true}, RuleRead, ""},
	{Policy{ID: "hk-sfc-7y", Name: "SFC other books", Clause: "SFC Keeping of Records Rules", Clock: Sent, Min: years(7), Accessible: years(7), Propose: true}, AskCounsel, ""},
	{Policy{ID: "sg-mas-5y", Name: "MAS books", Clause: "SF(LCB)R reg. 39; SFA s. 102", Clock: Sent, Min: years(5), Accessible: years(5), Propose: true}, AskCounsel, ""},
	{Policy{ID: "au-7y", Name: "Australian business communications", Clause: "ASIC INFO 283; Corporations Act", Clock: Sent, Min: years(7), Accessible: years(7), Propose: true}, AskCounsel, ""},
	{Policy{ID: "in-sebi-5y", Name: "SEBI advisers and analysts", Clause: "SEBI IA Regs reg. 19; RA Regs reg. 25", Clock: Sent, Min: years(5), Accessible: years(5), Propose: true}, SummaryRead, ""},
	{Policy{ID: "in-order-evidence-3y", Name: "SEBI evidence of client orders", Clause: "SEBI broker rules", Clock: Sent, Min: years(3), Accessible: years(3), Propose: true}, SummaryRead, "Or until a dispute ends: place a hold."},
	{Policy{ID: "ca-7y", Name: "Canadian dealers and advisers", Clause: "CIRO IDPC 3786; NI 31-103 11.5", Clock: Sent, Min: years(7), Accessible: years(2), Propose: true}, SummaryRead, ""},
	{Policy{ID: "us-hipaa-docs-6y", Name: "HIPAA documentation", Clause: "45 CFR 164.316(b)(2)(i)", Clock: Sent, Min: years(6), Propose: true}, SummaryRead, "For required documentation only. It sets no period for messages or medical records."},
	{Policy{ID: "us-ma-10y", Name: "Medicare Advantage", Clause: "Medicare Advantage contracts", Clock: MatterClosed, Min: years(10), Propose: true}, SummaryRead, "From the end of the contract's period: keep the contract as a matter, and close it then."},
	{Policy{ID: "us-nara-010", Name: "Capstone officials, permanent", Clause: "NARA GRS 6.1 item 010", Clock: Sent, Forever: true}, RuleRead, "Permanent; transferred 15 to 30 years after the cutoff."},
	{Policy{ID: "us-nara-011", Name: "Capstone, seven years", Clause: "NARA GRS 6.1 item 011", Clock: FiscalYear, Min: years(7), Propose: true}, RuleRead, "The cutoff is taken as the end of the fiscal year."},
	{Policy{ID: "us-nara-012", Name: "Capstone, three years", Clause: "NARA GRS 6.1 item 012", Clock: FiscalYear, Min: years(3), Propose: true}, RuleRead, "The cutoff is taken as the end of the fiscal year."},
	{Policy{ID: "gdpr-min", Name: "No duty to keep", Clause: "GDPR 5(1)(e)", Clock: ChatLast, Max: years(1), Propose: true}, AskCounsel, "For what no law asks to keep: it goes a year after the last message of the chat."},
}

// Presets lists the presets.
func Presets() []Preset { return slices.Clone(presets) }

// PresetOf returns a preset by its id.
func PresetOf(id string) (Preset, bool) {
	i := slices.IndexFunc(presets, func(p Preset) bool { return p.ID == id })
	if i < 0 {
		return Preset{}, false
	}
	return presets[i], true
}

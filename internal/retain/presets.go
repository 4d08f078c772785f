package retain

// Preset is a policy as a rule is usually read. It is a starting point for
// counsel, never a claim that it suffices.
type Preset struct {
	Policy
	// Confidence says how the figure was come by.
	Confidence Confidence
	Note       string // what whoever picks it must know
}

// Confidence is how sure a preset's figure is.
type Confidence string

// How a figure was come by.
const (
	RuleText Confidence = "A" // from the text of the rule, or its regulator's page
	Summary  Confidence = "B" // from a summary by lawyers
	ToCheck  Confidence = "K" // to be checked by counsel
)

// Say is it as people are told.
func (c Confidence) Say() string {
	switch c {
	case RuleText:
		return "Read in the text of the rule or on its regulator's page."
	case Summary:
		return "Read in a summary by lawyers."
	default:
		return "To be checked by counsel: the text of the rule was not read for this."
	}
}

// Proposed is the preset that an archive without policies proposes.
const Proposed = "us-ria-5y"

// Presets lists them all.
func Presets() []Preset {
	y := func(n int) Period { return Period{Years: n} }
	const always = -1 // easily accessible the whole time
	p := func(id, name, clause string, keep, accessible int, clock Clock, c Confidence, note string) Preset {
		if accessible == always {
			accessible = keep
		}
		return Preset{Policy{ID: id, Name: name, Clause: clause, Clock: clock, Min: y(keep), Accessible: y(accessible), Propose: true}, c, note}
	}
	must := func(p Preset, after int) Preset { p.Max = y(after); return p }
	forever := func(p Preset) Preset { p.Min, p.Forever, p.Propose = Period{}, true, false; return p }
	return []Preset{
		p("us-bd-comms-3y", "Broker-dealer communications", "SEC 17a-4(b)(4)", 3, 2, Sent, Summary, "Where books of 17a-4(a) are among the messages, take six years."),
		p("us-finra-6y", "FINRA default", "FINRA 4511", 6, 2, Sent, Summary, "The safe choice of a broker-dealer. Records of an account: six years from its end, so put those chats under a policy that counts from when the chat was closed."),
		p(Proposed, "Investment adviser", "SEC 204-2(e)(1)", 5, 2, FiscalYear, Summary, "The well-known \"SEC: at least five years\", from the end of the fiscal year of the message."),
		p("us-cftc-5y", "CFTC records", "CFTC 1.31(b)", 5, always, Sent, Summary, "Swaps: five years from their end. Use matters, or a label with a longer policy."),
		p("us-cftc-calls-1y", "CFTC recorded calls", "CFTC 1.31(b), 1.35", 1, always, Sent, Summary, "For oral communications alone."),
		p("us-finra-3170-3y", "Recorded calls of taped firms", "FINRA 3170", 3, 2, Sent, ToCheck, ""),
		p("eu-mifid-5y", "MiFID II communications", "MiFID II 16(7); 2017/565 art. 72, 76", 5, always, Sent, RuleText, "Up to seven years if the authority asks: enter its order. Without one it should go then, for the data protection rules: disposal is proposed."),
		p("uk-fca-5y", "FCA communications", "FCA SYSC 10A.1.15", 5, always, Sent, RuleText, "Up to seven years if the FCA asks: enter its order. Without one it should go then: disposal is proposed."),
		p("hk-sfc-order-2y", "SFC order messages", "SFC circular 18EC30; Keeping of Records Rules", 2, always, Sent, RuleText, "For messages of orders alone."),
		p("hk-sfc-7y", "SFC general records", "SFC Keeping of Records Rules", 7, always, Sent, ToCheck, ""),
		p("sg-mas-5y", "MAS books", "SF(LCB)R reg. 39; SFA s. 102", 5, always, Sent, ToCheck, ""),
		p("au-7y", "Australia", "Corporations Act; market integrity rules; ASIC INFO 283", 7, always, Sent, ToCheck, "INFO 283 was read; the seven years come from the act and the rules, which were not."),
		p("in-sebi-5y", "SEBI advisers and analysts", "IA Regs 2013 reg. 19; RA Regs 2014 reg. 25", 5, always, Sent, Summary, ""),
		p("in-order-evidence-3y", "SEBI evidence of client orders", "SEBI broker rules", 3, always, Sent, Summary, "Until a dispute ends, if one is open: place a hold."),
		p("ca-7y", "CIRO and registrants", "CIRO IDPC 3786; MFD 5.6; NI 31-103 11.5-11.6", 7, 2, Sent, Summary, "Readily provided in the first two years."),
		p("us-hipaa-docs-6y", "HIPAA documentation", "45 CFR 164.316(b)(2)(i), 164.530(j)", 6, 0, Sent, Summary, "For required documentation only. HIPAA sets no period for messages or medical records; state law does. Counts from creation; where it was last in effect later, put it under a policy that counts from the end of a matter."),
		p("us-ma-10y", "Medicare Advantage", "Medicare Advantage, from the end of the contract period", 10, 0, MatterClosed, Summary, "Make a matter of each contract period, and close it when the period ends."),
		forever(p("us-nara-010", "Capstone officials", "NARA GRS 6.1 item 010", 0, 0, ChatClosed, RuleText, "Permanent: never disposed of here, transferred 15 to 30 years after cutoff.")),
		p("us-nara-011", "Capstone, item 011", "NARA GRS 6.1 item 011", 7, 0, ChatClosed, RuleText, "Counts from cutoff: close the chat."),
		p("us-nara-012", "Capstone, item 012", "NARA GRS 6.1 item 012", 3, 0, ChatClosed, RuleText, "Counts from cutoff: close the chat."),
		must(p("gdpr-min", "Data that nothing obliges to keep", "GDPR 5(1)(c), (e)", 0, 0, ChatLast, ToCheck, "Keeps nothing, and demands that it goes a year after the chat's last message. The purpose sets the period: counsel decides."), 1),
	}
}

// PresetByID finds one.
func PresetByID(id string) (Preset, bool) {
	for _, p := range Presets() {
		if p.ID == id {
			return p, true
		}
	}
	return Preset{}, false
}

package web

import (
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// auditSays are the sentences of what stands in the trail, behind who did it.
// {hold} and its like stand for what it is about, by name.
var auditSays = map[string]string{
	traceRead:         "looked at messages of a chat",
	traceMessage:      "looked at a message",
	traceProof:        "took the proof of a message",
	tracePrint:        "printed messages of a chat",
	traceFile:         "opened a file",
	traceSearch:       "searched",
	traceChats:        "looked at the list of chats",
	traceAudit:        "looked at the audit trail",
	traceAuditExport:  "took a copy of the audit trail",
	traceHold:         "took a report on a hold as a file",
	govern.TraceCopy:  "made a copy for a data subject",
	traceRun:          "ran a disposal",
	traceSends:        "looked at what waits to go out",
	traceCertificate:  "took a certificate of disposal as a file",
	"command":         "gave a command",
	"route":           "asked for a page",
	"signin.link":     "came in by a link",
	"signout":         "signed out",
	"session.end":     "ended a session",
	"token.use":       "used a token",
	index.ActImport:   "Records were imported",
	govern.ActDispose: "A disposal began",

	index.ActCertificate: "A disposal was certified",

	govern.ActHookSet:     "set a webhook",
	govern.ActHookOpen:    "let a webhook be told what happens",
	govern.ActHookPause:   "paused a webhook, or let it go on",
	govern.ActHookReplay:  "had a webhook told again",
	govern.ActHookRemove:  "removed a webhook",
	govern.ActHookReached: "The archive noted how far a webhook was told",
	govern.ActHookPark:    "The archive parked a webhook whose receiver took nothing for days",

	govern.ActApprove: "confirmed {request}",
	govern.ActDecline: "declined {request}",

	govern.ActAddUser:     "made {user}",
	govern.ActChangeUser:  "changed {user}",
	govern.ActCloseUser:   "closed {user}",
	govern.ActOpenUser:    "opened {user} again",
	govern.ActInvite:      "sent a new invitation for {user}",
	govern.ActCredential:  "set what {user} signs in with",
	govern.ActSignIn:      "signed in",
	govern.ActUseRecovery: "signed in with a recovery code",
	govern.ActLockUser:    "The archive locked {user}, after too many guesses",
	govern.ActUnlockUser:  "unlocked {user}",
	govern.ActEndSessions: "ended the sessions of {user}",
	govern.ActAddToken:    "made a token",
	govern.ActRevokeToken: "revoked a token",

	govern.ActCustodianSet:      "entered {custodian}",
	govern.ActCustodianAccount:  "said whose an account is: {custodian}",
	govern.ActCustodianLeft:     "noted that {custodian} left",
	govern.ActCustodianReturned: "noted that {custodian} came back",
	govern.ActGroupSet:          "changed {group}",
	govern.ActContactName:       "named a contact",

	govern.ActHoldPlace:       "placed {hold}",
	govern.ActHoldChange:      "widened {hold}",
	govern.ActHoldNotice:      "gave notice of {hold}",
	govern.ActHoldAcknowledge: "acknowledged {hold}",
	govern.ActHoldRelease:     "released {hold}",

	govern.ActLabelSet:    "set {label}",
	govern.ActLabelApply:  "put messages into {label}",
	govern.ActLabelRemove: "took messages out of {label}",

	govern.ActMatterOpen:    "opened {matter}",
	govern.ActMatterChange:  "changed {matter}",
	govern.ActMatterMember:  "changed who works on {matter}",
	govern.ActMatterClose:   "closed {matter}",
	govern.ActMatterReopen:  "opened {matter} again",
	govern.ActMatterCollect: "collected messages for {matter}",
	govern.ActMatterDrop:    "took messages out of {matter}",

	govern.ActNoteAdd:      "wrote a note",
	govern.ActNoteWithdraw: "withdrew a note",
	govern.ActSearchSave:   "saved a search",
	govern.ActSearchForget: "forgot a search",
	govern.ActChatClose:    "closed a chat",
	govern.ActChatReopen:   "opened a chat again",

	govern.ActPolicySet:      "set {policy}",
	govern.ActPolicyAssign:   "assigned {policy}",
	govern.ActPolicyWithdraw: "withdrew an assignment of {policy}",
	govern.ActPolicyOrder:    "entered an authority's order",
	govern.ActPolicyLift:     "lifted an authority's order",
	govern.ActSettingsFiscal: "said when the fiscal year ends",
	govern.ActSettingsReason: "said whether a reason is asked for",

	govern.ActSubjectOpen:  "entered a data subject's request",
	govern.ActSubjectClose: "answered a data subject's request",

	govern.ActGapOpen:        "The archive found that something is missing",
	govern.ActGapChange:      "The archive found more, or less, missing: {gap}",
	govern.ActGapClose:       "The archive saw {gap} filled",
	govern.ActGapExplain:     "explained {gap}",
	govern.ActSourceHeard:    "The archive noted how long a source listened",
	govern.ActSendRuleSet:    "set {rule}",
	govern.ActSendRuleRemove: "removed {rule}",
	govern.ActConsentSet:     "noted a recipient's consent or refusal",
	govern.ActSendWait:       "A message waits in the gateway: {send}",
	govern.ActSendRelease:    "let {send} go out",
	govern.ActSendWithdraw:   "withdrew {send}",
	govern.ActSendGone:       "The gateway takes up {send}",
	govern.ActSendDone:       "Nothing is left to do about {send}",

	govern.ActSetSource:    "set a source",
	govern.ActRemoveSource: "removed a source",
	govern.ActAlarmRing:    "The archive rang an alarm",
	govern.ActAlarmClear:   "An alarm was over",
	govern.ActAlarmTold:    "The archive told of an alarm",
	govern.ActAlarmRoute:   "said whom alarms are told",
	govern.ActAlarmUnroute: "ended a route of alarms",
	govern.ActKeep:         "The archive kept a key of its own",

	govern.ActDue:       "The archive noted that something is due",
	govern.ActClockJump: "The archive's clock jumped",
	actAsk:              "asked a second person to confirm: {asked}",
}

// actAsk is the name of what govern.Ledger.Ask appends.
const actAsk = "ask"

// told is a sentence of the trail, cut at the name that stands in it.
type told struct{ Say, Name, After string }

// tell says what somebody did, naming what it is about as it is called now.
func tell(st *govern.State, r *index.AuditRow) told {
	if r.Gone {
		return told{Say: "The content of this was disposed of"}
	}
	say := auditSays[r.Act]
	if say == "" {
		return told{Say: clean(r.Act)}
	}
	before, rest, named := strings.Cut(say, "{")
	if !named {
		return told{Say: say}
	}
	kind, after, _ := strings.Cut(rest, "}")
	name := clean(nameOf(st, kind, r))
	if kind == "user" {
		kind = "account"
	}
	switch {
	case name != "" && kind != "asked":
		return told{before + "the " + kind, name, after}
	case kind == "asked":
		return told{Say: strings.TrimSpace(before), Name: name}
	case kind == "account":
		return told{Say: before + "an account" + after}
	}
	return told{Say: before + "a " + kind + after}
}

// nameOf is what a row is about is called; empty: that is not known.
func nameOf(st *govern.State, kind string, r *index.AuditRow) string {
	id := ""
	for _, on := range r.On {
		k, v, _ := strings.Cut(on, ":")
		if k == kind || kind == "asked" && k == "act" {
			id = v
			break
		}
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		n = r.Seq // what the act itself made
	}
	switch kind {
	case "hold":
		if h := st.Holds[n]; h != nil {
			return h.Name
		}
	case "label":
		return st.LabelPath(n)
	case "matter":
		if m := st.Matters[n]; m != nil {
			return m.Name
		}
	case "policy":
		if p := st.Policies[id]; p != nil {
			return p.Last().Name
		}
	case "custodian":
		if c := st.Custodians[id]; c != nil {
			return c.Name
		}
	case "group":
		if g := st.Groups[id]; g != nil {
			return g.Name
		}
	case "rule":
		if r := st.SendRules[id]; r != nil {
			return r.Name
		}
		return id
	case "send":
		return id
	case "user":
		if u := st.Users[id]; u != nil {
			return u.Name
		}
	case "gap":
		if g := st.Gaps[n]; g != nil {
			return gap.Kind(g.Kind).Name()
		}
	case "request":
		if q := st.Requests[n]; q != nil {
			return askedWords(q.Act)
		}
	case "asked":
		return askedWords(id)
	}
	return ""
}

// askedWords say what a request is for.
func askedWords(act string) string {
	if say := requestWords[act]; say != "" {
		return say
	}
	return act
}

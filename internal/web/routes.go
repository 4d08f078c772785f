package web

import (
	"net/http"

	"github.com/waxseal/waxseal/internal/access"
)

// route is one line of the table below. A handler returns its error, and
// fail says it to the person.
type route struct {
	pattern string
	// action is what a person must be allowed to do. An empty one answers
	// without a session: it must show nothing of the archive, and the test of
	// routes lists it.
	action access.Action
	handle func(http.ResponseWriter, *http.Request) error
}

// routes is everything that the console answers. There is no other mux, and
// no debugging or profiling endpoint: what an archive of messages leaks there
// it leaks in clear.
func (s *Server) routes() []route {
	return []route{
		{"GET /{$}", access.Self, s.home},
		{"GET /chats", access.Read, s.chats},
		{"GET /chats/{chat}", access.Read, s.chat},
		{"GET /chats/{chat}/print", access.Read, s.print},
		{"GET /messages/{message}", access.Read, s.message},
		{"GET /search", access.Search, s.search},
		{"GET /sources", access.SeeCapture, whole("Sources are", s.sources)},
		{"GET /hooks", access.SeeCapture, whole("Webhooks are", s.hooks)},
		{"GET /state", access.State, s.archiveState},
		{"GET /state/checkpoint", access.State, s.checkpoint},
		{"GET /media/{sha256}", access.Read, s.media},
		{"GET /audit", access.SeeAudit, whole("The audit trail is", s.audit)},
		{"GET /audit/export/{form}", access.SeeAudit, whole("The audit trail is", s.exportAudit)},
		{"GET /policies", access.SeePolicies, s.policies},
		{"GET /policies/new", access.ManagePolicies, s.editPolicy},
		{"GET /policies/forecast", access.SeePolicies, whole("A forecast is", s.forecast)},
		{"GET /policies/{policy}", access.SeePolicies, s.policy},
		{"POST /policies/preview", access.ManagePolicies, s.previewPolicy},
		{"POST /policies", access.ManagePolicies, s.changePolicy},
		{"GET /policies/requests/{request}", access.SeePolicies, s.askedPolicy},
		{"GET /custodians", access.SeeCustodians, s.custodians},
		{"GET /custodians/import", access.ManageCustodians, whole("A list of people is", s.newPeople)},
		{"POST /custodians/import", access.ManageCustodians, whole("A list of people is", s.takePeople)},
		{"GET /custodians/{custodian}", access.SeeCustodians, s.custodian},
		{"POST /custodians/{custodian}/{act}", access.ManageCustodians, s.actOnCustodian},
		{"GET /holds", access.SeeHolds, s.holds},
		{"GET /holds/new", access.PlaceHold, s.newHold},
		{"POST /holds", access.PlaceHold, s.placeHold},
		{"GET /holds/{hold}", access.SeeHolds, s.hold},
		{"POST /holds/{hold}/{act}", access.PlaceHold, s.actOnHold},
		{"GET /search/all", access.Search, s.bulk},
		{"POST /search/all", access.Order, s.doBulk},
		{"POST /searches", access.Search, s.saveSearch},
		{"POST /searches/{search}/forget", access.Search, s.forgetSearch},
		{"POST /messages/{message}/order", access.Order, s.orderMessage},
		{"POST /notes", access.Order, s.addNote},
		{"POST /notes/{note}/withdraw", access.Order, s.withdrawNote},
		{"GET /labels", access.Search, s.labels},
		{"POST /labels", access.ManageLabels, s.setLabel},
		{"GET /matters", access.SeeMatters, s.matters},
		{"POST /matters", access.ManageMatters, s.openMatter},
		{"GET /matters/{matter}", access.SeeMatters, s.matter},
		{"POST /matters/{matter}/{act}", access.ManageMatters, s.actOnMatter},
		{"GET /notices", access.Self, s.notices},
		{"POST /notices/{notice}", access.Self, s.acknowledge},
		{"GET /groups", access.SeeCustodians, s.groups},
		{"POST /groups", access.ManageCustodians, s.setGroup},
		{"GET /groups/{group}", access.SeeCustodians, s.group},
		{"GET /custodians/unknown", access.SeeCustodians, s.unknown},
		{"POST /custodians/unknown", access.ManageCustodians, s.assign},
		{"POST /contacts", access.ManageCustodians, s.nameContact},
		{"GET /holds/{hold}/report", access.SeeHolds, s.holdReport},
		{"GET /disposals", access.SeeDisposals, whole("Disposals are", s.disposals)},
		{"GET /disposals/propose", access.ProposeDisposal, whole("Disposals are", s.newDisposal)},
		{"POST /disposals/propose", access.ProposeDisposal, whole("Disposals are", s.proposeDisposal)},
		{"GET /disposals/{request}", access.SeeDisposals, whole("Disposals are", s.disposal)},
		{"POST /disposals/{request}/{act}", access.ApproveDisposal, whole("Disposals are", s.actOnDisposal)},
		{"GET /disposals/certificates/{certificate}", access.SeeDisposals, whole("Disposals are", s.certificate)},
		{"GET /disposals/certificates/{certificate}/{form}", access.SeeDisposals, whole("Disposals are", s.takeCertificate)},
		{"GET /subjects", access.SubjectRequest, whole("Requests of data subjects are", s.subjects)},
		{"GET /subjects/new", access.SubjectRequest, whole("Requests of data subjects are", s.newSubject)},
		{"POST /subjects", access.SubjectRequest, whole("Requests of data subjects are", s.openSubject)},
		{"GET /subjects/{subject}", access.SubjectRequest, whole("Requests of data subjects are", s.subject)},
		{"POST /subjects/{subject}/{act}", access.SubjectRequest, whole("Requests of data subjects are", s.actOnSubject)},
		{"GET /subjects/{subject}/copy", access.Export, whole("Requests of data subjects are", s.newCopy)},
		{"POST /subjects/{subject}/copy", access.Export, whole("Requests of data subjects are", s.makeCopy)},
		{"GET /gaps", access.SeeCapture, whole("Gaps are", s.gaps)},
		{"GET /gaps/{gap}", access.SeeCapture, whole("Gaps are", s.gap)},
		{"POST /gaps/{gap}/explain", access.ExplainGap, whole("Gaps are", s.explainGap)},
		{"GET /coverage", access.SeeCapture, whole("The report on coverage is", s.coverageReport)},
		{"GET /sends", access.SeeSends, s.sends},
		{"GET /sends/{send}", access.SeeSends, s.oneSend},
		{"POST /sends/{send}/{act}", access.DecideSend, s.actOnSend},
		{"GET /sends/rules", access.SeeSends, s.sendRules},
		{"POST /sends/rules", access.ManageSendRules, s.setSendRule},
		{"POST /sends/rules/try", access.SeeSends, s.tryRules},
		{"GET /sends/rules/forecast", access.SeeSends, s.sendForecast},
		{"GET /sends/rules/{rule}", access.SeeSends, s.sendRule},
		{"GET /sends/consents", access.SeeSends, whole("Consents are", s.consents)},
		{"POST /sends/consents", access.ManageSendRules, whole("Consents are", s.setConsent)},
		// What the scripts put into a page that is there already.
		{"GET /fragment/chats", access.Read, s.chatRows},
		{"GET /fragment/chats/{chat}", access.Read, s.stretch},
		{"POST /sign-out", access.Self, s.signOut},

		{"GET /set-up", access.Self, s.setUp},
		{"POST /set-up", access.Self, s.doSetUp},
		{"GET /account", access.Self, s.account},
		{"POST /account/password", access.Self, s.changePassword},
		{"POST /account/telephone", access.Self, s.changeTelephone},
		{"POST /account/codes", access.Self, s.newCodes},
		{"POST /account/sessions", access.Self, s.endSession},
		{"POST /account/tokens", access.Self, s.addToken},
		{"POST /account/tokens/{token}/revoke", access.Self, s.revokeToken},
		{"GET /users", access.ManageUsers, s.users},
		{"POST /users", access.ManageUsers, s.addUser},
		{"GET /users/{login}", access.ManageUsers, s.user},
		{"POST /users/{login}", access.ManageUsers, s.changeUser},
		{"POST /users/{login}/{act}", access.ManageUsers, s.actOnUser},
		{"GET /requests", access.Self, s.requests},
		{"POST /requests/{request}/{decision}", access.Self, s.decide},
		{"POST /reasons", access.Self, s.giveReason},
		{"POST /settings/reason", access.ManagePolicies, s.setReason},

		{"GET /api/v1/openapi.yaml", "", s.openAPI}, // as it stands in the documentation
		{"GET /api/v1/chats", access.Read, s.api(s.apiChats)},
		{"GET /api/v1/chats/{chat}/messages", access.Read, s.api(s.apiMessages)},
		{"GET /api/v1/messages/{message}", access.Read, s.api(s.apiMessage)},
		{"GET /api/v1/messages/{message}/proof", access.Prove, s.api(s.apiProof)},
		{"GET /api/v1/media/{sha256}", access.Read, s.api(s.media)},
		{"GET /api/v1/search", access.Search, s.api(s.apiSearch)},
		{"GET /api/v1/gaps", access.SeeCapture, s.api(whole("Gaps are", s.apiGaps))},
		{"GET /api/v1/sources", access.SeeCapture, s.api(whole("Sources are", s.apiSources))},
		{"GET /api/v1/coverage", access.SeeCapture, s.api(whole("Coverage is", s.apiCoverage))},
		{"GET /api/v1/audit", access.SeeAudit, s.api(whole("The audit trail is", s.apiAudit))},

		{"GET /sign-in", "", s.signIn},
		{"POST /sign-in", "", s.enter},
		{"GET /invitation", "", s.invitation},
		{"POST /invitation", "", s.accept},
		{"GET /static/{file}", "", s.staticFile},

		{"/", access.Self, func(http.ResponseWriter, *http.Request) error { return errNoPage }},
	}
}

func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for _, rt := range s.routes() {
		h := s.page(rt.handle)
		if rt.action != "" {
			h = s.signedIn(rt.action, h)
		}
		mux.Handle(rt.pattern, h)
	}
	return mux
}

// page makes a handler of a function that returns its error.
func (s *Server) page(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

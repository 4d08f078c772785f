package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// accountPage is a person's own account.
type accountPage struct {
	layout
	Login    string
	Roles    string
	Until    string
	Codes    int // recovery codes that are left
	Sessions []sessionRow
	Tokens   []tokenRow
	Actions  []actionChoice // what a new token may be for
	Wrong    string
	Where    string // the form that was wrong: password, telephone, token
	Latest   string // last day of a new token
	Base     string // where programs ask
	Telephone
}

// Telephone is the enrolment of another one.
type Telephone = enrolment

type sessionRow struct {
	ID                       int64
	Began, Seen, From, Agent string
	This                     bool
}

type tokenRow struct {
	ID                         int64
	Name, Actions, Until, When string
	Works                      bool
}

type actionChoice struct {
	Action access.Action
	Say    string
}

// actionWords say what a token may be for. What is not here is not for
// programs: what a person signs in with, and who may do what.
var actionWords = []actionChoice{
	{access.Search, "Search"},
	{access.Read, "Read chats, messages and media"},
	{access.Report, "Reports on what captures differ in"},
	{access.Prove, "Prove messages"},
	{access.Export, "Export"},
	{access.Import, "Import"},
	{access.Operate, "Operate: index, sources, the console"},
	{access.Verify, "Verify"},
	{access.State, "See the state of the archive"},
	{access.SeeCustodians, "See custodians"},
	{access.ManageCustodians, "Change custodians and groups"},
	{access.SeePolicies, "See policies and forecasts"},
	{access.ManagePolicies, "Change policies"},
	{access.ApprovePolicy, "Confirm policies"},
	{access.SeeHolds, "See holds"},
	{access.PlaceHold, "Place holds"},
	{access.ReleaseHold, "Release holds"},
	{access.SeeDisposals, "See disposals and certificates"},
	{access.ProposeDisposal, "Propose disposals"},
	{access.ApproveDisposal, "Confirm disposals"},
	{access.Order, "Label, note, collect"},
	{access.SeeCapture, "See sources, gaps and coverage"},
	{access.ExplainGap, "Explain gaps"},
	{access.SeeSends, "See what waits in the gateway"},
	{access.DecideSend, "Let sends go, or withdraw them"},
	{access.ManageSendRules, "Change the rules for sends"},
	{access.ManageLabels, "Change the scheme of labels"},
	{access.SeeMatters, "See matters"},
	{access.ManageMatters, "Change matters"},
	{access.SubjectRequest, "Requests of data subjects"},
	{access.SeeAudit, "See the audit trail"},
	{access.SeeCapture, "See sources, gaps and coverage"},
	{access.Self, "Ask for what needs two people, and confirm or decline it"},
}

func actionName(a access.Action) string {
	for _, w := range actionWords {
		if w.Action == a {
			return w.Say
		}
	}
	return string(a)
}

// roleWords say what a role is for.
var roleWords = map[access.Role]string{
	access.Administrator: "Administrator",
	access.Officer:       "Officer",
	access.Reviewer:      "Reviewer",
	access.Legal:         "Legal",
	access.Auditor:       "Auditor",
	access.Custodian:     "Custodian",
}

func rolesText(roles []access.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, roleWords[r])
	}
	return strings.Join(names, ", ")
}

// lastDay is the last day of something that ends at an instant.
func lastDay(until time.Time) string {
	if until.IsZero() {
		return ""
	}
	return until.UTC().Add(-time.Second).Format(time.DateOnly)
}

// endOf is the end of a day that a form names; zero for an empty one.
func endOf(day string) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return t, errors.Join(errRequest, err)
	}
	return t.AddDate(0, 0, 1), nil
}

// self is the account of whoever asks; a program and the operator have none.
func (s *Server) self(r *http.Request) (u govern.User, err error) {
	if sessionOf(r).User == "" {
		return u, errNoAccount
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		u = *st.Users[sessionOf(r).User]
		return nil
	})
	return u, err
}

func (s *Server) account(w http.ResponseWriter, r *http.Request) error {
	if actor(r).Operator {
		return goOn(w, r, "/set-up", "")
	}
	return s.showAccount(w, r, http.StatusOK, "", "")
}

func (s *Server) telephoneSecret(r *http.Request, u govern.User) string {
	return access.TOTPFrom(s.key, fmt.Sprintf("telephone %d %d", sessionOf(r).ID, u.Credential))
}

func (s *Server) showAccount(w http.ResponseWriter, r *http.Request, status int, where, wrong string) error {
	u, err := s.self(r)
	if err != nil {
		return err
	}
	p := accountPage{layout: s.layout(r, "Your account", ""), Login: u.Login, Roles: rolesText(u.Roles), Until: lastDay(u.Until), Codes: len(u.Recovery), Wrong: wrong, Where: where, Latest: s.now().AddDate(1, 0, 0).Format(time.DateOnly), Base: s.base(r)}
	if p.Telephone, err = s.newEnrolment(u.Login, s.telephoneSecret(r, u), ""); err != nil {
		return err
	}
	for _, x := range s.sessions.list(u.Login) {
		p.Sessions = append(p.Sessions, sessionRow{ID: x.ID, Began: utc(x.Began), Seen: utc(x.Seen), From: x.From, Agent: browserName(x.Agent), This: x.ID == sessionOf(r).ID})
	}
	who := actor(r)
	for _, a := range actionWords {
		if who.May(a.Action, s.now()) == nil {
			p.Actions = append(p.Actions, a)
		}
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, t := range st.Tokens {
			if t.User == u.Login {
				p.Tokens = append(p.Tokens, s.tokenRow(t))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(p.Tokens, func(a, b tokenRow) int { return int(b.ID - a.ID) })
	return s.renderStatus(w, status, "account", p)
}

func (s *Server) tokenRow(t *govern.Token) tokenRow {
	var names []string
	for _, a := range t.Actions {
		names = append(names, actionName(a))
	}
	return tokenRow{ID: t.ID, Name: clean(t.Name), Actions: strings.Join(names, "; "), Until: lastDay(t.Until), When: utc(t.Added), Works: t.Works(s.now())}
}

// browserName is what a browser calls itself, as far as people know it.
func browserName(agent string) string {
	name := "A program"
	for _, b := range []struct{ has, name string }{{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}} {
		if strings.Contains(agent, b.has) {
			name = b.name
			break
		}
	}
	for _, o := range []struct{ has, name string }{{"Android", "Android"}, {"iPhone", "an iPhone"}, {"iPad", "an iPad"}, {"Windows", "Windows"}, {"Mac OS X", "a Mac"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, o.has) {
			return name + " on " + o.name
		}
	}
	return name
}

// credential changes what the person signs in with, after they have shown once
// more that they are the person.
func (s *Server) credential(w http.ResponseWriter, r *http.Request, where string, change func(u govern.User, c *govern.Credential, d *govern.SetCredential) (wrong string)) (bool, error) {
	if err := form(w, r); err != nil {
		return false, err
	}
	if _, err := s.self(r); err != nil {
		return false, err
	}
	who := actor(r)
	u, err := s.door.Confirm(r.Context(), who, r.PostForm.Get("present"))
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		return false, s.showAccount(w, r, http.StatusUnprocessableEntity, where, refusal.Say)
	}
	if err != nil {
		return false, err
	}
	c := govern.Credential{Password: u.Password, TOTP: u.TOTP, Recovery: u.Recovery}
	d := govern.SetCredential{Login: u.Login}
	if wrong := change(u, &c, &d); wrong != "" {
		return false, s.showAccount(w, r, http.StatusUnprocessableEntity, where, wrong)
	}
	seq, err := s.ledger.SetCredential(r.Context(), who, c, d)
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		return false, s.showAccount(w, r, http.StatusUnprocessableEntity, where, refusal.Say)
	}
	if err != nil {
		return false, err
	}
	this := sessionOf(r).ID
	s.sessions.renew(this, seq)
	s.sessions.end(func(x *session) bool { return x.User == u.Login && x.ID != this })
	return true, nil
}

func (s *Server) changePassword(w http.ResponseWriter, r *http.Request) error {
	ok, err := s.credential(w, r, "password", func(u govern.User, c *govern.Credential, d *govern.SetCredential) string {
		password := r.PostForm.Get("password")
		if password != r.PostForm.Get("again") {
			return "The two new passwords differ."
		}
		if wrong := access.Weak(password, u.Login, u.Name, s.name); wrong != "" {
			return wrong
		}
		c.Password, d.New = access.Hash(password, s.cost), []string{"password"}
		return ""
	})
	if !ok {
		return err
	}
	return goOn(w, r, "/account", "password-changed")
}

func (s *Server) changeTelephone(w http.ResponseWriter, r *http.Request) error {
	ok, err := s.credential(w, r, "telephone", func(u govern.User, c *govern.Credential, d *govern.SetCredential) string {
		secret := s.telephoneSecret(r, u)
		step, ok := access.CheckTOTP(secret, r.PostForm.Get("code"), s.now(), u.Step)
		if !ok {
			return "That is not the code that the new telephone shows for this picture, or it was used. Wait for the next."
		}
		c.TOTP, d.New, d.Step = secret, []string{"totp"}, step
		return ""
	})
	if !ok {
		return err
	}
	return goOn(w, r, "/account", "telephone-changed")
}

func (s *Server) newCodes(w http.ResponseWriter, r *http.Request) error {
	var codes []string
	ok, err := s.credential(w, r, "codes", func(_ govern.User, c *govern.Credential, d *govern.SetCredential) string {
		codes, c.Recovery = access.NewRecoveryCodes()
		d.New = []string{"recovery"}
		return ""
	})
	if !ok {
		return err
	}
	return s.render(w, "codes", codesPage{layout: s.layout(r, "Your recovery codes", ""), Codes: codes, Next: "/account", Do: "Back to your account"})
}

// endSession ends one of the person's sessions, or all others.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	u, err := s.self(r)
	if err != nil {
		return err
	}
	which, this := r.PostForm.Get("session"), sessionOf(r).ID
	if _, err := s.ledger.Trace(r.Context(), actor(r), govern.Request{Act: "session.end", On: []string{"user:" + u.Login}}); err != nil {
		return err
	}
	s.sessions.end(func(x *session) bool {
		return x.User == u.Login && (which == "others" && x.ID != this || which == strconv.FormatInt(x.ID, 10))
	})
	return goOn(w, r, "/account", "session-ended")
}

// tokenPage shows a token, this once.
type tokenPage struct {
	layout
	Name, Token string
}

func (s *Server) addToken(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	if _, err := s.self(r); err != nil {
		return err
	}
	until, err := endOf(r.PostForm.Get("until"))
	if err != nil {
		return err
	}
	token, hash := access.NewToken()
	d := govern.NewToken{Name: r.PostForm.Get("name"), Hash: hash, Until: until}
	for _, a := range r.PostForm["action"] {
		if !slices.ContainsFunc(actionWords, func(w actionChoice) bool { return string(w.Action) == a }) {
			return errRequest
		}
		d.Actions = append(d.Actions, access.Action(a))
	}
	_, err = s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActAddToken, Data: d})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		return s.showAccount(w, r, http.StatusUnprocessableEntity, "token", refusal.Say)
	}
	if err != nil {
		return err
	}
	return s.render(w, "token", tokenPage{layout: s.layout(r, "Your new token", ""), Name: clean(d.Name), Token: token})
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(r.PathValue("token"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if _, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActRevokeToken, Data: govern.ForToken{Token: n}}); err != nil {
		return err
	}
	to := "/account"
	if at := r.URL.Query().Get("user"); at != "" {
		to = "/users/" + at
	}
	return goOn(w, r, here(to), "token-revoked")
}

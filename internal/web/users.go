package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// usersPage lists the accounts.
type usersPage struct {
	layout
	Users     []userRow
	NoOfficer bool // nobody answers yet for what is kept
	Waits     int  // requests of accounts
	Form      accountForm
}

type userRow struct {
	Login, Name, Roles, Scope, State, Tone, Seen string
}

// accountForm is an account as it is typed.
type accountForm struct {
	New                         bool
	Login, Name                 string
	Roles                       []roleChoice
	Until                       string
	Custodians, Groups, Matters string
	From, To                    string
	Reason                      string
	Wrong                       string
}

type roleChoice struct {
	Role      access.Role
	Name, Say string
	On        bool
}

var roleHints = map[access.Role]string{
	access.Administrator: "Runs the archive and its accounts. Reads nothing; excludes all other roles.",
	access.Officer:       "Answers for what is kept: reads everything in the scope, policies, holds, disposals, the audit trail.",
	access.Reviewer:      "Reads and labels within the scope.",
	access.Legal:         "Matters and holds; the second person of disposals and releases.",
	access.Auditor:       "Reads and sees the audit trail, changes nothing, until a day that you say. Excludes all other roles.",
	access.Custodian:     "Sees their own messages. Excludes all other roles.",
}

func roleChoices(on []access.Role) []roleChoice {
	var out []roleChoice
	for _, r := range access.Roles() {
		out = append(out, roleChoice{Role: r, Name: roleWords[r], Say: roleHints[r], On: slices.Contains(on, r)})
	}
	return out
}

// state says how an account is, and how good that is.
func (s *Server) userState(u *govern.User) (say, tone string) {
	now := s.now()
	switch {
	case u.Closed:
		return "Closed", ""
	case !u.Until.IsZero() && !now.Before(u.Until):
		return "Ended", ""
	case u.Locked(now):
		return "Locked", "bad"
	case u.CanSignIn(now):
		return "Open", "good"
	case u.Invited(now):
		return "Invited", "warn"
	}
	return "Invitation ran out", "bad"
}

func scopeText(x access.Scope) string {
	if x.All() {
		return "Everything"
	}
	var parts []string
	for _, l := range []struct {
		name string
		of   []string
	}{{"custodians", x.Custodians}, {"groups", x.Groups}, {"matters", x.Matters}} {
		if len(l.of) > 0 {
			parts = append(parts, l.name+" "+plain(strings.Join(l.of, ", ")))
		}
	}
	if x.From != "" {
		parts = append(parts, "from "+x.From)
	}
	if x.To != "" {
		parts = append(parts, "to "+x.To)
	}
	return strings.Join(parts, "; ")
}

func (s *Server) users(w http.ResponseWriter, r *http.Request) error {
	f := accountForm{New: true}
	return s.showUsers(w, r, http.StatusOK, f, nil)
}

func (s *Server) showUsers(w http.ResponseWriter, r *http.Request, status int, f accountForm, roles []access.Role) error {
	p := usersPage{layout: s.layout(r, "Accounts", "users"), Form: f}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.NoOfficer = !st.Officered
		for _, u := range st.Users {
			say, tone := s.userState(u)
			row := userRow{Login: u.Login, Name: clean(u.Name), Roles: rolesText(u.Roles), Scope: scopeText(u.Scope), State: say, Tone: tone}
			if !u.LastSeen.IsZero() {
				row.Seen = utc(u.LastSeen)
			}
			if !access.Reads(u.Roles) {
				row.Scope = "Nothing"
			}
			p.Users = append(p.Users, row)
		}
		for _, q := range st.Requests {
			if q.Waits(s.now()) && strings.HasPrefix(q.Act, "user.") {
				p.Waits++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(p.Users, func(a, b userRow) int { return strings.Compare(a.Login, b.Login) })
	if roles == nil && p.NoOfficer {
		roles = []access.Role{access.Officer}
	}
	p.Form.Roles = roleChoices(roles)
	return s.renderStatus(w, status, "users", p)
}

// typedAccount reads the form of an account.
func typedAccount(r *http.Request) (govern.Account, accountForm, error) {
	v := r.PostForm
	f := accountForm{
		Login: plain(v.Get("login")), Name: plain(v.Get("name")), Until: plain(v.Get("until")), Reason: plain(v.Get("reason")),
		Custodians: plain(v.Get("custodians")), Groups: plain(v.Get("groups")), Matters: plain(v.Get("matters")), From: plain(v.Get("from")), To: plain(v.Get("to")),
	}
	until, err := endOf(v.Get("until"))
	if err != nil {
		return govern.Account{}, f, err
	}
	d := govern.Account{Login: strings.TrimSpace(v.Get("login")), Name: strings.TrimSpace(v.Get("name")), Until: until, Scope: access.Scope{
		Custodians: listed(v.Get("custodians")), Groups: listed(v.Get("groups")), Matters: listed(v.Get("matters")), From: v.Get("from"), To: v.Get("to"),
	}}
	for _, role := range v["role"] {
		d.Roles = append(d.Roles, access.Role(role))
	}
	return d, f, nil
}

// listed reads names with commas or lines between them.
func listed(s string) []string {
	var out []string
	for _, x := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' || r == ';' }) {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

// invitedPage shows the link of an invitation, this once.
type invitedPage struct {
	layout
	Login, Name, Link string
	Asked             bool // an officer has to confirm first
}

// base is where this console is, as the person's browser sees it.
func (s *Server) base(r *http.Request) string {
	if r.TLS != nil || s.behindProxy {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Server) showInvited(w http.ResponseWriter, r *http.Request, login, name, code string, asked bool) error {
	return s.render(w, "invited", invitedPage{
		layout: s.layout(r, "Invitation", "users"), Login: login, Name: clean(name), Asked: asked,
		Link: s.base(r) + "/invitation?code=" + url.QueryEscape(code),
	})
}

func (s *Server) addUser(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	d, f, err := typedAccount(r)
	if err != nil {
		return err
	}
	code, hash := access.NewInvitation()
	d.Invitation = hash
	_, asked, err := s.ledger.DoOrAsk(r.Context(), actor(r), govern.Request{Act: govern.ActAddUser, Data: d, Reason: f.Reason})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		f.New, f.Wrong = true, refusal.Say
		return s.showUsers(w, r, http.StatusUnprocessableEntity, f, d.Roles)
	}
	if err != nil {
		return err
	}
	return s.showInvited(w, r, d.Login, d.Name, code, asked)
}

// userPage is one account.
type userPage struct {
	layout
	Login, Name, State, Tone string
	Closed, Locked, Signed   bool
	Own                      bool
	Added, Seen              string
	Sessions                 int
	Tokens                   []tokenRow
	Form                     accountForm
}

func (s *Server) user(w http.ResponseWriter, r *http.Request) error {
	return s.showUser(w, r, http.StatusOK, nil, nil)
}

func (s *Server) showUser(w http.ResponseWriter, r *http.Request, status int, typed *accountForm, roles []access.Role) error {
	login := r.PathValue("login")
	p := userPage{layout: s.layout(r, "Account of "+login, "users"), Login: login, Own: login == actor(r).ID}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		u := st.Users[login]
		if u == nil {
			return errNoPage
		}
		p.Name, p.Closed, p.Locked, p.Signed = clean(u.Name), u.Closed, u.Locked(s.now()), u.Credential != 0
		p.State, p.Tone = s.userState(u)
		p.Added = utc(u.Added)
		if !u.LastSeen.IsZero() {
			p.Seen = utc(u.LastSeen)
		}
		p.Form = accountForm{
			Login: u.Login, Name: clean(u.Name), Until: lastDay(u.Until), From: u.Scope.From, To: u.Scope.To,
			Custodians: plain(strings.Join(u.Scope.Custodians, ", ")), Groups: plain(strings.Join(u.Scope.Groups, ", ")), Matters: plain(strings.Join(u.Scope.Matters, ", ")),
			Roles: roleChoices(u.Roles),
		}
		for _, t := range st.Tokens {
			if t.User == login && t.Works(s.now()) {
				p.Tokens = append(p.Tokens, s.tokenRow(t))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if typed != nil {
		p.Form = *typed
		p.Form.Login, p.Form.Roles = login, roleChoices(roles)
	}
	slices.SortFunc(p.Tokens, func(a, b tokenRow) int { return int(b.ID - a.ID) })
	p.Sessions = len(s.sessions.list(login))
	return s.renderStatus(w, status, "user", p)
}

func (s *Server) changeUser(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	d, f, err := typedAccount(r)
	if err != nil {
		return err
	}
	d.Login = r.PathValue("login")
	_, asked, err := s.ledger.DoOrAsk(r.Context(), actor(r), govern.Request{Act: govern.ActChangeUser, Data: d, Reason: f.Reason})
	if errors.Is(err, govern.ErrUnknown) {
		return errNoPage
	}
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		f.Wrong = refusal.Say
		return s.showUser(w, r, http.StatusUnprocessableEntity, &f, d.Roles)
	}
	if err != nil {
		return err
	}
	return goOn(w, r, "/users/"+d.Login, word(asked, "user-changed"))
}

func word(asked bool, done string) string {
	if asked {
		return "user-asked"
	}
	return done
}

// userButtons are the acts on an account that are a button.
var userButtons = map[string]string{
	"close": govern.ActCloseUser, "open": govern.ActOpenUser, "unlock": govern.ActUnlockUser, "sessions": govern.ActEndSessions, "invite": govern.ActInvite,
}

func (s *Server) actOnUser(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	login, name := r.PathValue("login"), r.PathValue("act")
	act, ok := userButtons[name]
	if !ok {
		return errNoPage
	}
	d, code := govern.ForUser{Login: login}, ""
	if act == govern.ActInvite {
		code, d.Invitation = access.NewInvitation()
	}
	_, asked, err := s.ledger.DoOrAsk(r.Context(), actor(r), govern.Request{Act: act, Data: d, Reason: plain(r.PostForm.Get("reason"))})
	if errors.Is(err, govern.ErrUnknown) {
		return errNoPage
	}
	if err != nil {
		return err
	}
	if code == "" {
		return goOn(w, r, "/users/"+login, word(asked, "user-"+name))
	}
	who := ""
	err = s.ledger.Read(r.Context(), func(st *govern.State) error { who = st.Users[login].Name; return nil })
	if err != nil {
		return err
	}
	return s.showInvited(w, r, login, who, code, asked)
}

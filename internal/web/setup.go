package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"rsc.io/qr"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
)

// enrolment is the part of a page where a person chooses what to sign in with.
type enrolment struct {
	Secret string // to be typed where there is no camera, in groups of four
	QR     qrCode
	Wrong  string
}

// qrCode is a picture of black squares: one path in a drawing of Size × Size.
type qrCode struct {
	Size int
	Path string
}

// quiet is the white that a QR code has around it, in squares.
const quiet = 4

func drawQR(text string) (qrCode, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, fmt.Errorf("draw QR code: %w", err)
	}
	var b strings.Builder
	for y := range c.Size {
		for x := 0; x < c.Size; x++ {
			from := x
			for x < c.Size && c.Black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return qrCode{Size: c.Size + 2*quiet, Path: b.String()}, nil
}

// newEnrolment shows the secret of an enrolment that waits for its first code.
func (s *Server) newEnrolment(login, secret, wrong string) (enrolment, error) {
	picture, err := drawQR(access.TOTPAddress(s.name, login, secret))
	if err != nil {
		return enrolment{}, err
	}
	var groups []string
	for rest := secret; rest != ""; {
		n := min(4, len(rest))
		groups = append(groups, rest[:n])
		rest = rest[n:]
	}
	return enrolment{Secret: strings.Join(groups, " "), QR: picture, Wrong: wrong}, nil
}

// enrolled reads what a person chose. Wrong is a sentence.
func (s *Server) enrolled(r *http.Request, login, name, secret string, after int64) (c govern.Credential, step int64, codes []string, wrong string) {
	password := r.PostForm.Get("password")
	if password != r.PostForm.Get("again") {
		return c, 0, nil, "The two passwords differ."
	}
	if wrong := access.Weak(password, login, name, s.name); wrong != "" {
		return c, 0, nil, wrong
	}
	step, ok := access.CheckTOTP(secret, r.PostForm.Get("code"), s.now(), after)
	if !ok {
		return c, 0, nil, "That is not the code that the telephone shows for this picture. Codes change every 30 seconds; the telephone's clock must be right."
	}
	codes, hashes := access.NewRecoveryCodes()
	return govern.Credential{Password: access.Hash(password, s.cost), TOTP: secret, Recovery: hashes}, step, codes, ""
}

// codesPage shows recovery codes, this once.
type codesPage struct {
	layout
	Codes []string
	Next  string // where to go on
	Do    string // and what for
}

// setUpPage is the first that an archive shows.
type setUpPage struct {
	layout
	Login, Name string
	enrolment
}

func (s *Server) setUpSecret(r *http.Request) string {
	return access.TOTPFrom(s.key, fmt.Sprintf("set-up %d", sessionOf(r).ID))
}

func (s *Server) setUp(w http.ResponseWriter, r *http.Request) error {
	if !actor(r).Operator {
		return goOn(w, r, "/", "")
	}
	return s.showSetUp(w, r, http.StatusOK, "", "", "")
}

func (s *Server) showSetUp(w http.ResponseWriter, r *http.Request, status int, login, name, wrong string) error {
	e, err := s.newEnrolment("administrator", s.setUpSecret(r), wrong)
	if err != nil {
		return err
	}
	return s.renderStatus(w, status, "set-up", setUpPage{layout: s.layout(r, "Set up this archive", ""), Login: plain(login), Name: plain(name), enrolment: e})
}

func (s *Server) doSetUp(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	who := actor(r)
	if !who.Operator {
		return goOn(w, r, "/", "")
	}
	login, name := strings.TrimSpace(r.PostForm.Get("login")), strings.TrimSpace(r.PostForm.Get("name"))
	secret := s.setUpSecret(r)
	c, _, codes, wrong := s.enrolled(r, login, name, secret, 0)
	if wrong != "" {
		return s.showSetUp(w, r, http.StatusUnprocessableEntity, login, name, wrong)
	}
	part, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode credential: %w", err)
	}
	seq, err := s.ledger.Do(r.Context(), who, govern.Request{Act: govern.ActAddUser, Secret: part, Data: govern.Account{
		Login: login, Name: name, Roles: []access.Role{access.Administrator},
	}})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		return s.showSetUp(w, r, http.StatusUnprocessableEntity, login, name, refusal.Say)
	}
	if err != nil {
		return err
	}
	s.sessions.end(func(x *session) bool { return x.User == "" })
	s.open(w, r, login, seq)
	return s.render(w, "codes", codesPage{layout: s.bare("Your recovery codes"), Codes: codes, Next: "/users", Do: "Invite the officer"})
}

// bare is a layout for a page between two states.
func (s *Server) bare(title string) layout { return layout{Title: title, Firm: s.name} }

// invitationPage is where a person who was invited arrives.
type invitationPage struct {
	layout
	Login, Name string
	Code        string
	enrolment
}

func (s *Server) invited(r *http.Request, code string) (u govern.User, err error) {
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		if who := st.ByInvitation(access.HashInvitation(code), s.now()); who != nil {
			u = *who
			return nil
		}
		return errInvitation
	})
	return u, err
}

func (s *Server) invitation(w http.ResponseWriter, r *http.Request) error {
	return s.showInvitation(w, r, http.StatusOK, r.URL.Query().Get("code"), "")
}

func (s *Server) showInvitation(w http.ResponseWriter, r *http.Request, status int, code, wrong string) error {
	u, err := s.invited(r, code)
	if err != nil {
		return err
	}
	e, err := s.newEnrolment(u.Login, access.TOTPFrom(s.key, "invitation "+access.HashInvitation(code)), wrong)
	if err != nil {
		return err
	}
	return s.renderStatus(w, status, "invitation", invitationPage{layout: s.bare("Welcome"), Login: u.Login, Name: clean(u.Name), Code: code, enrolment: e})
}

func (s *Server) accept(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	code := r.PostForm.Get("invitation")
	u, err := s.invited(r, code)
	if err != nil {
		return err
	}
	c, step, codes, wrong := s.enrolled(r, u.Login, u.Name, access.TOTPFrom(s.key, "invitation "+access.HashInvitation(code)), u.Step)
	if wrong != "" {
		return s.showInvitation(w, r, http.StatusUnprocessableEntity, code, wrong)
	}
	who := govern.Actor{Subject: access.Subject{ID: u.Login, Name: u.Name, Roles: u.Roles, Until: u.Until}, Via: "console", From: s.from(r)}
	seq, err := s.ledger.SetCredential(r.Context(), who, c, govern.SetCredential{Login: u.Login, New: []string{"password", "totp", "recovery"}, Step: step})
	if refusal := (*govern.Refusal)(nil); errors.As(err, &refusal) {
		return s.showInvitation(w, r, http.StatusUnprocessableEntity, code, refusal.Say)
	}
	if err != nil {
		return err
	}
	s.open(w, r, u.Login, seq)
	return s.render(w, "codes", codesPage{layout: s.bare("Your recovery codes"), Codes: codes, Next: "/", Do: "Go on"})
}

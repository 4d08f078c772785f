package govern

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Door is where people come in, by whichever way: it compares what they know
// and have with the books, makes guessing slow, and notes who came and who did
// not. Whether an account exists it tells nobody.
type Door struct {
	ledger *Ledger
	slow   *access.Slow
	cost   access.Cost
	now    func() time.Time
}

// NewDoor makes the door to a firm's books.
func NewDoor(l *Ledger, cost access.Cost) *Door {
	return &Door{ledger: l, slow: access.NewSlow(l.now), cost: cost, now: l.now}
}

// ErrNotIn is within the refusal of whoever is not let in.
var ErrNotIn = errors.New("not signed in")

// lockAfter is how many wrong tries in a row lock an account.
const lockAfter = 12

// Key is what somebody shows at the door.
type Key struct{ Login, Password, Code string }

// Visit is who came in.
type Visit struct {
	Actor
	Credential int64 // entry of what they signed in with
	CodesLeft  int   // recovery codes
	Recovered  bool  // came in with one
}

// Enter lets somebody in who knows the password and has the telephone, or a
// recovery code.
func (d *Door) Enter(ctx context.Context, via, from string, k Key) (Visit, error) {
	login := strings.ToLower(strings.TrimSpace(k.Login))
	if len(login) > 64 {
		login = login[:64]
	}
	account, address := "account:"+login, access.Network(from)
	if wait := d.slow.Begin(account, address); wait > 0 {
		return Visit{}, refuseAs(ErrNotIn, "Too many tries. Wait %s, then try again.", waits(wait))
	}
	var u User
	err := d.ledger.Read(ctx, func(s *State) error {
		if known := s.Users[login]; known != nil {
			u = *known
		}
		return nil
	})
	if err != nil {
		return Visit{}, err
	}
	visit, why := d.enter(ctx, via, from, u, k)
	if why == nil {
		d.slow.Right(account, address)
		return visit, nil
	}
	var refusal *Refusal
	if !errors.As(why, &refusal) && !errors.Is(why, errNoKey) {
		return Visit{}, why // the log could not be written
	}
	d.notIn(ctx, via, from, account, u)
	return Visit{}, refuseAs(ErrNotIn, "That login, password or code is not right, or the account is locked or closed.")
}

var errNoKey = errors.New("login, password or code is wrong")

// enter does the same work for whoever there is and is not.
func (d *Door) enter(ctx context.Context, via, from string, u User, k Key) (Visit, error) {
	now := d.now()
	right, again := access.Check(u.Password, k.Password, d.cost)
	step, byPhone := access.CheckTOTP(u.TOTP, k.Code, now, u.Step)
	n, byCode := access.CheckRecovery(u.Recovery, k.Code)
	if !right || !byPhone && !byCode || !u.CanSignIn(now) || u.Locked(now) {
		return Visit{}, errNoKey
	}
	who := Actor{Subject: access.Subject{ID: u.Login, Name: u.Name, Roles: u.Roles, Scope: u.Scope, Until: u.Until}, Via: via, From: from}
	v := Visit{Actor: who, Credential: u.Credential, CodesLeft: len(u.Recovery), Recovered: !byPhone}
	r := Request{Act: ActSignIn, Data: SignIn{Login: u.Login, Step: step}}
	if !byPhone {
		r = Request{Act: ActUseRecovery, Data: SignIn{Login: u.Login, Recovery: u.Recovery[n]}}
		v.CodesLeft--
	}
	if _, err := d.ledger.do(ctx, who, r, false); err != nil {
		return Visit{}, err
	}
	if again {
		c := Credential{Password: access.Hash(k.Password, d.cost), TOTP: u.TOTP, Recovery: u.Recovery}
		if !byPhone {
			c.Recovery = append(append([]string{}, u.Recovery[:n]...), u.Recovery[n+1:]...)
		}
		var err error
		if v.Credential, err = d.ledger.SetCredential(ctx, who, c, SetCredential{Login: u.Login, New: []string{"cost"}}); err != nil {
			return Visit{}, err
		}
	}
	return v, nil
}

// notIn notes a failure. What was typed as a login is only kept where it is
// one: people type passwords there.
func (d *Door) notIn(ctx context.Context, via, from, account string, u User) {
	r := Request{Act: ActSignIn}
	if u.Login != "" {
		r.On = onUser(u.Login)
	}
	d.ledger.Refuse(ctx, Actor{Via: via, From: from}, r, errNoKey)
	if u.CanSignIn(d.now()) && !u.Locked(d.now()) && d.slow.Failures(account) >= lockAfter {
		// Best effort: without the lock, the waiting alone holds.
		_, _ = d.ledger.do(ctx, Actor{Via: via, From: from}, Request{Act: ActLockUser, Data: ForUser{Login: u.Login}, Reason: fmt.Sprintf("%d wrong tries in a row", lockAfter)}, false)
	}
}

// Token lets a program in.
func (d *Door) Token(ctx context.Context, token, from string) (Actor, error) {
	address := access.Network(from)
	var who Actor
	err := d.ledger.Read(ctx, func(s *State) error {
		sub, t, err := s.TokenSubject(access.HashToken(token), d.now())
		if err == nil {
			who = Actor{Subject: sub, Via: fmt.Sprintf("token %d", t.ID), From: from}
		}
		return err
	})
	var refusal *Refusal
	if errors.As(err, &refusal) {
		if wait := d.slow.Begin(address); wait > 0 {
			return Actor{}, refuseAs(ErrNotIn, "Too many tries. Wait %s, then try again.", waits(wait))
		}
		d.ledger.Refuse(ctx, Actor{Via: "token", From: from}, Request{Act: "token.use"}, err)
		return Actor{}, refuseAs(ErrNotIn, "%s", refusal.Say)
	}
	return who, err
}

// SetCredential appends what a person signs in with from now on, and returns
// its entry.
func (l *Ledger) SetCredential(ctx context.Context, who Actor, c Credential, d SetCredential) (int64, error) {
	secret, err := json.Marshal(c)
	if err != nil {
		return 0, fmt.Errorf("encode credential: %w", err)
	}
	return l.Do(ctx, who, Request{Act: ActCredential, Data: d, Secret: secret})
}

// Confirm compares what somebody who is signed in types again before something
// grave, as slowly as at the door.
func (d *Door) Confirm(ctx context.Context, who Actor, password string) (User, error) {
	account, address := "account:"+who.ID, access.Network(who.From)
	if wait := d.slow.Begin(account, address); wait > 0 {
		return User{}, refuseAs(ErrNotIn, "Too many tries. Wait %s, then try again.", waits(wait))
	}
	var u User
	err := d.ledger.Read(ctx, func(s *State) error {
		if known := s.Users[who.ID]; known != nil {
			u = *known
		}
		return nil
	})
	if err != nil {
		return User{}, err
	}
	if ok, _ := access.Check(u.Password, password, d.cost); !ok {
		d.notIn(ctx, who.Via, who.From, account, u)
		return User{}, refuseAs(ErrNotIn, "Your present password is not right.")
	}
	d.slow.Right(account, address)
	return u, nil
}

func waits(d time.Duration) string {
	d = d.Round(time.Second) + time.Second
	if d < 2*time.Minute {
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes())+1)
}

// flood lets so many through in a minute, and counts the others.
type flood struct {
	mu     sync.Mutex
	minute time.Time
	n      int
	more   int
}

const floodMinute = 60

// take reports whether one more may be noted, and how many were not since.
func (f *flood) take(now time.Time) (more int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := now.Truncate(time.Minute); !m.Equal(f.minute) {
		f.minute, f.n = m, 0
	}
	if f.n >= floodMinute {
		f.more++
		return 0, false
	}
	f.n++
	more, f.more = f.more, 0
	return more, true
}

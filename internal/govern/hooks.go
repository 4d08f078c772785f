package govern

import (
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of outgoing webhooks. A hook that was set tells nothing until an officer
// has confirmed it: content leaves by it, as it does to whoever reads.
const (
	ActHookSet     = "hook.set"  // its key is the second part; without one it stays
	ActHookOpen    = "hook.open" // as it was set
	ActHookPause   = "hook.pause"
	ActHookReplay  = "hook.replay"
	ActHookRemove  = "hook.remove"
	ActHookReached = "hook.reached" // the archive's own: what was told so far
	ActHookPark    = "hook.park"    // the archive's own: it was tried in vain for days
)

// What hooks tell. The last are about the whole archive.
const (
	HookReceived    = "message.received"
	HookSent        = "message.sent"
	HookStatus      = "message.status"
	HookReaction    = "message.reaction"
	HookEdited      = "message.edited"
	HookRevoked     = "message.revoked"
	HookStored      = "media.stored"
	HookGapOpened   = "gap.opened"
	HookGapClosed   = "gap.closed"
	HookSendWaiting = "send.waiting"
	HookAlarm       = "alarm"
)

// HookEvents lists what hooks tell.
func HookEvents() []string {
	return []string{HookReceived, HookSent, HookStatus, HookReaction, HookEdited, HookRevoked, HookStored, HookGapOpened, HookGapClosed, HookSendWaiting, HookAlarm}
}

// wholeArchive are the events that a scope cannot narrow.
var wholeArchive = []string{HookGapOpened, HookGapClosed, HookSendWaiting, HookAlarm}

// Hook is an address that is told what happens.
type Hook struct {
	HookData
	Key    []byte // signs what is told
	Set    int64  // entry of the act that set it last
	By     string
	Since  time.Time
	Opened int64 // entry by which it was confirmed as it is; 0: it was not
	First  int64 // entry by which it was confirmed first: it is told what came after
	Paused bool

	Next    int64     // entry that is told next
	Turn    int64     // entry of the act that put Next where somebody wanted it
	Reached time.Time // when Next was noted last
	Failing time.Time // since when nothing is taken; zero: all is well
	Parked  time.Time // zero: it is not
	Why     string    // it is parked, or fails
}

// Tells reports a hook that is told what happens.
func (h *Hook) Tells() bool { return h.Opened != 0 && !h.Paused && h.Parked.IsZero() }

// HookData is the data of ActHookSet.
type HookData struct {
	ID     string       `json:"id"`
	URL    string       `json:"url"`
	Events []string     `json:"events"`
	Scope  access.Scope `json:"scope,omitzero"`
}

// HookOpen is the data of ActHookOpen.
type HookOpen struct {
	ID  string `json:"id"`
	Set int64  `json:"set"` // entry of the act that set it: what is confirmed is what was read
}

// HookPause is the data of ActHookPause.
type HookPause struct {
	ID     string `json:"id"`
	Paused bool   `json:"paused"`
}

// HookReplay is the data of ActHookReplay.
type HookReplay struct {
	ID   string `json:"id"`
	From int64  `json:"from"` // entry that is told next
}

// ForHook is the data of ActHookRemove.
type ForHook struct {
	ID string `json:"id"`
}

// HookAt is the data of ActHookReached and ActHookPark.
type HookAt struct {
	ID      string    `json:"id"`
	Turn    int64     `json:"turn"` // see Hook
	Next    int64     `json:"next"`
	Failing time.Time `json:"failing,omitzero"`
	Why     string    `json:"why,omitempty"` // "answered 500"
}

func hookActs() map[string]kind {
	on := func(id string) []string { return []string{"hook:" + id} }
	open := about(define(access.Operate, checkHookOpen, applyHookOpen), func(_ *Act, d HookOpen) []string { return on(d.ID) })
	open.second = func(s *State, _ *Act) access.Action { return s.secondReader() }
	replay := about(define(access.Operate, checkHookReplay, func(s *State, a *Act, d HookReplay) {
		s.Hooks[d.ID].turn(a.Seq, d.From)
		s.Hooks[d.ID].First = min(s.Hooks[d.ID].First, d.From)
	}), func(_ *Act, d HookReplay) []string { return on(d.ID) })
	replay.second = func(s *State, a *Act) access.Action {
		d := dataOf[HookReplay](a)
		if h := s.Hooks[d.ID]; h == nil || d.From >= h.First {
			return ""
		}
		return s.secondReader() // of what came before anybody confirmed it
	}
	return map[string]kind{
		ActHookSet:    about(define(access.Operate, checkHookSet, applyHookSet), func(_ *Act, d HookData) []string { return on(d.ID) }),
		ActHookOpen:   open,
		ActHookReplay: replay,
		ActHookPause: about(define(access.Operate, func(s *State, _ *Act, d HookPause) error {
			h, err := s.hook(d.ID)
			if err == nil && h.Paused == d.Paused {
				err = refuse("It is so already.")
			}
			return err
		}, func(s *State, _ *Act, d HookPause) { s.Hooks[d.ID].Paused = d.Paused }), func(_ *Act, d HookPause) []string { return on(d.ID) }),
		ActHookRemove: about(define(access.Operate, func(s *State, _ *Act, d ForHook) error {
			_, err := s.hook(d.ID)
			return err
		}, func(s *State, _ *Act, d ForHook) { delete(s.Hooks, d.ID) }), func(_ *Act, d ForHook) []string { return on(d.ID) }),
		ActHookReached: about(define("", checkHookAt, func(s *State, a *Act, d HookAt) { s.Hooks[d.ID].at(a, d) }), func(_ *Act, d HookAt) []string { return on(d.ID) }),
		ActHookPark: about(define("", checkHookAt, func(s *State, a *Act, d HookAt) {
			s.Hooks[d.ID].at(a, d)
			s.Hooks[d.ID].Parked = a.At
		}), func(_ *Act, d HookAt) []string { return on(d.ID) }),
	}
}

// secondReader is who must confirm that something more is read.
func (s *State) secondReader() access.Action {
	if !s.Officered {
		return ""
	}
	return access.GrantReading
}

func (s *State) hook(id string) (*Hook, error) {
	if h := s.Hooks[id]; h != nil {
		return h, nil
	}
	return nil, refuseAs(ErrUnknown, "There is no hook %s.", id)
}

// turn puts where it goes on, and tries anew.
func (h *Hook) turn(by, next int64) {
	h.Turn, h.Next, h.Failing, h.Parked, h.Why = by, next, time.Time{}, time.Time{}, ""
}

func (h *Hook) at(a *Act, d HookAt) {
	h.Next, h.Reached, h.Failing, h.Why = d.Next, a.At, d.Failing, d.Why
}

func checkHookSet(s *State, a *Act, d HookData) error {
	u, err := url.Parse(d.URL)
	switch {
	case !sourceName.MatchString(d.ID):
		return refuse("A hook is called by small letters, digits and hyphens, such as crm.")
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || len(d.URL) > 2000:
		return refuse("A hook has an address such as https://crm.acme.example/waxseal.")
	case len(d.Events) == 0:
		return refuse("Say what the hook is told.")
	case s.Hooks[d.ID] == nil && a.Secret == nil:
		return refuse("A new hook needs a key to sign with.")
	case a.Secret != nil && len(a.Secret) < 16:
		return refuse("The key of a hook has 16 characters at least.")
	}
	for _, e := range d.Events {
		if !slices.Contains(HookEvents(), e) {
			return refuse("There is no event %.40q.", e)
		}
		if !d.Scope.All() && slices.Contains(wholeArchive, e) {
			return refuse("%s is about the whole archive, and the hook sees a part of it.", e)
		}
	}
	return nil
}

func applyHookSet(s *State, a *Act, d HookData) {
	h := &Hook{HookData: d, Key: a.Secret, Set: a.Seq, By: a.By, Since: a.At}
	if was := s.Hooks[d.ID]; was != nil {
		same, key := reflect.DeepEqual(was.HookData, d), h.Key
		*h = *was
		h.HookData, h.Set, h.By = d, a.Seq, a.By
		if key != nil {
			h.Key = key
		}
		if !same {
			h.Opened = 0
		}
	}
	s.Hooks[d.ID] = h
}

func checkHookOpen(s *State, _ *Act, d HookOpen) error {
	h, err := s.hook(d.ID)
	switch {
	case err != nil:
		return err
	case h.Set != d.Set:
		return refuse("The hook was set again since. Ask again.")
	case h.Opened != 0:
		return refuse("The hook is confirmed already.")
	}
	return nil
}

func applyHookOpen(s *State, a *Act, d HookOpen) {
	h := s.Hooks[d.ID]
	if h.Opened = a.Seq; h.First == 0 {
		h.First = a.Seq
		h.turn(a.Seq, a.Seq+1)
	}
}

func checkHookReplay(s *State, a *Act, d HookReplay) error {
	h, err := s.hook(d.ID)
	switch {
	case err != nil:
		return err
	case h.First == 0:
		return refuse("The hook was told nothing yet.")
	case d.From < 0 || a.Seq >= 0 && d.From > a.Seq:
		return refuse("There is no such entry.")
	}
	return nil
}

func checkHookAt(s *State, _ *Act, d HookAt) error {
	h, err := s.hook(d.ID)
	switch {
	case err != nil:
		return err
	case h.Turn != d.Turn:
		return refuse("Somebody has put the hook elsewhere meanwhile.")
	case !h.Parked.IsZero():
		return refuse("The hook is parked.")
	}
	return nil
}

// State says in a word how a hook is.
func (h *Hook) State() string {
	switch {
	case h.Opened == 0:
		return "waits" // for an officer
	case !h.Parked.IsZero():
		return "parked"
	case h.Paused:
		return "paused"
	case !h.Failing.IsZero():
		return "failing"
	}
	return "tells"
}

package govern

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/record"
)

// kind is what there is to know of one act.
type kind struct {
	action access.Action
	// second, where it is set, is what another person must be allowed to do
	// who confirms the act. It may depend on what the act does.
	second func(*State, *Act) access.Action
	check  func(*State, *Act) error
	apply  func(*State, *Act)
	// vouched acts need the word of both people for today's date.
	vouched bool
	on      func(*Act) []string
	// archive marks what the archive does by itself, when it must.
	archive bool
}

// kinds are all acts by name: one line a noun.
var kinds = map[string]kind{}

func init() { // not a literal: a request refers to all of them
	for _, of := range []map[string]kind{
		requestActs(),
		custodianActs(),
		holdActs(),
		labelActs(),
		matterActs(),
		noteActs(),
		disposalActs(),
		subjectActs(),
		policyActs(),
		userActs(),
		settingActs(),
		credentialActs(),
		tokenActs(),
		sourceActs(),
		hookActs(),
		alarmActs(),
		keptActs(),
		sendRuleActs(),
		sendActs(),
		heardActs(),
		gapActs(),
	} {
		maps.Copy(kinds, of)
	}
}

// define makes an act whose data is a T. check must change nothing and say in
// a Refusal what is wrong; apply follows where it said nothing, and cannot fail.
func define[T any](action access.Action, check func(*State, *Act, T) error, apply func(*State, *Act, T)) kind {
	read := func(a *Act) (v T, err error) {
		err = decode(a, &v)
		return v, err
	}
	return kind{
		action: action,
		check: func(s *State, a *Act) error {
			v, err := read(a)
			if err != nil {
				return err
			}
			return check(s, a, v)
		},
		apply: func(s *State, a *Act) {
			if v, err := read(a); err == nil { // check has read it
				apply(s, a, v)
			}
		},
	}
}

// decode reads an act's own data.
func decode(a *Act, v any) error {
	if len(a.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(a.Data, v); err != nil {
		return fmt.Errorf("%s: read its data: %w", a.Act, err)
	}
	return nil
}

// supposed is an act that nobody has made yet, with a reason and confirmed.
func supposed(now time.Time, act string, data any) (*Act, error) {
	b, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", act, err)
	}
	return &Act{Seq: -1, At: now, Second: somebody, ActHead: record.ActHead{Act: act, Reason: "supposed", Data: b}}, nil
}

// about says what an act is about, for the audit trail.
func about[T any](k kind, on func(*Act, T) []string) kind {
	k.on = func(a *Act) []string {
		var v T
		if json.Unmarshal(a.Data, &v) != nil {
			return nil
		}
		return on(a, v)
	}
	return k
}

// two makes an act one that another person has to confirm.
func two(k kind, second access.Action) kind {
	k.second = func(*State, *Act) access.Action { return second }
	return k
}

// allowed decides whether an act counts, given all acts before it.
func (s *State) allowed(k kind, a *Act) error {
	if k.action == "" { // the archive's own
		if a.By != "" {
			return access.ErrForbidden
		}
		return k.check(s, a)
	}
	if !k.archive || a.By != "" {
		if err := s.may(a.By, k.action, a); err != nil {
			return err
		}
	}
	if k.second != nil && a.Second == "" {
		if second := k.second(s, a); second != "" {
			return refuseAs(ErrSecondPerson, "A second person has to confirm that.")
		}
	}
	return k.check(s, a)
}

// may asks access about a user as the books know them at the act's time.
func (s *State) may(user string, action access.Action, a *Act) error {
	sub, err := s.Subject(user)
	if err != nil {
		return err
	}
	return sub.May(action, a.At)
}

// Acts lists the names of all acts, sorted.
func Acts() []string { return slices.Sorted(maps.Keys(kinds)) }

package retain

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"
)

// policyID is a slug: it stands in addresses, commands and certificates.
var policyID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Clocks lists them, as forms show them, with what they count from.
func Clocks() []Clock {
	return []Clock{Sent, FiscalYear, ChatLast, ChatClosed, PersonLeft, MatterClosed}
}

// Say is from when the clock counts.
func (c Clock) Say() string { return from[c] }

// Check says what is wrong with a policy, in a sentence.
func (p *Policy) Check() error {
	switch {
	case !policyID.MatchString(p.ID):
		return errors.New("A policy's name in addresses is made of small letters, digits and hyphens: \"clients-5y\".") //nolint:staticcheck // a sentence for people
	case from[p.Clock] == "":
		return fmt.Errorf("There is no clock %q.", p.Clock) //nolint:staticcheck // a sentence for people
	case !p.Min.sane() || !p.Max.sane() || !p.Accessible.sane():
		return fmt.Errorf("A period is from nothing to %d years.", maxYears) //nolint:staticcheck // a sentence for people
	case utf8.RuneCountInString(p.Name) > 200 || utf8.RuneCountInString(p.Clause) > 400:
		return errors.New("The name or the clause is too long.") //nolint:staticcheck // a sentence for people
	case p.Forever && (!p.Min.Zero() || !p.Max.Zero() || p.Propose):
		return errors.New("What is kept for ever has no period and no maximum, and is never proposed for disposal.") //nolint:staticcheck // a sentence for people
	case !p.Forever && p.Min.Zero() && p.Max.Zero():
		return errors.New("A policy needs a minimum, a maximum, or both.") //nolint:staticcheck // a sentence for people
	case !p.Max.Zero() && !p.Max.NotShorter(p.Min):
		return errors.New("The maximum must not be shorter than the minimum.") //nolint:staticcheck // a sentence for people
	case !p.Forever && !p.Accessible.Zero() && !p.Min.NotShorter(p.Accessible):
		return errors.New("It cannot be easily accessible for longer than it is kept.") //nolint:staticcheck // a sentence for people
	case p.Fiscal != (Fiscal{}):
		return p.Fiscal.Check()
	}
	return nil
}

// Check says what is wrong with an order.
func (o *Prolong) Check() error {
	switch {
	case o.Authority == "" || o.Reason == "":
		return errors.New("An order needs its authority and a reason.") //nolint:staticcheck // a sentence for people
	case o.Extra.Zero() || !o.Extra.sane():
		return errors.New("An order needs the time by which it prolongs.") //nolint:staticcheck // a sentence for people
	}
	for _, day := range []string{o.From, o.Until} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return fmt.Errorf("A day is written as 2024-01-31, not %q.", day) //nolint:staticcheck // a sentence for people
		}
	}
	if o.From != "" && o.Until != "" && o.Until < o.From {
		return errors.New("The order ends before it begins.") //nolint:staticcheck // a sentence for people
	}
	return nil
}

// Shortens reports whether what was under the version before can end earlier,
// or must be disposed of earlier, under this one. Where that depends on the
// message, it can.
func (p *Policy) Shortens(before *Policy) bool {
	if p.Clock != before.Clock || p.Fiscal != before.Fiscal {
		return true
	}
	switch {
	case before.Forever && !p.Forever,
		!p.Forever && !p.Min.NotShorter(before.Min),
		!p.Max.Zero() && (before.Max.Zero() || !p.Max.NotShorter(before.Max)),
		p.Propose && !before.Propose,
		!p.Accessible.NotShorter(before.Accessible):
		return true
	}
	return false
}

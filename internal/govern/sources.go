package govern

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of sources that run.
const (
	ActSetSource    = "source.set"    // its secrets are the second part; without one they stay
	ActRemoveSource = "source.remove" // it listens no longer; what it brought stays
)

// Source is a way in that runs: what it listens to, and what it must keep to
// itself.
type Source struct {
	Name    string
	Kind    string // "cloudapi"
	Config  json.RawMessage
	Secret  []byte // JSON; never shown
	Set     int64  // entry of the act that set it last
	Since   time.Time
	Removed time.Time // zero: it runs
}

// SetSource is the data of ActSetSource.
type SetSource struct {
	Name   string          `json:"name"`
	Kind   string          `json:"kind"`
	Config json.RawMessage `json:"config"`
}

// ForSource is the data of ActRemoveSource.
type ForSource struct {
	Name string `json:"name"`
}

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func sourceActs() map[string]kind {
	on := func(name string) []string { return []string{"source:" + name} }
	return map[string]kind{
		ActSetSource:    about(define(access.Operate, checkSetSource, applySetSource), func(_ *Act, d SetSource) []string { return on(d.Name) }),
		ActRemoveSource: about(define(access.Operate, checkRemoveSource, func(s *State, a *Act, d ForSource) { s.Sources[d.Name].Removed = a.At }), func(_ *Act, d ForSource) []string { return on(d.Name) }),
	}
}

func checkSetSource(s *State, a *Act, d SetSource) error {
	was := s.Sources[d.Name]
	switch {
	case !sourceName.MatchString(d.Name):
		return refuse("A source is called by small letters, digits and hyphens, such as main.")
	case d.Kind == "":
		return refuse("Say what kind of source it is.")
	case was != nil && was.Kind != d.Kind:
		return refuse("The source %s is of another kind.", d.Name)
	case was == nil && a.Secret == nil:
		return refuse("A new source needs its secrets.")
	}
	return nil
}

func applySetSource(s *State, a *Act, d SetSource) {
	src := &Source{Name: d.Name, Kind: d.Kind, Config: d.Config, Secret: a.Secret, Set: a.Seq, Since: a.At}
	if was := s.Sources[d.Name]; was != nil {
		if src.Since = was.Since; src.Secret == nil {
			src.Secret = was.Secret
		}
	}
	s.Sources[d.Name] = src
}

func checkRemoveSource(s *State, _ *Act, d ForSource) error {
	if src := s.Sources[d.Name]; src == nil || !src.Removed.IsZero() {
		return refuseAs(ErrUnknown, "There is no source %s.", d.Name)
	}
	return nil
}

package govern

import (
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"time"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of alarms. What rings is noted by the archive itself, once for each
// change, so that the trail has when capture stood still and who was told.
const (
	ActAlarmRing    = "alarm.ring"
	ActAlarmClear   = "alarm.clear"
	ActAlarmTold    = "alarm.told"
	ActAlarmRoute   = "alarm.route"   // its password or key is the second part; without one it stays
	ActAlarmUnroute = "alarm.unroute" // nobody is told by it any longer
)

// Alarm is a state that somebody has to know of, as it was noted last.
type Alarm struct {
	Key    string
	Source string
	Say    string
	Seq    int64 // entry of the act that noted the state it is in
	Since  time.Time
	Over   time.Time       // zero: it rings
	Told   map[string]bool // routes by which the state was told
}

// Rings reports whether the state is there.
func (a *Alarm) Rings() bool { return a.Over.IsZero() }

// AlarmRoute is a way by which people are told: mail, or a webhook.
type AlarmRoute struct {
	AlarmRouteData
	Secret []byte // the mail server's password, or the webhook's key
	Seq    int64
}

// AlarmData is the data of ActAlarmRing and ActAlarmClear.
type AlarmData struct {
	Key    string `json:"key"`
	Source string `json:"source,omitempty"`
	Say    string `json:"say,omitempty"`
}

// AlarmTold is the data of ActAlarmTold.
type AlarmTold struct {
	Key   string `json:"key"`
	State int64  `json:"state"` // entry of the act that noted it
	Route string `json:"route"`
}

// AlarmRouteData is the data of ActAlarmRoute: To, From and Server of mail, or
// URL of a webhook.
type AlarmRouteData struct {
	Name   string   `json:"name"`
	To     []string `json:"to,omitempty"`
	From   string   `json:"from,omitempty"`
	Server string   `json:"server,omitempty"` // host:port
	User   string   `json:"user,omitempty"`   // login at the server
	Plain  bool     `json:"plain,omitempty"`  // without TLS: the server has none
	URL    string   `json:"url,omitempty"`
}

// Mail reports a route by mail.
func (d *AlarmRouteData) Mail() bool { return d.URL == "" }

// ForAlarmRoute is the data of ActAlarmUnroute.
type ForAlarmRoute struct {
	Name string `json:"name"`
}

func alarmActs() map[string]kind {
	return map[string]kind{
		ActAlarmRing:  about(define("", checkRing, applyRing), func(_ *Act, d AlarmData) []string { return onAlarm(d) }),
		ActAlarmClear: about(define("", checkClear, applyClear), func(_ *Act, d AlarmData) []string { return onAlarm(d) }),
		ActAlarmTold: define("", checkTold, func(s *State, _ *Act, d AlarmTold) {
			s.Alarms[d.Key].Told[d.Route] = true
		}),
		ActAlarmRoute: define(access.Operate, checkRoute, func(s *State, a *Act, d AlarmRouteData) {
			r := &AlarmRoute{AlarmRouteData: d, Secret: a.Secret, Seq: a.Seq}
			if was := s.AlarmRoutes[d.Name]; was != nil && r.Secret == nil {
				r.Secret = was.Secret
			}
			s.AlarmRoutes[d.Name] = r
		}),
		ActAlarmUnroute: define(access.Operate, func(s *State, _ *Act, d ForAlarmRoute) error {
			if s.AlarmRoutes[d.Name] == nil {
				return refuseAs(ErrUnknown, "There is no route %s.", d.Name)
			}
			return nil
		}, func(s *State, _ *Act, d ForAlarmRoute) { delete(s.AlarmRoutes, d.Name) }),
	}
}

func onAlarm(d AlarmData) []string {
	if d.Source == "" {
		return nil
	}
	return []string{"source:" + d.Source}
}

func checkRing(s *State, _ *Act, d AlarmData) error {
	if d.Key == "" || d.Say == "" {
		return refuse("An alarm has a key, and a sentence.")
	}
	if was := s.Alarms[d.Key]; was != nil && was.Rings() {
		return refuse("It rings already.")
	}
	return nil
}

func applyRing(s *State, a *Act, d AlarmData) {
	s.Alarms[d.Key] = &Alarm{Key: d.Key, Source: d.Source, Say: d.Say, Seq: a.Seq, Since: a.At, Told: map[string]bool{}}
}

func checkClear(s *State, _ *Act, d AlarmData) error {
	if was := s.Alarms[d.Key]; was == nil || !was.Rings() {
		return refuseAs(ErrUnknown, "It does not ring.")
	}
	return nil
}

func applyClear(s *State, a *Act, d AlarmData) {
	is := s.Alarms[d.Key]
	is.Over, is.Seq, is.Told = a.At, a.Seq, map[string]bool{}
}

func checkTold(s *State, _ *Act, d AlarmTold) error {
	is := s.Alarms[d.Key]
	switch {
	case is == nil || is.Seq != d.State:
		return refuseAs(ErrUnknown, "That state is over.")
	case is.Told[d.Route]:
		return refuse("It was told already.")
	}
	return nil
}

var routeName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func checkRoute(s *State, a *Act, d AlarmRouteData) error {
	switch {
	case !routeName.MatchString(d.Name):
		return refuse("A route is called by small letters, digits and hyphens, such as on-call.")
	case d.URL != "" && (d.Server != "" || d.From != "" || len(d.To) > 0):
		return refuse("A route is by mail or by a webhook, not by both.")
	case d.URL != "":
		u, err := url.Parse(d.URL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
			return refuse("A webhook has an address such as https://ops.example/alarms.")
		}
		if was := s.AlarmRoutes[d.Name]; a.Secret == nil && (was == nil || was.Mail()) {
			return refuse("A webhook needs a key to sign with.")
		}
		return nil
	}
	if d.Server == "" && len(d.To) == 0 {
		return refuse("A route goes by mail, to an address by a mail server, or to a webhook.")
	}
	if host, port, err := net.SplitHostPort(d.Server); err != nil || host == "" || port == "" {
		return refuse("A mail server is named with its port, such as mail.example:587.")
	}
	if len(d.To) == 0 {
		return refuse("Say whom to write to.")
	}
	for _, addr := range append([]string{d.From}, d.To...) {
		if p, err := mail.ParseAddress(addr); err != nil || p.Address != addr {
			return refuse("A mail address looks like ops@acme.example, without a name.")
		}
	}
	return nil
}

package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
)

type alarmCmd struct {
	List  alarmListCmd  `cmd:"" help:"List what rings, and what rang."`
	Route alarmRouteCmd `cmd:"" help:"Say whom alarms are told, by mail and by webhook."`
}

type alarmRouteCmd struct {
	Add    routeAddCmd    `cmd:"" help:"Tell alarms by mail, or to a webhook."`
	List   routeListCmd   `cmd:"" help:"List the ways by which alarms are told."`
	Test   routeTestCmd   `cmd:"" help:"Tell something harmless, to see that it arrives."`
	Remove routeRemoveCmd `cmd:"" help:"Tell nobody by it any longer."`
}

type alarmListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

// alarmLine is an alarm as alarm list --json prints it.
type alarmLine struct {
	Key    string    `json:"key"`
	State  string    `json:"state"` // "rings", "over"
	Source string    `json:"source,omitempty"`
	Say    string    `json:"say"`
	Since  time.Time `json:"since"`
	Over   time.Time `json:"over,omitzero"`
	Told   []string  `json:"told,omitempty"` // routes that told the state
}

func (c *alarmListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var all []alarmLine
		err := l.Read(a.ctx, func(s *govern.State) error {
			for _, key := range slices.Sorted(maps.Keys(s.Alarms)) {
				al := s.Alarms[key]
				line := alarmLine{Key: key, State: "rings", Source: al.Source, Say: al.Say, Since: al.Since, Over: al.Over, Told: slices.Sorted(maps.Keys(al.Told))}
				if !al.Rings() {
					line.State = "over"
				}
				all = append(all, line)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(all) == 0 && !c.JSON {
			_, err := fmt.Fprintln(a.stdout, "Nothing rings, and nothing rang.")
			return err
		}
		enc := json.NewEncoder(a.stdout)
		for _, line := range all {
			if c.JSON {
				err = enc.Encode(line)
			} else {
				when := "since " + line.Since.Format(time.DateTime)
				if line.State == "over" {
					when += " to " + line.Over.Format(time.DateTime)
				}
				_, err = fmt.Fprintf(a.stdout, "%-6s %s\n       %s, %s\n", line.State, oneLine(line.Say, 400), line.Key, when)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

type routeAddCmd struct {
	Name         string   `arg:"" help:"What the route is called: small letters, digits and hyphens."`
	MailTo       []string `help:"Address to write to. May be given more than once." placeholder:"ADDRESS"`
	MailFrom     string   `help:"Address that it comes from (default: the first that it goes to)." placeholder:"ADDRESS"`
	SMTP         string   `help:"Mail server, such as mail.acme.example:587. It must do TLS." name:"smtp" placeholder:"HOST:PORT"`
	SMTPUser     string   `help:"Login at the mail server." name:"smtp-user" placeholder:"LOGIN"`
	PasswordFile string   `help:"File that holds the password there, instead of asking for it." name:"smtp-password-file" type:"path" placeholder:"FILE"`
	SMTPPlain    bool     `help:"The mail server has no TLS." name:"smtp-plain"`
	URL          string   `help:"Webhook that takes alarms as JSON, signed." name:"url" placeholder:"URL"`
	Reason       string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *routeAddCmd) Run(a *app) error {
	d := govern.AlarmRouteData{Name: c.Name, To: c.MailTo, From: c.MailFrom, Server: c.SMTP, User: c.SMTPUser, Plain: c.SMTPPlain, URL: c.URL}
	if d.URL == "" && d.From == "" && len(d.To) > 0 {
		d.From = d.To[0]
	}
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		say := "Alarms go to " + strings.Join(d.To, ", ") + ". See that they arrive: waxseal alarm route test " + c.Name
		r := govern.Request{Act: govern.ActAlarmRoute, Reason: c.Reason, Data: d}
		switch {
		case d.URL != "":
			key := rand.Text()
			r.Secret = []byte(key)
			say = "Alarms go to the webhook. This key, shown this once, signs them (header " + alarm.Signature + "):\n\n  " + key + "\n\nSee that they arrive: waxseal alarm route test " + c.Name
		case d.User != "":
			p, err := a.sourceSecret(c.PasswordFile, "Password at the mail server: ", "--smtp-password-file")
			if err != nil {
				return err
			}
			r.Secret = []byte(p)
		}
		if _, err := l.Do(a.ctx, who, r); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.stdout, printable(say))
		return err
	})
}

type routeListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (c *routeListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			if len(s.AlarmRoutes) == 0 && !c.JSON {
				_, err := fmt.Fprintln(a.stdout, "Nobody is told of alarms yet. Add a route with: waxseal alarm route add NAME --mail-to ADDRESS --smtp HOST:PORT")
				return err
			}
			enc := json.NewEncoder(a.stdout)
			for _, name := range slices.Sorted(maps.Keys(s.AlarmRoutes)) {
				r := s.AlarmRoutes[name]
				var err error
				switch {
				case c.JSON:
					err = enc.Encode(r.AlarmRouteData)
				case r.Mail():
					_, err = fmt.Fprintf(a.stdout, "%-16s mail     %s by %s\n", name, strings.Join(r.To, ", "), r.Server)
				default:
					_, err = fmt.Fprintf(a.stdout, "%-16s webhook  %s\n", name, oneLine(r.URL, 400))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

type routeTestCmd struct {
	outsideFlags
	Name string `arg:"" help:"The route."`
}

func (c *routeTestCmd) Run(a *app) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	return a.withBooks(func(ar *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var to *govern.AlarmRoute
		if err := l.Read(a.ctx, func(s *govern.State) error { to = s.AlarmRoutes[c.Name]; return nil }); err != nil {
			return err
		}
		if to == nil {
			return exitError{exitRefused, "there is no route " + oneLine(c.Name, 40)}
		}
		if err := alarm.Test(a.ctx, ar.Info().Name, to, client, time.Now()); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.stdout, "It was taken. See that it arrives.")
		return err
	})
}

type routeRemoveCmd struct {
	Name   string `arg:"" help:"The route."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *routeRemoveCmd) Run(a *app) error {
	return a.act("Nobody is told by "+c.Name+" any longer.", govern.Request{Act: govern.ActAlarmUnroute, Reason: c.Reason, Data: govern.ForAlarmRoute{Name: c.Name}})
}

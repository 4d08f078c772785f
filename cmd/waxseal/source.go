package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/seal"
)

type sourceCmd struct {
	Add    sourceAddCmd    `cmd:"" help:"Listen to a Meta app and its numbers. Secrets come from files, or are asked for."`
	List   sourceListCmd   `cmd:"" help:"List sources that run."`
	Show   sourceShowCmd   `cmd:"" help:"Show one source; its secrets by fingerprint alone."`
	Set    sourceSetCmd    `cmd:"" help:"Change numbers and addresses of a source."`
	Rotate sourceRotateCmd `cmd:"" help:"Change secrets of a source. A new app secret counts beside the old ones, until these are dropped."`
	Remove sourceRemoveCmd `cmd:"" help:"Listen to a source no longer. What it brought stays."`
}

// sourceFlags are what a source listens to.
type sourceFlags struct {
	PhoneID      []string `help:"A business phone number, by the ID that Meta gave it; with whose it is. May be given more than once." name:"phone-id" placeholder:"ID=+NUMBER[=CUSTODIAN]"`
	WABA         []string `help:"ID of a WhatsApp Business Account. May be given more than once." name:"waba" placeholder:"ID"`
	URL          string   `help:"Address that Meta and senders reach this archive by, such as https://hooks.acme.example." name:"url" placeholder:"URL"`
	Graph        string   `help:"Meta's API, where it is another than https://graph.facebook.com." placeholder:"URL"`
	GraphVersion string   `help:"Version of Meta's API (default: v23.0)." placeholder:"VERSION"`
	Canary       string   `help:"ID of a second number that writes to the first once an hour." placeholder:"ID"`
	Reason       string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

var (
	metaID     = regexp.MustCompile(`^[0-9]{1,32}$`)
	e164       = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	apiVersion = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]{1,2}$`)
)

// config puts what was given into c; what was not stays.
func (f *sourceFlags) config(c *cloudapi.Config) error {
	var numbers []cloudapi.Number
	for _, p := range f.PhoneID {
		id, rest, _ := strings.Cut(p, "=")
		phone, custodian, _ := strings.Cut(rest, "=")
		if !metaID.MatchString(id) || !e164.MatchString(phone) {
			return usagef("--phone-id wants ID=+NUMBER, such as 106540352242922=+15550783881, and whose it is behind another =")
		}
		if slices.ContainsFunc(numbers, func(n cloudapi.Number) bool { return n.ID == id }) {
			return usagef("--phone-id %s is given twice", id)
		}
		numbers = append(numbers, cloudapi.Number{ID: id, Phone: phone, Custodian: custodian})
	}
	if numbers != nil {
		c.Numbers = numbers
	}
	for _, id := range f.WABA {
		if !metaID.MatchString(id) {
			return usagef("--waba wants a number that Meta gave, such as 102290129340398")
		}
	}
	if f.WABA != nil {
		c.WABA = f.WABA
	}
	for _, x := range []struct {
		flag, text string
		to         *string
	}{{"--url", f.URL, &c.URL}, {"--graph", f.Graph, &c.Graph}} {
		if x.text == "" {
			continue
		}
		u, err := url.Parse(x.text)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return usagef("%s wants an address such as https://hooks.acme.example", x.flag)
		}
		*x.to = strings.TrimRight(x.text, "/")
	}
	if f.GraphVersion != "" {
		if !apiVersion.MatchString(f.GraphVersion) {
			return usagef("--graph-version looks like v23.0")
		}
		c.Version = f.GraphVersion
	}
	if f.Canary != "" {
		if !metaID.MatchString(f.Canary) {
			return usagef("--canary wants the ID of a number")
		}
		c.Canary = f.Canary
	}
	if len(c.Numbers) == 0 {
		return usagef("say which numbers it listens to: --phone-id ID=+NUMBER")
	}
	return nil
}

type sourceAddCmd struct {
	sourceFlags
	Kind            string   `arg:"" enum:"cloudapi" help:"cloudapi: WhatsApp's Cloud API."`
	Name            string   `arg:"" help:"What it is called: small letters, digits and hyphens. It stands in the address that Meta calls."`
	AppSecretFile   []string `help:"File that holds the app secret of the Meta app. May be given more than once, the newest first." type:"path" placeholder:"FILE"`
	VerifyTokenFile string   `help:"File that holds the verify token (default: one is made)." type:"path" placeholder:"FILE"`
	AccessTokenFile string   `help:"File that holds the access token of a system user, which fetches media." type:"path" placeholder:"FILE"`
}

func (c *sourceAddCmd) Run(a *app) error {
	conf := cloudapi.Config{Name: c.Name}
	if err := c.config(&conf); err != nil {
		return err
	}
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		if _, err := a.source(l, c.Name); err == nil {
			return exitError{exitRefused, "there is a source " + c.Name + " already: change it with waxseal source set, or its secrets with waxseal source rotate"}
		}
		made := cloudapi.Secrets{Gateway: newKey()}
		for _, f := range c.AppSecretFile {
			s, err := a.sourceSecret(f, "", "")
			if err != nil {
				return err
			}
			made.App = append(made.App, s)
		}
		var err error
		if len(made.App) == 0 {
			s, err := a.sourceSecret("", "App secret of the Meta app: ", "--app-secret-file")
			if err != nil {
				return err
			}
			made.App = []string{s}
		}
		if made.Access, err = a.accessToken(c.AccessTokenFile); err != nil {
			return err
		}
		if c.VerifyTokenFile == "" {
			made.Verify = newKey()
		} else if made.Verify, err = a.sourceSecret(c.VerifyTokenFile, "", ""); err != nil {
			return err
		}
		conf.Secrets = made
		if err := a.setSource(l, who, c.Reason, &conf, &made); err != nil {
			return err
		}
		verify := made.Verify
		if c.VerifyTokenFile != "" {
			verify = "the one in your file"
		}
		return setUp(a.stdout, &conf, verify, true)
	})
}

// newKey is a random name that only those know who were given it.
func newKey() string { return strings.ToLower(rand.Text()) }

// setUp says what Meta and senders are to be given.
func setUp(w io.Writer, c *cloudapi.Config, verify string, gateway bool) error {
	base := cmp.Or(c.URL, "https://YOUR-HOST")
	text := fmt.Sprintf("Source %s. What follows is shown this once.\n", c.Name)
	if verify != "" {
		text += fmt.Sprintf("\nGive Meta, in the app's dashboard under WhatsApp, Configuration:\n\n  Callback URL  %s/hooks/%s\n  Verify token  %s\n\nand subscribe to all fields of webhooks.\n", base, c.Name, verify)
	}
	if gateway {
		text += fmt.Sprintf("\nGive senders, in place of https://graph.facebook.com:\n\n  %s/gateway/%s\n", base, c.Gateway)
	}
	_, err := io.WriteString(w, text)
	return err
}

// sourceSecret reads a secret from a file, or asks for it.
func (a *app) sourceSecret(file, ask, flag string) (string, error) {
	var b []byte
	var err error
	if file != "" {
		b, err = readPassphrase(file)
	} else if b, err = a.prompt(ask); errors.Is(err, seal.ErrLocked) {
		return "", usagef("there is no terminal to ask at: give %s", flag)
	}
	s := strings.TrimSpace(string(b))
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", usagef("a secret is empty: %s", oneLine(file+flag, 200))
	}
	return s, nil
}

// accessToken reads one, or asks. A source without one takes what is delivered,
// and fetches no media.
func (a *app) accessToken(file string) (string, error) {
	if file != "" {
		return a.sourceSecret(file, "", "")
	}
	p, err := a.prompt("Access token of the system user (empty: none, and no media): ")
	if errors.Is(err, seal.ErrLocked) {
		return "", nil
	}
	return strings.TrimSpace(string(p)), err
}

// setSource writes a source into the books; its secrets stay where made is nil.
func (a *app) setSource(l *govern.Ledger, who govern.Actor, reason string, c *cloudapi.Config, made *cloudapi.Secrets) error {
	conf, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode source: %w", err)
	}
	var secret []byte
	if made != nil {
		if secret, err = json.Marshal(made); err != nil {
			return fmt.Errorf("encode source: %w", err)
		}
	}
	_, err = l.Do(a.ctx, who, govern.Request{Act: govern.ActSetSource, Reason: reason, Secret: secret, Data: govern.SetSource{Name: c.Name, Kind: cloudapi.Name, Config: conf}})
	return err
}

// source finds one that runs, in the books.
func (a *app) source(l *govern.Ledger, name string) (c cloudapi.Config, err error) {
	err = l.Read(a.ctx, func(s *govern.State) error {
		src := s.Sources[name]
		if src == nil || !src.Removed.IsZero() {
			return exitError{exitRefused, "there is no source " + oneLine(name, 40)}
		}
		c, err = sourceConfig(src)
		return err
	})
	return c, err
}

// sourceConfig is a source of the books with its secrets.
func sourceConfig(src *govern.Source) (c cloudapi.Config, err error) {
	if err := json.Unmarshal(src.Config, &c); err != nil {
		return c, fmt.Errorf("read source %s: %w", src.Name, err)
	}
	if err := json.Unmarshal(src.Secret, &c.Secrets); err != nil {
		return c, fmt.Errorf("read the secrets of source %s: they are not as they were written", src.Name) // err may quote them
	}
	c.Name = src.Name
	return c, nil
}

type sourceSetCmd struct {
	sourceFlags
	Name string `arg:"" help:"The source."`
}

func (c *sourceSetCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		conf, err := a.source(l, c.Name)
		if err != nil {
			return err
		}
		if err := c.config(&conf); err != nil {
			return err
		}
		if err := a.setSource(l, who, c.Reason, &conf, nil); err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Source %s is changed. A console that is served follows by itself.\n", c.Name)
		return err
	})
}

type sourceRotateCmd struct {
	Name            string   `arg:"" help:"The source."`
	AppSecretFile   string   `help:"File that holds the new app secret." type:"path" placeholder:"FILE"`
	Drop            []string `help:"Fingerprint of an app secret that no longer counts; see waxseal source show." placeholder:"FINGERPRINT"`
	AccessTokenFile string   `help:"File that holds the new access token." type:"path" placeholder:"FILE"`
	NewVerifyToken  bool     `help:"Make a new verify token."`
	NewGatewayKey   bool     `help:"Make a new address for senders; the old one ends at once."`
	Reason          string   `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *sourceRotateCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		conf, err := a.source(l, c.Name)
		if err != nil {
			return err
		}
		if err := c.rotate(a, &conf.Secrets); err != nil {
			return err
		}
		if err := a.setSource(l, who, c.Reason, &conf, &conf.Secrets); err != nil {
			return err
		}
		var of []string
		for _, s := range conf.App {
			of = append(of, cloudapi.Fingerprint(s))
		}
		if _, err := fmt.Fprintf(a.stdout, "App secrets of %s, the newest first: %s\n", c.Name, strings.Join(of, " ")); err != nil || !c.NewVerifyToken && !c.NewGatewayKey {
			return err
		}
		verify := ""
		if c.NewVerifyToken {
			verify = conf.Verify
		}
		return setUp(a.stdout, &conf, verify, c.NewGatewayKey)
	})
}

func (c *sourceRotateCmd) rotate(a *app, s *cloudapi.Secrets) (err error) {
	other := len(c.Drop) > 0 || c.AccessTokenFile != "" || c.NewVerifyToken || c.NewGatewayKey
	if c.AppSecretFile != "" || !other {
		secret, err := a.sourceSecret(c.AppSecretFile, "New app secret: ", "--app-secret-file")
		if err != nil {
			return err
		}
		if !slices.Contains(s.App, secret) {
			s.App = append([]string{secret}, s.App...)
		}
	}
	for _, d := range c.Drop {
		i := slices.IndexFunc(s.App, func(secret string) bool { return cloudapi.Fingerprint(secret) == d })
		if i < 0 {
			return usagef("no app secret has the fingerprint %s: see waxseal source show %s", oneLine(d, 40), c.Name)
		}
		s.App = slices.Delete(s.App, i, i+1)
	}
	if len(s.App) == 0 {
		return usagef("that is the last app secret: give the new one with --app-secret-file first")
	}
	if c.AccessTokenFile != "" {
		if s.Access, err = a.sourceSecret(c.AccessTokenFile, "", ""); err != nil {
			return err
		}
	}
	if c.NewVerifyToken {
		s.Verify = newKey()
	}
	if c.NewGatewayKey {
		s.Gateway = newKey()
	}
	return nil
}

type sourceRemoveCmd struct {
	Name   string `arg:"" help:"The source."`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
}

func (c *sourceRemoveCmd) Run(a *app) error {
	return a.act("Source "+c.Name+" is listened to no longer. What it brought stays.", govern.Request{Act: govern.ActRemoveSource, Reason: c.Reason, Data: govern.ForSource{Name: c.Name}})
}

type sourceListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

// sourceLine is a source as source list --json prints it.
type sourceLine struct {
	cloudapi.Config
	Kind    string    `json:"kind"`
	State   string    `json:"state"` // "runs", "removed"
	Since   time.Time `json:"since"`
	Removed time.Time `json:"removed,omitzero"`
	Secrets []string  `json:"app_secrets"`        // fingerprints, the newest first
	LastDay string    `json:"last_day,omitempty"` // on which something was delivered, as the archive has noted it
	Token   bool      `json:"access_token"`
	Alarms  []string  `json:"alarms,omitempty"`
}

// sourceLines are the sources of the books, by name.
func sourceLines(s *govern.State) (all []sourceLine, err error) {
	for _, name := range slices.Sorted(maps.Keys(s.Sources)) {
		src := s.Sources[name]
		c, err := sourceConfig(src)
		if err != nil {
			return nil, err
		}
		line := sourceLine{Config: c, Kind: src.Kind, State: "runs", Since: src.Since, Removed: src.Removed, Token: c.Access != ""}
		if !src.Removed.IsZero() {
			line.State = "removed"
		}
		if h := s.Heard[name]; h != nil {
			for at, n := range h.Counts {
				if n.Deliveries > 0 {
					line.LastDay = max(line.LastDay, at[1])
				}
			}
		}
		for _, secret := range c.App {
			line.Secrets = append(line.Secrets, cloudapi.Fingerprint(secret))
		}
		for _, key := range slices.Sorted(maps.Keys(s.Alarms)) {
			if al := s.Alarms[key]; al.Source == name && al.Rings() {
				line.Alarms = append(line.Alarms, al.Say)
			}
		}
		all = append(all, line)
	}
	return all, nil
}

func (c *sourceListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var all []sourceLine
		err := l.Read(a.ctx, func(s *govern.State) (err error) { all, err = sourceLines(s); return err })
		if err != nil {
			return err
		}
		if len(all) == 0 && !c.JSON {
			_, err := fmt.Fprintln(a.stdout, "No sources yet. Add one with: waxseal source add cloudapi NAME --phone-id ID=+NUMBER")
			return err
		}
		enc := json.NewEncoder(a.stdout)
		for i := range all {
			s := &all[i]
			if c.JSON {
				err = enc.Encode(s)
			} else {
				var numbers []string
				for _, n := range s.Numbers {
					numbers = append(numbers, n.Phone)
				}
				_, err = fmt.Fprintf(a.stdout, "%-16s %-9s %-8s %s  last delivery %s%s\n", s.Name, s.Kind, s.State, strings.Join(numbers, ", "), cmp.Or(s.LastDay, "none noted yet"), ringing(s.Alarms))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func ringing(alarms []string) string {
	if len(alarms) == 0 {
		return ""
	}
	return "  " + count(int64(len(alarms)), "alarm")
}

type sourceShowCmd struct {
	Name string `arg:"" help:"The source."`
	JSON bool   `help:"As JSON."`
}

func (c *sourceShowCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var all []sourceLine
		err := l.Read(a.ctx, func(s *govern.State) (err error) { all, err = sourceLines(s); return err })
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s sourceLine) bool { return s.Name == c.Name })
		if i < 0 {
			return exitError{exitRefused, "there is no source " + oneLine(c.Name, 40)}
		}
		s := &all[i]
		if c.JSON {
			return json.NewEncoder(a.stdout).Encode(s)
		}
		var b strings.Builder
		line := func(name, value string) {
			if value != "" {
				fmt.Fprintf(&b, "%-13s %s\n", name, oneLine(value, 2000))
			}
		}
		line("source", s.Name+", "+s.Kind+", "+s.State+" since "+s.Since.Format(time.DateOnly))
		for _, n := range s.Numbers {
			of := ""
			if n.Custodian != "" {
				of = ", of " + n.Custodian
			}
			line("number", n.Phone+", "+n.ID+of)
		}
		line("accounts", strings.Join(s.WABA, ", "))
		line("callback", cmp.Or(s.URL, "https://YOUR-HOST")+"/hooks/"+s.Name)
		line("API", strings.TrimSpace(s.Graph+" "+s.Version))
		line("canary", s.Canary)
		line("last delivery", cmp.Or(s.LastDay, "none noted yet"))
		if !s.Token {
			line("access token", "none: media are not fetched")
		}
		line("app secrets", strings.Join(s.Secrets, ", ")+" (fingerprints, the newest first)")
		for _, al := range s.Alarms {
			line("ALARM", al)
		}
		_, err = fmt.Fprint(a.stdout, b.String())
		return err
	})
}

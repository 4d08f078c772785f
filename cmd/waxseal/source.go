package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/seal"
)

type sourceCmd struct {
	Add  sourceAddCmd  `cmd:"" help:"Add a way in that runs: a Cloud API app whose webhooks are delivered here."`
	List sourceListCmd `cmd:"" help:"List the ways in that run."`
}

type sourceAddCmd struct {
	Kind        string   `arg:"" help:"What it is: cloudapi." enum:"cloudapi"`
	Name        string   `arg:"" help:"What you call it, such as main."`
	Phone       []string `name:"phone-id" help:"A number it listens to: its id at Meta, the number, and whose it is, if anybody's. May be given more than once." placeholder:"ID=+NUMBER[=CUSTODIAN]" required:""`
	WABA        []string `name:"waba" help:"Id of the WhatsApp business account. May be given more than once." placeholder:"ID"`
	AppSecret   []string `name:"app-secret-file" help:"File with the app secret that deliveries are signed with; newest first (default: asked for)." type:"path" placeholder:"FILE"`
	VerifyToken string   `name:"verify-token-file" help:"File with the verify token (default: one is made and shown once)." type:"path" placeholder:"FILE"`
	AccessToken string   `name:"access-token-file" help:"File with the access token of the Graph API, for media and reconciliation (default: asked for)." type:"path" placeholder:"FILE"`
	Graph       string   `help:"Base address of the Graph API." placeholder:"URL"`
	Version     string   `name:"graph-version" help:"Version of the Graph API." placeholder:"v23.0"`
}

func (c *sourceAddCmd) Run(a *app) error {
	numbers, err := numbersOf(c.Phone)
	if err != nil {
		return err
	}
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		err := l.Read(a.ctx, func(s *govern.State) error {
			if src := s.Sources[c.Name]; src != nil && src.Removed.IsZero() {
				return usagef("there is a source %s already: waxseal source list", c.Name)
			}
			return nil
		})
		if err != nil {
			return err
		}
		sec, err := c.secrets(a)
		if err != nil {
			return err
		}
		secret, err := json.Marshal(sec)
		if err != nil {
			return fmt.Errorf("encode secrets: %w", err)
		}
		cfg, err := json.Marshal(cloudapi.Config{Name: c.Name, WABA: c.WABA, Numbers: numbers, Graph: c.Graph, Version: c.Version})
		if err != nil {
			return fmt.Errorf("encode source: %w", err)
		}
		_, err = l.Do(a.ctx, who, govern.Request{Act: govern.ActSetSource, Data: govern.SetSource{Name: c.Name, Kind: c.Kind, Config: cfg}, Secret: secret})
		if err != nil {
			return err
		}
		verify := "the one of your file"
		if c.VerifyToken == "" {
			verify = sec.Verify
		}
		_, err = fmt.Fprintf(a.stdout, `The source %s is added. waxseal serve listens to it.

At Meta (App dashboard, WhatsApp, Configuration), enter as webhook:

  callback URL   https://YOUR-HOST/hooks/%s
  verify token   %s

and subscribe to all fields. To have what you send archived, too, give your
sender this base URL instead of https://graph.facebook.com:

  https://YOUR-HOST/gateway/%s

Whoever knows that address can send through it: keep it as you keep the access
token. It is not shown again.
`, c.Name, c.Name, verify, sec.Gateway)
		return err
	})
}

// numbersOf reads ID=+NUMBER[=CUSTODIAN].
func numbersOf(args []string) (out []cloudapi.Number, err error) {
	for _, s := range args {
		f := strings.SplitN(s, "=", 3)
		if len(f) < 2 || f[0] == "" || !strings.HasPrefix(f[1], "+") {
			return nil, usagef("--phone-id wants ID=+NUMBER or ID=+NUMBER=CUSTODIAN, such as 106540352242922=+15550783881=j.doe")
		}
		n := cloudapi.Number{ID: f[0], Phone: f[1]}
		if len(f) == 3 {
			n.Custodian = f[2]
		}
		out = append(out, n)
	}
	return out, nil
}

// secrets are read from files, or asked for; what Waxseal chooses itself is
// random.
func (c *sourceAddCmd) secrets(a *app) (s cloudapi.Secrets, err error) {
	for _, f := range c.AppSecret {
		v, err := readPassphrase(f)
		if err != nil {
			return s, err
		}
		s.App = append(s.App, string(v))
	}
	if len(s.App) == 0 {
		v, err := a.personal("", "App secret: ", "--app-secret-file")
		if err != nil {
			return s, err
		}
		s.App = []string{v}
	}
	if c.VerifyToken != "" {
		if s.Verify, err = a.personal(c.VerifyToken, "", ""); err != nil {
			return s, err
		}
	} else {
		s.Verify = randomWord(16)
	}
	if c.AccessToken != "" {
		if s.Access, err = a.personal(c.AccessToken, "", ""); err != nil {
			return s, err
		}
	} else if v, err := a.prompt("Access token (empty: none, then no media): "); err == nil {
		s.Access = string(v)
	} else if !errors.Is(err, seal.ErrLocked) {
		return s, err
	}
	s.Gateway = randomWord(24)
	return s, nil
}

func randomWord(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

type sourceListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

// sourceLine is what source list --json prints.
type sourceLine struct {
	Name       string            `json:"name"`
	Kind       string            `json:"kind"`
	Numbers    []cloudapi.Number `json:"numbers,omitempty"`
	Since      time.Time         `json:"since"`
	AppSecrets []string          `json:"app_secrets,omitempty"` // fingerprints
	Access     bool              `json:"access_token"`
}

func (c *sourceListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var out []sourceLine
		err := l.Read(a.ctx, func(s *govern.State) error {
			for _, src := range s.Sources {
				cfg, err := sourceConfig(src)
				if err != nil {
					return err
				}
				if src.Removed.IsZero() {
					line := sourceLine{Name: src.Name, Kind: src.Kind, Numbers: cfg.Numbers, Since: src.Since, Access: cfg.Access != ""}
					for _, app := range cfg.App {
						line.AppSecrets = append(line.AppSecrets, cloudapi.Fingerprint(app))
					}
					out = append(out, line)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortFunc(out, func(x, y sourceLine) int { return strings.Compare(x.Name, y.Name) })
		if c.JSON {
			enc := json.NewEncoder(a.stdout)
			for _, s := range out {
				if err := enc.Encode(s); err != nil {
					return err
				}
			}
			return nil
		}
		if len(out) == 0 {
			_, err := fmt.Fprintln(a.stdout, "No source runs. Add one with: waxseal source add cloudapi NAME --phone-id ID=+NUMBER")
			return err
		}
		for _, s := range out {
			var numbers []string
			for _, n := range s.Numbers {
				numbers = append(numbers, n.Phone)
			}
			if _, err := fmt.Fprintf(a.stdout, "%-20s %-9s %s  since %s\n", s.Name, s.Kind, strings.Join(numbers, " "), s.Since.Format(time.DateOnly)); err != nil {
				return err
			}
		}
		return nil
	})
}

// sourceConfig reads what the books have of a source, its secrets included.
func sourceConfig(src *govern.Source) (cfg cloudapi.Config, err error) {
	if err := json.Unmarshal(src.Config, &cfg); err != nil {
		return cfg, fmt.Errorf("read the source %s: %w", src.Name, err)
	}
	if err := json.Unmarshal(src.Secret, &cfg.Secrets); err != nil {
		return cfg, fmt.Errorf("read the secrets of the source %s: %w", src.Name, err)
	}
	cfg.Name = src.Name
	return cfg, nil
}

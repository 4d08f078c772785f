package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/seal"
)

type initCmd struct {
	Name         string   `help:"Name of the firm." required:"" placeholder:"NAME"`
	Zone         string   `help:"Time zone that local times are read in where a source has none, e.g. Europe/London (default: this machine's)." placeholder:"ZONE"`
	NoPassphrase bool     `help:"Keep the key beside the archive: whoever has the folder can read it."`
	NewKeyFile   string   `help:"Make a key file that opens the archive." type:"path" placeholder:"FILE"`
	Anchor       []string `help:"File outside the archive that gets a copy of every checkpoint; the log is compared with it before it grows. May be given more than once." type:"path" placeholder:"FILE"`
}

func (c *initCmd) Run(a *app) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	if strings.TrimSpace(c.Name) == "" {
		return usagef("--name wants the name of the firm")
	}
	if c.Zone == "" {
		c.Zone = localZone()
	}
	if _, err := time.LoadLocation(c.Zone); err != nil || c.Zone == "Local" {
		return usagef("no such time zone: %s (examples: Europe/London, America/New_York, Asia/Kolkata)", c.Zone)
	}
	o := archive.CreateOptions{Name: c.Name, Zone: c.Zone, NoPassphrase: c.NoPassphrase, Anchors: c.Anchor}
	if archive.Exists(dir) {
		return exitError{exitFailed, "there is an archive already: " + dir}
	}
	if err := c.chooseSecret(a, &o); err != nil {
		return err
	}
	recovery, err := archive.Create(a.ctx, dir, o)
	if err != nil {
		return fmt.Errorf("make archive %s: %w", dir, err)
	}
	return c.report(a, dir, recovery)
}

func (c *initCmd) chooseSecret(a *app, o *archive.CreateOptions) (err error) {
	given := 0
	for _, b := range []bool{c.NoPassphrase, c.NewKeyFile != "", a.cli.PassphraseFile != ""} {
		if b {
			given++
		}
	}
	if given > 1 {
		return usagef("--no-passphrase, --new-key-file and --passphrase-file exclude each other")
	}
	switch {
	case c.NoPassphrase:
		return nil
	case c.NewKeyFile != "":
		k := seal.NewKey()
		o.KeyFile = &k
		return createKeyFile(c.NewKeyFile, k)
	case a.cli.PassphraseFile != "":
		o.Passphrase, err = readPassphrase(a.cli.PassphraseFile)
		return err
	}
	o.Passphrase, err = a.newPassphrase()
	return err
}

func createKeyFile(path string, k seal.Key) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(k[:]) + "\n")
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("make key file: %w", err)
	}
	return nil
}

func (c *initCmd) report(a *app, dir, recovery string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Archive of %s made in %s\n", c.Name, dir)
	fmt.Fprintf(&b, "Local times without a zone are read in %s.\n\n", c.Zone)
	b.WriteString("Recovery key, shown this once. Write it down and lock it away from this machine:\n\n")
	fmt.Fprintf(&b, "    %s\n\n", recovery)
	if c.NoPassphrase {
		b.WriteString("There is no passphrase: the key lies in ring.key beside the archive, so whoever\nhas a copy of the folder can read it.\n\n")
	}
	b.WriteString("Next: waxseal import PATH…\n")
	_, err := fmt.Fprint(a.stdout, b.String())
	return err
}

// localZone is the machine's time zone by its IANA name, or UTC where it has
// none.
func localZone() string {
	if tz := os.Getenv("TZ"); tz != "" && tz != "Local" {
		if _, err := time.LoadLocation(tz); err == nil {
			return tz
		}
	}
	if p, err := filepath.EvalSymlinks("/etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(p, "zoneinfo/"); ok {
			if _, err := time.LoadLocation(name); err == nil && name != "Etc/UTC" {
				return name
			}
		}
	}
	return "UTC"
}

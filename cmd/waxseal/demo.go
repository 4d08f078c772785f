package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/all"
	"github.com/waxseal/waxseal/internal/demo"
	"github.com/waxseal/waxseal/internal/index"
)

type demoCmd struct {
	Exit   bool   `help:"Do everything but serve the console."`
	Listen string `help:"Loopback address of the console (default: any free port)." default:"127.0.0.1:0" placeholder:"HOST:PORT"`
}

// Run does for a sample firm what a firm does for itself: the same code makes,
// imports, verifies and serves.
func (c *demoCmd) Run(a *app) error {
	dir, err := c.folder(a)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := c.build(a, dir); err != nil {
		return err
	}
	token := dir + ".token"
	if _, err := fmt.Fprintf(a.stdout, "\nDone in %s. The archive is in %s: it is yours to keep or to throw away.\nLook at it with the officer's token:\n\n  waxseal search --dir %s --token-file %s \"bank details\"\n  waxseal verify --dir %s --token-file %s\n\n", time.Since(start).Round(100*time.Millisecond), dir, dir, token, dir, token); err != nil {
		return err
	}
	if c.Exit {
		return nil
	}
	a.cli.Dir = dir
	if host, _, err := net.SplitHostPort(c.Listen); err != nil || !loopbackHost(host) {
		return exitError{exitRefused, "the sample is served on this machine only: 127.0.0.1, ::1 or localhost"}
	}
	l, err := (&net.ListenConfig{}).Listen(a.ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		return a.serve(l, ar, x, serving{browser: true, login: demo.Officer})
	})
}

func (c *demoCmd) folder(a *app) (string, error) {
	if a.cli.Dir != "" {
		return a.cli.Dir, nil
	}
	dir, err := os.MkdirTemp("", "waxseal-demo-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the sample: %w", err)
	}
	return filepath.Join(dir, "archive"), nil
}

// build has the people first: whose a message is depends on who had its number
// on that day.
func (c *demoCmd) build(a *app, dir string) (err error) {
	_, err = archive.Create(a.ctx, dir, archive.CreateOptions{Name: demo.Firm, Zone: demo.Zone, NoPassphrase: true})
	if err != nil {
		return fmt.Errorf("make archive %s: %w", dir, err)
	}
	ar, err := a.openDir(dir)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, ar.Close())
		a.ledger = nil // it reads this archive; serve opens it anew
	}()
	f, err := a.firmAtWork(ar)
	if err != nil {
		return err
	}
	accounts, err := f.accounts()
	if err != nil {
		return err
	}
	if err := f.hire(); err != nil {
		return err
	}
	if err := c.imports(a, ar); err != nil {
		return err
	}
	books := ""
	if err := a.onIndex(ar, func(x *index.Index) (err error) { books, err = f.keepBooks(ar, x); return err }); err != nil {
		return err
	}
	if err := f.token(dir + ".token"); err != nil {
		return err
	}
	if err := ar.Sign(a.ctx); err != nil {
		return err
	}
	if err := c.verify(a, ar); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "\nPeople who can sign in, each with a secret for an authenticator app:\n\n%s\nIn its books, to be looked at in the console:\n\n%s", accounts, books)
	return err
}

// imports writes the firm's exports, imports them and throws them away.
func (c *demoCmd) imports(a *app, ar *archive.Archive) (err error) {
	exports, err := os.MkdirTemp("", "waxseal-exports-")
	if err != nil {
		return fmt.Errorf("make a folder for the exports: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(exports)) }()
	return c.importExports(a, ar, exports)
}

func (c *demoCmd) importExports(a *app, ar *archive.Archive, dir string) error {
	list, err := demo.Write(a.ctx, dir)
	if err != nil {
		return fmt.Errorf("write sample exports: %w", err)
	}
	if _, err := fmt.Fprintf(a.stdout, "%s, as its staff exported their chats:\n\n", demo.Firm); err != nil {
		return err
	}
	for _, im := range list {
		sum, err := c.importOne(a.ctx, ar, im)
		if err != nil {
			return err
		}
		notes := ""
		if sum.AlreadyArchived > 0 {
			notes = fmt.Sprintf("  %s were there already", group(sum.AlreadyArchived))
		}
		if _, err := fmt.Fprintf(a.stdout, "  %6s messages  %-28s %s%s\n", group(sum.Messages), oneLine(sum.Chat, 28), oneLine(im.Custodian, 20), notes); err != nil {
			return err
		}
	}
	return nil
}

func (c *demoCmd) importOne(ctx context.Context, sink capture.Sink, im demo.Import) (sum capture.Summary, err error) {
	zone, err := time.LoadLocation(im.Zone)
	if err != nil {
		return sum, fmt.Errorf("sample export: %w", err)
	}
	o := capture.Options{Zone: zone, Account: im.Account, Custodian: im.Custodian, Me: im.Me, Chat: im.Chat}
	sources, err := find(ctx, all.Formats(), im.Path, o)
	if err != nil {
		return sum, err
	}
	for _, s := range sources {
		if sum, err = s.Run(ctx, sink); err != nil {
			return sum, fmt.Errorf("import %s: %w", filepath.Base(s.Path()), err)
		}
	}
	return sum, nil
}

func (c *demoCmd) verify(a *app, ar *archive.Archive) error {
	bar := a.bar("Verifying")
	rep, err := ar.Verify(a.ctx, archive.VerifyOptions{Progress: func(done, of int64) { bar.set(done, of, group(done)+" records") }})
	bar.done()
	if err != nil {
		return err
	}
	res := verifyResult{Report: rep}
	if res.Index, err = a.checkIndex(ar, rep); err != nil {
		return err
	}
	res.OK = rep.OK()
	if err := ar.RecordVerification(rep); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(a.stdout, "\n%s", verifyText(res)); err != nil {
		return err
	}
	if !res.OK {
		return exitError{exitTampered, ""}
	}
	return nil
}

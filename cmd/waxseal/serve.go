package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/push"
	"github.com/waxseal/waxseal/internal/web"
)

type serveCmd struct {
	listenFlags
	Listen string `help:"Address to listen on. One that other machines can reach needs accounts, and TLS or a proxy that does it." default:"127.0.0.1:8440" placeholder:"HOST:PORT"`
	Open   bool   `help:"Open the console in a browser."`
	hooksFlags
	outsideFlags
	Floor int64 `name:"disk-floor" help:"MB that must be free: with less, deliveries are refused early, and come again later." default:"1024" placeholder:"MB"`
}

// listenFlags are for a console that other machines can reach.
type listenFlags struct {
	TLSCert     string   `help:"Certificate of the console, with those that it follows from." name:"tls-cert" type:"path" placeholder:"FILE"`
	TLSKey      string   `help:"Its key." name:"tls-key" type:"path" placeholder:"FILE"`
	BehindProxy bool     `help:"A proxy does TLS, and says in X-Forwarded-For who asks. Nobody must reach the console but through it."`
	Host        []string `help:"Name that browsers know the console by. May be given more than once." placeholder:"NAME"`
}

func (c *serveCmd) Run(a *app) error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return usagef("--listen wants HOST:PORT, such as 127.0.0.1:8440")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return usagef("--tls-cert and --tls-key belong together")
	}
	if err := c.check(c.BehindProxy); err != nil {
		return err
	}
	floor, err := diskFloor(c.Floor)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		if err := c.reachable(a, ar, host); err != nil {
			return err
		}
		l, err := (&net.ListenConfig{}).Listen(a.ctx, "tcp", c.Listen)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		return a.serve(l, ar, x, serving{listenFlags: c.listenFlags, hooksFlags: c.hooksFlags, browser: c.Open, floor: floor, client: client})
	})
}

// loopbackHost reports an address that no other machine can reach.
func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// reachable refuses an address that other machines can reach where nobody has
// to sign in, or where a password would cross the network in clear.
func (c *serveCmd) reachable(a *app, ar *archive.Archive, host string) error {
	if loopbackHost(host) {
		return nil
	}
	accounts, err := a.accounts(ar)
	switch {
	case err != nil:
		return err
	case !accounts:
		return exitError{exitRefused, "the console is served on this machine only (127.0.0.1, ::1 or localhost) until people can sign in: make the first account there"}
	case c.TLSCert == "" && !c.BehindProxy:
		return exitError{exitRefused, "an address that other machines can reach needs --tls-cert and --tls-key, or --behind-proxy"}
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		c.Host = append(c.Host, host)
	}
	if len(c.Host) == 0 {
		return usagef("say by which name browsers know the console: --host NAME")
	}
	return nil
}

// accounts reports whether anybody can sign in.
func (a *app) accounts(ar *archive.Archive) (some bool, err error) {
	l, _, err := a.books(ar)
	if err != nil {
		return false, err
	}
	err = l.Read(a.ctx, func(s *govern.State) error { some = s.Enrolled; return nil })
	return some, err
}

// serving is how the console is served.
type serving struct {
	listenFlags
	hooksFlags
	client  *http.Client // of requests that leave; nil: to public addresses alone
	browser bool
	floor   uint64 // bytes that must be free
	login   string // whose link is printed; empty: nobody's, or the operator's
}

// serve answers until the program is told to stop.
func (a *app) serve(l net.Listener, ar *archive.Archive, x *index.Index, o serving) error {
	log := slog.New(slog.NewJSONHandler(a.stderr, nil))
	desk, _, err := a.desk(ar, x)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	running, stop := context.WithCancel(a.ctx)
	ledger, runner := desk.Ledger, dispose.NewRunner(running, desk, func(request int64, err error) {
		log.LogAttrs(a.ctx, slog.LevelError, "run a disposal", slog.Int64("request", request), slog.String("error", err.Error()))
	})
	var watching sync.WaitGroup
	defer func() { // the archive is closed after it
		stop()
		runner.Wait()
		watching.Wait()
	}()
	space := &diskSpace{dir: ar.Dir()}
	var ways *live
	var hooks *push.Pusher
	console, err := web.New(web.Config{
		Name: ar.Info().Name, Index: x.Within(index.Scope{}), Within: func(sc index.Scope) web.Index { return x.Within(sc) }, Auditor: x, Blobs: blobs{ar}, Ledger: ledger,
		Hosts: o.Host, BehindProxy: o.BehindProxy, Cost: passwordCost,
		Capture: func(context.Context) ([]web.SourceState, error) { return ways.states(), nil },
		Hooks:   func(id string) (web.HookState, bool) { st, ok := hooks.Status(id); return web.HookState(st), ok },
		Outlook: outlook(ar, x, ledger), Desk: runner, Prove: proofOf(ar),
		State: func(ctx context.Context) (web.State, error) { return archiveState(ctx, ar, space) },
		Log:   log, Zone: zoneOf(ar),
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	accounts, err := a.accounts(ar)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	base := "http://" + l.Addr().String()
	if o.TLSCert != "" {
		base = "https://" + l.Addr().String()
	}
	name, link := oneLine(ar.Info().Name, 60), base+"/sign-in"
	text := fmt.Sprintf("The console of %s is served at:\n\n  %s\n\nCtrl-C ends it.\n", name, link)
	switch {
	case !accounts:
		link = console.Link(base)
		text = fmt.Sprintf("The console of %s is served on this machine only.\nOpen this link, once, within 15 minutes, and make the first account:\n\n  %s\n\nCtrl-C ends it. For another link, start it again.\n", name, link)
	case o.login != "":
		link = console.LinkFor(base, o.login)
		text = fmt.Sprintf("The console of %s is served on this machine only.\nThis link signs you in as %s, once, within 15 minutes:\n\n  %s\n\nCtrl-C ends it.\n", name, o.login, link)
	}
	if _, err := fmt.Fprint(a.stdout, text); err != nil {
		return errors.Join(err, l.Close())
	}
	if o.browser {
		openBrowser(a.ctx, link)
	}
	if o.client == nil {
		o.client = outbound.Client(outbound.Options{})
	}
	bell, err := alarm.New(running, alarm.Options{Firm: name, Ledger: ledger, HTTP: o.client, Log: log})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ways, err = newLive(running, &live{ar: ar, x: x, ledger: ledger, bell: bell, log: log, floor: o.floor, behind: o.BehindProxy})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	hooks = ways.pusher(o.client)
	servers, err := a.servers(l, &o, console, ways)
	if err != nil {
		return err
	}
	watching.Go(func() { bell.Run(running) })
	if t := servers[0].TLSConfig; o.HooksListen != "" && t != nil {
		names := o.ACME
		if len(names) == 0 {
			names = []string{""} // the one of the files
		}
		watching.Go(func() { watchCertificate(running, t, names, bell, log) })
	}
	watching.Go(func() { ways.followSoon(running) })
	watching.Go(func() { ways.run(running) })
	watching.Go(func() { ways.watchGaps(running) })
	watching.Go(func() { hooks.Run(running) })
	watching.Go(func() { ways.out.outbox.Run(running) })
	watching.Go(func() { ways.wishes.run(running) })
	watching.Go(func() { watchDue(running, ar, desk, log) })
	if err := runner.Resume(a.ctx); err != nil {
		log.LogAttrs(a.ctx, slog.LevelError, "go on with disposals", slog.String("error", err.Error()))
	}
	err = serveAll(a.ctx, servers)
	// What was taken is durable; its capture ends with what it counted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), 5*time.Second)
	defer cancel()
	return errors.Join(err, ways.close(ctx))
}

// servers are the console's, and the ways in's where they have an address of
// their own. These stop first.
func (a *app) servers(l net.Listener, o *serving, console http.Handler, ways *live) (all []bound, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	var t *tls.Config
	if o.TLSCert != "" {
		if t, err = tlsFromFiles(o.TLSCert, o.TLSKey); err != nil {
			return nil, err
		}
	}
	if o.HooksListen == "" {
		return []bound{{newServer(ways.before(console), t, ways.log), l}}, nil
	}
	ht, err := o.tls(a.ctx, ways.ledger)
	if err != nil {
		return nil, err
	}
	hl, err := (&net.ListenConfig{}).Listen(a.ctx, "tcp", o.HooksListen)
	if err != nil {
		return nil, fmt.Errorf("listen for deliveries: %w", err)
	}
	if _, err := fmt.Fprintf(a.stdout, "\nDeliveries and sends arrive at %s.\n", hl.Addr()); err != nil {
		return nil, errors.Join(err, hl.Close())
	}
	return []bound{{newServer(ways.before(http.NotFoundHandler()), ht, ways.log), hl}, {newServer(console, t, ways.log), l}}, nil
}

// followEvery is how soon the console shows what another process imported.
const followEvery = 2 * time.Second

// openBrowser tries the desktop's way; the link is printed all the same.
func openBrowser(ctx context.Context, link string) {
	name, args := "xdg-open", []string{link}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", link}
	}
	_ = exec.CommandContext(ctx, name, args...).Start() // a machine without a desktop has none
}

// blobs gives the console the archive's large content.
type blobs struct{ ar *archive.Archive }

func (b blobs) OpenBlob(ctx context.Context, sha256 string) (io.ReadSeekCloser, int64, error) {
	c, err := b.ar.OpenBlob(ctx, sha256)
	if errors.Is(err, archive.ErrNotFound) {
		return nil, 0, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	if err != nil {
		return nil, 0, err
	}
	return c, c.Size, nil
}

func archiveState(ctx context.Context, ar *archive.Archive, space *diskSpace) (web.State, error) {
	size, err := ar.Size(ctx)
	if err != nil {
		return web.State{}, err
	}
	st := web.State{ID: ar.Info().ID, Entries: size, Warnings: warnings(ar)}
	if st.Bytes, err = space.taken(); err != nil {
		return st, err
	}
	if b, at, err := ar.Checkpoint(); err == nil {
		st.Checkpoint, st.CheckpointAt = string(b), at
	}
	switch r, err := ar.LastVerification(); {
	case err != nil:
		st.Warnings = append(st.Warnings, "The note of the last verification was changed. Run waxseal verify.")
	case r != nil:
		st.Verified = &web.Verification{At: r.At, OK: r.OK(), Result: verifiedSentence(r)}
	}
	return st, nil
}

func verifiedSentence(r *archive.Report) string {
	if !r.OK() {
		return fmt.Sprintf("%s problems were found. Run waxseal verify to see them.", group(int64(len(r.Problems))+r.More))
	}
	return fmt.Sprintf("%s records and %s files were opened and compared with the sealed log of %s entries; everything agrees.", group(r.Records), group(r.Blobs), group(r.Size))
}

// warnings are what an officer should know and can change.
func warnings(ar *archive.Archive) []string {
	var w []string
	if err := ar.Writable(); err != nil {
		sentence, _ := say(err)
		w = append(w, sentence)
	}
	if !ar.Guarded() {
		w = append(w, "The archive has no passphrase: its key lies beside it, so whoever has a copy of the folder can read it.")
	}
	return append(w, "There is no second copy. Copy the folder of the archive to another place, and keep the ring and the recovery key apart from it.")
}

// diskSpace is what a folder takes on disk, looked at once a minute at most: an
// archive has a file for every attachment.
type diskSpace struct {
	dir string

	mu    sync.Mutex
	at    time.Time
	bytes int64
}

func (d *diskSpace) taken() (n int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.at) > time.Minute {
		if d.bytes, err = diskSize(d.dir); err != nil {
			return 0, err
		}
		d.at = time.Now()
	}
	return d.bytes, nil
}

func diskSize(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file that has gone
		}
		if err == nil {
			n += fi.Size()
		}
		return err
	})
	return n, err
}

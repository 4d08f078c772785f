package main

import (
	"context"
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
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/web"
)

type serveCmd struct {
	Listen string `help:"Loopback address to listen on." default:"127.0.0.1:8440" placeholder:"HOST:PORT"`
	Open   bool   `help:"Open the console in a browser."`
}

func (c *serveCmd) Run(a *app) error {
	l, err := listenLoopback(a.ctx, c.Listen)
	if err != nil {
		return err
	}
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		return a.serve(l, ar, x, c.Open)
	})
}

// listenLoopback refuses every address that another machine could reach: until
// people can sign in, whoever reaches the console can read everything.
func listenLoopback(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, usagef("--listen wants HOST:PORT, such as 127.0.0.1:8440")
	}
	ip := net.ParseIP(host)
	if host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, exitError{exitRefused, "the console is served on this machine only (127.0.0.1, ::1 or localhost) until people can sign in"}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// serve answers until the program is told to stop.
func (a *app) serve(l net.Listener, ar *archive.Archive, x *index.Index, browser bool) error {
	log := slog.New(slog.NewJSONHandler(a.stderr, nil))
	ledger, _, err := a.books(ar)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	console, err := web.New(web.Config{
		Name: ar.Info().Name, Index: x, Blobs: blobs{ar}, Ledger: ledger, Outlook: outlook(x, ledger),
		State: func(ctx context.Context) (web.State, error) { return archiveState(ctx, ar) },
		Log:   log,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	link := console.Link("http://" + l.Addr().String())
	if _, err := fmt.Fprintf(a.stdout, "The console of %s is served on this machine only.\nOpen this link, once, within 15 minutes:\n\n  %s\n\nCtrl-C ends it. For another link, start it again.\n", oneLine(ar.Info().Name, 60), link); err != nil {
		return errors.Join(err, l.Close())
	}
	if browser {
		openBrowser(a.ctx, link)
	}
	go followLog(a.ctx, x, log)
	srv := &http.Server{
		Handler: console, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() {
		<-a.ctx.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- srv.Shutdown(ctx)
	}()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return <-stopped
}

// followEvery is how soon the console shows what another process imported.
const followEvery = 2 * time.Second

func followLog(ctx context.Context, x *index.Index, log *slog.Logger) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := x.Follow(ctx, nil); err != nil && ctx.Err() == nil {
				log.LogAttrs(ctx, slog.LevelError, "follow the log", slog.String("error", err.Error()))
			}
		}
	}
}

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

func archiveState(ctx context.Context, ar *archive.Archive) (web.State, error) {
	size, err := ar.Size(ctx)
	if err != nil {
		return web.State{}, err
	}
	st := web.State{ID: ar.Info().ID, Entries: size, Warnings: warnings(ar)}
	if st.Bytes, err = diskSize(ar.Dir()); err != nil {
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

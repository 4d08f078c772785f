package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

type verifyCmd struct {
	Path       string   `arg:"" optional:"" help:"A proof, or the folder of an archive (default: the archive)." type:"path"`
	Checkpoint []string `help:"A checkpoint that somebody kept: proves that the log has only grown since. May be given more than once." type:"path" placeholder:"FILE"`
	VKey       string   `name:"vkey" help:"Public key of the archive, as the firm has published it." placeholder:"KEY"`
	NoIndex    bool     `help:"Do not compare the index with the log."`
	JSON       bool     `help:"Print one JSON object."`
}

func (c *verifyCmd) Run(a *app) error {
	if c.VKey != "" && tlog.CheckVKey(c.VKey) != nil {
		return usagef("--vkey wants a public key as a proof prints it: waxseal/ID+HASH+KEY")
	}
	if c.Path != "" {
		fi, err := os.Stat(c.Path)
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		if !fi.IsDir() {
			if len(c.Checkpoint) > 0 {
				return usagef("--checkpoint is compared with the log of an archive, which a proof has not: give the archive's folder, or leave it out")
			}
			return c.proof(a)
		}
		a.cli.Dir = c.Path
	}
	return c.archive(a)
}

// verifyResult is what verify --json prints of an archive.
type verifyResult struct {
	OK bool `json:"ok"`
	*archive.Report
	Index string `json:"index"` // "agrees", "missing", "not checked" or what is wrong
}

func (c *verifyCmd) archive(a *app) (err error) {
	kept, err := readCheckpoints(c.Checkpoint)
	if err != nil {
		return err
	}
	ar, err := a.open()
	if err != nil {
		return damage(err)
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	bar := a.bar("Verifying")
	rep, err := ar.Verify(a.ctx, archive.VerifyOptions{Kept: kept, Progress: func(done, of int64) { bar.set(done, of, group(done)+" records") }})
	bar.done()
	if err != nil {
		return damage(err)
	}
	if err := a.checkDecisions(ar, rep); err != nil {
		return err
	}
	if c.VKey != "" && c.VKey != ar.Info().VKey {
		rep.Problems = append(rep.Problems, "the archive's public key is not the one that was given with --vkey")
	}
	res := verifyResult{Report: rep, Index: "not checked"}
	if !c.NoIndex {
		if res.Index, err = a.checkIndex(ar, rep); err != nil {
			return err
		}
	}
	res.OK = rep.OK()
	if err := ar.RecordVerification(rep); err != nil {
		rep.Notes = append(rep.Notes, "the result could not be kept beside the archive")
	}
	return c.report(a, res)
}

// checkDecisions looks for the decision of two people behind each disposal and
// certificate: who holds the keys can append one that has none.
func (a *app) checkDecisions(ar *archive.Archive, rep *archive.Report) error {
	l, _, err := a.books(ar)
	if err == nil {
		err = l.Follow(a.ctx)
	}
	if err == nil {
		_, err = ar.Acts(a.ctx, 0, func(e record.Entry) error {
			if e.Kind != record.Disposal && e.Kind != record.Certificate {
				return nil
			}
			switch why := l.Void(e.Seq); {
			case errors.Is(why, govern.ErrUndecided):
				rep.Problems = append(rep.Problems, why.Error())
			case why != nil: // another process was faster
				rep.Notes = append(rep.Notes, why.Error())
			}
			return nil
		})
	}
	if err == nil || a.ctx.Err() != nil {
		return err
	}
	if rep.OK() { // else it was said what is damaged
		rep.Problems = append(rep.Problems, fmt.Sprintf("the books cannot be read: %v", err))
	}
	return nil
}

// readCheckpoints reads those that somebody kept. A file that cannot be one is
// a slip of the user's, and says nothing of the archive.
func readCheckpoints(paths []string) (kept [][]byte, err error) {
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, fmt.Errorf("verify: read checkpoint: %w", err)
		}
		if !tlog.LooksLikeCheckpoint(b) {
			return nil, exitError{exitFailed, p + " is no checkpoint. Nothing was verified."}
		}
		kept = append(kept, b)
	}
	return kept, nil
}

// damage gives what an archive that does not even open the exit code of a
// failed verification; a wrong passphrase is no damage.
func damage(err error) error {
	for _, is := range []error{store.ErrDamaged, archive.ErrIncomplete, seal.ErrRing, seal.ErrOpen, seal.ErrFrame, archive.ErrRestored, blob.ErrNotFound, tlog.ErrForked} {
		if errors.Is(err, is) {
			return exitError{exitTampered, fmt.Sprintf("VERIFICATION FAILED: %v", err)}
		}
	}
	return err
}

// checkIndex compares the index with the log. A missing one is no fault: it
// can be built again from the log at any time.
func (a *app) checkIndex(ar *archive.Archive, rep *archive.Report) (said string, err error) {
	if _, err := os.Stat(ar.IndexPath()); err != nil {
		rep.Notes = append(rep.Notes, "there is no index; waxseal index rebuild makes it")
		return "missing", nil
	}
	cfg, drop, err := a.usableIndex(ar)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, drop()) }()
	bar := a.bar("Comparing the index")
	defer bar.done()
	found, err := index.Check(a.ctx, cfg, func(done, of int64) { bar.set(done, of, group(done)+" entries") })
	if err != nil {
		if a.ctx.Err() != nil {
			return "", a.ctx.Err()
		}
		found = append(found, "it cannot be read")
	}
	for _, f := range found {
		rep.Problems = append(rep.Problems, "index: "+f)
	}
	if len(found) > 0 {
		return strings.Join(found, "; "), nil
	}
	return "agrees", nil
}

func (c *verifyCmd) report(a *app, res verifyResult) error {
	if c.JSON {
		if err := json.NewEncoder(a.stdout).Encode(res); err != nil {
			return err
		}
	} else if _, err := fmt.Fprint(a.stdout, verifyText(res)); err != nil {
		return err
	}
	if !res.OK {
		return exitError{exitTampered, ""}
	}
	return nil
}

func verifyText(res verifyResult) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("log", "%s, root %s", count(res.Size, "entry"), res.Root)
	line("records", "%s opened (%s), each compared with its commitment", group(res.Records), bytesOf(res.Bytes))
	if res.Disposed > 0 {
		line("disposed", "the content of %s is gone, as %s", count(res.Disposed, "record"), saidBy(res.Certified))
	}
	line("packs", "%s under %s", count(res.Frames, "frame"), count(res.Keys, "key"))
	line("files", "%s read whole (%s)", group(res.Blobs), bytesOf(res.BlobBytes))
	line("checkpoint", "signed at %s; %s not yet anchored", count(res.Signed, "entry"), count(res.Unanchored, "younger entry"))
	if res.Kept > 0 {
		line("kept", "%s: the log has only grown since", count(int64(res.Kept), "kept checkpoint"))
	}
	line("index", "%s", res.Index)
	if res.Before == nil {
		line("before", "never verified, or the result was removed")
	} else {
		line("before", "verified %s", res.Before.UTC().Format("2006-01-02 15:04 MST"))
	}
	for _, n := range res.Notes {
		line("note", "%s", n)
	}
	if res.OK {
		return "OK: the archive is whole.\n" + b.String()
	}
	fmt.Fprintf(&b, "\n")
	for _, p := range res.Problems {
		fmt.Fprintf(&b, "  ✗ %s\n", p)
	}
	if res.More > 0 {
		fmt.Fprintf(&b, "  ✗ and %s more\n", group(res.More))
	}
	return "VERIFICATION FAILED: the archive was changed or is damaged.\n" + b.String()
}

// saidBy says what accounts for records that are gone.
func saidBy(certificates int) string {
	switch certificates {
	case 0:
		return "the log says; no certificate was given yet"
	case 1:
		return "1 certificate says"
	}
	return count(int64(certificates), "certificate") + " say"
}

func (c *verifyCmd) proof(a *app) error {
	b, err := os.ReadFile(c.Path)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	p, err := archive.ParseProof(b)
	if err != nil {
		return fmt.Errorf("verify %s: %w", c.Path, err)
	}
	proved, err := p.Check(c.VKey)
	if err != nil {
		return exitError{exitTampered, fmt.Sprintf("VERIFICATION FAILED: %v", err)}
	}
	if c.JSON {
		return json.NewEncoder(a.stdout).Encode(map[string]any{"ok": true, "vkey": p.VKey, "entries": len(proved), "checkpoint": proved[0].Checkpoint.Size})
	}
	var out strings.Builder
	out.WriteString("OK: the proof holds.\n")
	fmt.Fprintf(&out, "  archive      %s\n", proved[0].Checkpoint.Origin)
	fmt.Fprintf(&out, "  signed by    %s\n", p.VKey)
	if c.VKey == "" {
		out.WriteString("               compare this key with the one that the firm has published, or give it with --vkey\n")
	}
	for _, e := range proved {
		fmt.Fprintf(&out, "  entry %d of a log of %d: %s\n", e.Seq, e.Checkpoint.Size, e.Leaf)
		for _, part := range e.Parts {
			head, raw, err := record.Cut(part)
			if err != nil {
				continue
			}
			text := raw
			if len(raw) == 0 {
				text = head
			}
			fmt.Fprintf(&out, "    │ %s\n", strings.ReplaceAll(strings.TrimRight(printable(string(text)), "\r\n"), "\n", "\n    │ "))
		}
	}
	_, err = fmt.Fprint(a.stdout, out.String())
	return err
}

type proveCmd struct {
	ID     string `arg:"" help:"Id of the message, as messages and search print it; or the number of a certificate of disposal."`
	Output string `short:"o" help:"File to write, - for standard output (default: waxseal-proof-ID.json)." placeholder:"FILE"`
}

func (c *proveCmd) Run(a *app) error {
	return a.withIndex(func(ar *archive.Archive, whole *index.Index) error {
		x, err := a.viewOf(ar, whole)
		if err != nil {
			return err
		}
		what := "message"
		m, err := x.Message(a.ctx, c.ID)
		if cert := a.certified(ar, whole, c.ID); errors.Is(err, index.ErrNotFound) && cert != nil {
			what, m.Records, err = "certificate", []int64{cert.Entry, cert.Head.Disposal, cert.Data.Request}, nil
		}
		if err != nil {
			return fmt.Errorf("prove %s: %w", c.ID, err)
		}
		b, err := proofOf(ar)(a.ctx, m.Records)
		if err != nil {
			return fmt.Errorf("prove %s: %w", c.ID, err)
		}
		if c.Output == "-" {
			_, err := a.stdout.Write(b)
			return err
		}
		if c.Output == "" {
			c.Output = "waxseal-proof-" + c.ID + ".json"
		}
		if err := os.WriteFile(c.Output, b, 0o600); err != nil {
			return fmt.Errorf("write proof: %w", err)
		}
		_, err = fmt.Fprintf(a.stdout, "Proof of %s %s written to %s.\nAnybody can check it with: waxseal verify %s\n", what, c.ID, c.Output, c.Output)
		return err
	})
}

// certified is the certificate of disposal in an entry; nil: it is none.
func (a *app) certified(ar *archive.Archive, x *index.Index, id string) *dispose.Certified {
	entry, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil
	}
	d, _, err := a.desk(ar, x)
	if err != nil {
		return nil
	}
	if c, err := d.Certificate(a.ctx, entry); err == nil {
		return c
	}
	return nil
}

// proofOf makes the file of a proof.
func proofOf(ar *archive.Archive) func(ctx context.Context, entries []int64) ([]byte, error) {
	return func(ctx context.Context, entries []int64) ([]byte, error) {
		p, err := ar.Prove(ctx, entries)
		if err != nil {
			return nil, err
		}
		b, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			return nil, err
		}
		return append(b, '\n'), nil
	}
}

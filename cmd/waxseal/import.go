package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/all"
)

type importCmd struct {
	Path      []string `arg:"" help:"Files or folders." type:"path"`
	Zone      string   `name:"tz" help:"Time zone of the phone that made the export, e.g. America/Sao_Paulo (default: the archive's, and the import says that it assumed it)." placeholder:"ZONE"`
	DateOrder string   `help:"Order of day, month and year, where the file itself cannot tell." enum:"dmy,mdy,ymd," default:"" placeholder:"dmy|mdy|ymd"`
	Account   string   `help:"Phone number of the account that was exported." placeholder:"PHONE"`
	Custodian string   `help:"Id of the person whose account it is." placeholder:"ID"`
	Me        string   `help:"The exporter's own name as the export prints it; tells sent from received." placeholder:"NAME"`
	Chat      string   `help:"Name of the chat (default: from the file's name)." placeholder:"NAME"`
	Format    string   `help:"Import as this format instead of recognising it." placeholder:"NAME"`
	JSON      bool     `help:"Print one JSON object."`
	NoIndex   bool     `help:"Do not bring the index up to date afterwards."`
}

// importResult is what import --json prints.
type importResult struct {
	Captures []capture.Summary `json:"captures"`
	Errors   []importError     `json:"errors,omitempty"`
}

type importError struct {
	Path  string `json:"path"`
	Error string `json:"error"`
	err   error
}

func (c *importCmd) Run(a *app) (err error) {
	ar, err := a.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ar.Close()) }()
	if err := ar.Writable(); err != nil {
		return err
	}
	o, err := c.options(ar)
	if err != nil {
		return err
	}
	stop := func() {}
	if !c.NoIndex {
		stop = a.followBeside(ar)
	}
	res, failed := c.importAll(a, ar, o)
	stop()
	if !c.NoIndex && a.ctx.Err() == nil && (failed == nil || !fatal(failed)) {
		if err := a.followIndex(ar); err != nil {
			return fmt.Errorf("bring the index up to date: %w", err)
		}
	}
	if err := c.print(a, res); err != nil {
		return err
	}
	return c.outcome(res, failed)
}

func (c *importCmd) options(ar *archive.Archive) (capture.Options, error) {
	o := capture.Options{
		DateOrder: c.DateOrder, Account: c.Account, Custodian: c.Custodian, Me: c.Me, Chat: c.Chat,
		ZoneAssumed: c.Zone == "",
	}
	zone := c.Zone
	if zone == "" {
		zone = ar.Info().Zone
	}
	var err error
	if o.Zone, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		return o, usagef("no such time zone: %s (examples: Europe/London, America/New_York, Asia/Kolkata)", zone)
	}
	return o, nil
}

// formats are those that may read a path.
func (c *importCmd) formats() ([]capture.Format, error) {
	if c.Format == "" {
		return all.Formats(), nil
	}
	var names []string
	for _, f := range all.Formats() {
		if f.Name == c.Format {
			return []capture.Format{f}, nil
		}
		names = append(names, f.Name)
	}
	return nil, usagef("no such format: %s (there are: %s)", c.Format, strings.Join(names, ", "))
}

// importMemory is what the collector keeps an import in, unless more is alive:
// one long message leaves little garbage beside it.
const importMemory = 256 << 20

// importAll imports path by path. One that fails does not keep the others from
// being imported; the first error decides the exit code.
func (c *importCmd) importAll(a *app, sink capture.Sink, o capture.Options) (res importResult, first error) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(min(importMemory, debug.SetMemoryLimit(-1))))
	res.Captures = []capture.Summary{}
	for _, path := range c.Path {
		sums, errs := c.importPath(a, sink, path, o)
		res.Captures = append(res.Captures, sums...)
		for _, e := range errs {
			if first == nil {
				first = e.err
			}
			e.Error = e.err.Error()
			res.Errors = append(res.Errors, e)
			if a.ctx.Err() != nil || fatal(e.err) {
				return res, first
			}
			if c.several(res) {
				a.printErr("waxseal: %s", oneLine(e.Error, 1000))
			}
		}
	}
	return res, first
}

// several reports whether an error is one among other things to tell.
func (c *importCmd) several(res importResult) bool {
	return len(c.Path) > 1 || c.JSON || len(res.Captures)+len(res.Errors) > 1
}

// fatal reports whether an error is about the archive: the next path would
// meet it too.
func fatal(err error) bool {
	sentence, _ := say(err)
	return sentence != "" && !errors.Is(err, capture.ErrNotMine) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission)
}

func (c *importCmd) importPath(a *app, sink capture.Sink, path string, o capture.Options) (sums []capture.Summary, errs []importError) {
	failed := func(path string, err error) { errs = append(errs, importError{Path: path, err: err}) }
	if _, err := os.Stat(path); err != nil {
		failed(path, fmt.Errorf("import: %w", err))
		return nil, errs
	}
	formats, err := c.formats()
	if err != nil {
		failed(path, err)
		return nil, errs
	}
	bar := a.bar("Importing")
	defer bar.done()
	o.Progress = func(p capture.Progress) { bar.set(p.Bytes, p.Of, fmt.Sprintf("%s records", group(p.Records))) }
	sources, err := find(a.ctx, formats, path, o)
	if err != nil {
		failed(path, err)
	}
	for _, s := range sources {
		sum, err := s.Run(a.ctx, sink)
		if err == nil {
			sums = append(sums, sum)
			continue
		}
		failed(s.Path(), fmt.Errorf("import %s: %w", s.Path(), err))
		if a.ctx.Err() != nil || fatal(err) {
			break
		}
	}
	return sums, errs
}

// find asks the formats in turn which of them can read path.
func find(ctx context.Context, formats []capture.Format, path string, o capture.Options) ([]capture.Source, error) {
	var last error
	for _, f := range formats {
		sources, err := f.Find(ctx, path, o)
		if err == nil {
			return sources, nil
		}
		if !errors.Is(err, capture.ErrNotMine) {
			return nil, fmt.Errorf("import %s: %w", path, err)
		}
		last = err
	}
	return nil, fmt.Errorf("import %s: %w", path, last)
}

func (c *importCmd) print(a *app, res importResult) error {
	if c.JSON {
		return json.NewEncoder(a.stdout).Encode(res)
	}
	for _, s := range res.Captures {
		if _, err := fmt.Fprint(a.stdout, describe(s)); err != nil {
			return err
		}
	}
	return nil
}

// describe is a capture's account of itself, for people.
func describe(s capture.Summary) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", oneLine(s.Path, 1000))
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("chat", "%s", oneLine(s.Chat, 1000))
	line("archived", "%s: %s, %s", count(s.Records, "record"), count(s.Messages, "message"), count(s.System, "notice"))
	if s.AlreadyArchived > 0 {
		line("known", "%s of them were in the archive already", group(s.AlreadyArchived))
	}
	if s.First != "" {
		line("from … to", "%s … %s (%s%s)", s.First, s.Last, s.Zone, assumed(s.ZoneAssumed))
	}
	line("dates", "%s", orderSentence(s))
	if s.Attachments > 0 {
		line("files", "%s named, %s missing", group(s.Attachments), group(s.AttachmentsMissing))
	}
	for _, m := range s.Missing {
		more := ""
		if m.Files > int64(len(m.First)) {
			more = ", …"
		}
		names := make([]string, len(m.First))
		for i, n := range m.First {
			names[i] = oneLine(n, 60)
		}
		line("missing", "%s: %s %s%s", group(m.Files), m.Reason, strings.Join(names, ", "), more)
	}
	if s.Omitted > 0 {
		line("left out", "%s media: the export was made without them", group(s.Omitted))
	}
	if s.Unparsed > 0 {
		line("unread", "%s could not be read; kept as it is", count(s.Unparsed, "piece"))
	}
	if s.Garbled > 0 {
		line("garbled", "%s: the sender's name is not all text; the record has its bytes", count(s.Garbled, "message"))
	}
	if s.Ambiguous > 0 {
		line("uncertain", "%s: the time, or where it begins", count(s.Ambiguous, "record"))
	}
	if n := len(s.Unreferenced); n > 0 {
		line("extra files", "%s that no message names; they are kept", group(int64(n)))
	}
	for _, g := range s.Gaps {
		line("gap", "%s", oneLine(g, 1000))
	}
	line("SHA-256", "%s", s.SHA256)
	for _, w := range s.Warnings {
		line("note", "%s", oneLine(w, 1000))
	}
	return b.String()
}

func assumed(yes bool) string {
	if yes {
		return ", assumed: give --tz to say otherwise"
	}
	return ""
}

func orderSentence(s capture.Summary) string {
	names := map[string]string{"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
	name := names[s.DateOrder]
	if name == "" {
		name = s.DateOrder
	}
	if s.DateOrderCertain {
		return name
	}
	return name + " was assumed: the file cannot tell. Import it again with --date-order " + strings.Join(s.DateOrders, " or ")
}

// outcome is the exit code: failed before incomplete before done.
func (c *importCmd) outcome(res importResult, failed error) error {
	if failed != nil {
		if c.several(res) {
			_, code := say(failed)
			return exitError{code, fmt.Sprintf("%d of %d could not be imported", len(res.Errors), max(len(c.Path), len(res.Errors)+len(res.Captures)))}
		}
		return failed
	}
	for _, s := range res.Captures {
		if !s.Complete() {
			return exitError{exitIncomplete, ""}
		}
	}
	return nil
}

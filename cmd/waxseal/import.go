package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/all"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/seal"
)

type importCmd struct {
	Path      []string `arg:"" help:"Files or folders." type:"path"`
	Zone      string   `name:"tz" help:"Time zone of the phone that made the export, e.g. America/Sao_Paulo (default: the archive's, and the import says that it assumed it)." placeholder:"ZONE"`
	DateOrder string   `help:"Order of day, month and year, where the file itself cannot tell." enum:"dmy,mdy,ymd," default:"" placeholder:"dmy|mdy|ymd"`
	Account   string   `help:"Phone number of the account that was exported." placeholder:"PHONE"`
	Custodian string   `help:"Id of the person whose account it is." placeholder:"ID"`
	Me        string   `help:"The exporter's own name as the export prints it; tells sent from received." placeholder:"NAME"`
	Chat      string   `help:"Name of the chat (default: from the file's name)." placeholder:"NAME"`
	Key       string   `help:"Key of an encrypted Android backup: its 64 digits, or the file that holds them." placeholder:"FILE|HEX"`
	Password  string   `name:"password-file" help:"File with the password of an encrypted iPhone backup (default: asked for)." type:"path" placeholder:"FILE"`
	Media     string   `help:"Folder with the media of a backup (default: looked for beside it)." type:"existingdir" placeholder:"DIR"`
	Format    string   `help:"Import as this format instead of recognising it: chatexport, android, ios or cloudapi." placeholder:"NAME"`
	JSON      bool     `help:"Print one JSON object."`
	NoIndex   bool     `help:"Do not bring the index up to date afterwards."`
}

// importResult is what import --json prints.
type importResult struct {
	Captures []capture.Summary `json:"captures"`
	Errors   []importError     `json:"errors,omitempty"`
	// Returned is what was disposed of before, or is of its chat and time.
	Returned []dispose.Returned `json:"returned,omitempty"`
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
	o, err := c.options(a, ar)
	if err != nil {
		return err
	}
	scratch, done, err := scratchIn(ar.Dir())
	if err != nil {
		return err
	}
	o.Scratch = scratch
	defer func() { err = errors.Join(err, done()) }()
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
		if res.Returned, err = a.returned(ar, res.Captures); err != nil {
			return fmt.Errorf("look for certificates of disposal: %w", err)
		}
	}
	if err := c.print(a, res); err != nil {
		return err
	}
	return c.outcome(res, failed)
}

func (c *importCmd) options(a *app, ar *archive.Archive) (capture.Options, error) {
	o := capture.Options{
		DateOrder: c.DateOrder, Account: c.Account, Custodian: c.Custodian, Me: c.Me, Chat: c.Chat,
		ZoneAssumed: c.Zone == "", Key: c.Key, Media: c.Media, Password: c.password(a),
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

// password asks for the password of a backup, once, when one is needed.
func (c *importCmd) password(a *app) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		if c.Password == "" {
			p, err := a.prompt("Password of the backup: ")
			if errors.Is(err, seal.ErrLocked) {
				return nil, usagef("the backup is encrypted: give the password that it was made with in a file, with --password-file FILE")
			}
			return p, err
		}
		b, err := os.ReadFile(c.Password)
		if err != nil {
			return nil, fmt.Errorf("read the password: %w", err)
		}
		return bytes.TrimRight(b, "\r\n"), nil
	})
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
// one long message leaves little garbage beside it. SQLite's memory (the log's,
// the index's, the phone's database's) is not its, and as much again.
const importMemory = 128 << 20

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

// find asks the formats in turn what they can read at path. A file is of one
// format; in a folder, each finds what does not belong to what was found
// before. What was found before an error is returned with it.
func find(ctx context.Context, formats []capture.Format, path string, o capture.Options) (found []capture.Source, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("import: %w", err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && info.IsDir() {
		path = real // a link to a folder is that folder
	}
	var last error
	for _, f := range formats {
		sources, err := f.Find(ctx, path, o)
		if err != nil {
			last = fmt.Errorf("import %s: %w", path, err)
		}
		if err != nil && !errors.Is(err, capture.ErrNotMine) {
			return found, last
		}
		if found = append(found, sources...); len(found) > 0 && !info.IsDir() {
			break
		}
		for _, s := range sources {
			if s, ok := s.(capture.Owner); ok {
				o.Owned = append(o.Owned, s.Owns()...)
			}
		}
	}
	if len(found) == 0 {
		return nil, last
	}
	return found, nil
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
	for _, r := range res.Returned {
		if _, err := fmt.Fprint(a.stdout, returnedText(r)); err != nil {
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
	if s.Chat != "" {
		line("chat", "%s", oneLine(s.Chat, 1000))
	}
	if s.Chats > 0 {
		line("chats", "%s", group(s.Chats))
	}
	line("archived", "%s: %s, %s", count(s.Records, "record"), count(s.Messages, "message"), count(s.System, "notice"))
	if s.AlreadyArchived > 0 {
		line("known", "%s of them were in the archive already", group(s.AlreadyArchived))
	}
	if s.First != "" {
		line("from … to", "%s … %s (%s%s)", s.First, s.Last, s.Zone, assumed(s.ZoneAssumed))
	}
	if s.DateOrder != "" {
		line("dates", "%s", orderSentence(s))
	}
	if len(s.Kinds) > 0 {
		line("types", "%s", kindsSentence(s.Kinds))
	}
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
		line("left out", "%s media: %s", group(s.Omitted), leftOut(s))
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
	describeTables(line, s)
	for _, g := range s.Gaps {
		line("gap", "%s", oneLine(g, 1000))
	}
	line("SHA-256", "%s", s.SHA256)
	line("capture", "%d", s.Capture)
	for _, w := range s.Warnings {
		line("note", "%s", oneLine(w, 1000))
	}
	return b.String()
}

// leftOut is why media are no part of a source.
func leftOut(s capture.Summary) string {
	if len(s.Tables) > 0 {
		return "they were not on the phone"
	}
	return "the export was made without them"
}

func kindsSentence(kinds map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Or(int(kinds[b]-kinds[a]), strings.Compare(a, b)) })
	for i, n := range names {
		names[i] = n + " " + group(kinds[n])
	}
	return strings.Join(names, ", ")
}

// describeTables tells of a database what became of its rows.
func describeTables(line func(name, format string, args ...any), s capture.Summary) {
	var rows, records, attached, excluded int64
	for _, t := range s.Tables {
		rows, records, attached, excluded = rows+t.Rows, records+t.Records, attached+t.Attached, excluded+t.Excluded
	}
	if rows > 0 {
		line("rows", "%s in %s: %s became records, %s stand in them, %s stay in the evidence", group(rows), count(int64(len(s.Tables)), "table"), group(records), group(attached), group(excluded))
	}
	if s.Container != nil {
		line("container", "its seal is right; key %s, checksum %s", s.Container.Key, s.Container.Checksum)
	}
	if len(s.Unknown) > 0 {
		line("unknown", "%s; kept as they are", oneLine(strings.Join(s.Unknown, ", "), 1000))
	}
	for _, d := range s.Damage {
		line("damaged", "%s", oneLine(d, 1000))
	}
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

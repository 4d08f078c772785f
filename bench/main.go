// Command bench measures Waxseal on one input in one run, beside a public
// parser, a bare SQLite and the machine's own limits. Its figures are read by
// people; nothing fails because one is slow.
//
//	go run ./bench                                  everything, ten minutes or so
//	go run ./bench -messages 100000 -peer=false     a quick look
//	go run ./bench -only machine,read               some of it
//	go run ./bench -only keeping,pages,disposal -chats 1000 -acts 100000
//	                                                a firm's archive with its books
//	go run ./bench -only deliveries,soak300 -soak 1m
//	                                                webhooks, answered when they are durable
//	go run ./bench -json                            one JSON object
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Seeds of the inputs, so that every run has the same.
const (
	seedMain    = 1
	seedSmall   = 2
	seedQueries = 3
)

// results is everything that one run measured.
type results struct {
	Go       string      `json:"go"`
	CPUs     int         `json:"cpus"`
	Messages int         `json:"messages"` // of the largest input, which reading, peers and searches share
	Input    int64       `json:"input_bytes"`
	Machine  *machine    `json:"machine,omitempty"`
	Scan     *parsed     `json:"scan,omitempty"` // split, date, author, kind
	Read     *parsed     `json:"read,omitempty"` // made into records, two passes
	Peer     *parsed     `json:"peer,omitempty"`
	PeerNote string      `json:"peer_note,omitempty"`
	Bare     *bare       `json:"bare_sqlite,omitempty"`
	Imports  []imported  `json:"imports,omitempty"`
	Searches []latency   `json:"searches,omitempty"`
	Backups  *backups    `json:"backups,omitempty"`
	Keeping  *keeping    `json:"keeping,omitempty"`
	Live     *deliveries `json:"deliveries,omitempty"`

	Gateway []throughGateway `json:"gateway,omitempty"`
}

type bare struct {
	Insert float64 `json:"insert_s"`
	FTS5   float64 `json:"fts5_s"`
}

type options struct {
	sizes   []int
	only    map[string]bool
	peer    bool
	queries int
	chats   int           // of the firm
	acts    int           // and traces
	visits  int           // of each kind of page
	pause   time.Duration // before and after a disposal, to compare with
	deliver time.Duration // at each number of connections
	soak    time.Duration
	cache   string
	tools   string
}

func (o options) does(section string) bool { return len(o.only) == 0 || o.only[section] }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	sizes := f.String("messages", "100000,1000000", "sizes of the imports")
	only := f.String("only", "", "sections to run: machine,read,peer,sqlite,import,search,backups,keeping,pages,disposal,deliveries,soak300,gateway (search needs import)")
	tools := f.String("tools", filepath.Join("..", "shared", "tools"), "folder with the generators of phones' databases")
	asJSON := f.Bool("json", false, "print one JSON object")
	peer := f.Bool("peer", true, "compare with the npm package "+peerPackage)
	queries := f.Int("queries", 200, "searches of each kind")
	chats := f.Int("chats", 1000, "chats of the firm whose keeping, pages and disposal are measured")
	acts := f.Int("acts", 100_000, "acts and traces in its log")
	visits := f.Int("visits", 20, "visits of each page")
	deliver := f.Duration("deliver", 5*time.Second, "how long deliveries come at each number of connections")
	soak := f.Duration("soak", 10*time.Minute, "how long soak300 goes on")
	scan := f.String("scan", "", "internal: scan this file and print what it took")
	read := f.String("read", "", "internal: read this file and print what it took")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *scan != "" {
		return scanAlone(ctx, *scan, out)
	}
	if *read != "" {
		return readAlone(ctx, *read, out)
	}
	o := options{only: map[string]bool{}, peer: *peer, queries: *queries, chats: max(1, *chats), acts: *acts, visits: max(1, *visits), pause: 5 * time.Second, deliver: *deliver, soak: *soak, cache: filepath.Join(".cache", "bench"), tools: *tools}
	for s := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("-messages: %q is no number of messages", s)
		}
		o.sizes = append(o.sizes, n)
	}
	for s := range strings.SplitSeq(*only, ",") {
		if s != "" {
			o.only[s] = true
		}
	}
	r, err := measure(ctx, o)
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(out).Encode(r)
	}
	return r.table(out)
}

// measure runs the sections one after another, so that none disturbs the next.
func measure(ctx context.Context, o options) (r results, err error) {
	r = results{Go: runtime.Version(), CPUs: runtime.NumCPU()}
	if o.cache, err = filepath.Abs(o.cache); err != nil {
		return r, err
	}
	if err := os.MkdirAll(o.cache, 0o755); err != nil {
		return r, err
	}
	dir, err := os.MkdirTemp(o.cache, "run")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	inputs := map[int]string{}
	for _, n := range o.sizes {
		say("making an export of %d messages", n)
		inputs[n] = filepath.Join(dir, fmt.Sprintf("WhatsApp Chat - Harbour Works %d.txt", n))
		size, err := exportFile(inputs[n], seedMain, n)
		if err != nil {
			return r, err
		}
		if n > r.Messages {
			r.Messages, r.Input = n, size
		}
	}
	if err := r.reading(ctx, o, dir, inputs[r.Messages]); err != nil {
		return r, err
	}
	if o.does("import") {
		if err := r.archives(ctx, o, dir, inputs); err != nil {
			return r, err
		}
	}
	if o.does("backups") {
		bin, err := binary(ctx, o.cache)
		if err != nil {
			return r, err
		}
		b, err := measureBackups(ctx, bin, o.tools, dir, o.sizes)
		if err != nil {
			return r, err
		}
		r.Backups = &b
	}
	if o.does("gateway") {
		say("sending through the gateway")
		if r.Gateway, err = measureGateway(ctx, dir); err != nil {
			return r, err
		}
	}
	if o.does("keeping") || o.does("pages") || o.does("disposal") {
		bin, err := binary(ctx, o.cache)
		if err != nil {
			return r, err
		}
		if r.Keeping, err = measureKeeping(ctx, o, bin, dir, r.Messages); err != nil {
			return r, err
		}
	}
	if o.does("deliveries") || o.does("soak300") {
		if r.Live, err = measureDeliveries(ctx, o, dir); err != nil {
			return r, fmt.Errorf("measure deliveries: %w", err)
		}
	}
	return r, nil
}

// reading measures what needs no archive: the machine, the parsers, a bare
// SQLite.
func (r *results) reading(ctx context.Context, o options, dir, input string) error {
	if o.does("machine") {
		say("measuring the machine")
		m, err := measureMachine(dir, input, r.Messages)
		if err != nil {
			return err
		}
		r.Machine = &m
	}
	if o.does("read") {
		say("reading alone")
		p, err := measureReading(ctx, "-scan", input)
		if err != nil {
			return err
		}
		r.Scan = &p
		q, err := measureReading(ctx, "-read", input)
		if err != nil {
			return err
		}
		r.Read = &q
	}
	if o.does("peer") && o.peer {
		say("running %s", peerPackage)
		p, err := runPeer(ctx, o.cache, input)
		if err != nil { // a peer that is not there, or fails, is a note
			r.PeerNote = err.Error()
		} else {
			r.Peer = &p
		}
	}
	if o.does("sqlite") {
		say("running a bare SQLite")
		insert, build, err := bareSQLite(ctx, dir, r.Messages)
		if err != nil {
			return err
		}
		r.Bare = &bare{insert.Seconds(), build.Seconds()}
	}
	return nil
}

// archives measures the real binary, and searches in what it made.
func (r *results) archives(ctx context.Context, o options, dir string, inputs map[int]string) error {
	say("building waxseal")
	bin, err := binary(ctx, o.cache)
	if err != nil {
		return err
	}
	for _, n := range o.sizes {
		say("importing, rebuilding, verifying %d messages", n)
		m, err := measureImport(ctx, bin, dir, inputs[n], n)
		if err != nil {
			return err
		}
		m.Input = size(inputs[n])
		r.Imports = append(r.Imports, m)
	}
	if !o.does("search") {
		return nil
	}
	last := r.Imports[len(r.Imports)-1]
	say("searching in %d messages", last.Messages)
	const small = "Small Works"
	path := filepath.Join(dir, "WhatsApp Chat - "+small+".txt")
	if _, err := exportFile(path, seedSmall, max(1, last.Messages/50)); err != nil {
		return err
	}
	if _, err := run(ctx, bin, "import", "--json", "--dir", last.archive, path); err != nil {
		return err
	}
	r.Searches, err = measureSearch(ctx, last.archive, small, o.queries)
	return err
}

// size of a file that this run made, 0 where it is gone.
func size(path string) int64 {
	fi, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return fi.Size()
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05")+" … "+format+"\n", args...)
}

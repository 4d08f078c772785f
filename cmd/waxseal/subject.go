package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/retain"
	"github.com/waxseal/waxseal/internal/subject"
)

type subjectCmd struct {
	Open   subjectOpenCmd   `cmd:"" help:"Enter what a data subject asks for."`
	List   subjectListCmd   `cmd:"" help:"List what data subjects asked for."`
	Erase  subjectEraseCmd  `cmd:"" help:"Say what can be erased and what has to be kept, and why; and propose it."`
	Copy   subjectCopyCmd   `cmd:"" help:"Write the copy for a request for access: JSON Lines and one page, with everybody else left out."`
	Answer subjectAnswerCmd `cmd:"" help:"Close a request: a copy was given, it is refused, or it was withdrawn."`
}

type subjectOpenCmd struct {
	Kind     string   `arg:"" enum:"access,erasure" help:"access or erasure."`
	Query    []string `arg:"" help:"What finds their messages, in the query language of search."`
	Person   string   `help:"Who asks." required:"" placeholder:"NAME"`
	Received string   `help:"The day on which it came (default: today)." placeholder:"2026-01-31"`
	Reason   string   `help:"Anything else." placeholder:"TEXT"`
}

func (c *subjectOpenCmd) Run(a *app) error {
	if c.Received == "" {
		c.Received = time.Now().Format(time.DateOnly)
	}
	return a.withDesk(func(d *dispose.Desk, who govern.Actor) error {
		query := strings.Join(c.Query, " ")
		if _, err := d.Index.Matching(a.ctx, query); err != nil {
			return err
		}
		n, err := d.Ledger.Do(a.ctx, who, govern.Request{Act: govern.ActSubjectOpen, Reason: c.Reason, Data: govern.SubjectData{
			Kind: c.Kind, Person: c.Person, Query: query, Received: c.Received,
		}})
		if err != nil {
			return err
		}
		return d.Ledger.Read(a.ctx, func(s *govern.State) error {
			_, err := fmt.Fprintf(a.stdout, "Request %d, to be answered until %s.\n", n, s.Subjects[n].Due.Format(time.DateOnly))
			return err
		})
	})
}

type subjectListCmd struct {
	JSON bool `help:"Print JSON, one object a line."`
}

func (c *subjectListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		return l.Read(a.ctx, func(s *govern.State) error {
			for _, n := range slices.Sorted(maps.Keys(s.Subjects)) {
				r := s.Subjects[n]
				if c.JSON {
					if err := json.NewEncoder(a.stdout).Encode(r); err != nil {
						return err
					}
					continue
				}
				state := "open, due " + r.Due.Format(time.DateOnly)
				if !r.Open() {
					state = r.Answer + ", " + r.Closed.Format(time.DateOnly)
				}
				if _, err := fmt.Fprintf(a.stdout, "%8d  %-8s %-24s %-24s %s\n", r.ID, r.Kind, state, oneLine(r.Person, 24), oneLine(r.Query, 60)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

type subjectEraseCmd struct {
	Request int64  `arg:"" help:"Number of the request."`
	Today   string `help:"Propose it: today's date, as you read it elsewhere." placeholder:"2026-11-24"`
	Reason  string `help:"Why." placeholder:"TEXT"`
}

func (c *subjectEraseCmd) Run(a *app) error {
	return a.withDesk(func(d *dispose.Desk, who govern.Actor) error {
		query := ""
		err := d.Ledger.Read(a.ctx, func(s *govern.State) error {
			r := s.Subjects[c.Request]
			if r == nil || r.Kind != govern.Erasure || !r.Open() {
				return govern.Refuse(govern.ErrUnknown, "There is no open request for erasure %d.", c.Request)
			}
			query = r.Query
			return nil
		})
		if err != nil {
			return err
		}
		due, kept, err := d.Erasure(a.ctx, query, time.Now())
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(a.stdout, erasureText(due, kept)); err != nil || c.Today == "" || len(due.Messages) == 0 {
			return err
		}
		due.Data.Subject = c.Request
		n, err := d.Propose(a.ctx, who, due, c.Today, c.Reason)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "Proposed as request %d. Another person confirms it with:\n\n  waxseal request approve %d --today DATE\n", n, n)
		return err
	})
}

// erasureText says what can go, and of what stays each ground once.
func erasureText(due *dispose.Due, kept map[int64]retain.Decision) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s can be erased, %s to be kept.\n", count(int64(len(due.Messages)), "message"), group(int64(len(kept))))
	for _, g := range dispose.Grounds(kept) {
		fmt.Fprintf(&b, "  %10s  %s\n", group(g.N), oneLine(g.Name, 300))
	}
	return b.String()
}

type subjectAnswerCmd struct {
	Request int64  `arg:"" help:"Number of the request."`
	Answer  string `arg:"" enum:"copy,refused,withdrawn" help:"copy, refused or withdrawn."`
	Reason  string `help:"Why: it is kept with it." required:"" placeholder:"TEXT"`
}

func (c *subjectAnswerCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		_, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActSubjectClose, Reason: c.Reason, Data: govern.SubjectAnswer{Subject: c.Request, Answer: c.Answer}})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(a.stdout, "Answered.")
		return err
	})
}

type subjectCopyCmd struct {
	Request int64    `arg:"" help:"Number of the request."`
	Output  string   `short:"o" help:"Folder to write to." required:"" type:"path" placeholder:"DIR"`
	Is      []string `help:"A name or number of whoever asks, as the messages have it (default: the name in the request). May be given more than once." placeholder:"NAME"`
}

func (c *subjectCopyCmd) Run(a *app) error {
	return a.withIndex(func(ar *archive.Archive, x *index.Index) error {
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		var r govern.SubjectRequest
		var beside []string
		err = l.Read(a.ctx, func(s *govern.State) error {
			q := s.Subjects[c.Request]
			if q == nil || q.Kind != govern.Access || !q.Open() {
				return govern.Refuse(govern.ErrUnknown, "There is no open request for access %d.", c.Request)
			}
			r, beside = *q, s.Names()
			return nil
		})
		if err != nil {
			return err
		}
		src := func(ctx context.Context, fn func(*chat.Message) error) error {
			return x.All(ctx, r.Query, func(m chat.Message) error { return fn(&m) })
		}
		people, err := subject.Survey(a.ctx, src, beside, func(ctx context.Context, id string) ([]string, error) {
			row, err := x.Chat(ctx, id)
			return row.Participants, err
		})
		if err != nil {
			return err
		}
		if len(c.Is) == 0 {
			c.Is = []string{r.Person}
		}
		if err := people.Are(c.Is...); err != nil {
			return usagef("%v: say with --is who of them it is, by number or name:\n%s", err, peopleText(people))
		}
		if _, err := l.Trace(a.ctx, who, govern.Request{Act: govern.TraceCopy, On: []string{"subject:" + strconv.FormatInt(r.ID, 10)}}); err != nil {
			return err
		}
		about := subject.About{Firm: ar.Info().Name, Person: r.Person, Request: r.ID, At: time.Now().UTC().Truncate(time.Second)}
		n, names, err := writeCopy(a.ctx, c.Output, src, people, about)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.stdout, "%s: %s of their own, %s that others wrote to them, %s of others without content.\nWritten to %s and %s. Read the copy before you give it to anybody.\n",
			count(n.Messages, "message"), group(n.Own), group(n.To), group(n.Others), names[0], names[1])
		return err
	})
}

// peopleText lists who wrote the messages, and how each is picked.
func peopleText(p *subject.People) string {
	var b strings.Builder
	for i, s := range p.List() {
		if i == 30 {
			b.WriteString("  and more\n")
			break
		}
		fmt.Fprintf(&b, "  %-24s %s (%s)\n", oneLine(s.Key, 24), oneLine(strings.Join(s.Names, ", "), 60), count(s.Messages, "message"))
	}
	return b.String()
}

// writeCopy writes both files, or neither; files that are there stay.
func writeCopy(ctx context.Context, dir string, src subject.Source, p *subject.People, about subject.About) (n subject.Counts, names [2]string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return n, names, fmt.Errorf("write the copy: %w", err)
	}
	var files [2]*os.File
	defer func() {
		for i, f := range files {
			if f == nil {
				continue
			}
			if err = errors.Join(err, f.Close()); err != nil {
				err = errors.Join(err, os.Remove(names[i]))
			}
		}
	}()
	for i, ext := range []string{".jsonl", ".html"} {
		names[i] = filepath.Join(dir, fmt.Sprintf("copy-%d%s", about.Request, ext))
		if files[i], err = os.OpenFile(names[i], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return n, names, fmt.Errorf("write the copy: %w", err)
		}
	}
	n, err = subject.Write(ctx, src, p, about, files[0], files[1])
	return n, names, err
}

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

type matterCmd struct {
	List    matterListCmd    `cmd:"" help:"List the matters."`
	Open    matterOpenCmd    `cmd:"" help:"Open a matter."`
	Show    matterShowCmd    `cmd:"" help:"Show a matter, and what was done with it."`
	Collect matterCollectCmd `cmd:"" help:"Collect everything that a search finds."`
	Drop    matterDropCmd    `cmd:"" help:"Take everything that a search finds out of a matter."`
	Member  matterMemberCmd  `cmd:"" help:"Say who works on a matter."`
	Note    matterNoteCmd    `cmd:"" help:"Write a note about a matter."`
	Close   matterCloseCmd   `cmd:"" help:"Close a matter."`
}

type matterListCmd struct {
	JSON bool `help:"One JSON object a line."`
}

func (c *matterListCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		var rows []govern.Matter
		if err := l.Read(a.ctx, func(s *govern.State) error {
			for _, m := range s.Matters {
				rows = append(rows, *m)
			}
			return nil
		}); err != nil {
			return err
		}
		slices.SortFunc(rows, func(x, y govern.Matter) int { return int(x.ID - y.ID) })
		if len(rows) == 0 && !c.JSON {
			return a.sayDone(false, nil, "No matters yet. Open one with: waxseal matter open NAME")
		}
		for _, m := range rows {
			m.Acts = nil
			state := "open"
			if !m.Closed.IsZero() {
				state = "closed"
			}
			if err := a.sayDone(c.JSON, m, "%8d  %-40s %s", m.ID, oneLine(m.Name, 200), state); err != nil {
				return err
			}
		}
		return nil
	})
}

// matter finds a matter by number or name.
func (a *app) matter(l *govern.Ledger, name string) (found govern.Matter, err error) {
	err = l.Read(a.ctx, func(s *govern.State) error {
		m := s.MatterNamed(name)
		if m == nil {
			return govern.Refuse(govern.ErrUnknown, "There is no matter %q.", name)
		}
		found = *m
		found.Acts = slices.Clone(m.Acts)
		return nil
	})
	return found, err
}

// onMatter does one act on a matter.
func (a *app) onMatter(name string, asJSON bool, done string, q func(govern.Matter) govern.Request) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		m, err := a.matter(l, name)
		if err != nil {
			return err
		}
		if _, err := l.Do(a.ctx, who, q(m)); err != nil {
			return err
		}
		return a.sayDone(asJSON, numbered{ID: m.ID, Name: m.Name}, "%s", done)
	})
}

type matterOpenCmd struct {
	Name   string `arg:"" help:"Name of the matter."`
	About  string `help:"What it is about." placeholder:"TEXT"`
	Reason string `help:"Why; it stands in the audit trail." placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *matterOpenCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, who govern.Actor) error {
		id, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActMatterOpen, Reason: c.Reason, Data: govern.MatterData{Name: c.Name, About: c.About}})
		if err != nil {
			return err
		}
		return a.sayDone(c.JSON, numbered{ID: id, Name: c.Name}, "Matter %d, %s.", id, c.Name)
	})
}

type matterShowCmd struct {
	Matter string `arg:"" help:"Number or name of the matter."`
	JSON   bool   `help:"Print JSON."`
}

// matterView is a matter as matter show --json prints it.
type matterView struct {
	govern.Matter
	Notes []*govern.Note `json:"notes,omitempty"`
}

func (c *matterShowCmd) Run(a *app) error {
	return a.withBooks(func(_ *archive.Archive, l *govern.Ledger, _ govern.Actor) error {
		m, err := a.matter(l, c.Matter)
		if err != nil {
			return err
		}
		v := matterView{Matter: m}
		if err := l.Read(a.ctx, func(s *govern.State) error {
			for _, n := range s.NotesOn("matter:" + strconv.FormatInt(m.ID, 10)) {
				kept := *n
				v.Notes = append(v.Notes, &kept)
			}
			return nil
		}); err != nil || c.JSON {
			if err != nil {
				return err
			}
			return a.sayDone(true, v, "")
		}
		var b strings.Builder
		fmt.Fprintf(&b, "Matter %d: %s\n", m.ID, oneLine(m.Name, 200))
		if m.About != "" {
			fmt.Fprintln(&b, m.About)
		}
		if len(m.Members) > 0 {
			fmt.Fprintf(&b, "Members: %s\n", strings.Join(m.Members, ", "))
		}
		fmt.Fprintf(&b, "Messages: waxseal search matter:%d\n", m.ID)
		for _, n := range v.Notes {
			fmt.Fprintf(&b, "Note %d by %s, %s: %s\n", n.Seq, n.By, n.At.UTC().Format(time.DateTime), n.Text)
		}
		for _, x := range m.Acts {
			fmt.Fprintf(&b, "%s  %-14s by %-16s", x.At.UTC().Format(time.DateTime), x.Act, x.By)
			if x.Messages > 0 {
				fmt.Fprintf(&b, " %s", count(x.Messages, "message"))
			}
			fmt.Fprintf(&b, " %s %s\n", x.User, oneLine(x.Reason, 200))
		}
		_, err = fmt.Fprint(a.stdout, printable(b.String()))
		return err
	})
}

func (a *app) collect(matter string, f bulkFlags, act string) error {
	return a.withFound(f.Query, act, f.Reason, f.JSON, func(l *govern.Ledger) (string, func(govern.Runs) any, error) {
		m, err := a.matter(l, matter)
		return m.Name, func(r govern.Runs) any { return govern.Collected{Matter: m.ID, Messages: r} }, err
	})
}

type matterCollectCmd struct {
	Matter string `arg:"" help:"Number or name of the matter."`
	bulkFlags
}

func (c *matterCollectCmd) Run(a *app) error {
	return a.collect(c.Matter, c.bulkFlags, govern.ActMatterCollect)
}

type matterDropCmd struct {
	Matter string `arg:"" help:"Number or name of the matter."`
	bulkFlags
}

func (c *matterDropCmd) Run(a *app) error {
	return a.collect(c.Matter, c.bulkFlags, govern.ActMatterDrop)
}

type matterMemberCmd struct {
	Matter string `arg:"" help:"Number or name of the matter."`
	Login  string `arg:"" help:"Login of the account."`
	Leave  bool   `help:"They no longer work on it."`
	JSON   bool   `help:"Print JSON."`
}

func (c *matterMemberCmd) Run(a *app) error {
	return a.onMatter(c.Matter, c.JSON, "The matter is changed.", func(m govern.Matter) govern.Request {
		return govern.Request{Act: govern.ActMatterMember, Data: govern.MemberData{Matter: m.ID, User: c.Login, Leave: c.Leave}}
	})
}

type matterNoteCmd struct {
	Matter string `arg:"" help:"Number or name of the matter."`
	Text   string `arg:"" help:"The note."`
	JSON   bool   `help:"Print JSON."`
}

func (c *matterNoteCmd) Run(a *app) error {
	return a.onMatter(c.Matter, c.JSON, "The note is added.", func(m govern.Matter) govern.Request {
		return govern.Request{Act: govern.ActNoteAdd, Data: govern.NoteData{On: "matter:" + strconv.FormatInt(m.ID, 10), Text: c.Text}}
	})
}

type matterCloseCmd struct {
	Matter string `arg:"" help:"Number or name of the matter."`
	Reason string `help:"Why; it stands in the audit trail." required:"" placeholder:"TEXT"`
	JSON   bool   `help:"Print JSON."`
}

func (c *matterCloseCmd) Run(a *app) error {
	return a.onMatter(c.Matter, c.JSON, "The matter is closed.", func(m govern.Matter) govern.Request {
		return govern.Request{Act: govern.ActMatterClose, Reason: c.Reason, Data: govern.MatterData{Matter: m.ID}}
	})
}

type noteCmd struct {
	Add noteAddCmd `cmd:"" help:"Write a note about a message."`
}

type noteAddCmd struct {
	Message string `arg:"" help:"Number of the message, as search prints it."`
	Text    string `arg:"" help:"The note."`
	JSON    bool   `help:"Print JSON."`
}

func (c *noteAddCmd) Run(a *app) error {
	return a.withView(func(ar *archive.Archive, x *index.View) error {
		m, err := x.Message(a.ctx, c.Message)
		if err != nil {
			return err
		}
		l, who, err := a.books(ar)
		if err != nil {
			return err
		}
		id, err := l.Do(a.ctx, who, govern.Request{Act: govern.ActNoteAdd, Data: govern.NoteData{On: "message:" + m.ID, Text: c.Text}})
		if err != nil {
			return err
		}
		return a.sayDone(c.JSON, numbered{ID: id}, "Note %d.", id)
	})
}

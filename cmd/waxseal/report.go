package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
)

type reportCmd struct {
	Reconcile reconcileCmd `cmd:"" help:"Compare what captures have of the same chats: what one has and the other has not, and what was edited or revoked in between."`
	Coverage  coverageCmd  `cmd:"" help:"State per number and day what was listened to, counted, missing, and cannot be known."`
}

type reconcileCmd struct {
	Capture []int64 `arg:"" optional:"" help:"Two captures, by the numbers that import and the state page give (default: the newest, and all before it of the same account that share a chat with it)."`
	Chat    string  `help:"Only chats with this in their name." placeholder:"NAME"`
	Limit   int     `help:"Messages shown of each day." default:"20"`
	JSON    bool    `help:"One JSON object a line; the last says what was compared and covered."`
}

func (c *reconcileCmd) Run(a *app) error {
	q := index.Reconciliation{Chat: c.Chat}
	switch {
	case c.Limit < 0:
		return usagef("--limit takes a number of messages")
	case len(c.Capture) == 2 && c.Capture[0] != c.Capture[1]:
		q.A, q.B = c.Capture[0], c.Capture[1]
	case len(c.Capture) != 0:
		return usagef("give the numbers of two captures, or none")
	}
	return a.withIndex(func(_ *archive.Archive, x *index.Index) error {
		if err := c.known(a, x); err != nil {
			return err
		}
		if c.JSON {
			return reconcileJSON(a, x, q)
		}
		q.Show = c.Limit
		p := reconcilePrinter{printer: printer{w: a.stdout, colour: isTerminal(a.stdout)}}
		q.Begin = p.begin
		res, err := x.Reconcile(a.ctx, q, p.difference)
		if err != nil {
			return err
		}
		return p.end(res)
	})
}

// known makes sure that there are such captures, and that they ended.
func (c *reconcileCmd) known(a *app, x *index.Index) error {
	rows, err := x.Captures(a.ctx)
	if err != nil {
		return err
	}
	for _, seq := range c.Capture {
		i := slices.IndexFunc(rows, func(r index.CaptureRow) bool { return r.Seq == seq })
		switch {
		case i < 0:
			return usagef("there is no capture %d: import and the state page give their numbers", seq)
		case rows[i].Summary == nil:
			return usagef("capture %d was cut short: import %s again, and compare that", seq, oneLine(rows[i].Head.File, 200))
		}
	}
	return nil
}

// jsonDay is a day of a chat as report reconcile --json prints it.
type jsonDay struct {
	Chat    string        `json:"chat"`
	ChatID  string        `json:"chat_id"`
	Day     string        `json:"day"`
	Outside index.Outside `json:"outside,omitempty"` // of the stretch that both cover
	Both    int64         `json:"both"`
	OnlyA   []string      `json:"only_a"`
	OnlyB   []string      `json:"only_b"`
}

// jsonChange is a message in two states.
type jsonChange struct {
	Chat   string          `json:"chat"`
	ChatID string          `json:"chat_id"`
	ID     string          `json:"id"`
	Change chat.ChangeKind `json:"change"`
	Before string          `json:"before"`
	After  string          `json:"after"`
	In     string          `json:"in"` // "a" or "b": which has the later state
}

// jsonReconciled is the last line.
type jsonReconciled struct {
	coverageLine
	A        []int64 `json:"a"` // captures
	B        []int64 `json:"b"`
	Both     int64   `json:"both"`
	OnlyA    int64   `json:"only_a"`
	OnlyB    int64   `json:"only_b"`
	OutsideA int64   `json:"outside_a"`
	OutsideB int64   `json:"outside_b"`
	Changed  int64   `json:"changed"`
}

func reconcileJSON(a *app, x *index.Index, q index.Reconciliation) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	res, err := x.Reconcile(a.ctx, q, func(d index.Difference) error {
		if c := d.Change; c != nil {
			return enc.Encode(jsonChange{d.Chat.Name, d.Chat.ID, c.Message.ID, c.Kind, c.Before, c.After, strings.ToLower(sideName(c.ALater))})
		}
		return enc.Encode(jsonDay{d.Chat.Name, d.Chat.ID, d.Day.Day, d.Day.Outside, d.Day.Both, messageIDs(d.Day.OnlyA), messageIDs(d.Day.OnlyB)})
	})
	if err != nil {
		return err
	}
	return enc.Encode(jsonReconciled{
		coverageLine{res.Coverage},
		captureNumbers(res.A), captureNumbers(res.B),
		res.Both, res.OnlyA, res.OnlyB, res.OutsideA, res.OutsideB, res.Changed,
	})
}

func messageIDs(seqs []int64) []string {
	ids := make([]string, len(seqs))
	for i, s := range seqs {
		ids[i] = strconv.FormatInt(s, 10)
	}
	return ids
}

func captureNumbers(rows []index.CaptureRow) []int64 {
	ns := make([]int64, len(rows))
	for i, r := range rows {
		ns[i] = r.Seq
	}
	return ns
}

func sideName(a bool) string {
	if a {
		return "A"
	}
	return "B"
}

// reconcilePrinter prints differences for people.
type reconcilePrinter struct {
	printer
	changes bool         // the changes of this chat have begun
	beside  besideTotals // of the days outside that are not told yet
}

// besideTotals are the messages of a chat on one side of what both cover.
type besideTotals struct {
	where       index.Outside
	a, b        int64
	first, last string
}

// begin prints what is compared.
func (p *reconcilePrinter) begin(as, bs []index.CaptureRow) error {
	var b strings.Builder
	for i, rows := range [][]index.CaptureRow{as, bs} {
		for j, r := range rows {
			if j == maxCaptures {
				fmt.Fprintf(&b, "%s: and %s more\n", sideName(i == 0), count(int64(len(rows)-j), "capture"))
				break
			}
			fmt.Fprintf(&b, "%s: %s\n", sideName(i == 0), captureLine(r))
		}
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

func (p *reconcilePrinter) difference(d index.Difference) error {
	var b strings.Builder
	if d.Chat.ID != p.chat {
		b.WriteString(p.besideLine())
		p.chat, p.changes = d.Chat.ID, false
		fmt.Fprintf(&b, "\n%s\n", p.style("1", oneLine(d.Chat.Name, 80)))
		if d.From != "" {
			fmt.Fprintf(&b, "  both cover %s … %s\n", clock(d.From), clock(d.To))
		}
	}
	switch {
	case d.Change != nil:
		b.WriteString(p.besideLine())
		p.change(&b, d.Change)
	case d.Day.Outside != index.Inside:
		if d.Day.Outside != p.beside.where {
			b.WriteString(p.besideLine())
			p.beside = besideTotals{where: d.Day.Outside, first: d.Day.Day}
		}
		p.beside.a += int64(len(d.Day.OnlyA))
		p.beside.b += int64(len(d.Day.OnlyB))
		p.beside.last = d.Day.Day
	default:
		fmt.Fprintf(&b, "  %s: %s in both, %s\n", d.Day.Day, group(d.Day.Both), onlyIn(int64(len(d.Day.OnlyA)), int64(len(d.Day.OnlyB))))
		p.day(&b, d.Day)
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// besideLine is what is told of days outside, once all of one place are known.
func (p *reconcilePrinter) besideLine() string {
	t := p.beside
	p.beside = besideTotals{}
	where := ""
	switch t.where {
	case index.Inside:
		return ""
	case index.Before:
		where = "before that"
	case index.After:
		where = "after that"
	case index.Between:
		where = "between captures of the other side"
	case index.NoChat:
		where = "the other side has nothing of this chat"
	}
	days := t.first
	if t.last != t.first {
		days += " … " + t.last
	}
	return fmt.Sprintf("  %s: %s (%s)\n", where, onlyIn(t.a, t.b), days)
}

func onlyIn(a, b int64) string {
	var n []string
	if a > 0 {
		n = append(n, group(a)+" only in A")
	}
	if b > 0 {
		n = append(n, group(b)+" only in B")
	}
	return strings.Join(n, ", ")
}

func (p *reconcilePrinter) day(b *strings.Builder, d *index.DayDifference) {
	for _, m := range d.Messages {
		fmt.Fprintf(b, "    %s  %s\n", sideName(slices.Contains(d.OnlyA, m.Seq)), p.firstWords(m, m.Text))
	}
	if left := len(d.OnlyA) + len(d.OnlyB) - len(d.Messages); left > 0 {
		fmt.Fprintf(b, "       and %s more; --limit shows more of a day, --json all ids\n", group(int64(left)))
	}
}

// firstWords is a message on one line.
func (p *reconcilePrinter) firstWords(m chat.Message, text string) string {
	from := ""
	if m.From != nil {
		from = p.style("36", oneLine(who(m.From), 40)) + ": "
	}
	if m.Type == chat.SystemType {
		text = m.AsPrinted
	}
	s := fmt.Sprintf("%8s  %s  %s%s", m.ID, clock(m.SentLocal), from, oneLine(text, 80))
	for _, n := range notes(m) {
		s += " " + p.style("2", "["+n+"]")
	}
	return s
}

func (p *reconcilePrinter) change(b *strings.Builder, c *index.Change) {
	if !p.changes {
		p.changes = true
		b.WriteString("  changed between the two:\n")
	}
	m := c.Message
	m.Edited, m.Revoked = false, false // said in words here
	if c.Kind == chat.ChangeRevoked {
		m.Type = chat.Text // of which nothing is left
	}
	says := map[chat.ChangeKind]string{chat.ChangeEdited: "edited in ", chat.ChangeRevoked: "revoked in "}[c.Kind] + sideName(c.ALater)
	if c.Kind == chat.ChangeText {
		says = "the text differs, and neither says that it was edited"
	}
	fmt.Fprintf(b, "       %s\n", strings.TrimRight(p.firstWords(m, ""), " ")+" "+says)
	fmt.Fprintf(b, "                 before: %s\n", oneLine(c.Before, 500))
	if c.Kind != chat.ChangeRevoked {
		fmt.Fprintf(b, "                 after:  %s\n", oneLine(c.After, 500))
	}
}

func clock(local string) string { return strings.Replace(local, "T", " ", 1) }

// end prints what is left, what was compared, and the totals.
func (p *reconcilePrinter) end(res index.Reconciled) error {
	var b strings.Builder
	b.WriteString(p.besideLine())
	switch {
	case len(res.B) == 0:
		b.WriteString("Nothing to compare: no capture has ended yet. Import one with: waxseal import PATH\n")
	case len(res.A) == 0:
		fmt.Fprintf(&b, "Nothing to compare: no earlier capture of the same account shares a chat with %s.\n", captureLine(res.B[0]))
	default:
		b.WriteByte('\n')
		if res.OnlyA+res.OnlyB+res.OutsideA+res.OutsideB+res.Changed == 0 {
			fmt.Fprintf(&b, "Nothing differs: %s in both.\n", count(res.Both, "message"))
			break
		}
		fmt.Fprintf(&b, "%s in both, %s only in A, %s only in B; %s changed.\n", count(res.Both, "message"), group(res.OnlyA), group(res.OnlyB), group(res.Changed))
		if res.OutsideA+res.OutsideB > 0 {
			fmt.Fprintf(&b, "Outside what both cover: %s only in A, %s only in B.\n", group(res.OutsideA), group(res.OutsideB))
		}
	}
	_, err := io.WriteString(p.w, b.String())
	return errors.Join(err, printCoverage(p.w, res.Coverage))
}

// maxCaptures is how many captures of a side are named.
const maxCaptures = 10

func captureLine(r index.CaptureRow) string {
	return fmt.Sprintf("capture %d, %s of %s, %s", r.Seq, r.Head.Source, oneLine(r.Head.File, 100), r.At.Format("2006-01-02 15:04 UTC"))
}

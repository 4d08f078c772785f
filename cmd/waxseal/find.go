package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
)

type coverageLine struct {
	Coverage index.Coverage `json:"coverage"`
}

type chatsCmd struct {
	Text string `arg:"" optional:"" help:"Only chats with this in their name or a participant's."`
	JSON bool   `help:"One JSON object a line; the last says what was covered."`
}

func (c *chatsCmd) Run(a *app) error {
	return a.withView(func(_ *archive.Archive, x *index.View) error {
		rows, err := x.Chats(a.ctx, index.ChatFilter{Text: c.Text})
		if err != nil {
			return err
		}
		cov, err := x.Coverage(a.ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(a.stdout, rows, coverageLine{cov})
		}
		if len(rows) == 0 && c.Text == "" {
			_, err := fmt.Fprintln(a.stdout, "No chats yet. Import a chat export with: waxseal import PATH")
			return err
		}
		for _, r := range rows {
			name := oneLine(r.Name, 40)
			if _, err := fmt.Fprintf(a.stdout, "%-40s %-9s %9s  %s … %s  %s\n", name, r.Kind, group(r.Messages), date(r.First), date(r.Last), oneLine(r.Custodian, 30)); err != nil {
				return err
			}
		}
		return printCoverage(a.stdout, cov)
	})
}

// printJSON prints rows and a last object, one a line.
func printJSON[T any](w io.Writer, rows []T, last any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return enc.Encode(last)
}

func date(local string) string {
	d, _, _ := strings.Cut(local, "T")
	return d
}

func printCoverage(w io.Writer, c index.Coverage) error {
	all := "all"
	if c.Through < c.Of {
		all = fmt.Sprintf("%s of %s entries,", group(c.Through), group(c.Of))
	}
	unread := ""
	if c.Unread > 0 {
		unread = fmt.Sprintf("; %s could not be read (waxseal search is:unread)", count(c.Unread, "record"))
	}
	_, err := fmt.Fprintf(w, "\nCovered: %s %s%s.\n", all, count(c.Messages, "message"), unread)
	return err
}

type messagesCmd struct {
	Query []string `arg:"" optional:"" help:"Only messages that match, in the query language of search."`
	JSON  bool     `help:"One JSON object a line."`
}

func (c *messagesCmd) Run(a *app) error {
	return a.withView(func(_ *archive.Archive, x *index.View) error {
		p := &printer{w: a.stdout, colour: isTerminal(a.stdout)}
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		return x.All(a.ctx, strings.Join(c.Query, " "), func(m chat.Message) error {
			if c.JSON {
				return enc.Encode(m)
			}
			return p.message(m, nil)
		})
	})
}

type searchCmd struct {
	Query   []string `arg:"" help:"Words, \"phrases\", -not, OR, word*, *part*, and filters: from: to: in: custodian: account: before: after: on: type: has: is: source:"`
	Order   string   `help:"Order of hits." enum:"newest,oldest,relevance" default:"newest"`
	Limit   int      `help:"How many hits; 0: all of them." default:"50"`
	Context int      `help:"Messages of the chat around each hit." default:"0"`
	JSON    bool     `help:"One JSON object a line; the last says what was covered, and how many hits there are."`
}

// wordsLast puts the words of a query behind the flags, where a command takes
// one: -word is then no flag (-has:link would ask for help), and flags may
// stand between words.
func wordsLast(parser *kong.Kong, args []string) []string {
	k, err := kong.Trace(parser, args)
	if err != nil || k.Selected() == nil || k.Selected().Name != "search" && k.Selected().Name != "messages" {
		return args
	}
	flags, words := []string{}, []string{} // the first word is the command
	for i := 0; i < len(args); i++ {
		switch w := args[i]; {
		case w == "--":
			words = append(words, args[i+1:]...)
			i = len(args)
		case w == "-h" || strings.HasPrefix(w, "--"):
			flags = append(flags, w)
			if i+1 < len(args) && takesValue(k.Selected(), w) {
				i++
				flags = append(flags, args[i])
			}
		default:
			words = append(words, w)
		}
	}
	if len(words) == 0 || words[0] != k.Selected().Name {
		return args
	}
	return slices.Concat(words[:1], flags, []string{"--"}, words[1:])
}

// takesValue reports whether the value of a flag is the next argument.
func takesValue(command *kong.Node, arg string) bool {
	for _, flags := range command.AllFlags(false) {
		for _, f := range flags {
			if "--"+f.Name == arg {
				return !f.IsBool()
			}
		}
	}
	return false
}

// jsonFound is the last line of search --json.
type jsonFound struct {
	coverageLine
	Hits  int   `json:"hits"`  // printed
	Total int64 `json:"total"` // that there are
}

// jsonHit is a hit as search --json prints it: the message, and where in its
// text the query stands.
type jsonHit struct {
	chat.Message
	Marks  [][2]int       `json:"marks,omitempty"` // byte ranges of text
	Before []chat.Message `json:"before,omitempty"`
	After  []chat.Message `json:"after,omitempty"`
}

func (c *searchCmd) Run(a *app) error {
	if c.Limit < 0 {
		return usagef("--limit takes a number of hits, or 0 for all of them")
	}
	return a.withView(func(_ *archive.Archive, x *index.View) error {
		p := &printer{w: a.stdout, colour: isTerminal(a.stdout)}
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		n := 0
		res, err := c.search(a, x, func(h index.Hit) error {
			n++
			if c.JSON {
				return enc.Encode(jsonHit{h.Message, h.Marks, h.Before, h.After})
			}
			return p.hit(h)
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return enc.Encode(jsonFound{coverageLine{res.Coverage}, n, res.Total})
		}
		if err := foundLine(a.stdout, int64(n), res.Total); err != nil {
			return err
		}
		return printCoverage(a.stdout, res.Coverage)
	})
}

// pageOfHits is how many hits are asked for at a time.
const pageOfHits = 500

// search asks page by page until the limit is reached, and returns what is
// known of all pages.
func (c *searchCmd) search(a *app, x *index.View, hit func(index.Hit) error) (all index.Result, err error) {
	s := index.Search{Query: strings.Join(c.Query, " "), Order: index.Order(c.Order), Context: c.Context, Exact: true}
	left := c.Limit
	if c.Limit == 0 {
		left = math.MaxInt
	}
	for {
		s.Limit = min(pageOfHits, left)
		res, err := x.Search(a.ctx, s)
		if err != nil {
			return all, err
		}
		for _, h := range res.Hits {
			if err := hit(h); err != nil {
				return all, err
			}
		}
		left -= s.Limit
		if s.Cursor = res.Next; s.Cursor == "" || left <= 0 {
			return res, nil
		}
	}
}

func foundLine(w io.Writer, n, total int64) (err error) {
	switch {
	case n == 0 && total == 0:
		_, err = fmt.Fprintln(w, "Nothing found.")
	case total > n:
		_, err = fmt.Fprintf(w, "\n%s of %s hits; --limit shows more, --limit 0 all.\n", group(n), group(total))
	default:
		_, err = fmt.Fprintf(w, "\n%s.\n", count(n, "hit"))
	}
	return err
}

// printer prints messages for people. A line names the chat where it changes.
type printer struct {
	w      io.Writer
	colour bool
	chat   string
}

func (p *printer) hit(h index.Hit) error {
	for _, m := range h.Before {
		if err := p.message(m, nil); err != nil {
			return err
		}
	}
	if err := p.message(h.Message, h.Marks); err != nil {
		return err
	}
	for _, m := range h.After {
		if err := p.message(m, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *printer) message(m chat.Message, marks [][2]int) error {
	var b strings.Builder
	if m.Chat.ID != p.chat {
		p.chat = m.Chat.ID
		fmt.Fprintf(&b, "\n%s\n", p.style("1", oneLine(m.Chat.Name, 80)))
	}
	fmt.Fprintf(&b, "%8s  %s  ", m.ID, strings.Replace(m.SentLocal, "T", " ", 1))
	switch {
	case m.From != nil:
		b.WriteString(p.style("36", oneLine(who(m.From), 40)) + ": ")
	case m.Direction == chat.Out:
		b.WriteString(p.style("36", oneLine(cmp.Or(m.Account, "the account's owner"), 40)) + ": ")
	}
	b.WriteString(strings.ReplaceAll(p.text(m, marks), "\n", "\n          "))
	for _, note := range notes(m) {
		b.WriteString(" " + p.style("2", "["+note+"]"))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(p.w, b.String())
	return err
}

func who(p *chat.Person) string {
	return cmp.Or(p.Name, p.Phone, p.JID, p.LID, p.BSUID)
}

// text is the message's text with its marks, or what stands for it.
func (p *printer) text(m chat.Message, marks [][2]int) string {
	switch {
	case m.Type == chat.SystemType && !m.Revoked:
		return printable(cmp.Or(m.AsPrinted, m.Text))
	case m.Type == chat.SystemType:
		return ""
	}
	var b strings.Builder
	at := 0
	for _, r := range marks {
		if r[0] < at || r[1] > len(m.Text) || r[0] > r[1] {
			continue
		}
		b.WriteString(printable(m.Text[at:r[0]]))
		b.WriteString(p.style("1;33", printable(m.Text[r[0]:r[1]])))
		at = r[1]
	}
	return b.String() + printable(m.Text[at:])
}

func (p *printer) style(code, s string) string {
	if !p.colour || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// notes say in brackets what is not text.
func notes(m chat.Message) []string {
	n := content(&m)
	if q := m.Quoted; q != nil {
		s := "answers"
		if q.From != nil {
			s += " " + oneLine(who(q.From), 40)
		}
		n = append(n, s+": "+oneLine(cmp.Or(q.Text, string(q.Type)), 60))
	}
	if m.Revoked {
		n = append(n, revoked(&m))
	}
	if m.Edited {
		s := "edited"
		if m.ChangedAt != "" && !m.Revoked {
			s += " " + oneLine(chat.Moment(m.ChangedAt), 40)
		}
		n = append(n, s)
	}
	for _, s := range []struct {
		is   bool
		says string
	}{
		{m.Forwarded > 0, chat.ForwardedWords(m.Forwarded)},
		{m.Starred, "starred"},
		{m.Pinned, "pinned"},
		{m.EphemeralS > 0, chat.TimerWords(m.EphemeralS)},
		{m.Dropped, "removed on the phone"},
		{m.Time == chat.Ambiguous, "time uncertain"},
		{m.Boundary == chat.Ambiguous, "may belong to the message before"},
	} {
		if s.is {
			n = append(n, strings.ToLower(s.says))
		}
	}
	for _, r := range m.Reactions {
		n = append(n, oneLine(r.Emoji, 20)+" "+oneLine(who(&r.From), 40))
	}
	if _, words := chat.Reach(m.Receipts); words != "" {
		n = append(n, strings.ToLower(words))
	}
	return n
}

// content says what a message holds beside its text.
func content(m *chat.Message) (n []string) {
	if c := m.Call; c != nil {
		n = append(n, strings.ToLower(oneLine(c.Words(m.Direction), 80)))
	} else if m.Type != chat.Text && m.Type != chat.SystemType {
		n = append(n, strings.ReplaceAll(oneLine(string(m.Type), 40), "_", " "))
	}
	if m.TypeCode != "" {
		n = append(n, oneLine(m.TypeCode, 40))
	}
	for _, at := range m.Attachments {
		s := string(at.State)
		if at.Name != "" {
			s = oneLine(at.Name, 60) + " " + s
		}
		n = append(n, s)
	}
	if l := m.Location; l != nil {
		if l.Lat != nil && l.Lon != nil {
			n = append(n, fmt.Sprintf("%.6f, %.6f", *l.Lat, *l.Lon))
		}
		if s := strings.Join(strings.Fields(l.Name+" "+l.Address), " "); s != "" {
			n = append(n, oneLine(s, 80))
		}
	}
	for _, c := range m.Contacts {
		n = append(n, oneLine(strings.Join(append([]string{c.Name}, c.Phones...), " "), 80))
	}
	if p := m.Poll; p != nil {
		n = append(n, oneLine(p.Question, 80))
		for _, o := range p.Options {
			n = append(n, fmt.Sprintf("%s: %d", oneLine(o.Text, 60), o.Votes))
		}
	}
	return append(n, business(m)...)
}

// business says what stands in a message between a business and its customers,
// and whether it was sent.
func business(m *chat.Message) (n []string) {
	add := func(s string) {
		if s = strings.TrimSpace(s); s != "" {
			n = append(n, oneLine(s, 120))
		}
	}
	if b := m.Basket; b != nil {
		for _, i := range b.Items {
			add(cmp.Or(i.Quantity, "1") + " × " + i.Product + " " + i.Price + " " + i.Currency)
		}
	}
	if p := m.Product; p != nil {
		add("about product " + p.ID)
	}
	if r := m.Referral; r != nil {
		add("by " + cmp.Or(r.Source, "advertisement") + ": " + cmp.Or(r.Headline, r.Body, r.ID))
	}
	if c := m.Choice; c != nil {
		add(cmp.Or(strings.Join(c.Options, " | "), c.Form, c.ID))
	}
	for _, e := range m.Errors {
		add(e)
	}
	if s := m.Sending; s != nil {
		if words := s.Words(); words != "" {
			add(strings.ToLower(words[:1]) + words[1:] + ": " + s.Why)
		}
	}
	return n
}

// revoked says who revoked a message, and what it said before.
func revoked(m *chat.Message) string {
	s := "revoked by its author"
	if m.RevokedBy != nil {
		s = "revoked by an administrator, " + oneLine(who(m.RevokedBy), 40)
	}
	if m.ChangedAt != "" {
		s += " " + oneLine(chat.Moment(m.ChangedAt), 40)
	}
	if k := len(m.Versions); k > 0 {
		s += "; before: " + oneLine(m.Versions[k-1].Text, 120)
	}
	return s
}

package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/gap"
	"github.com/waxseal/waxseal/internal/index"
)

// meta asks Meta about each source.
func (l *look) meta(ctx context.Context) error {
	if l.w.o.Graph == nil || !l.o.Graph && !l.o.Daily {
		return nil
	}
	for _, s := range l.w.names() {
		if s.gone || s.cfg.Access == "" {
			continue
		}
		g := l.w.o.Graph(s.cfg)
		if l.o.Daily {
			if !l.token(ctx, s, g) {
				continue // without a token nothing can be asked
			}
			for _, waba := range s.cfg.WABA {
				l.subscription(ctx, s, g, waba)
			}
			for _, n := range s.cfg.Numbers {
				l.state(ctx, s, g, n.ID, n.Phone)
			}
		}
		if l.o.Graph {
			for _, n := range s.cfg.Numbers {
				if err := l.history(ctx, s, g, n.ID, n.Phone); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}

// expiring is how long before its end a token is a gap.
const expiring = 14 * 24 * time.Hour

// token finds an access token that is of no use, or soon will be.
func (l *look) token(ctx context.Context, s *source, g Graph) (usable bool) {
	f := gap.Finding{Kind: gap.Token, Source: s.name, Start: l.now}
	t, err := g.Token(ctx)
	if err != nil {
		l.unasked("Meta did not say whether the access token of %s is valid.", s.name)
		return true
	}
	l.over(f)
	switch {
	case !t.Valid:
		f.Reason = "The access token is not valid any more: files cannot be fetched, and nothing can be compared with what Meta lists. Set a new one."
	case !t.Expires.IsZero() && t.Expires.Sub(l.now) < expiring:
		f.Reason, f.End = "The access token ends on "+t.Expires.UTC().Format(time.DateOnly)+". Set a new one before; a system user's has no end.", time.Time{}
	case len(t.Missing) > 0:
		f.Reason = "The access token lacks permissions: " + strings.Join(t.Missing, ", ") + "."
	default:
		return true
	}
	l.find(f)
	return t.Valid
}

// subscription finds what is wrong with who Meta delivers to.
func (l *look) subscription(ctx context.Context, s *source, g Graph, waba string) {
	f := gap.Finding{Kind: gap.Subscription, Source: s.name, Start: l.now, Mark: waba}
	sub, err := g.Subscribed(ctx, waba)
	if err != nil {
		l.unasked("Meta did not say who is subscribed to an account of %s.", s.name)
		return
	}
	l.over(f)
	switch {
	case !sub.Ours:
		f.Reason = "The app of this source is not subscribed to the account: Meta delivers nothing. Subscribe it again."
	case sub.Override != "":
		f.Reason = "Meta delivers messages to another address (" + sub.Override + ") instead of this archive's."
	default:
		return
	}
	l.find(f)
}

// state finds a number that Meta does not deliver for.
func (l *look) state(ctx context.Context, s *source, g Graph, id, number string) {
	f := gap.Finding{Kind: gap.Subscription, Source: s.name, Number: number, Start: l.now}
	n, err := g.Number(ctx, id)
	if err != nil {
		l.unasked("Meta did not say how a number of %s is.", s.name)
		return
	}
	l.over(f)
	switch {
	case n.State != "" && n.State != "CONNECTED":
		f.Reason = "Meta says that the number is not connected (" + n.State + ")."
	case n.Override != "":
		f.Reason = "Meta delivers the number's messages to another address (" + n.Override + ") instead of this archive's."
	default:
		return
	}
	l.find(f)
}

const (
	// overlap is how much of what was compared an hour ago is compared again:
	// Meta's list is behind, too.
	overlap = 6 * time.Hour
	// maxListed bounds one comparison, which other looks wait for.
	maxListed = 20_000
)

// history compares what Meta lists of a number with the archive. A stretch in
// which nobody listened, and of which nothing is missing, is a gap no more.
func (l *look) history(ctx context.Context, s *source, g Graph, id, number string) error {
	since := l.now.Add(-again)
	if at := l.w.swept[number].Add(-overlap); !l.o.Daily && at.After(since) {
		since = at
	}
	if since.Before(s.since) {
		since = s.since
	}
	whole, missing, listed := true, 0, 0
	for m, err := range g.History(ctx, id, since) {
		if err != nil {
			l.unasked("Meta did not list all messages of a number of %s.", s.name)
			whole = false
			break
		}
		if listed++; listed > maxListed {
			l.unasked("Meta lists more than %d messages of a number of %s: the newest were compared.", maxListed, s.name)
			whole = false
			break
		}
		if l.now.Sub(m.At) < l.w.o.Patience.Target {
			continue // it may be on its way
		}
		ref := gap.RefOf(m.Message)
		l.refs[number+" "+ref] = true
		f := gap.Finding{Kind: gap.HistoryMissing, Source: s.name, Number: number, Start: m.At, Ref: ref}
		there, err := l.there(ctx, number, m.Message)
		switch {
		case err != nil:
			return err
		case !there:
			f.Reason = "Meta lists messages that are not in the archive."
		case m.Failed:
			f.Reason = "Meta says that webhooks of messages could not be delivered: steps of them may be missing."
		default:
			continue
		}
		missing++
		l.find(f)
	}
	if whole {
		l.w.swept[number] = l.now
	}
	if whole && missing == 0 && len(s.cfg.Numbers) == 1 {
		for _, k := range l.known {
			if o := l.open[k.ID]; k.Kind == gap.NotListening && o.Source == s.name && !o.End.IsZero() && !o.Start.Before(since) {
				l.keys[k.Key] = true
				l.drop(k.Key)
			}
		}
	}
	return nil
}

// there reports whether a message is in the archive under WhatsApp's id.
func (l *look) there(ctx context.Context, account, wamid string) (bool, error) {
	q := chat.Message{Account: account, Quoted: &chat.Quoted{Key: chat.Key{ID: wamid, Unique: true}}}
	if s := l.w.of(account); s != nil {
		for _, n := range s.cfg.Numbers {
			if n.Phone == account {
				q.Custodian = n.Custodian
			}
		}
	}
	_, err := l.w.o.Index.Quoted(ctx, &q)
	if errors.Is(err, index.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a message: %w", err)
	}
	return true, nil
}

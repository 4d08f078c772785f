package fetch

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/alarm"
	"github.com/waxseal/waxseal/internal/capture/cloudapi"
	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/record"
)

// Errors of one try.
var (
	errStore   = errors.New("the archive did not take it")
	errLarge   = errors.New("the file is too large")
	errStalled = errors.New("nothing came any more")
	errLink    = errors.New("the file is at a link that is not Meta's")
)

// got is a file that was fetched.
type got struct {
	blob record.Blob
	mime string
	want string // the SHA-256 that it should have, or empty
}

// one tries a file once, and writes what came of it, where that is the end.
func (f *Fetcher) one(ctx context.Context, j *job) {
	g, err := f.fetch(ctx, j)
	if ctx.Err() != nil && err != nil || f.isOff(j) {
		f.put(j, func() {}) // the next start fetches it, or nobody: what is disposed of must not come back
		return
	}
	now := f.o.Now()
	h := cloudapi.MediaHead{At: now.UTC(), ID: j.ID, Message: j.Message, Chat: j.Chat, FromMe: j.FromMe, Account: j.Account, MIME: j.MIME, Name: j.Name, Tries: j.tries + 1}
	wrong := err == nil && g.want != "" && g.want != g.blob.SHA256
	switch {
	case wrong && !j.wrong:
		f.put(j, func() {
			j.wrong = true
			j.later(now, "Its content was not what WhatsApp said; it is fetched once more.", 0)
		})
		return
	case wrong:
		h.State, h.Why = "stored", "Its SHA-256 is not the one that WhatsApp named; it was fetched twice."
	case err == nil:
		h.State = "stored"
	default:
		var end bool
		if h.State, h.Why, end = j.ends(err, now); !end {
			f.put(j, func() { f.failed(j, err, now) })
			f.ring(ctx, err)
			return
		}
	}
	var file *record.ItemFile
	if err == nil {
		h.MIME = cmp.Or(j.MIME, g.mime)
		file = &record.ItemFile{Name: j.Name, Blob: g.blob}
	}
	if _, err := f.journal.Append(ctx, func(capture int64) ([]record.Record, error) {
		r, err := cloudapi.MediaRecord(capture, h, file)
		return []record.Record{r}, err
	}); err != nil {
		f.put(j, func() { f.failed(j, fmt.Errorf("%w: %w", errStore, err), now) })
		f.o.Log.LogAttrs(ctx, slog.LevelError, "archive a file", slog.String("source", f.o.Source), slog.String("error", err.Error()))
		return
	}
	f.put(j, func() { j.done = true })
	f.ring(ctx, err)
}

// put ends a try.
func (f *Fetcher) put(j *job, end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	end()
	j.going = false
	f.going--
}

// later sets when a file is tried again. f.mu is held, as for failed.
func (j *job) later(now time.Time, why string, told time.Duration) {
	j.tries++
	j.why, j.last, j.next = why, now, now.Add(backoff(j.tries, told))
}

func (f *Fetcher) failed(j *job, err error, now time.Time) {
	j.gone++
	if !graph.IsGone(err) {
		j.gone = 0
	}
	var told time.Duration
	var e *graph.Error
	if errors.As(err, &e) {
		told = e.After
	}
	if !j.linked() && (graph.IsAuth(err) || graph.IsLimit(err)) {
		f.hold = now.Add(max(told, refused))
	}
	j.later(now, says(err), told)
}

const (
	// gones is how often Meta must say that there is no such file: what was
	// only just sent may not be known everywhere yet.
	gones = 6
	// refused is how long nothing is asked where whoever asks is refused.
	refused = 20 * time.Second
)

// ends decides whether a failure is the last, what then became of the file, and
// why.
func (j *job) ends(err error, now time.Time) (state, why string, end bool) {
	age := now.Sub(j.Since)
	switch {
	case errors.Is(err, errStore):
		return "", "", false
	case errors.Is(err, errLarge), errors.Is(err, errLink), errors.Is(err, outbound.ErrInside), errors.Is(err, outbound.ErrClear):
		return "missing", says(err), true
	case j.linked():
		return "missing", "The file that the sender linked could not be had.", j.tries+1 >= gones
	case graph.IsGone(err) && age >= idLife:
		return "expired", "WhatsApp keeps files for seven days, and they were over.", true
	case graph.IsGone(err):
		return "missing", says(err), j.gone+1 >= gones
	case age >= idLife+24*time.Hour:
		return "expired", "It could not be had in the seven days that WhatsApp keeps files. " + says(err), j.tries+1 >= gones
	}
	return "", "", false
}

// says is a failure as a sentence. Nothing in it is the message's.
func says(err error) string {
	var e *graph.Error
	switch {
	case errors.Is(err, errStore):
		return "The archive could not take it."
	case errors.Is(err, errLarge):
		return "It is larger than is fetched."
	case errors.Is(err, errLink), errors.Is(err, graph.ErrElsewhere):
		return "It is at an address that is not Meta's."
	case errors.Is(err, outbound.ErrInside), errors.Is(err, outbound.ErrClear):
		return "It is at an address that is not asked."
	case errors.Is(err, errStalled), errors.Is(err, context.DeadlineExceeded):
		return "The answer took too long."
	case graph.IsGone(err):
		return "Meta says that there is no such file."
	case graph.IsAuth(err):
		return "Meta refused the access token."
	case graph.IsLimit(err):
		return "Meta was asked too often."
	case errors.As(err, &e):
		return fmt.Sprintf("Meta answered %d.", e.Status)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "The connection ended before the file did."
	}
	return "Meta could not be reached."
}

// ring tells of a token that is refused, and that it no longer is.
func (f *Fetcher) ring(ctx context.Context, err error) {
	if f.o.Bell == nil {
		return
	}
	name := "cloudapi/" + f.o.Source + "/media"
	f.mu.Lock()
	was := f.rung
	if graph.IsAuth(err) {
		f.rung = true
	} else if err == nil {
		f.rung = false
	}
	is := f.rung
	f.mu.Unlock()
	switch {
	case is && !was:
		f.o.Bell.Ring(ctx, alarm.Alarm{Key: name, Source: f.o.Source, At: f.o.Now().UTC(), Say: "Meta refuses the access token: files of messages cannot be fetched, and Meta keeps them for seven days. Give the source a new token."})
	case was && !is:
		f.o.Bell.Clear(ctx, name)
	}
}

// fetch has a file once: at the address that the webhook gave while that works,
// else at the one that its ID leads to.
func (f *Fetcher) fetch(ctx context.Context, j *job) (got, error) {
	if j.linked() {
		return f.link(ctx, j)
	}
	if j.URL != "" && j.tries == 0 && f.o.Now().Sub(j.Since) < urlLife {
		g, err := f.download(ctx, j, j.URL, graph.MediaInfo{})
		if err == nil || errors.Is(err, errStore) || errors.Is(err, errLarge) || graph.IsLimit(err) {
			return g, err
		}
	}
	ask, cancel := context.WithTimeout(ctx, f.o.Stall)
	defer cancel()
	info, err := f.graph.Media(ask, j.ID)
	if err != nil {
		return got{}, err
	}
	if info.Size > f.o.Largest {
		return got{}, errLarge
	}
	return f.download(ctx, j, info.URL, info)
}

func (f *Fetcher) download(ctx context.Context, j *job, address string, info graph.MediaInfo) (got, error) {
	ctx, watch := f.watch(ctx)
	defer watch.stop()
	body, head, err := f.graph.Download(ctx, address)
	if err != nil {
		return got{}, watch.why(err)
	}
	g, err := f.keep(ctx, body, watch)
	g.mime, g.want = cmp.Or(info.MIME, head.Get("Content-Type")), cmp.Or(digest(j.SHA256), info.SHA256)
	return g, err
}

// link has a file that the business linked. No customer's message names a
// link as its file: what seems so was made by somebody else.
func (f *Fetcher) link(ctx context.Context, j *job) (got, error) {
	if f.o.Links == nil || !j.FromMe {
		return got{}, errLink
	}
	ctx, watch := f.watch(ctx)
	defer watch.stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, j.ID, nil)
	if err != nil {
		return got{}, errLink
	}
	w, err := f.o.Links.Do(q)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // it names the address
			err = u.Err
		}
		return got{}, watch.why(err)
	}
	if w.StatusCode != http.StatusOK {
		return got{}, errors.Join(&graph.Error{Status: w.StatusCode}, w.Body.Close())
	}
	g, err := f.keep(ctx, w.Body, watch)
	g.mime, g.want = w.Header.Get("Content-Type"), digest(j.SHA256)
	return g, err
}

// keep streams a body into the archive, and closes it.
func (f *Fetcher) keep(ctx context.Context, body io.ReadCloser, watch *watch) (got, error) {
	r := &reader{r: body, left: f.o.Largest, watch: watch}
	b, err := f.journal.Blob(ctx, r)
	_ = body.Close() // it was read, or given up
	switch {
	case r.err != nil: // first: the archive only repeats it
		return got{}, watch.why(r.err)
	case err != nil:
		return got{}, fmt.Errorf("%w: %w", errStore, err)
	}
	return got{blob: b}, nil
}

// watch gives a request up when nothing comes any more.
type watch struct {
	timer  *time.Timer
	stall  time.Duration
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (f *Fetcher) watch(ctx context.Context) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{stall: f.o.Stall, ctx: ctx, cancel: cancel}
	w.timer = time.AfterFunc(w.stall, func() { cancel(errStalled) })
	return ctx, w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// why is the cause of an error, where it was the watch.
func (w *watch) why(err error) error {
	if errors.Is(context.Cause(w.ctx), errStalled) {
		return errStalled
	}
	return err
}

// reader is a body with its bound, that remembers why it failed: what is the
// archive's failure must not count as Meta's.
type reader struct {
	r     io.Reader
	left  int64
	watch *watch
	err   error
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.watch.timer.Reset(r.watch.stall)
	}
	if r.left -= int64(n); r.left < 0 || errors.Is(err, outbound.ErrLarge) {
		r.err = errLarge
		return 0, r.err
	}
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// digest is a SHA-256 in hex, that may be written in base64.
func digest(s string) string {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return strings.ToLower(s)
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && len(b) == 32 {
		return hex.EncodeToString(b)
	}
	return ""
}

package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/govern/governtest"
	"github.com/waxseal/waxseal/internal/record"
)

// brittleLog can stop taking anything.
type brittleLog struct {
	governtest.Log
	broken bool
}

func (l *brittleLog) Append(ctx context.Context, batch []record.Record) ([]record.Receipt, error) {
	if l.broken {
		return nil, errors.New("disk is full")
	}
	return l.Log.Append(ctx, batch)
}

func tracedConsole(t *testing.T) (*console, *brittleLog) {
	t.Helper()
	c := newConsole(t, nil)
	l := &brittleLog{}
	books, err := govern.Open(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	c.server.ledger = books
	return c, l
}

func lookedAt(t *testing.T) map[string]string {
	t.Helper()
	sum := ""
	for k := range sampleFiles() {
		sum = k
	}
	return map[string]string{
		"/chats": traceChats, "/fragment/chats?q=acme": traceChats, "/chats/acme": traceRead, "/fragment/chats/acme?before=9": traceRead, "/messages/9": traceMessage,
		"/search?q=sign": traceSearch, "/chats/acme/print": tracePrint, "/media/" + sum: traceFile,
	}
}

func TestEveryLookAtContentIsInTheLog(t *testing.T) {
	c, l := tracedConsole(t)
	for path, want := range lookedAt(t) {
		before := len(l.All())
		c.get(path, http.StatusOK)
		all := l.All()[before:]
		if len(all) != 1 {
			t.Errorf("%s left %d traces", path, len(all))
			continue
		}
		var h record.ActHead
		if _, err := all[0].Decode(&h); err != nil || h.Act != want || all[0].Kind != record.Trace {
			t.Errorf("%s left %+v, %v", path, h, err)
		}
	}
}

func TestWithoutTraceNothingIsShown(t *testing.T) {
	c, l := tracedConsole(t)
	l.broken = true
	for path := range lookedAt(t) {
		w := c.do(http.MethodGet, path, nil)
		if w.Code < 500 || strings.Contains(w.Body.String(), `class="bubble`) {
			t.Errorf("%s: %d without a trace", path, w.Code)
		}
	}
}

func TestAFileInPiecesIsOneLook(t *testing.T) {
	c, l := tracedConsole(t)
	for path, act := range lookedAt(t) {
		if act != traceFile {
			continue
		}
		for range 3 {
			c.do(http.MethodGet, path, func(r *http.Request) { r.Header.Set("Range", "bytes=0-3") })
		}
		if n := len(l.All()); n != 1 {
			t.Errorf("%d traces of one file", n)
		}
	}
}

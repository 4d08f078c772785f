package graphtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is what goes wrong with requests. Where several fit, the first that was
// set counts.
type Fault struct {
	Method string // empty: any
	Path   string // that the request's contains; "attachments" are downloads
	Times  int    // how many requests; 0: one, negative: all

	// What happens. The request counts as taken in all but Status and Hang.
	Status int           // refused with this status
	Code   int           // and this code of Meta
	After  time.Duration // and Retry-After
	Delay  time.Duration // of real time, before the answer
	Lost   bool          // taken, the connection is closed without an answer
	Cut    bool          // half of the body, then the connection is closed
	Wrong  bool          // a byte of the body is another one
	Hang   bool          // no answer until whoever asks goes
	Drip   time.Duration // of real time between pieces of 1 KiB
}

// Set has a fault happen. It returns what ends it.
func (s *Server) Set(f Fault) (end func()) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(g *Fault) bool { return g == &f })
	}
}

// fault is the one that a request meets. s.mu is held.
func (s *Server) fault(method, path string) *Fault {
	for _, f := range s.faults {
		if f.Times != 0 && (f.Method == "" || f.Method == method) && strings.Contains(path, f.Path) {
			f.Times--
			return f
		}
	}
	return nil
}

// answer does what goes wrong with one request; serve is the right answer.
func (f *Fault) answer(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) {
	if f == nil {
		serve(w)
		return
	}
	sleep(r, f.Delay)
	switch {
	case f.Hang:
		<-r.Context().Done()
		return
	case f.Status != 0:
		if f.After > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(f.After/time.Second)))
		}
		refuse(w, f.Status, f.Code, 0, fmt.Sprintf("(#%d) refused", f.Code))
		return
	}
	kept := httptest.NewRecorder()
	serve(kept)
	if f.Lost {
		panic(http.ErrAbortHandler)
	}
	body := kept.Body.Bytes()
	if f.Wrong && len(body) > 0 {
		body[len(body)/2] ^= 1
	}
	for k, v := range kept.Header() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(kept.Code)
	end := len(body)
	if f.Cut {
		end /= 2
	}
	for at := 0; at < end; at += 1 << 10 {
		if _, err := w.Write(body[at:min(at+1<<10, end)]); err != nil {
			return
		}
		if f.Drip > 0 {
			_ = http.NewResponseController(w).Flush() // it comes later then
			sleep(r, f.Drip)
		}
	}
	if f.Cut {
		_ = http.NewResponseController(w).Flush() // it comes later then
		panic(http.ErrAbortHandler)
	}
}

// sleep waits while whoever asked does.
func sleep(r *http.Request, d time.Duration) {
	select {
	case <-r.Context().Done():
	case <-time.After(d):
	}
}

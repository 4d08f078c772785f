package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/waxseal/waxseal/internal/govern"
)

// certificatePage is a certificate of disposal, to be read and printed.
type certificatePage struct {
	layout
	ID, Request, Disposal  int64
	At, Began, Archive     string
	Root                   string // of the log, as last signed
	Batch                  *batch
	Records, Files, Shared int64
	KeptNow                []keptRow // after it was confirmed
	KeptBefore             []keptRow // before it was proposed
	Proposer, Approver     string
	Proposed, Approved     string
	Today, Reason, Why     string
	Complete               string
	IsComplete             bool
	Entries                []string
	MoreEntries            int64
	Subject                int64
	MayProve               bool
}

// entriesOnCertificate is how many runs of entries a certificate lists; the
// file has all of them.
const entriesOnCertificate = 400

func certificateOf(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("certificate"), 10, 64)
	if err != nil || id < 0 {
		return 0, errNoPage
	}
	return id, nil
}

func (s *Server) certificate(w http.ResponseWriter, r *http.Request) error {
	p, err := s.certificatePage(r)
	if err != nil {
		return err
	}
	return s.render(w, "certificate", p)
}

func (s *Server) certificatePage(r *http.Request) (*certificatePage, error) {
	id, err := certificateOf(r)
	if err != nil {
		return nil, err
	}
	if err := s.disposing(r); err != nil {
		return nil, err
	}
	p := &certificatePage{layout: s.layout(r, "Certificate of disposal "+strconv.FormatInt(id, 10), "disposals"), ID: id, MayProve: s.prove != nil}
	request := int64(0)
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		for _, d := range st.Disposals {
			if d.Certificate == id {
				request = d.Request
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if request == 0 {
		return nil, errNoPage // an entry of another kind, or one that counts for nothing
	}
	c, err := s.desk.Certificate(r.Context(), id)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	p.Request, p.Disposal, p.At, p.Records, p.Files, p.Shared = c.Data.Request, c.Head.Disposal, utc(c.At), c.Head.Records, c.Head.Blobs, c.Head.Shared
	p.Approved, p.Reason, p.Subject = utc(c.Data.Approved), clean(c.Data.Reason), c.Data.Subject
	p.Complete, p.IsComplete = c.Head.Complete.UTC().Format("2 January 2006"), c.Complete
	p.Batch = &batch{Messages: c.Data.Messages, Chats: int64(len(c.Data.Chats))}
	for _, t := range c.Data.KeptUnder {
		p.KeptNow = append(p.KeptNow, newKeptRow(t))
	}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		p.Proposer, p.Approver = personName(st, c.Data.Proposer), personName(st, c.Data.Approver)
		p.Batch.tally(st, c.Data.Policies, c.Data.Custodians, c.Data.Months)
		q, d := st.Requests[request], st.Disposals[request]
		p.Proposed, p.Why, p.Began, p.Today = utc(q.At), clean(q.Why), utc(d.Began), clean(d.Data.Today)
		for _, t := range d.Data.Held {
			p.KeptBefore = append(p.KeptBefore, newKeptRow(t))
		}
		gone := without(d.Data.Entries, c.Head.Kept)
		p.MoreEntries = int64(max(0, len(gone)-entriesOnCertificate))
		for _, run := range gone[:min(len(gone), entriesOnCertificate)] {
			p.Entries = append(p.Entries, entriesText(run))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	st, err := s.state(r.Context())
	if err != nil {
		return nil, fmt.Errorf("read state of the archive: %w", err)
	}
	p.Archive, p.Root = plain(st.ID), printPage{State: st}.Root()
	return p, nil
}

// without are the entries of some runs that are not in others.
func without(rs govern.Runs, kept [][2]int64) (out govern.Runs) {
	for _, r := range rs {
		at, end := r[0], r[0]+r[1]
		for _, k := range kept {
			if k[0]+k[1] <= at || k[0] >= end {
				continue
			}
			if k[0] > at {
				out = append(out, [2]int64{at, k[0] - at})
			}
			at = max(at, k[0]+k[1])
		}
		if at < end {
			out = append(out, [2]int64{at, end - at})
		}
	}
	return out
}

func entriesText(run [2]int64) string {
	if run[1] == 1 {
		return strconv.FormatInt(run[0], 10)
	}
	return fmt.Sprintf("%d–%d", run[0], run[0]+run[1]-1)
}

// takeCertificate hands over a certificate as a file: as data, or as a proof.
func (s *Server) takeCertificate(w http.ResponseWriter, r *http.Request) error {
	p, err := s.certificatePage(r)
	if err != nil {
		return err
	}
	var b []byte
	what := r.PathValue("form")
	switch {
	case what == "json":
		c, err := s.desk.Certificate(r.Context(), p.ID)
		if err != nil {
			return fmt.Errorf("read certificate: %w", err)
		}
		if b, err = json.MarshalIndent(c, "", "  "); err != nil {
			return fmt.Errorf("write certificate: %w", err)
		}
	case what == "proof" && s.prove != nil:
		if b, err = s.prove(r.Context(), []int64{p.ID, p.Disposal, p.Request}); err != nil {
			return fmt.Errorf("prove certificate: %w", err)
		}
	default:
		return errNoPage
	}
	if err := s.trace(r, traceCertificate, []string{"disposal:" + strconv.FormatInt(p.Request, 10)}, map[string]any{"as": what}); err != nil {
		return err
	}
	attach(w, "application/json", fmt.Sprintf("waxseal-certificate-%d-%s.json", p.ID, what), b)
	return nil
}

// attach answers with a file to be saved.
func attach(w http.ResponseWriter, mime, name string, content []byte) {
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = w.Write(content) // the reader is gone: nobody to tell
}

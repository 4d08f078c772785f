package web

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// traceHold notes that a report on a hold left the console.
const traceHold = "hold.report"

// holdReport is a report on a hold as a file: waxseal hold report prints the
// same.
type holdReport struct {
	*govern.Hold
	Found    int64          `json:"found"`  // messages that the query finds now
	Broken   bool           `json:"broken"` // it cannot be asked: everything is held
	Months   []index.Month  `json:"months,omitempty"`
	Waiting  int            `json:"waiting"` // acknowledgements
	Due      int            `json:"due"`     // those that have been waited for too long
	As       time.Time      `json:"as_of"`
	Coverage index.Coverage `json:"coverage"`
}

func (s *Server) holdReport(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(r.PathValue("hold"), 10, 64)
	if err != nil {
		return errNoPage
	}
	if err := wholly(r, "A report on a hold is"); err != nil {
		return err
	}
	as := r.URL.Query().Get("as")
	if as != "json" && as != "csv" {
		return errNoPage
	}
	rep := holdReport{As: s.now().UTC()}
	names := map[string]string{}
	err = s.ledger.Read(r.Context(), func(st *govern.State) error {
		h := st.Holds[id]
		if h == nil {
			return errNoPage
		}
		// The books go on while this is written.
		b, err := json.Marshal(h)
		if err != nil {
			return fmt.Errorf("encode hold: %w", err)
		}
		rep.Hold = &govern.Hold{}
		if err := json.Unmarshal(b, rep.Hold); err != nil {
			return fmt.Errorf("copy hold: %w", err)
		}
		for i := range h.Notices {
			rep.Waiting += len(h.Notices[i].Waiting())
			for _, c := range h.Notices[i].Custodians {
				names[c] = custodianName(st, c)
			}
		}
		rep.Due = due(h, s.now())
		return nil
	})
	if err != nil {
		return err
	}
	if q := rep.HoldQuery(); q != "" {
		rep.Months, err = s.view(r).Months(r.Context(), q)
		if rep.Broken = errors.Is(err, index.ErrQuery); err != nil && !rep.Broken {
			return fmt.Errorf("count what a hold covers: %w", err)
		}
		for _, m := range rep.Months {
			rep.Found += m.Messages
		}
	}
	if rep.Coverage, err = s.view(r).Coverage(r.Context()); err != nil {
		return fmt.Errorf("read coverage: %w", err)
	}
	if err := s.trace(r, traceHold, []string{"hold:" + strconv.FormatInt(id, 10)}, map[string]any{"as": as}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="hold-%d-%s.%s"`, id, rep.As.Format(time.DateOnly), as))
	if as == "json" {
		h.Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		_ = enc.Encode(rep) // the reader is gone: nobody to tell
		return nil
	}
	h.Set("Content-Type", "text/csv; charset=utf-8")
	c := csv.NewWriter(w)
	for _, line := range rep.lines(names) {
		for i := range line {
			line[i] = index.Defused(line[i])
		}
		_ = c.Write(line) // see above
	}
	c.Flush()
	return nil
}

// lines are a report as a table: what happened, when, and to whom.
func (rep *holdReport) lines(names map[string]string) [][]string {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	covers := strconv.FormatInt(rep.Found, 10)
	if rep.Broken {
		covers = "everything: the query is not understood"
	}
	out := [][]string{
		{"what", "at", "by", "notice", "custodian", "name", "messages", "text"},
		{"placed", at(rep.At), rep.By, "", "", rep.Name, "", rep.Reason},
		{"covers", at(rep.As), "", "", "", "", covers, rep.HoldQuery()},
	}
	if n := rep.Messages.Len(); n > 0 {
		out = append(out, []string{"covers by number", at(rep.As), "", "", "", "", strconv.FormatInt(n, 10), ""})
	}
	for i := range rep.Notices {
		n := &rep.Notices[i]
		seq := strconv.FormatInt(n.Seq, 10)
		for _, c := range n.Custodians {
			out = append(out, []string{"told", at(n.At), n.By, seq, c, names[c], "", n.Text})
			if k, ok := n.Acknowledged[c]; ok {
				out = append(out, []string{"acknowledged", at(k.At), k.By, seq, c, names[c], "", k.Note})
			} else {
				out = append(out, []string{"not acknowledged", at(rep.As), "", seq, c, names[c], "", ""})
			}
		}
	}
	if !rep.Open() {
		out = append(out, []string{"released", at(rep.Released), strings.Join(slices.Clone(rep.ReleasedBy[:]), " and "), "", "", "", "", rep.Why})
	}
	return out
}

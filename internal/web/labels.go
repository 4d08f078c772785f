package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// labelsPage is the firm's classification scheme.
type labelsPage struct {
	layout
	Labels    []labelRow // as a tree, those above before those below
	Parents   []choice
	Form      labelForm
	MayManage bool
}

type labelRow struct {
	Form  labelForm // to change it
	Depth int
	Path  string
	Find  string // address of its messages
}

// labelForm is a label as it is typed.
type labelForm struct {
	ID, Name, Parent, Rule string
	Closed                 bool
	Found                  string // what the rule finds now, where that was asked
	Wrong                  string
}

func (s *Server) labels(w http.ResponseWriter, r *http.Request) error {
	return s.showLabels(w, r, http.StatusOK, labelForm{})
}

// showLabels shows the scheme; f is what was typed and comes back.
func (s *Server) showLabels(w http.ResponseWriter, r *http.Request, status int, f labelForm) error {
	p := labelsPage{layout: s.layout(r, "Labels", "labels"), MayManage: actor(r).May(access.ManageLabels, s.now()) == nil}
	if f.ID == "" {
		p.Form = f
	}
	err := s.ledger.Read(r.Context(), func(st *govern.State) error {
		below := map[int64][]choice{}
		for id, l := range st.Labels {
			below[l.Parent] = append(below[l.Parent], choice{strconv.FormatInt(id, 10), l.Name})
		}
		var grow func(parent int64, depth int)
		grow = func(parent int64, depth int) {
			for _, c := range byName(below[parent]) {
				id, _ := strconv.ParseInt(c.Value, 10, 64) // written above
				l, path := st.Labels[id], st.LabelPath(id)
				row := labelRow{
					Depth: depth, Path: clean(path), Find: "/search?" + url.Values{"q": {`label:"` + path + `"`}}.Encode(),
					Form: labelForm{ID: c.Value, Name: clean(l.Name), Rule: clean(l.Rule), Closed: l.Closed},
				}
				if l.Parent != 0 {
					row.Form.Parent = strconv.FormatInt(l.Parent, 10)
				}
				if f.ID == c.Value {
					row.Form = f
				}
				p.Labels = append(p.Labels, row)
				p.Parents = append(p.Parents, choice{c.Value, clean(path)})
				grow(id, depth+1)
			}
		}
		grow(0, 0)
		return nil
	})
	if err != nil {
		return err
	}
	return s.renderStatus(w, status, "labels", p)
}

// setLabel makes or changes a label, or says what its rule would find.
func (s *Server) setLabel(w http.ResponseWriter, r *http.Request) error {
	if err := form(w, r); err != nil {
		return err
	}
	v := r.PostForm
	f := labelForm{ID: v.Get("id"), Name: v.Get("name"), Parent: v.Get("parent"), Rule: strings.TrimSpace(v.Get("rule")), Closed: v.Get("closed") != ""}
	d := govern.LabelData{Name: f.Name, Rule: f.Rule, Closed: f.Closed}
	for _, x := range []struct {
		text string
		to   *int64
	}{{f.ID, &d.Label}, {f.Parent, &d.Parent}} {
		if x.text == "" {
			continue
		}
		n, err := strconv.ParseInt(x.text, 10, 64)
		if err != nil {
			return errRequest
		}
		*x.to = n
	}
	if f.Rule != "" {
		res, err := s.view(r).Search(r.Context(), index.Search{Query: f.Rule, Limit: 1, Exact: true})
		switch {
		case errors.Is(err, index.ErrQuery):
			f.Wrong = "The rule is not understood. " + problem(err)
		case err != nil:
			return err
		default:
			f.Found = plural(res.Total, "message")
		}
	}
	if f.Wrong == "" && v.Get("preview") == "" {
		_, err := s.ledger.Do(r.Context(), actor(r), govern.Request{Act: govern.ActLabelSet, Reason: plain(v.Get("reason")), Data: d})
		var no *govern.Refusal
		switch {
		case err == nil:
			return goOn(w, r, "/labels", govern.ActLabelSet)
		case !errors.As(err, &no):
			return err
		}
		f.Wrong = no.Say
	}
	status := http.StatusOK
	if f.Wrong != "" {
		status = http.StatusConflict
	}
	f.Name, f.Rule = clean(f.Name), clean(f.Rule)
	return s.showLabels(w, r, status, f)
}

package govern

import (
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/access"
)

// Acts of labels.
const (
	ActLabelSet    = "label.set"
	ActLabelApply  = "label.apply"
	ActLabelRemove = "label.remove"
)

// Label is a tag of the firm's classification scheme. A rule is a query: what
// it finds has the label, now and later, without anybody's doing.
type Label struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	Parent int64  `json:"parent,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Closed bool   `json:"closed,omitempty"` // takes no more messages
}

// LabelData is the data of ActLabelSet: a new label where Label is zero.
type LabelData struct {
	Label  int64  `json:"label,omitempty"`
	Name   string `json:"name"`
	Parent int64  `json:"parent,omitempty"`
	Rule   string `json:"rule,omitempty"`
	Closed bool   `json:"closed,omitempty"`
}

// Labelled is the data of ActLabelApply and ActLabelRemove. The index reads it.
type Labelled struct {
	Label    int64 `json:"label"`
	Messages Runs  `json:"messages"`
}

func onLabel(id int64) []string { return []string{"label:" + strconv.FormatInt(id, 10)} }

func labelActs() map[string]kind {
	return map[string]kind{
		ActLabelSet: about(define(access.ManageLabels, checkLabel, func(s *State, a *Act, d LabelData) {
			id := d.Label
			if id == 0 {
				id = a.Seq
			}
			s.Labels[id] = &Label{id, d.Name, d.Parent, d.Rule, d.Closed}
		}), func(_ *Act, d LabelData) []string {
			if d.Label == 0 {
				return nil
			}
			return onLabel(d.Label)
		}),
		ActLabelApply: about(define(access.Order, func(s *State, a *Act, d Labelled) error {
			if l := s.Labels[d.Label]; l != nil && l.Closed {
				return refuse("The label %s is closed.", s.LabelPath(d.Label))
			}
			if err := s.checkLabelled(a, d); err != nil {
				return err
			}
			return s.narrows(true, "label", s.labelNames(d.Label)...)
		}, func(*State, *Act, Labelled) {}), func(_ *Act, d Labelled) []string { return onLabel(d.Label) }),
		ActLabelRemove: about(define(access.Order, func(s *State, a *Act, d Labelled) error {
			if err := s.checkLabelled(a, d); err != nil {
				return err
			}
			return s.narrows(false, "label", s.labelNames(d.Label)...)
		}, func(*State, *Act, Labelled) {}),
			func(_ *Act, d Labelled) []string { return onLabel(d.Label) }),
	}
}

func (s *State) checkLabelled(a *Act, d Labelled) error {
	if s.Labels[d.Label] == nil {
		return refuseAs(ErrUnknown, "There is no label %d.", d.Label)
	}
	if len(d.Messages) == 0 {
		return refuse("No messages are named.")
	}
	return d.Messages.checked(a.Seq)
}

// maxDepth bounds how deep labels are nested.
const maxDepth = 8

func checkLabel(s *State, _ *Act, d LabelData) error {
	if err := named("label", d.Name); err != nil {
		return err
	}
	if strings.ContainsAny(d.Name, `/"`) {
		return refuse("A label's name has no / and no quotation mark: a / stands between a label and those below it.")
	}
	if d.Label != 0 && s.Labels[d.Label] == nil {
		return refuseAs(ErrUnknown, "There is no label %d.", d.Label)
	}
	depth := 1
	for p := d.Parent; p != 0; p = s.Labels[p].Parent {
		switch depth++; {
		case s.Labels[p] == nil:
			return refuseAs(ErrUnknown, "There is no label %d.", p)
		case p == d.Label:
			return refuse("A label cannot stand below itself.")
		case depth > maxDepth:
			return refuse("Labels are nested %d deep at most.", maxDepth)
		}
	}
	for id, l := range s.Labels {
		if id != d.Label && l.Parent == d.Parent && strings.EqualFold(l.Name, d.Name) {
			return refuse("There is a label of that name in the same place.")
		}
	}
	if l := s.Labels[d.Label]; l != nil && (l.Name != d.Name || l.Parent != d.Parent || l.Rule != d.Rule) {
		return s.narrows(false, "label", s.labelNames(d.Label)...)
	}
	return nil
}

// labelNames are what a query may call a label, or one above it.
func (s *State) labelNames(id int64) (names []string) {
	for ; s.Labels[id] != nil; id = s.Labels[id].Parent {
		names = append(names, s.LabelPath(id), strconv.FormatInt(id, 10))
	}
	return names
}

// LabelPath is a label's name behind those above it, joined by /.
func (s *State) LabelPath(id int64) string {
	l := s.Labels[id]
	if l == nil {
		return ""
	}
	if l.Parent == 0 {
		return l.Name
	}
	return s.LabelPath(l.Parent) + "/" + l.Name
}

// LabelAt finds a label by its path, whatever the case of its letters.
func (s *State) LabelAt(path string) *Label {
	for id, l := range s.Labels {
		if strings.EqualFold(s.LabelPath(id), path) {
			return l
		}
	}
	return nil
}

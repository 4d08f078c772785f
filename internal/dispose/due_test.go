package dispose

import (
	"context"
	"errors"
	"testing"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
)

// behind is an index that has not followed.
type behind struct {
	Index
	through int64
}

func (b behind) Coverage(context.Context) (index.Coverage, error) {
	return index.Coverage{Through: b.through, Of: b.through + 10}, nil
}

// TestNobodyConfirmsWhatCannotBeSeen: an index that has not come to the request
// shows nothing, or other things, of what it takes.
func TestNobodyConfirmsWhatCannotBeSeen(t *testing.T) {
	h, d := newHeldDesk(t)
	who := govern.Actor{Subject: access.Subject{Operator: true}}
	before, err := h.a.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.Index = behind{h, 7}
	if _, err := d.Approve(t.Context(), who, govern.Decision{Request: 7}, ""); !errors.Is(err, ErrBehind) {
		t.Errorf("the index is behind: %v", err)
	}
	if after, err := h.a.Size(t.Context()); err != nil || after != before {
		t.Errorf("%d entries were appended (%v)", after-before, err)
	}
	if _, err := d.Approve(t.Context(), who, govern.Decision{Request: 6}, ""); errors.Is(err, ErrBehind) || !errors.Is(err, govern.ErrUnknown) {
		t.Errorf("the index is not behind that one: %v", err)
	}
}

package dispose

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/record"
)

// Listed is a disposal in a list: proposed, decided or done.
type Listed struct {
	Request     int64     `json:"request"`
	At          time.Time `json:"at"`
	State       string    `json:"state"` // "proposed", "declined", "lapsed", "decided", "running", "certified"
	By          string    `json:"by"`
	Approver    string    `json:"approver,omitempty"`
	Reason      string    `json:"reason"`
	Messages    int64     `json:"messages"`
	Certificate int64     `json:"certificate,omitempty"`
}

// List lists the disposals, the newest first.
func (d *Desk) List(ctx context.Context) (all []Listed, err error) {
	err = d.Ledger.Read(ctx, func(s *govern.State) error {
		for _, r := range s.Requests {
			if r.Act == govern.ActDispose {
				all = append(all, rowOf(s, r, d.Now()))
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Listed) int { return int(min(max(b.Request-a.Request, -1), 1)) })
	return all, err
}

func rowOf(s *govern.State, r *govern.Asked, now time.Time) Listed {
	l := Listed{Request: r.Seq, At: r.At, By: r.By, Reason: r.Reason}
	var data govern.DisposalData
	if json.Unmarshal(r.Data, &data) == nil { // it was checked when it was asked for
		l.Messages = data.Messages.Len()
	}
	dis := s.Disposals[r.Seq]
	switch {
	case r.Decided == "declined":
		l.State = "declined"
	case dis == nil && r.Waits(now):
		l.State = "proposed"
	case dis == nil:
		l.State = "lapsed"
	case dis.Certificate != 0:
		l.State, l.Certificate = "certified", dis.Certificate
	case dis.Entry != 0:
		l.State = "running"
	default:
		l.State = "decided"
	}
	if dis != nil {
		l.Approver = dis.Approver
	}
	return l
}

// Certified is a certificate as it is shown.
type Certified struct {
	Entry    int64                  `json:"entry"`
	At       time.Time              `json:"at"`
	Head     record.CertificateHead `json:"head"`
	Data     Certificate            `json:"data"`
	Complete bool                   `json:"complete"` // older copies of the ring have lapsed
}

// Certificate returns the certificate in an entry.
func (d *Desk) Certificate(ctx context.Context, entry int64) (*Certified, error) {
	es, err := d.Archive.Get(ctx, []int64{entry})
	if err != nil {
		return nil, err
	}
	if es[0].Kind != record.Certificate {
		return nil, govern.Refuse(govern.ErrUnknown, "Entry %d is no certificate of disposal.", entry)
	}
	c := &Certified{Entry: entry, At: es[0].At}
	if _, err := es[0].Decode(&c.Head); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(c.Head.Data, &c.Data); err != nil {
		return nil, fmt.Errorf("read certificate %d: %w", entry, err)
	}
	c.Head.Data = nil
	c.Complete = !d.Now().Before(c.Head.Complete)
	return c, nil
}

package cloudapi

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// Incoming is a body as it came, and what is known of how it came.
type Incoming struct {
	Body     []byte
	Header   map[string]string
	Peer     string
	Received time.Time
	Secret   string // that its signature was made with; see DeliveryHead
	// Of one that is imported: the ordinal of its first record, and where it
	// stands in the file.
	Ordinal, Offset int64
}

// ContactHead is the head of a part of a Piece that is an element of contacts.
type ContactHead struct {
	At   int64 `json:"at"`             // offset of its first byte in the body
	Copy bool  `json:"copy,omitempty"` // it stands with another piece, too, which counts
}

// Records makes the records of a delivery, to be appended as one batch: the
// delivery, and its pieces where it is cut.
func Records(capture int64, in Incoming) ([]record.Record, error) {
	sum := sha256.Sum256(in.Body)
	head := Head{
		ItemHead: record.ItemHead{Capture: capture, Ordinal: in.Ordinal, Offset: in.Offset}, What: Delivery,
		Delivery: &DeliveryHead{
			Received: in.Received.UTC(), SHA256: hex.EncodeToString(sum[:]), Size: int64(len(in.Body)),
			Header: in.Header, Peer: in.Peer, Secret: in.Secret,
		},
	}
	es, why := cut(in.Body)
	d := record.Record{Kind: record.Item, Lineage: "cloudapi", Identity: identity(sum, 0), Period: month(in.Received)}
	if len(es) > 0 {
		es[0].look(in.Body)
		es[0].place(&d, in.Received)
	}
	if len(es) > 1 {
		d.Lineage = lineage(es[0].Context.Number, "")
	}
	if why == "" && len(es) < 2 && !json.Valid(in.Body) {
		why = "The body is no JSON."
	}
	if why != "" {
		d.Kind, head.Why = record.Unparsed, why
	}
	raw := in.Body
	var pieces []record.Record
	if len(es) > 1 {
		head.Delivery.Pieces = len(es)
		raw = around(in.Body, es)
		for i := range es {
			p, err := es[i].record(capture, i+1, &in, sum)
			if err != nil {
				return nil, err
			}
			pieces = append(pieces, p)
		}
	}
	part, err := record.Part(head, raw)
	if err != nil {
		return nil, err
	}
	d.Parts = [][]byte{part}
	return append([]record.Record{d}, pieces...), nil
}

func identity(sum [32]byte, n int) []byte {
	return strconv.AppendInt(sum[:len(sum):len(sum)], int64(n), 10)
}

// lineage names whom an item is about, as far as that can be seen at once.
func lineage(number, peer string) string { return "cloudapi/" + number + "/" + peer }

// place puts a record beside others of the same conversation and month. Near
// is part of what makes two records the same: only the body decides it, not
// when it came.
func (e *Element) place(r *record.Record, received time.Time) {
	p := &e.peek
	peer := ""
	for _, s := range []string{p.Group, p.Recipient, p.RecipientUser, p.To, p.ToUser, p.From, p.FromUser, p.WAID, p.User} {
		if s != "" && digits(s) != digits(e.Context.Phone) {
			peer = s
			break
		}
	}
	n, _ := strconv.ParseInt(p.Timestamp, 10, 64) // 0: it has none
	if n <= 0 || n >= 1<<36 {
		n = e.Context.Time
	}
	r.Lineage, r.Period = lineage(e.Context.Number, peer), month(received)
	if n > 0 && n < 1<<36 {
		at := time.Unix(n, 0).UTC()
		r.Near, r.Period = at.Format(time.DateOnly), month(at)
	}
}

// month is the period of an instant; empty where it is not known.
func month(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01")
}

// digits is a phone number without the signs that people put into it.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// record makes the record of a piece, the n-th from 1.
func (e *Element) record(capture int64, n int, in *Incoming, sum [32]byte) (record.Record, error) {
	e.look(in.Body)
	r := record.Record{Kind: record.Item, Identity: identity(sum, n)}
	e.place(&r, in.Received)
	head := Head{
		ItemHead: record.ItemHead{Capture: capture, Ordinal: in.Ordinal + int64(n), Offset: in.Offset + e.At}, What: Piece,
		Piece: &PieceHead{N: n, At: e.At, In: e.Context},
	}
	if !json.Valid(in.Body[e.At:e.End]) {
		r.Kind, head.Why = record.Unparsed, "It is no JSON."
	}
	part, err := record.Part(head, in.Body[e.At:e.End])
	if err != nil {
		return r, err
	}
	r.Parts = [][]byte{part}
	for i, c := range e.Contacts {
		part, err := record.Part(ContactHead{At: c[0], Copy: !e.owns[i]}, in.Body[c[0]:c[1]])
		if err != nil {
			return r, err
		}
		r.Parts = append(r.Parts, part)
	}
	return r, nil
}

// around is a body without its pieces.
func around(body []byte, es []Element) []byte {
	out := make([]byte, 0, len(body)/8)
	at := int64(0)
	for _, s := range spans(es) {
		out = append(out, body[at:s[0]]...)
		at = s[1]
	}
	return append(out, body[at:]...)
}

// spans are what is cut out of a body, in order.
func spans(es []Element) (out [][2]int64) {
	for i := range es {
		out = append(out, [2]int64{es[i].At, es[i].End})
		for k, c := range es[i].Contacts {
			if es[i].owns[k] {
				out = append(out, c)
			}
		}
	}
	slices.SortFunc(out, func(a, b [2]int64) int { return int(a[0] - b[0]) })
	return out
}

// ErrPieces is returned where pieces of a delivery are not there, or are not
// those that were cut out of it.
var ErrPieces = fmt.Errorf("pieces of the delivery are missing")

// Body puts a delivery together again, byte for byte. pieces are the entries
// that follow it; none where it was not cut.
func Body(delivery record.Entry, pieces []record.Entry) ([]byte, error) {
	var h Head
	raw, err := delivery.Decode(&h)
	if err != nil {
		return nil, err
	}
	if h.Delivery == nil {
		return nil, fmt.Errorf("entry %d is no delivery", delivery.Seq)
	}
	if h.Delivery.Pieces == 0 {
		return raw, nil
	}
	if len(pieces) != h.Delivery.Pieces {
		return nil, ErrPieces
	}
	type cut struct {
		at  int64
		raw []byte
	}
	var cuts []cut
	for i, e := range pieces {
		var p Head
		raw, err := e.Decode(&p)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPieces, err)
		}
		if p.Piece == nil || p.Piece.N != i+1 {
			return nil, ErrPieces
		}
		cuts = append(cuts, cut{p.Piece.At, raw})
		for _, part := range e.Parts[1:] {
			head, raw, err := record.Cut(part)
			if err != nil {
				return nil, err
			}
			var c ContactHead
			if err := json.Unmarshal(head, &c); err != nil {
				return nil, fmt.Errorf("entry %d: decode contact: %w", e.Seq, err)
			}
			if !c.Copy {
				cuts = append(cuts, cut{c.At, raw})
			}
		}
	}
	slices.SortFunc(cuts, func(a, b cut) int { return int(a.at - b.at) })
	out := make([]byte, 0, h.Delivery.Size)
	for _, c := range cuts {
		n := c.at - int64(len(out))
		if n < 0 || n > int64(len(raw)) {
			return nil, ErrPieces
		}
		out = append(append(out, raw[:n]...), c.raw...)
		raw = raw[n:]
	}
	out = append(out, raw...)
	if sum := sha256.Sum256(out); hex.EncodeToString(sum[:]) != h.Delivery.SHA256 {
		return nil, ErrPieces
	}
	return out, nil
}

// SendRecord makes the record of something that the gateway did. number and
// peer place it; files name blobs that the journal was given.
func SendRecord(capture int64, h SendHead, what What, raw []byte, files []record.ItemFile) (record.Record, error) {
	r, err := itemOf(Head{ItemHead: record.ItemHead{Capture: capture, Files: files}, What: what, Send: &h}, raw, h.At)
	var to struct {
		To        loose `json:"to"`
		Recipient loose `json:"recipient"`
		Request   struct {
			To loose `json:"to"`
		} `json:"request"`
	}
	_ = json.Unmarshal(raw, &to) // what has no recipient belongs to its number
	peer := ""
	for _, s := range []loose{to.To, to.Request.To, to.Recipient} {
		if peer == "" {
			peer = strings.TrimPrefix(string(s), "+")
		}
	}
	r.Lineage = lineage(h.Number, peer)
	return r, err
}

// MediaRecord makes the record of what came of fetching a file. file is nil
// where it could not be had.
func MediaRecord(capture int64, h MediaHead, file *record.ItemFile) (record.Record, error) {
	head := Head{ItemHead: record.ItemHead{Capture: capture}, What: Media, Media: &h}
	if file != nil {
		head.Files = []record.ItemFile{*file}
	}
	r, err := itemOf(head, nil, h.At)
	r.Lineage = lineage("", strings.TrimSuffix(h.Chat, "@s.whatsapp.net"))
	// A stop between this record and the index has the file fetched again: it
	// must not be told twice.
	said := []string{"media", h.Message, h.ID, h.State}
	if file != nil {
		said = append(said, file.SHA256)
	}
	sum := sha256.Sum256([]byte(strings.Join(said, "\x00")))
	r.Identity = sum[:]
	return r, err
}

func itemOf(head Head, raw []byte, at time.Time) (record.Record, error) {
	part, err := record.Part(head, raw)
	r := record.Record{Kind: record.Item, Parts: [][]byte{part}, Period: month(at)}
	for _, f := range head.Files {
		if f.SHA256 != "" {
			r.Blobs = append(r.Blobs, f.Blob)
		}
	}
	return r, err
}

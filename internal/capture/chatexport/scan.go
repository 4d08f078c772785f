package chatexport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Scanned is what Scan counted.
type Scanned struct {
	Records, System, Unparsed int64
	First                     string
}

// Scan reads a text as an import does, both passes, and keeps nothing: what
// reading alone costs. Benchmarks use it.
func Scan(ctx context.Context, path string) (s Scanned, err error) {
	sv, err := takeSurvey(ctx, func() (io.ReadCloser, error) { return os.Open(path) }, time.Now(), func(int64) {})
	if err != nil {
		return s, err
	}
	if sv.layout() == noLayout {
		return s, errNoHeader
	}
	r, _ := sv.decide(unknownOrder)
	r.Zone = "UTC"
	p, err := newParser(r)
	if err != nil {
		return s, err
	}
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sp := newSplitter(f, r)
	for {
		st, err := sp.next()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, fmt.Errorf("read export: %w", err)
		}
		s.take(p, st)
	}
}

func (s *Scanned) take(p *parser, st stretch) {
	text := p.enc.text(st.raw)
	h, ok := st.head, st.isHead
	if !ok {
		s.Unparsed++
		return
	}
	rec := p.parse(text, h, s.Records < earlyRecords)
	if !rec.dated {
		s.Unparsed++
		return
	}
	s.Records++
	if rec.system {
		s.System++
	}
	if s.Records == 1 {
		s.First = string(rec.at.appendLocal(nil, rec.shape.Seconds))
	}
}

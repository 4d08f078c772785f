package chatexport

import (
	"errors"
	"fmt"
	"io"

	"github.com/waxseal/waxseal/internal/record"
)

const reasonMissing = "The export names this file and does not hold it."

// attach finds the file that a record names, and gives it to the sink once.
func (em *emitter) attach(h *held) error {
	name := h.rec.content.file
	if name == "" || h.rec.system {
		return nil
	}
	m := em.e.members[memberKey(name)]
	if m == nil {
		reason := reasonMissing
		if em.e.loose {
			reason = "Only the text was imported, without the folder or zip that its files are in."
		}
		h.head.Files = []record.ItemFile{{Name: name, Reason: reason}}
		return nil
	}
	em.e.named[m] = true
	f, err := em.keep(m)
	if err != nil {
		return err
	}
	f.Name = name
	h.head.Files = []record.ItemFile{f}
	if f.SHA256 != "" {
		h.out.Blobs = []record.Blob{f.Blob}
	}
	return nil
}

// keep gives a member to the sink. One that cannot be read is left out with
// its reason; the chat is imported all the same.
func (r *run) keep(m *member) (record.ItemFile, error) {
	if f, ok := r.stored[m]; ok {
		return f, nil
	}
	f := record.ItemFile{Name: m.name}
	if m.refuse != "" {
		f.Reason = "The file was refused: " + m.refuse + "."
	} else if err := r.keepBlob(m, &f); err != nil {
		return f, err
	}
	r.stored[m] = f
	return f, nil
}

func (r *run) keepBlob(m *member, f *record.ItemFile) error {
	src, err := m.open()
	if err != nil {
		f.Reason = "The file could not be read."
		return nil //nolint:nilerr // the reason is in the record
	}
	watched := &watch{r: src}
	b, err := r.sink.Blob(r.ctx, watched)
	switch {
	case watched.err != nil:
		f.Reason = "The file could not be read whole."
		if errors.Is(watched.err, errBomb) {
			f.Reason = "The file was refused: it " + errBomb.Error() + "."
		}
		_ = src.Close() // says again what reading said
		return nil
	case err != nil:
		return errors.Join(fmt.Errorf("keep file: %w", err), src.Close())
	}
	f.Blob = b
	return src.Close()
}

// watch tells an error of the source from one of the sink.
type watch struct {
	r   io.Reader
	err error
}

func (w *watch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// keepUnreferenced keeps the files of the export that no record names. Which
// they are is known only after the text was read: it is read for that alone.
func (r *run) keepUnreferenced() ([]record.Evidence, error) {
	if len(r.e.order) == 0 || r.e.shared {
		return nil, nil
	}
	if err := r.namedMembers(); err != nil {
		return nil, err
	}
	var extra []record.Evidence
	for _, m := range r.e.order {
		if r.e.named[m] {
			continue
		}
		f, err := r.keep(m)
		if err != nil {
			return nil, err
		}
		if f.SHA256 == "" {
			r.sum.Miss(f.Reason, valid(f.Name))
			continue
		}
		r.sum.Unreferenced = append(r.sum.Unreferenced, valid(f.Name))
		extra = append(extra, record.Evidence{Name: valid(f.Name), Blob: f.Blob})
	}
	return extra, nil
}

// namedMembers finds out which members the text names.
func (r *run) namedMembers() (err error) {
	text, err := r.e.text.open()
	if err != nil {
		return fmt.Errorf("read export: %w", err)
	}
	defer func() { err = errors.Join(err, text.Close()) }()
	sp := newSplitter(text, r.r)
	for n := 0; ; n++ {
		st, err := sp.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read export: %w", err)
		}
		if n&0xfff == 0 && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		t := r.enc.text(st.raw)
		h, ok := parseHeader(t)
		if !ok {
			continue
		}
		rec := r.p.parse(t, h, n < earlyRecords)
		if m := r.e.members[memberKey(rec.content.file)]; m != nil && rec.content.file != "" {
			r.e.named[m] = true
		}
	}
}

package folder_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/folder"
)

// A folder inside something else gives its files as one on the disk does, and
// what it cannot give is said.
func TestFilesOfAnotherPlace(t *testing.T) {
	content := map[string]io.Reader{
		"Media/a/one.jpg": strings.NewReader("one"), "Media/b/two.jpg": iotest.ErrReader(errors.New("deciphered to nonsense")), "Media/b/three.jpg": nil,
	}
	closed := false
	m := folder.New([]string{"Media/a/one.jpg", "Media/b/two.jpg", "Media/b/three.jpg", "Media/c/four.jpg", "Media/C/four.jpg"}, func(p string) (io.ReadCloser, error) {
		if content[p] == nil {
			return nil, errors.New("the backup does not hold it")
		}
		return io.NopCloser(content[p]), nil
	}, func() error { closed = true; return nil })
	sink := &capturetest.Sink{}
	if _, _, err := m.Keep(t.Context(), sink, m.Find("Media/c/four.jpg")); err != nil { // and not its twin
		t.Error(err)
	}
	for name, want := range map[string]string{"media/A/ONE.jpg": "", "Media/b/two.jpg": "to its end", "Media/b/three.jpg": "cannot be opened"} {
		p := m.Find(name)
		b, reason, err := m.Keep(t.Context(), sink, p)
		if err != nil || (b.SHA256 == "") != (want != "") || !strings.Contains(reason, want) {
			t.Errorf("%s: found %q, %+v, %q, %v", name, p, b, reason, err)
		}
	}
	for _, name := range []string{"../one.jpg/../../x", "/Media/a/one.jpg", "Media/none.jpg", ""} {
		if p := m.Find(name); p != "" {
			t.Errorf("%q: found %q", name, p)
		}
	}
	if rest := m.Rest(); !slices.Equal(rest, []string{"Media/C/four.jpg"}) {
		t.Errorf("rest: %q", rest)
	}
	if err := m.Close(); err != nil || !closed {
		t.Errorf("closed %v: %v", closed, err)
	}
}

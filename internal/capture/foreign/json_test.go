package foreign

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A row reads back as it was, and as JSON that any reader takes.
func TestRowRoundTrip(t *testing.T) {
	value := rapid.OneOf(
		rapid.Int64().AsAny(), rapid.Float64Range(-1e300, 1e300).AsAny(), rapid.String().AsAny(), rapid.SliceOf(rapid.Byte()).AsAny(),
		rapid.Custom(func(t *rapid.T) Text { return append(Text{0xff}, rapid.SliceOf(rapid.Byte()).Draw(t, "text")...) }).AsAny())
	rapid.Check(t, func(t *rapid.T) {
		r := Row{}
		want := Fields{}
		for i, c := range rapid.SliceOfNDistinct(rapid.String(), 0, 6, rapid.ID).Draw(t, "columns") {
			v := value.Draw(t, "value")
			if i%4 == 3 {
				v = nil
			} else {
				want[c] = v
			}
			r.Columns, r.Values = append(r.Columns, c), append(r.Values, v)
		}
		b := r.AppendJSON(nil, nil)
		if !json.Valid(b) {
			t.Fatalf("not JSON: %s", b)
		}
		sc := NewScanner(b)
		got := sc.Fields()
		if err := sc.Err(true); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%#v", r.Fields()) != fmt.Sprintf("%#v", got) {
			t.Fatalf("%#v", r.Fields())
		}
		if g, w := fmt.Sprintf("%#v", got), fmt.Sprintf("%#v", want); g != w {
			t.Fatalf("%s\n%s\nwant %s", b, g, w)
		}
	})
}

func TestEdit(t *testing.T) {
	r := Row{Columns: []string{"_id", "a", "b"}, Values: []any{int64(1), "x", int64(3)}}
	got := r.AppendJSON(nil, func(c string, v any) (any, bool) {
		if c == "b" {
			v = "three"
		}
		return v, c != "_id"
	})
	if string(got) != `{"a":"x","b":"three"}` {
		t.Errorf("%s", got)
	}
}

// The scanner never goes astray, and reads again what it took.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":-2.5e3,"c":"x\u00e9\n\ud83d\ude00","d":null,"e":{"blob":"AP8="},"f":{"text":"/w=="}}`))
	f.Add([]byte(`{"a":[{"b":[1,2,{"c":true}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := NewScanner(b)
		s.Skip()
		_ = s.Err(true) // only that it ends
		s = NewScanner(b)
		got := s.Fields()
		if s.Err(true) != nil {
			return
		}
		r := Row{}
		for _, c := range slices.Sorted(maps.Keys(got)) {
			r.Columns, r.Values = append(r.Columns, c), append(r.Values, got[c])
		}
		s = NewScanner(r.AppendJSON(nil, nil))
		if again := s.Fields(); s.Err(true) != nil || fmt.Sprintf("%#v", again) != fmt.Sprintf("%#v", got) {
			t.Fatalf("%q: %#v, then %#v", b, got, again)
		}
	})
}

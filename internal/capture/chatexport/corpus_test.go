package chatexport

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
)

// corpus is the folder of real-format exports with expected results, beside
// the repository.
func corpus(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
	c := filepath.Join(dir, "..", "shared", "corpus", "chat-exports")
	if _, err := os.Stat(c); err != nil {
		t.Skip("the corpus of exports does not lie beside the repository")
	}
	return c
}

func manifest(t *testing.T, dir string) []map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(strings.NewReader(string(b)))
	r.Comma, r.LazyQuotes, r.FieldsPerRecord = '\t', true, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			m[rows[0][i]] = v
		}
		all = append(all, m)
	}
	return all
}

func TestCorpusManifest(t *testing.T) {
	dir := corpus(t)
	for _, row := range manifest(t, dir) {
		t.Run(row["file"], func(t *testing.T) {
			m := newMemory()
			sum := importPath(t, m, filepath.Join(dir, row["file"]), capture.Options{})[0]
			want := row["records"]
			if strings.Contains(row["note"], "may legitimately report 122") {
				want = "122"
			}
			if got := strconv.FormatInt(sum.Records, 10); got != want {
				t.Errorf("records = %s, want %s", got, want)
			}
			if sum.First != row["first"] || sum.Last != row["last"] {
				t.Errorf("%s … %s, want %s … %s", sum.First, sum.Last, row["first"], row["last"])
			}
			if got := strconv.FormatInt(sum.Attachments, 10); got != row["attachments"] {
				t.Errorf("attachments = %s, want %s", got, row["attachments"])
			}
			if got := strconv.FormatInt(sum.System, 10); got != row["system_records"] {
				t.Errorf("system records = %s, want %s", got, row["system_records"])
				for _, msg := range m.messages(t) {
					if msg.Type == chat.SystemType {
						t.Logf("system: %q", msg.AsPrinted)
					}
				}
			}
			authors := map[string]bool{}
			for _, msg := range m.messages(t) {
				if msg.From != nil {
					authors[msg.From.Name] = true
				}
			}
			wantAuthors := row["distinct_authors"]
			if want == "122" {
				wantAuthors = "12" // the spoofed author is one more
			}
			if got := strconv.Itoa(len(authors)); got != wantAuthors {
				t.Errorf("authors = %s, want %s: %v", got, wantAuthors, authors)
			}
			certain := !strings.Contains(row["date_order"], "ambiguous")
			if sum.DateOrderCertain != certain {
				t.Errorf("order certain = %t", sum.DateOrderCertain)
			}
			if o := row["date_order"]; len(o) == 3 || strings.Contains(o, "+") {
				if sum.DateOrder != o {
					t.Errorf("order = %s, want %s", sum.DateOrder, o)
				}
			}
			if sum.Unparsed != 0 {
				t.Errorf("unparsed = %d", sum.Unparsed)
			}
		})
	}
}

type truth struct {
	Records []struct {
		I        int
		TS       string
		Author   *string
		Kind     string
		Body     string
		File     string
		Edited   bool
		Boundary string
	}
}

// wantTypes says which types a kind of the truth may have.
var wantTypes = map[string][]chat.Type{
	"text": {chat.Text}, "system": {chat.SystemType}, "deleted": {chat.Unknown}, "poll": {chat.PollType}, "location": {chat.Place},
	"live_location": {chat.LivePlace}, "call": {chat.CallType}, "empty": {chat.Unknown}, "event": {chat.OccasionType},
	"attachment": {chat.Image, chat.Video, chat.Audio, chat.Voice, chat.Document, chat.Sticker, chat.ContactCard},
	"omitted":    {chat.Image, chat.Video, chat.Audio, chat.Document, chat.Sticker, chat.ContactCard, chat.Unknown},
}

func TestCorpusTruth(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.truth.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) { compareTruth(t, strings.TrimSuffix(f, ".truth.json"), f) })
	}
}

// compareTruth compares an import, message by message, with what the file
// beside it says. Where a body holds a line that looks like a header, the two
// records that it was cut into count as one, when both say that they may be.
func compareTruth(t *testing.T, export, truthFile string) {
	t.Helper()
	b, err := os.ReadFile(truthFile)
	if err != nil {
		t.Fatal(err)
	}
	var want truth
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	importPath(t, m, export, capture.Options{})
	got := m.messages(t)
	bad := 0
	for i, j := 0, 0; i < len(want.Records); i, j = i+1, j+1 {
		w := want.Records[i]
		if j >= len(got) {
			t.Fatalf("only %d records, want %d", len(got), len(want.Records))
		}
		g := got[j]
		if w.Boundary == chat.Ambiguous {
			if g.Boundary != chat.Ambiguous || j+1 >= len(got) || got[j+1].Boundary != chat.Ambiguous {
				t.Errorf("record %d: its boundary is not said to be ambiguous", w.I)
			}
			j++
			continue
		}
		if g.Boundary != chat.Certain {
			t.Errorf("record %d: %q is said to be ambiguous", w.I, g.AsPrinted)
		}
		bad += compareRecord(t, w.I, w.TS, w.Author, w.Kind, w.Body, w.File, w.Edited, &g)
		if bad > 8 {
			t.Fatal("and more")
		}
	}
}

func compareRecord(t *testing.T, i int, ts string, author *string, kind, body, file string, edited bool, g *chat.Message) (bad int) {
	t.Helper()
	errorf := func(format string, args ...any) {
		t.Helper()
		bad = 1
		t.Errorf("record %d (%s): "+format, append([]any{i, kind}, args...)...)
	}
	if g.SentLocal != ts {
		errorf("time %s, want %s", g.SentLocal, ts)
	}
	if g.AsPrinted != body {
		errorf("body %q, want %q", g.AsPrinted, body)
	}
	switch {
	case author == nil && g.From != nil:
		errorf("author %q, want none: %q", g.From.Name, body)
	case author != nil && g.From == nil:
		errorf("no author, want %q: %q", *author, body)
	case author != nil && g.From.Name != trimName(*author):
		errorf("author %q, want %q", g.From.Name, *author)
	}
	ok := false
	for _, ty := range wantTypes[kind] {
		ok = ok || g.Type == ty
	}
	if !ok {
		errorf("type %s: %q", g.Type, body)
	}
	if g.Edited != edited {
		errorf("edited = %t: %q", g.Edited, body)
	}
	if g.Revoked != (kind == "deleted") {
		errorf("revoked = %t: %q", g.Revoked, body)
	}
	if kind == "attachment" && (len(g.Attachments) != 1 || g.Attachments[0].Name != file) {
		errorf("attachments %s, want %q: %q", dump(g.Attachments), file, body)
	}
	if kind == "omitted" && (len(g.Attachments) != 1 || g.Attachments[0].State != chat.Omitted) {
		errorf("attachments %s: %q", dump(g.Attachments), body)
	}
	if kind == "text" && !edited && g.Text != body {
		errorf("text %q, want %q", g.Text, body)
	}
	return bad
}

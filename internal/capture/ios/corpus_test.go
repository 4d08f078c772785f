package ios

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/ios/backup"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// corpus is where sample databases lie, when they are there.
func corpus(t testing.TB, name string) string {
	t.Helper()
	p := filepath.Join("../../../../shared/corpus/backups", name)
	if _, err := os.Stat(p); err != nil {
		t.Skip("the shared corpus is not here")
	}
	return p
}

// imported runs an import of path into a sink.
func imported(t testing.TB, sink *capturetest.Sink, path string, edit ...func(*capture.Options)) capture.Summary {
	t.Helper()
	o := capture.Options{Zone: time.UTC, Scratch: t.TempDir()}
	for _, f := range edit {
		f(&o)
	}
	sources, err := Format().Find(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) != 1 {
		t.Fatalf("%d sources", len(sources))
	}
	sum, err := sources[0].Run(t.Context(), sink)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range sum.Tables {
		if tc.Rows != tc.Records+tc.Attached+tc.Excluded || tc.Excluded > 0 && tc.Reason == "" {
			t.Errorf("table %s: %+v", tc.Name, tc)
		}
	}
	return sum
}

// read is a message with the item that it was read from.
type read struct {
	chat.Message
	row  int64
	item item
}

// items reads every item in a sink that gives a message.
func items(t testing.TB, sink *capturetest.Sink) (out []read) {
	t.Helper()
	readers := map[int64]chat.Reader{}
	for _, e := range sink.Entries {
		switch e.Kind {
		case record.Capture:
			r, err := Interpreter{}.Reader([]record.Entry{e})
			if err != nil {
				t.Fatal(err)
			}
			readers[e.Seq] = r
		case record.Item:
			var h record.ItemHead
			raw, err := e.Decode(&h)
			if err != nil {
				t.Fatal(err)
			}
			it, err := decodeItem(raw)
			if err != nil {
				t.Fatal(err)
			}
			ev, err := readers[h.Capture].Events(e)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range ev {
				out = append(out, read{x.Message, h.Offset, it})
			}
		default:
		}
	}
	return out
}

// truth is a line of the generator's account of what it wrote.
type truth struct {
	Row      int64    `json:"pk"`
	Chat     *string  `json:"chat"`
	ChatPN   *string  `json:"chat_pn"`
	ChatKind string   `json:"chat_kind"`
	FromMe   bool     `json:"from_me"`
	Sender   *string  `json:"sender"`
	Stanza   *string  `json:"stanza"`
	TS       *float64 `json:"ts"`
	Type     int64    `json:"type"`
	Kind     string   `json:"kind"`
	Text     *string  `json:"text"`
	Forwards bool     `json:"forwarded"`
	Deleted  bool     `json:"deleted"`
	Media    *struct {
		SHA256  string  `json:"sha256"`
		MIME    string  `json:"mime"`
		Path    *string `json:"path"`
		Caption *string `json:"caption"`
		Name    *string `json:"name"`
		Size    int64   `json:"size"`
	} `json:"media"`
	Quoted *struct {
		Stanza      string  `json:"stanza"`
		Participant string  `json:"participant"`
		Text        *string `json:"text"`
	} `json:"quoted"`
	Reactions [][]string `json:"reactions"`
	Receipts  [][]any    `json:"receipts"`
	Location  *struct {
		Lat, Lon float64
		Name     *string
	} `json:"location"`
	Poll *struct {
		Question string
		Options  []string
	} `json:"poll"`
	VCards []string `json:"vcards"`
	Call   *struct {
		Duration int
	} `json:"call"`
	System *struct {
		Event int64
		Text  *string
	} `json:"system"`
}

func truths(t testing.TB, path string) (out []truth) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<22)
	for s.Scan() {
		var l truth
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		out = append(out, l)
	}
	return out
}

// generatedAs is a database that the generator wrote, where it lies, and the
// account of it. Without contacts, nothing maps the one address that only they
// know.
type generatedAs struct {
	dir, truth, password string
	contacts             bool
}

// The generated databases come out message by message as the generator says,
// wherever they lie.
func TestGeneratedDatabases(t *testing.T) {
	for _, c := range []generatedAs{
		{"ios-plain-s1", "ios-plain-s1/", "", true},
		{"ios-wal-s1", "ios-wal-s1/", "", true},
		{"ios-plain-s1-backup", "ios-plain-s1/", "", true},
		{"ios-enc-fast-s1-backup", "ios-enc-fast-s1.", "Test123!", true},
		{"ios-enc-old-s1-backup", "ios-enc-old-s1.", "0000", false},
	} {
		t.Run(c.dir, func(t *testing.T) {
			c.dir, c.truth = corpus(t, "gen/"+c.dir), corpus(t, "gen")+"/"+c.truth
			sum := wantAsGenerated(t, c)
			if strings.HasSuffix(c.truth, "ios-plain-s1/") && (sum.AttachmentsMissing > 0 || sum.Attachments != 157) || len(sum.Unreferenced) > 0 {
				t.Errorf("%d of %d attachments are missing, unreferenced: %q", sum.AttachmentsMissing, sum.Attachments, sum.Unreferenced)
			}
		})
	}
}

// So do databases of a seed that nobody has looked at: another each day, or
// the one in WAXSEAL_SEED.
func TestFreshDatabases(t *testing.T) {
	seed := os.Getenv("WAXSEAL_SEED")
	if seed == "" {
		seed = time.Now().UTC().Format("20060102")
	}
	t.Log("WAXSEAL_SEED=" + seed)
	for _, c := range []struct {
		name, password string
		args           []string
	}{
		{"live", "", []string{"--media", "--wal-tail", "9"}},
		{"backup", "", []string{"--media", "--no-contacts"}},
		{"encrypted backup", "päss 7", []string{"--media", "--wal-tail", "3", "--dpic", "1000", "--iter", "1000"}},
		{"old backup", "0000", []string{"--old-keybag", "--iter", "1000"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			g := generatedAs{filepath.Join(dir, "made"), filepath.Join(dir, "made") + "/", c.password, !slices.Contains(c.args, "--no-contacts")}
			args := append([]string{"--out", g.dir, "--messages", "400", "--seed", seed}, c.args...)
			if strings.HasSuffix(c.name, "backup") {
				g.dir = filepath.Join(dir, "a-backup")
				args = append(args, "--backup", g.dir)
			}
			if c.password != "" {
				args = append(args, "--password", c.password)
			}
			generate(t, args...)
			wantAsGenerated(t, g)
		})
	}
}

// generate runs the generator of samples, when it is there.
func generate(t testing.TB, args ...string) {
	t.Helper()
	tool := "../../../../shared/tools/gen_chatstorage.py"
	if _, err := os.Stat(tool); err != nil {
		t.Skip("the shared generators are not here")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here")
	}
	if out, err := exec.CommandContext(t.Context(), python, append([]string{tool}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
}

func wantAsGenerated(t *testing.T, c generatedAs) capture.Summary {
	t.Helper()
	dir, told := c.dir, c.truth
	password := []byte(c.password) // asked for once, given to every backup
	unlock := func(o *capture.Options) {
		if c.password != "" {
			o.Password = func() ([]byte, error) { return password, nil }
		}
	}
	sink := &capturetest.Sink{}
	sum := imported(t, sink, dir, unlock)
	want := truths(t, told+"truth.jsonl")
	got := map[int64]read{}
	all := items(t, sink)
	calls := 0
	for _, m := range all {
		if m.item.Table == messages {
			got[m.row] = m
		} else if m.Type == chat.CallType && m.Chat.JID != "" && m.SentAt != "" {
			calls++
		}
	}
	if calls != 12 || int(sum.Records) != len(all) || len(got) != len(want) {
		t.Errorf("%d records, %d messages, %d calls, want %d and 12", sum.Records, len(got), calls, len(want))
	}
	bad := 0
	for _, w := range want {
		m, ok := got[w.Row]
		diff := "not there"
		if deref(w.Chat) == "910000000499955@lid" && !c.contacts {
			w.ChatPN = nil
		}
		if ok {
			diff = compare(&w, &m.Message)
		}
		if diff != "" {
			if bad++; bad < 25 {
				t.Errorf("row %d (%s): %s", w.Row, w.Kind, diff)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d differ", bad, len(want))
	}
	if lost := strings.HasSuffix(dir, "-backup"); lost != (len(sum.Damage) == 1) { // each backup lists a file that it does not hold
		t.Errorf("damage: %q", sum.Damage)
	}
	checkLedger(t, sum, told+"expected.json")
	if len(sum.Unknown) != 1 || !strings.Contains(sum.Unknown[0], "ios:999") {
		t.Errorf("unknown: %q", sum.Unknown)
	}
	again := imported(t, sink, dir, unlock)
	if n := len(items(t, sink)); n != len(all) {
		t.Errorf("imported twice: %d messages, want %d; %d known", n, len(all), again.AlreadyArchived)
	}
	return sum
}

// The same phone, copied and backed up: one set of records.
func TestBackupAndCopyAreTheSame(t *testing.T) {
	sink := &capturetest.Sink{}
	imported(t, sink, corpus(t, "gen/ios-plain-s1"))
	n := len(sink.Entries)
	imported(t, sink, corpus(t, "gen/ios-plain-s1-backup"))
	if got := len(sink.Entries) - n; got != 2 {
		t.Errorf("%d new records", got)
	}
}

func TestEncryptedBackupSaysWhatItNeeds(t *testing.T) {
	dir := corpus(t, "gen/ios-enc-fast-s1-backup")
	_, err := Format().Find(t.Context(), dir, capture.Options{Scratch: t.TempDir()})
	if !errors.Is(err, backup.ErrLocked) {
		t.Errorf("without a password: %v", err)
	}
	wrong := func() ([]byte, error) { return []byte("wrong"), nil }
	_, err = Format().Find(t.Context(), dir, capture.Options{Scratch: t.TempDir(), Password: wrong})
	if !errors.Is(err, backup.ErrPassword) {
		t.Errorf("with a wrong one: %v", err)
	}
}

func checkLedger(t *testing.T, sum capture.Summary, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Rows map[string]int64 `json:"table_rows"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, tc := range sum.Tables {
		if !strings.Contains(tc.Name, ".") {
			got[tc.Name] = tc.Rows
		}
	}
	if diff := cmp.Diff(want.Rows, got); diff != "" {
		t.Errorf("rows of tables: %s", diff)
	}
}

var kinds = map[string]chat.Type{
	"text": chat.Text, "url": chat.Text, "image": chat.Image, "video": chat.Video, "voice": chat.Voice, "document": chat.Document, "sticker": chat.Sticker,
	"gif": chat.Video, "contact": chat.ContactCard, "contacts": chat.ContactCard, "location": chat.Place, "event": chat.SystemType, "deleted": chat.Unknown,
	"poll": chat.PollType, "call": chat.CallType, "vo_image": chat.ViewOnce, "invite": chat.Interactive,
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// compare says how a message differs from what was written.
func compare(w *truth, m *chat.Message) string {
	var out []string
	is := func(what string, got, want any) {
		if diff := cmp.Diff(want, got); diff != "" {
			out = append(out, what+": "+diff)
		}
	}
	if w.Stanza == nil {
		is("key", m.Key, (*chat.Key)(nil))
	} else {
		is("key", []any{m.Key.ID, m.Key.FromMe}, []any{*w.Stanza, w.FromMe})
		if w.Chat != nil {
			is("key's chat", m.Key.Chat, *w.Chat)
		}
	}
	if w.TS == nil {
		is("time", m.SentAt, "")
	} else {
		is("time", m.SentAt, time.Unix(int64(math.Floor(*w.TS)), 0).UTC().Format(time.RFC3339))
	}
	switch {
	case w.Type == 999:
		is("type", m.TypeCode, "ios:999")
	case w.Kind == "system" && slices.Contains([]int64{1, 4}, w.System.Event):
		is("call", []any{m.Type, m.Call}, []any{chat.CallType, &chat.Call{Missed: true, Video: w.System.Event == 4}})
	case w.Kind == "system":
		is("type", m.Type, chat.SystemType)
	default:
		is("type", m.Type, kinds[w.Kind])
	}
	if w.Chat != nil {
		is("chat's kind", m.Chat.Kind, map[string]chat.ChatKind{"dm": chat.Direct, "group": chat.Group, "status": chat.Status}[w.ChatKind])
		addr := []string{m.Chat.JID, m.Chat.LID}
		if !slices.Contains(addr, *w.Chat) || w.ChatPN != nil && w.ChatKind == "dm" && *w.ChatPN != m.Chat.JID {
			is("chat", addr, []string{deref(w.ChatPN), *w.Chat})
		}
		if m.Chat.Name == "" {
			is("chat's name", "", "something")
		}
	}
	switch {
	case m.Type == chat.SystemType || w.Sender == nil || w.Chat == nil:
	case m.From == nil:
		is("sender", "", *w.Sender)
	case w.ChatKind == "status":
		is("sender", m.From.JID, deref(w.ChatPN))
	case m.From.JID != *w.Sender && m.From.LID != *w.Sender:
		is("sender", m.From, *w.Sender)
	}
	switch {
	case w.Kind == "text" && w.Type == 0, w.Kind == "url", w.Type == 999:
		is("text", m.Text, deref(w.Text))
	case w.Media != nil:
		is("caption", m.Text, deref(w.Media.Caption))
	}
	is("forwarded", m.Forwarded > 0, w.Forwards)
	if w.Media != nil {
		a := chat.Attachment{SHA256: w.Media.SHA256, MIME: w.Media.MIME, Size: w.Media.Size, State: chat.Stored}
		if w.Media.Path == nil {
			a.State, a.Reason = chat.Omitted, notOnPhone
		} else {
			a.Name = filepath.Base(*w.Media.Path)
		}
		if w.Media.Name != nil {
			a.Name = *w.Media.Name
		}
		got := m.Attachments
		if len(got) == 1 && got[0].State == chat.Missing { // the sample came without its media
			got = slices.Clone(got)
			got[0].State, got[0].Reason = chat.Stored, ""
		}
		is("attachment", got, []chat.Attachment{a})
	} else {
		is("attachments", len(m.Attachments), 0)
	}
	if w.Quoted != nil {
		if m.Quoted == nil {
			is("quoted", nil, w.Quoted)
		} else {
			is("quoted", []string{m.Quoted.Key.ID, m.Quoted.Key.Sender, m.Quoted.Text, m.ReplyTo}, []string{w.Quoted.Stanza, w.Quoted.Participant, deref(w.Quoted.Text), w.Quoted.Stanza})
		}
	}
	is("revoked", m.Revoked, w.Deleted)
	var reactions [][]string
	for _, r := range m.Reactions {
		who := r.From.LID
		if i := len(reactions); i < len(w.Reactions) && (w.Reactions[i][0] == r.From.JID || w.Reactions[i][0] == "me" && r.From == chat.Person{}) {
			who = w.Reactions[i][0]
		}
		reactions = append(reactions, []string{who, r.Emoji})
	}
	is("reactions", reactions, w.Reactions)
	if w.Location != nil {
		is("place", []any{*m.Location.Lat, *m.Location.Lon, m.Location.Name}, []any{w.Location.Lat, w.Location.Lon, deref(w.Location.Name)})
	}
	if w.Poll != nil {
		var names []string
		for _, o := range m.Poll.Options {
			names = append(names, o.Text)
		}
		is("poll", names, w.Poll.Options)
		is("question", m.Poll.Question, w.Poll.Question)
	}
	is("cards", len(m.Contacts), len(w.VCards))
	if w.Call != nil {
		is("call", m.Call.Seconds, w.Call.Duration)
	}
	if w.System != nil && w.Kind == "event" && w.System.Text != nil && len(m.System.Who) == 0 && m.System.Value == "" {
		is("notice", m.System, *w.System.Text)
	}
	if m.Type != chat.SystemType && w.Receipts != nil {
		var got [][]any
		for _, r := range m.Receipts {
			got = append(got, []any{r.Who.JID, r.State, r.At})
		}
		var want [][]any
		for _, r := range w.Receipts {
			want = append(want, []any{r[0], chat.Read, time.Unix(int64(r[2].(float64)), 0).UTC().Format(time.RFC3339)})
		}
		is("receipts", got, want)
	}
	return strings.Join(out, "; ")
}

// A real database of iOS 15.
func TestRealDatabase(t *testing.T) {
	sink := &capturetest.Sink{}
	sum := imported(t, sink, corpus(t, "ileapp-ios15"))
	all := items(t, sink)
	if sum.Records != 36 || sum.Messages != 25 || sum.System != 11 || len(sum.Unknown) != 0 || sum.Chats != 5 || len(sum.Holes) != 1 {
		t.Errorf("%+v", sum)
	}
	types := map[chat.Type]int{}
	reactions, quoted, read := 0, 0, 0
	for _, m := range all {
		types[m.Type]++
		reactions += len(m.Reactions)
		if m.Quoted != nil && m.Quoted.Text != "" {
			quoted++
		}
		for _, r := range m.Receipts {
			if r.State == chat.Read && r.Who.JID == m.Chat.JID {
				read++
			}
		}
		if m.Direction == chat.Out && (m.From == nil || m.From.Phone == "") {
			t.Errorf("row %d: own message without the owner's number", m.row)
		}
		if strings.Contains(m.Chat.Name, "=") || m.Chat.Name == "" || m.SentAt < "2021" || m.SentAt > "2024" {
			t.Errorf("row %d: chat %q, %s", m.row, m.Chat.Name, m.SentAt)
		}
	}
	want := map[chat.Type]int{chat.Text: 15, chat.Image: 2, chat.Place: 4, chat.SystemType: 11, chat.CallType: 4}
	if diff := cmp.Diff(want, types); diff != "" || reactions != 1 || quoted != 1 || read == 0 {
		t.Errorf("%d reactions, %d quoted, %d read; %s", reactions, quoted, read, diff)
	}
}

// A backup that holds its database in part gives what is there.
func TestCutDatabaseInABackup(t *testing.T) {
	sink := &capturetest.Sink{}
	sum := imported(t, sink, corpus(t, "mvt-ios-backup"))
	if sum.Records == 0 || sum.Complete() || len(sum.Damage) < 2 || !strings.Contains(sum.Damage[0], "24576 bytes where the backup lists 344064") {
		t.Errorf("%d records, damage %q", sum.Records, sum.Damage)
	}
}

// A folder with a backup and a copy of the app's folder gives both; a backup
// that cannot be read keeps neither out.
func TestBackupBesideACopy(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "copy"), os.DirFS(phoneDir(t))); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "backup"), os.DirFS(corpus(t, "gen/ios-plain-s1-backup"))); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "half"), os.DirFS(filepath.Join(dir, "backup"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "half/Manifest.db")); err != nil {
		t.Fatal(err)
	}
	sources, err := Format().Find(t.Context(), dir, capture.Options{Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sources {
		rel, err := filepath.Rel(dir, s.Path())
		_, failed := s.Run(t.Context(), &capturetest.Sink{})
		got = append(got, fmt.Sprintf("%s incomplete=%t read=%t", rel, errors.Is(failed, backup.ErrIncomplete), failed == nil && err == nil))
	}
	want := []string{"backup incomplete=false read=true", "copy/ChatStorage.sqlite incomplete=false read=true", "half incomplete=true read=false"}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

package android

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
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
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// corpus is where sample backups lie, when they are there.
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
	var sum capture.Summary
	for _, s := range sources {
		if sum, err = s.Run(t.Context(), sink); err != nil {
			t.Fatal(err)
		}
	}
	return sum
}

// messages reads every item in a sink.
func messages(t testing.TB, sink *capturetest.Sink) (out []chat.Message) {
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
			if _, err := e.Decode(&h); err != nil {
				t.Fatal(err)
			}
			ev, err := readers[h.Capture].Events(e)
			if err != nil {
				t.Fatal(err)
			}
			if len(ev) > 0 {
				out = append(out, chat.Fold(ev))
			}
		default:
		}
	}
	return out
}

// truth is a line of the generator's account of what it wrote.
type truth struct {
	Row      int64   `json:"row"`
	Chat     *string `json:"chat"`
	ChatPN   *string `json:"chat_pn"`
	FromMe   bool    `json:"from_me"`
	Sender   *string `json:"sender"`
	KeyID    string  `json:"key_id"`
	TS       int64   `json:"ts"`
	Kind     string  `json:"kind"`
	Type     int64   `json:"type"`
	Text     *string `json:"text"`
	TextHex  string  `json:"text_bytes_hex"`
	Caption  *string `json:"caption"`
	Starred  bool    `json:"starred"`
	Forward  int     `json:"forward_score"`
	Forwards bool    `json:"forwarded"`
	Media    *struct {
		SHA256      string `json:"sha256"`
		Transferred int    `json:"transferred"`
		Path        *string
	} `json:"media"`
	Quoted *struct {
		KeyID string  `json:"key_id"`
		Text  *string `json:"text"`
	} `json:"quoted"`
	Edited *struct {
		Original string `json:"original_key"`
		TS       int64  `json:"ts"`
	} `json:"edited"`
	Revoked *struct {
		Original string `json:"original_key"`
	} `json:"revoked"`
	RevokedBy *string  `json:"revoked_by"`
	Reactions [][]any  `json:"reactions"`
	Receipts  [][]any  `json:"receipts"`
	Mentions  []string `json:"mentions"`
	Location  *struct {
		Lat, Lon float64
		Name     *string
		Live     bool
	} `json:"location"`
	Poll *struct {
		Question string
		Options  []string
		Votes    [][]any
	} `json:"poll"`
	VCards []string `json:"vcards"`
	Call   *struct {
		Video, Missed bool
		Duration      int
	} `json:"call"`
	System *struct {
		Action       int64
		Participants []string
	} `json:"system"`
	Template *struct {
		Content, Footer string
	} `json:"template"`
	Payment string `json:"payment"`
	Expires int64  `json:"expires"`
	Pinned  bool   `json:"pinned"`
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

// The generated databases come out message by message as the generator says.
func TestGeneratedDatabases(t *testing.T) {
	for _, name := range []string{"android-modern-s1", "android-legacy-s1", "android-both2022-s1"} {
		t.Run(name, func(t *testing.T) { wantAsGenerated(t, corpus(t, "gen/"+name)) })
	}
}

// So do databases of a seed that nobody has looked at.
func TestFreshDatabases(t *testing.T) {
	for _, args := range [][]string{
		{"--profile", "modern", "--wa", "full", "--media"}, {"--profile", "modern", "--indexes"}, {"--profile", "legacy", "--wa", "full", "--media"}, {"--profile", "both2022", "--wa", "none"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			wantAsGenerated(t, generated(t, "gen_msgstore.py", append(args, "--messages", "400", "--seed", freshSeed(t))...))
		})
	}
}

// freshSeed is another seed each day; WAXSEAL_SEED repeats one.
func freshSeed(t testing.TB) string {
	seed := os.Getenv("WAXSEAL_SEED")
	if seed == "" {
		seed = time.Now().UTC().Format("20060102")
	}
	t.Log("WAXSEAL_SEED=" + seed)
	return seed
}

// generated runs a generator of samples, when it is there, and returns what it made.
func generated(t testing.TB, tool string, args ...string) string {
	t.Helper()
	tool = filepath.Join("../../../../shared/tools", tool)
	if _, err := os.Stat(tool); err != nil {
		t.Skip("the shared generators are not here")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here")
	}
	dir := filepath.Join(t.TempDir(), "made")
	if out, err := exec.CommandContext(t.Context(), python, append([]string{tool, "--out", dir}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	return dir
}

func wantAsGenerated(t *testing.T, dir string) {
	t.Helper()
	sink := &capturetest.Sink{}
	sum := imported(t, sink, filepath.Join(dir, "msgstore.db"))
	want := truths(t, filepath.Join(dir, "truth.jsonl"))
	got := map[string]chat.Message{}
	ms := messages(t, sink)
	for _, m := range ms {
		if m.Key == nil {
			t.Fatalf("a message without a key: %+v", m)
		}
		got[m.Key.ID+"|"+m.SentAt+"|"+m.Chat.JID+"|"+m.Key.Sender] = m
	}
	if int(sum.Records) != len(ms) || len(ms) < len(want) {
		t.Errorf("%d records, %d messages, want %d", sum.Records, len(ms), len(want))
	}
	bad := 0
	for i, w := range want {
		m := ms[i]
		if w.Chat == nil {
			w.Sender = nil // the chat's row is gone, and with it who wrote
		}
		if deref(w.Text) == "same names react" {
			w.Reactions = make([][]any, 3) // which this row's line leaves out
			for i, emoji := range []string{"👍", "👎", "🔥"} {
				w.Reactions[i] = []any{"", emoji}
			}
		}
		if diff := compare(&w, &m); diff != "" {
			if bad++; bad < 25 {
				t.Errorf("row %d (%s): %s", w.Row, w.Kind, diff)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d differ", bad, len(want))
	}
	for _, tc := range sum.Tables {
		if tc.Rows != tc.Records+tc.Attached+tc.Excluded {
			t.Errorf("table %s: %+v", tc.Name, tc)
		}
	}
	files := checkLedger(t, sum, filepath.Join(dir, "expected.json"))
	if _, err := os.Stat(filepath.Join(dir, "Media")); err == nil {
		if n := sum.Attachments - sum.AttachmentsMissing; n != files || len(sum.Unreferenced) > 0 {
			t.Errorf("%d media were found, want %d; unreferenced %q", n, files, sum.Unreferenced)
		}
	}
	again := imported(t, sink, filepath.Join(dir, "msgstore.db"))
	if n := len(messages(t, sink)); n != len(ms) {
		t.Errorf("imported twice: %d messages, want %d; %d known", n, len(ms), again.AlreadyArchived)
	}
}

// checkLedger compares the rows of tables and returns how many media there are.
func checkLedger(t *testing.T, sum capture.Summary, path string) (files int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Rows  map[string]int64 `json:"table_rows"`
		Files int64            `json:"media_files"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, tc := range sum.Tables {
		if tc.Name != "sqlite_sequence" && !strings.Contains(tc.Name, "_fts") {
			got[tc.Name] = tc.Rows
		}
	}
	delete(want.Rows, "sqlite_sequence")
	if diff := cmp.Diff(want.Rows, got); diff != "" {
		t.Errorf("rows of tables: %s", diff)
	}
	return want.Files
}

var kinds = map[string]chat.Type{
	"text": chat.Text, "image": chat.Image, "video": chat.Video, "voice": chat.Voice, "audio": chat.Audio, "document": chat.Document, "sticker": chat.Sticker,
	"gif": chat.Video, "videonote": chat.Video, "contact": chat.ContactCard, "contacts": chat.ContactCard, "location": chat.Place, "livelocation": chat.LivePlace,
	"system": chat.SystemType, "revoked": chat.Unknown, "admin_revoked": chat.Unknown, "poll": chat.PollType, "call": chat.CallType, "missed": chat.CallType,
	"vo_image": chat.ViewOnce, "vo_video": chat.ViewOnce, "vo_audio": chat.ViewOnce, "product": chat.Interactive, "invite": chat.Interactive, "order": chat.Order,
	"template": chat.Template, "ephemeral_setting": chat.SystemType, "album": chat.Interactive, "event": chat.OccasionType, "waiting": chat.Unsupported, "payment": chat.Text,
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
	id := w.KeyID
	if w.Edited != nil {
		id = w.Edited.Original
		is("changed", m.ChangedAt, at(w.Edited.TS).Format(time.RFC3339))
	}
	if w.Revoked != nil && m.Key.ID != w.KeyID {
		id = w.Revoked.Original
	}
	is("key", m.Key.ID, id)
	is("from me", m.Key.FromMe, w.FromMe)
	is("time", m.SentAt, at(w.TS).Format(time.RFC3339))
	want := kinds[w.Kind]
	if w.Type == 9999 || w.Kind == "text" && w.Type == 12 {
		want = m.Type
	}
	if w.Kind == "text" && w.Text == nil && w.TextHex == "" {
		want = m.Type
	}
	is("type", m.Type, want)
	if w.Chat != nil {
		addr := []string{m.Chat.JID, m.Chat.LID}
		if !slices.Contains(addr, *w.Chat) || w.ChatPN != nil && m.Chat.JID != *w.ChatPN {
			is("chat", addr, []string{deref(w.ChatPN), *w.Chat})
		}
	}
	if w.Sender != nil && m.Type != chat.SystemType {
		switch {
		case m.From == nil:
			is("sender", "", *w.Sender)
		case m.From.JID != *w.Sender && m.From.LID != *w.Sender:
			is("sender", m.From, *w.Sender)
		}
	}
	switch {
	case w.TextHex != "":
		b, _ := hex.DecodeString(w.TextHex)
		is("text", m.Text, strings.ToValidUTF8(string(b), "\uFFFD"))
	case w.Payment != "":
		is("text", m.Text, deref(w.Text)+"\n"+w.Payment)
	case w.Template != nil:
		if !strings.Contains(m.Text, w.Template.Content) {
			is("template", m.Text, w.Template.Content)
		}
	case w.Kind == "text" && m.Type == chat.Text:
		is("text", m.Text, deref(w.Text))
	case w.Caption != nil:
		is("caption", m.Text, *w.Caption)
	}
	is("starred", m.Starred, w.Starred)
	if w.Forwards {
		is("forwarded", m.Forwarded, max(w.Forward, 1))
	}
	if w.Media != nil {
		if len(m.Attachments) != 1 {
			is("attachments", len(m.Attachments), 1)
		} else {
			is("hash", m.Attachments[0].SHA256, w.Media.SHA256)
		}
	}
	if w.Quoted != nil {
		if m.Quoted == nil {
			is("quoted", nil, w.Quoted)
		} else {
			is("quoted", []string{m.Quoted.Key.ID, m.Quoted.Text}, []string{w.Quoted.KeyID, deref(w.Quoted.Text)})
		}
	}
	is("revoked", m.Revoked, w.Revoked != nil || w.Kind == "revoked" || w.Kind == "admin_revoked")
	if w.RevokedBy != nil && m.RevokedBy != nil && m.RevokedBy.LID != *w.RevokedBy {
		is("revoked by", m.RevokedBy.JID, *w.RevokedBy)
	}
	is("reactions", len(m.Reactions), len(w.Reactions))
	for i := range min(len(w.Reactions), len(m.Reactions)) {
		is("reaction", m.Reactions[i].Emoji, w.Reactions[i][1])
	}
	if w.Location != nil {
		is("place", []float64{*m.Location.Lat, *m.Location.Lon}, []float64{w.Location.Lat, w.Location.Lon})
	}
	if w.Poll != nil {
		votes := 0
		var names []string
		for _, o := range m.Poll.Options {
			names = append(names, o.Text)
			votes += len(o.Voters)
		}
		want := 0
		for _, v := range w.Poll.Votes {
			want += len(v[1].([]any))
		}
		is("poll", names, w.Poll.Options)
		is("votes", votes, want)
		is("question", m.Poll.Question, w.Poll.Question)
	}
	if len(w.VCards) > 0 {
		is("cards", len(m.Contacts), len(w.VCards))
	}
	if w.Call != nil {
		is("call", []any{m.Call.Video, m.Call.Seconds}, []any{w.Call.Video, w.Call.Duration})
	}
	if w.System != nil && len(w.System.Participants) > 0 {
		is("who", len(m.System.Who), len(w.System.Participants))
	}
	is("mentions", len(m.Mentions), len(w.Mentions))
	is("pinned", m.Pinned, w.Pinned)
	if w.Expires > 0 {
		is("timer", m.EphemeralS, int64(604800))
	}
	if m.Type != chat.SystemType && len(w.Receipts) > 0 && len(m.Receipts) != len(w.Receipts) {
		is("receipts", len(m.Receipts), len(w.Receipts))
	}
	return strings.Join(out, "; ")
}

// Every container of the suite is opened, or refused with a reason.
func TestContainers(t *testing.T) {
	dir := corpus(t, "gen/android-crypt-s1")
	f, err := os.ReadFile(filepath.Join(dir, "suite.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(f)) {
		c := strings.Split(strings.TrimSpace(line), "\t")
		if len(c) < 6 || c[0] == "file" {
			continue
		}
		for _, key := range strings.Split(c[3], "|") {
			sink := &capturetest.Sink{}
			o := capture.Options{Zone: time.UTC, Scratch: t.TempDir(), Key: filepath.Join(dir, key)}
			sources, err := Format().Find(t.Context(), filepath.Join(dir, c[0]), o)
			var sum capture.Summary
			if err == nil {
				sum, err = sources[0].Run(t.Context(), sink)
			}
			if left, _ := os.ReadDir(o.Scratch); len(left) > 0 {
				t.Errorf("%s: left %v", c[0], left)
			}
			switch ok := c[4] == "ok" && (c[5] == "sqlite" || strings.Contains(c[0], "increment")); {
			case c[4] == "reject-or-warn" && err == nil && len(sum.Warnings) > 0:
			case ok != (err == nil):
				t.Errorf("%s with %s: %v, want %s", c[0], key, err, c[4])
			case ok && (sum.Records == 0 || sum.Container == nil):
				t.Errorf("%s: %+v", c[0], sum)
			}
		}
	}
}

// A folder as it was copied from a phone is one import; its key lies in it.
func TestPhoneFolder(t *testing.T) {
	sink := &capturetest.Sink{}
	sum := imported(t, sink, corpus(t, "gen/phone-folder-s1"))
	if sum.Messages == 0 || sum.Container == nil || len(sum.Unreferenced) != 1 || sum.Attachments == 0 {
		t.Errorf("%+v", sum)
	}
}

// An increment tells of new messages, of reactions and of revocations.
func TestIncrement(t *testing.T) {
	dir := corpus(t, "gen/android-crypt-s1")
	sink := &capturetest.Sink{}
	sum := imported(t, sink, filepath.Join(dir, "msgstore-increment-1.db.crypt15"))
	b, err := os.ReadFile(filepath.Join(dir, "increment-1.truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		Chat   string `json:"chat"`
		FromMe bool   `json:"from_me"`
		ID     string `json:"key_id"`
		TS     int64  `json:"ts"`
		Kind   string `json:"kind"`
		Text   string `json:"text"`
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	got := map[string]chat.Message{}
	for _, m := range messages(t, sink) {
		got[m.Key.ID] = m
	}
	for _, w := range want {
		id := w.ID
		if w.Kind == "reaction" || w.Kind == "revoke" {
			id = w.Text
		}
		m, ok := got[id]
		if !ok || m.Chat.JID != w.Chat || m.SentAt != time.Unix(w.TS, 0).UTC().Format(time.RFC3339) {
			t.Errorf("%s: %+v", w.ID, m)
			continue
		}
		switch w.Kind {
		case "text", "image":
			if m.Text != w.Text || m.Key.FromMe != w.FromMe || m.Type != kinds[w.Kind] {
				t.Errorf("%s: %+v", w.ID, m)
			}
		case "ext":
			if m.Text != w.Text || m.Quoted == nil || m.Quoted.Text != "quoted" {
				t.Errorf("%s: %+v", w.ID, m)
			}
		case "reaction":
			if !m.Partial || len(m.Reactions) != 1 || m.Reactions[0].Emoji != "👍" {
				t.Errorf("%s: %+v", w.ID, m)
			}
		case "revoke":
			if !m.Partial || !m.Revoked {
				t.Errorf("%s: %+v", w.ID, m)
			}
		}
	}
	if c := got["call:ABC"]; c.Call == nil || c.Call.Seconds != 33 || c.Chat.JID != "99920000777@s.whatsapp.net" {
		t.Errorf("call: %+v", c)
	}
	if sum.Records != int64(len(want))+1 {
		t.Errorf("%+v", sum)
	}
}

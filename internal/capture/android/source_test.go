package android

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

const small = `
CREATE TABLE jid (_id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, server TEXT NOT NULL, type INTEGER, raw_string TEXT);
INSERT INTO jid VALUES (1, '447700900001', 's.whatsapp.net', 0, '447700900001@s.whatsapp.net'), (2, '123', 'lid', 18, '123@lid'),
	(3, '1203', 'g.us', 1, '1203@g.us'), (4, '447700900002', 's.whatsapp.net', 0, NULL);
CREATE TABLE jid_map (lid_row_id INTEGER PRIMARY KEY, jid_row_id INTEGER NOT NULL, sort_id INTEGER);
INSERT INTO jid_map VALUES (2, 1, 1);
CREATE TABLE chat (_id INTEGER PRIMARY KEY AUTOINCREMENT, jid_row_id INTEGER UNIQUE, subject TEXT, sort_timestamp INTEGER, last_message_row_id INTEGER);
INSERT INTO chat VALUES (1, 2, NULL, 5, 9), (2, 3, 'Deal team', 5, 9);
CREATE TABLE message (_id INTEGER PRIMARY KEY AUTOINCREMENT, chat_row_id INTEGER NOT NULL, from_me INTEGER NOT NULL, key_id TEXT NOT NULL, sender_jid_row_id INTEGER,
	status INTEGER, timestamp INTEGER, message_type INTEGER, text_data TEXT, starred INTEGER, sort_id INTEGER NOT NULL DEFAULT 0);
INSERT INTO message VALUES (1, -1, 0, '-1', NULL, -1, 0, -1, NULL, 0, 1),
	(2, 1, 0, 'A1', 0, 0, 1706735100000, 0, 'Hello', 0, 2), (3, 1, 1, 'A2', 0, 13, 1706735160000, 0, 'Hi', 1, 3),
	(5, 2, 0, 'A3', 4, 0, 1706735220000, 0, 'in the group', 0, 4), (6, 2, 0, 'A4', 2, 6, 1706735280000, 7, 'Deal team', 0, 5),
	(7, 1, 0, 'A5', 0, 0, 1706735340000, 1, 'a caption', 0, 6);
CREATE TABLE message_media (message_row_id INTEGER PRIMARY KEY, file_path TEXT, mime_type TEXT, file_length INTEGER, transferred INTEGER, file_hash TEXT);
INSERT INTO message_media VALUES (7, 'Media/WhatsApp Images/IMG-1.jpg', 'image/jpeg', 4, 1, '9B0w1h1hGvzk0YrR1fGsxQmGrqFYrBiOM9u9u1n0jxI=');
CREATE TABLE message_system (message_row_id INTEGER PRIMARY KEY, action_type INTEGER NOT NULL);
INSERT INTO message_system VALUES (6, 1);
CREATE TABLE receipt_user (_id INTEGER PRIMARY KEY AUTOINCREMENT, message_row_id INTEGER, receipt_user_jid_row_id INTEGER, receipt_timestamp INTEGER, read_timestamp INTEGER, played_timestamp INTEGER);
INSERT INTO receipt_user VALUES (1, 3, 2, 1706735161000, 1706735170000, NULL), (2, 99, 2, 1706735161000, NULL, NULL);
CREATE TABLE message_from_the_future (message_row_id INTEGER, note TEXT);
INSERT INTO message_from_the_future VALUES (2, 'kept with its message');
CREATE TABLE something_new (a);
INSERT INTO something_new VALUES (1);`

// phoneDir makes a folder with a database in it.
func phoneDir(t testing.TB, sql ...string) string {
	t.Helper()
	dir := t.TempDir()
	database(t, filepath.Join(dir, "msgstore.db"), append([]string{small}, sql...)...)
	return dir
}

// database makes a database.
func database(t testing.TB, path string, sql ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite3.Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sql {
		if err := c.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestSmallDatabase(t *testing.T) {
	sink := &capturetest.Sink{}
	sum := imported(t, sink, phoneDir(t), func(o *capture.Options) { o.Account = "+447700900009" })
	got := messages(t, sink)
	var lines []string
	for _, m := range got {
		from := "-"
		if m.From != nil {
			from = phone.NameOf(m.From)
		}
		lines = append(lines, strings.Join([]string{m.SentLocal, m.Chat.Name, string(m.Chat.Kind), from, string(m.Type), m.Text}, "|"))
	}
	want := []string{
		"2024-01-31T21:05:00|+447700900001|direct|+447700900001|text|Hello",
		"2024-01-31T21:06:00|+447700900001|direct|+447700900009|text|Hi",
		"2024-01-31T21:07:00|Deal team|group|+447700900002|text|in the group",
		"2024-01-31T21:08:00|Deal team|group|-|system|The subject was changed by +447700900001: Deal team",
		"2024-01-31T21:09:00|+447700900001|direct|+447700900001|image|a caption",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	if r := got[1].Receipts; len(r) != 1 || r[0].State != chat.Read || r[0].Who.Phone != "+447700900001" || !got[1].Starred {
		t.Errorf("%+v", got[1])
	}
	if a := got[4].Attachments; len(a) != 1 || a[0].State != chat.Missing || a[0].Reason == "" {
		t.Errorf("%+v", a)
	}
	if sum.Messages != 4 || sum.System != 1 || sum.AttachmentsMissing != 1 || sum.Chats != 2 || sum.First != "2024-01-31T21:05:00" {
		t.Errorf("%+v", sum)
	}
	if diff := cmp.Diff([]capture.Hole{{Table: "message", From: 4, To: 4}}, sum.Holes); diff != "" {
		t.Error(diff)
	}
	if !cmp.Equal(sum.Unknown, []string{"table something_new"}) {
		t.Errorf("unknown: %q", sum.Unknown)
	}
	tables := map[string]capture.TableCount{}
	for _, c := range sum.Tables {
		tables[c.Name] = c
	}
	for name, want := range map[string]capture.TableCount{
		"message":                 {Rows: 6, Records: 5, Excluded: 1},
		"chat":                    {Rows: 2, Records: 2},
		"receipt_user":            {Rows: 2, Records: 1, Attached: 1},
		"message_from_the_future": {Rows: 1, Attached: 1},
		"something_new":           {Rows: 1, Excluded: 1},
	} {
		got := tables[name]
		got.Name, got.Reason = "", ""
		if got != want {
			t.Errorf("table %s: %+v, want %+v", name, got, want)
		}
	}
}

func TestImportTwiceAddsNothing(t *testing.T) {
	dir := phoneDir(t)
	sink := &capturetest.Sink{}
	imported(t, sink, dir)
	n := len(sink.Entries)
	sum := imported(t, sink, dir)
	if got := len(sink.Entries) - n; got != 2 { // the capture and its end
		t.Errorf("%d new records", got)
	}
	if sum.AlreadyArchived != 8 { // two are of chats
		t.Errorf("%d known", sum.AlreadyArchived)
	}
}

// The same phone a week later: rows have other numbers, one is gone, one is
// new, the counters of the chats have moved.
func TestLaterBackupAddsWhatIsNew(t *testing.T) {
	sink := &capturetest.Sink{}
	imported(t, sink, phoneDir(t))
	n := len(sink.Entries)
	later := phoneDir(t, `UPDATE message SET _id = _id + 100, sort_id = sort_id + 100 WHERE _id > 1; UPDATE message_media SET message_row_id = message_row_id + 100;
		UPDATE message_system SET message_row_id = message_row_id + 100; UPDATE receipt_user SET message_row_id = message_row_id + 100, _id = _id + 7;
		UPDATE message_from_the_future SET message_row_id = 102;
		UPDATE chat SET last_message_row_id = 200, sort_timestamp = 7; DELETE FROM message WHERE _id = 105;
		INSERT INTO message VALUES (110, 1, 0, 'A9', 0, 0, 1706835340000, 0, 'new', 0, 110)`)
	imported(t, sink, later)
	if got := len(sink.Entries) - n; got != 3 { // the new one, the capture and its end
		t.Errorf("%d new records", got)
	}
}

// Who is or was in a group stands in the record of the chat, and who was
// called in that of the call.
func TestChatsAndCallsAreRecords(t *testing.T) {
	sql := `
CREATE TABLE group_participant_user (_id INTEGER PRIMARY KEY, group_jid_row_id INTEGER, user_jid_row_id INTEGER, rank INTEGER);
INSERT INTO group_participant_user VALUES (1, 3, 2, 2), (2, 3, 4, 0), (3, 77, 4, 0);
CREATE TABLE group_past_participant_user (_id INTEGER PRIMARY KEY, group_jid_row_id INTEGER, user_jid_row_id INTEGER, is_leave INTEGER, timestamp INTEGER);
INSERT INTO group_past_participant_user VALUES (1, 3, 1, 1, 1706735220);
CREATE TABLE group_participants (_id INTEGER PRIMARY KEY, gjid TEXT, jid TEXT, admin INTEGER);
INSERT INTO group_participants VALUES (1, '1203@g.us', '123@lid', 2), (2, 'gone@g.us', '123@lid', 0);
CREATE TABLE newsletter (chat_row_id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO newsletter VALUES (3, 'Company news');
INSERT INTO jid VALUES (5, '9', 'newsletter', 21, '9@newsletter');
INSERT INTO chat VALUES (3, 5, NULL, 1, 1);
INSERT INTO message VALUES (8, 3, 0, 'A6', 0, 0, 1706735400000, 0, 'the news', 0, 7);
CREATE TABLE call_log (_id INTEGER PRIMARY KEY, jid_row_id INTEGER, from_me INTEGER, call_id TEXT, timestamp INTEGER, duration INTEGER, group_jid_row_id INTEGER);
INSERT INTO call_log VALUES (1, 2, 1, 'c1', 1706735460000, 5, 0), (2, 2, 0, 'c2', 1706735520000, 6, 0);
CREATE TABLE call_log_participant_v2 (_id INTEGER PRIMARY KEY, call_log_row_id INTEGER, jid_row_id INTEGER, call_result INTEGER);
INSERT INTO call_log_participant_v2 VALUES (1, 1, 2, 5), (2, 2, 4, 5), (3, 99, 4, 5);`
	lines := `CREATE TABLE message_call_log (message_row_id INTEGER PRIMARY KEY, call_log_row_id INTEGER);
INSERT INTO message_call_log VALUES (3, 1), (5, 1);`
	for name, c := range map[string]struct {
		dir  string
		call string
	}{"some calls have a line": {phoneDir(t, sql, lines), "c2"}, "none has": {phoneDir(t, sql), "c1 c2"}} {
		sink := &capturetest.Sink{}
		sum := imported(t, sink, c.dir)
		var calls, orphans []string
		for _, it := range itemsOf(t, sink) {
			switch it.Table {
			case "chat":
				if n := len(it.With["group_participant_user"]); it.Row.Str("subject") == "Deal team" && (n != 2 || len(it.With["group_past_participant_user"]) != 1 || len(it.With["group_participants"]) != 1 || it.JID[4][0] == "") {
					t.Errorf("%s: %+v", name, it)
				}
			case "call_log":
				calls = append(calls, it.Row.Str("call_id"))
				if len(it.With["call_log_participant_v2"]) != 1 {
					t.Errorf("%s: %+v", name, it)
				}
			case "message":
				if it.Row.Str("key_id") == "A2" && strings.HasPrefix(name, "some") && (len(it.With["call_log"]) != 1 || len(it.With["call_log_participant_v2"]) != 1) {
					t.Errorf("%s: %+v", name, it)
				}
			case "receipt_user":
			default:
				orphans = append(orphans, it.Table)
			}
		}
		slices.Sort(orphans)
		if diff := cmp.Diff([]string{"call_log_participant_v2", "group_participant_user", "group_participants"}, orphans); diff != "" || strings.Join(calls, " ") != c.call {
			t.Errorf("%s: calls %q, orphans %s", name, calls, diff)
		}
		for _, tc := range sum.Tables {
			want := map[string]int64{"call_log": 2, "call_log_participant_v2": 3, "group_participant_user": 3, "group_participants": 2, "group_past_participant_user": 1, "newsletter": 1, "chat": 3}[tc.Name]
			if tc.Rows != tc.Records+tc.Attached+tc.Excluded || want != 0 && (tc.Rows != want || tc.Excluded > 0) {
				t.Errorf("%s: table %s: %+v", name, tc.Name, tc)
			}
		}
		ms := messages(t, sink)
		if n := slices.IndexFunc(ms, func(m chat.Message) bool { return m.Text == "the news" }); ms[n].Chat.Name != "Company news" {
			t.Errorf("%s: %+v", name, ms[n])
		}
	}
}

// itemsOf reads every item in a sink.
func itemsOf(t testing.TB, sink *capturetest.Sink) (out []item) {
	t.Helper()
	for _, e := range sink.Entries {
		if e.Kind != record.Item {
			continue
		}
		var h record.ItemHead
		raw, err := e.Decode(&h)
		if err != nil {
			t.Fatal(err)
		}
		it, err := decodeItem(raw)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, it)
	}
	return out
}

const old = `
CREATE TABLE messages (_id INTEGER PRIMARY KEY, key_remote_jid TEXT, key_from_me INTEGER, key_id TEXT, status INTEGER, data TEXT, timestamp INTEGER, media_wa_type TEXT, media_name TEXT, remote_resource TEXT, quoted_row_id INTEGER);
INSERT INTO messages VALUES (2, '447700900001@s.whatsapp.net', 0, 'A1', 0, 'Hello', 1706735100000, '0', NULL, NULL, NULL),
	(3, '1203@g.us', 0, 'A2', 0, NULL, 1706735160000, '1', NULL, '447700900002@s.whatsapp.net', NULL);
CREATE TABLE message_media (message_row_id INTEGER PRIMARY KEY, file_path TEXT, mime_type TEXT, file_length INTEGER, transferred INTEGER);
INSERT INTO message_media VALUES (3, 'Media/WhatsApp Images/IMG-1.jpg', 'image/jpeg', 4, 1);`

// The old table names people and chats by address, and its media stand in the
// new table of media.
func TestOldTable(t *testing.T) {
	jids := `
CREATE TABLE jid (_id INTEGER PRIMARY KEY, user TEXT, server TEXT, raw_string TEXT);
INSERT INTO jid VALUES (1, '447700900001', 's.whatsapp.net', NULL), (2, '1203', 'g.us', '1203@g.us'), (3, '447700900002', 's.whatsapp.net', '447700900002@s.whatsapp.net');
CREATE TABLE chat (_id INTEGER PRIMARY KEY, jid_row_id INTEGER, subject TEXT);
INSERT INTO chat VALUES (1, 1, NULL), (2, 2, 'Deal team');`
	half := `
CREATE TABLE message (_id INTEGER PRIMARY KEY, chat_row_id INTEGER, from_me INTEGER, key_id TEXT, sender_jid_row_id INTEGER, timestamp INTEGER, message_type INTEGER, text_data TEXT);
INSERT INTO message VALUES (2, 1, 0, 'A1', 0, 1706735100000, 0, 'Hello');`
	for name, c := range map[string]struct{ sql, group string }{
		"before 2018": {old, "1203@g.us"}, "2021": {old + jids, "Deal team"}, "half moved": {old + jids + half, "Deal team"},
	} {
		dir := t.TempDir()
		database(t, filepath.Join(dir, "msgstore.db"), c.sql)
		database(t, filepath.Join(dir, "wa.db"), `CREATE TABLE wa_contacts (_id INTEGER PRIMARY KEY, jid TEXT, display_name TEXT);
			INSERT INTO wa_contacts VALUES (1, '447700900001@s.whatsapp.net', 'Ana'), (2, '447700900002@s.whatsapp.net', 'Bob')`)
		put(t, filepath.Join(dir, "Media/WhatsApp Images/IMG-1.jpg"), "jpeg")
		sink := &capturetest.Sink{}
		sum := imported(t, sink, dir)
		var lines []string
		for _, m := range messages(t, sink) {
			lines = append(lines, strings.Join([]string{m.Chat.Name, m.From.Name, string(m.Type), m.Text, fmt.Sprint(len(m.Attachments))}, "|"))
		}
		if diff := cmp.Diff([]string{"Ana|Ana|text|Hello|0", c.group + "|Bob|image||1"}, lines); diff != "" || sum.Attachments != 1 || sum.AttachmentsMissing != 0 {
			t.Errorf("%s: %s, %+v", name, diff, sum)
		}
		for _, tc := range sum.Tables {
			if tc.Name == "message_media" && (tc.Rows != 1 || tc.Attached != 1) {
				t.Errorf("%s: %+v", name, tc)
			}
		}
	}
}

func put(t testing.TB, p, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMediaAreMatchedByPathAndContent(t *testing.T) {
	hash := `UPDATE message_media SET file_hash = 'iNQmb9TmM40TuEX8iG9F2cyuiBNfuSSR6Wtox2Gqlhk='` // none of these
	for name, c := range map[string]struct {
		sql, file string
		state     chat.State
	}{
		"in its place":     {`UPDATE message_media SET file_hash = NULL`, "Media/WhatsApp Images/IMG-1.jpg", chat.Stored},
		"side by side":     {`UPDATE message_media SET file_hash = NULL`, "Media/IMG-1.jpg", chat.Stored},
		"another case":     {`UPDATE message_media SET file_hash = NULL`, "Media/whatsapp images/img-1.JPG", chat.Stored},
		"another content":  {hash, "Media/WhatsApp Images/IMG-1.jpg", chat.Missing},
		"not there":        {hash, "Media/WhatsApp Images/other.jpg", chat.Missing},
		"outside":          {`UPDATE message_media SET file_path = 'Media/../../secret'`, "secret", chat.Missing},
		"an absolute path": {`UPDATE message_media SET file_path = '/etc/passwd'`, "Media/x", chat.Missing},
		"was never on it":  {`UPDATE message_media SET transferred = 0, file_path = NULL`, "Media/x", chat.Omitted},
	} {
		dir := phoneDir(t, c.sql)
		put(t, filepath.Join(dir, "Media/.nomedia"), "")
		put(t, filepath.Join(dir, c.file), "jpeg")
		sink := &capturetest.Sink{}
		sum := imported(t, sink, dir)
		ms := messages(t, sink)
		if a := ms[len(ms)-1].Attachments; len(a) != 1 || a[0].State != c.state || a[0].State != chat.Stored && a[0].Reason == "" {
			t.Errorf("%s: %+v", name, a)
		}
		if c.state != chat.Stored && strings.HasPrefix(c.file, "Media/") && name != "another content" && len(sum.Unreferenced) != 1 {
			t.Errorf("%s: unreferenced %q", name, sum.Unreferenced)
		}
	}
}

func TestWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "a.txt")
	if err := os.WriteFile(text, []byte("31/01/2024, 21:05 - Ana: hi\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{text, dir} {
		if _, err := Format().Find(t.Context(), p, capture.Options{}); !errors.Is(err, capture.ErrNotMine) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// One that cannot be read does not keep the others of a folder out, and is not
// passed over.
func TestWhatCannotBeReadInAFolder(t *testing.T) {
	dir := phoneDir(t)
	put(t, filepath.Join(dir, "Databases/msgstore-2024-01-01.1.db"), "SQLite format 3\x00, and not more")
	put(t, filepath.Join(dir, "Databases/msgstore-2024-01-02.1.db.crypt15"), "")
	put(t, filepath.Join(dir, "Backups/settings.json"), "{}")
	sources, err := Format().Find(t.Context(), dir, capture.Options{Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sources {
		_, err := s.Run(t.Context(), &capturetest.Sink{})
		got = append(got, fmt.Sprintf("%s: %v", filepath.Base(s.Path()), err))
	}
	bad := ": " + errNoStore.Error()
	if diff := cmp.Diff([]string{"msgstore.db: <nil>", "msgstore-2024-01-01.1.db" + bad, "msgstore-2024-01-02.1.db.crypt15" + bad}, got); diff != "" {
		t.Error(diff)
	}
}

// What belongs to the only database of a folder is found wherever it lies.
func TestScatteredFolder(t *testing.T) {
	from, dir := phoneDir(t, `UPDATE message_media SET file_hash = NULL`), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(from, "msgstore.db"), filepath.Join(dir, "db/store.db")); err != nil {
		t.Fatal(err)
	}
	database(t, filepath.Join(dir, "names/contacts.db"), `CREATE TABLE wa_contacts (_id INTEGER PRIMARY KEY, jid TEXT, display_name TEXT);
		INSERT INTO wa_contacts VALUES (1, '447700900001@s.whatsapp.net', 'Ana')`)
	put(t, filepath.Join(dir, "WhatsApp/Media/WhatsApp Images/IMG-1.jpg"), "jpeg")
	sink := &capturetest.Sink{}
	sum := imported(t, sink, dir)
	if ms := messages(t, sink); sum.AttachmentsMissing != 0 || sum.Attachments != 1 || ms[0].Chat.Name != "Ana" {
		t.Errorf("%+v\n%+v", sum, ms[0])
	}
}

func TestKeyThatIsNotThere(t *testing.T) {
	for given, want := range map[string]string{"no/such.key": "no such file", "12zz": "after 2 digits"} {
		if _, err := keyOf(given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", given, err)
		}
	}
}

func TestBackupInAZip(t *testing.T) {
	for name, want := range map[string]error{"phone/Databases/msgstore.db.crypt15": errPacked, "iphone/Manifest.db": errPacked, "notes.txt": capture.ErrNotMine} {
		p := filepath.Join(t.TempDir(), "a.zip")
		f, err := os.Create(p)
		if err != nil {
			t.Fatal(err)
		}
		z := zip.NewWriter(f)
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(z.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := Format().Find(t.Context(), p, capture.Options{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedDatabases(t *testing.T) {
	for name, want := range map[string]string{"truncated.db": "refused", "zero-page.db": "damage", "flipped-byte.db": "", "other-app.db": "refused"} {
		p := filepath.Join(corpus(t, "gen/android-damaged-s1"), name)
		sink := &capturetest.Sink{}
		o := capture.Options{Zone: time.UTC, Scratch: t.TempDir()}
		sources, err := Format().Find(t.Context(), p, o)
		if want == "refused" {
			if err == nil {
				_, err = sources[0].Run(t.Context(), sink)
			}
			if err == nil || name == "truncated.db" && !errors.Is(err, foreign.ErrDamaged) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sum, err := sources[0].Run(t.Context(), sink)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if (want == "damage") != (len(sum.Damage) > 0) || want == "damage" && sum.Complete() || sum.Records == 0 {
			t.Errorf("%s: %d records, damage %q", name, sum.Records, sum.Damage)
		}
		if want == "damage" && sum.Records >= 2000 {
			t.Errorf("%s: %d records of a damaged database", name, sum.Records)
		}
	}
}

// What a record holds reads back as what was put into it.
func TestItemRoundTrip(t *testing.T) {
	sink := &capturetest.Sink{}
	imported(t, sink, filepath.Join(corpus(t, "gen/android-modern-s1"), "msgstore.db"))
	for _, e := range sink.Entries {
		_, raw, _ := strings.Cut(string(e.Parts[0]), "\n")
		if raw == "" {
			continue
		}
		if _, err := decodeItem([]byte(raw)); err != nil {
			t.Fatalf("entry %d: %v", e.Seq, err)
		}
	}
}

func FuzzItem(f *testing.F) {
	f.Add([]byte(`{"t":"message","row":{"_id":2,"key_id":"A","message_type":66,"timestamp":1},"with":{"message_poll_option":[{"_id":1,"option_name":"x"}]},"chat":{"jid_row_id":1},"jid":{"1":["1@lid","","n"]}}`))
	f.Add([]byte(`{"t":"messages","row":{"key_remote_jid":"1@g.us","media_wa_type":"5","latitude":1.5}}`))
	rd, err := phone.ReadingOf(record.CaptureHead{Source: Name, Reading: []byte(`{"v":1,"zone":"UTC"}`)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		it, err := decodeItem(raw)
		if err != nil {
			return
		}
		(&reader{rd: rd}).message(&it, record.ItemHead{})
	})
}

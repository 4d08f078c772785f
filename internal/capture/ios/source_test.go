package ios

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // Apple's naming of files
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/capture/capturetest"
	"github.com/waxseal/waxseal/internal/capture/folder"
	"github.com/waxseal/waxseal/internal/capture/foreign"
	"github.com/waxseal/waxseal/internal/capture/ios/backup"
	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/record"
)

// pb writes a protobuf: pairs of a field's number and its number, text or
// message.
func pb(pairs ...any) (b wire) {
	for i := 0; i < len(pairs); i += 2 {
		num := protowire.Number(pairs[i].(int)) //nolint:gosec // small
		switch v := pairs[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v)) //nolint:gosec // positive
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
		case wire:
			b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
		}
	}
	return b
}

// blob is a protobuf as SQL has it.
func blob(pairs ...any) string { return "x'" + hex.EncodeToString(pb(pairs...)) + "'" }

var jpeg = base64.StdEncoding.EncodeToString(func() []byte { s := sha256.Sum256([]byte("jpeg")); return s[:] }())

// small is a phone's database, with one of everything that matters. Tables and
// columns that the reader does not need are left out.
var small = `
CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZSESSIONTYPE INTEGER, ZLASTMESSAGE INTEGER, ZLASTMESSAGEDATE TIMESTAMP, ZUNREADCOUNT INTEGER, ZREMOVED INTEGER,
	ZCONTACTJID VARCHAR, ZPARTNERNAME VARCHAR, ZSAVEDINPUT VARCHAR);
INSERT INTO ZWACHATSESSION VALUES (1, 4, 7, 0, 9, 728427900, 2, 0, '123@lid', 'Ana', 'not sent'), (2, 4, 1, 1, 9, 1, 0, 0, '1203@g.us', 'Deal team', NULL),
	(3, 4, 1, 3, 9, 1, 0, 1, '447700900002@status', NULL, NULL);
CREATE TABLE ZWAGROUPMEMBER (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZCHATSESSION INTEGER, ZCONTACTNAME VARCHAR, ZMEMBERJID VARCHAR);
INSERT INTO ZWAGROUPMEMBER VALUES (1, 6, 1, 2, 'Bob', '447700900002@s.whatsapp.net'), (2, 6, 1, 2, NULL, '123@lid');
CREATE TABLE ZWAPROFILEPUSHNAME (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZJID VARCHAR, ZPUSHNAME VARCHAR);
INSERT INTO ZWAPROFILEPUSHNAME VALUES (1, 13, 1, '447700900003@s.whatsapp.net', 'Cy'), (2, 13, 1, '447700900004@s.whatsapp.net', 'CO/kxKIGIAA=');
CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZFLAGS INTEGER, ZGROUPEVENTTYPE INTEGER, ZISFROMME INTEGER, ZMESSAGESTATUS INTEGER, ZMESSAGETYPE INTEGER,
	ZSORT INTEGER, ZSTARRED INTEGER, ZCHATSESSION INTEGER, ZGROUPMEMBER INTEGER, ZMEDIAITEM INTEGER, ZMESSAGEINFO INTEGER, ZMESSAGEDATE TIMESTAMP, ZFROMJID VARCHAR, ZTOJID VARCHAR,
	ZPUSHNAME VARCHAR, ZSTANZAID VARCHAR, ZTEXT VARCHAR);
INSERT INTO ZWAMESSAGE VALUES
	(1, 9, 1, 0, 2, 0, 0, 0, 1, 0, 1, NULL, NULL, NULL, 728427900, '123@lid', NULL, 'CO/kxKIGIAA=', 'A1', 'Hello'),
	(2, 9, 3, 384, 0, 1, 8, 0, 2, 1, 1, NULL, 1, 1, 728427960.25, NULL, '123@lid', '` + base64.StdEncoding.EncodeToString(pb(1, 1700000000, 3, "447700900009@s.whatsapp.net")) + `', 'A2', 'Hi'),
	(4, 9, 1, 0, 2, 0, 0, 0, 1, 0, 2, 1, NULL, 2, 728428020, '1203@g.us', NULL, NULL, 'A3', 'in the group'),
	(5, 9, 1, 0, 1, 0, 0, 6, 2, 0, 2, 1, NULL, NULL, 728428080, '1203@g.us', NULL, NULL, 'A4', 'Deal team'),
	(6, 9, 1, 0, 2, 0, 0, 6, 3, 0, 2, 2, NULL, NULL, 728428140, '1203@g.us', NULL, NULL, 'A5', '447700900002@s.whatsapp.net'),
	(7, 9, 1, 0, 2, 0, 0, 1, 3, 0, 1, NULL, 2, NULL, 728428200, '123@lid', NULL, NULL, 'A6', NULL),
	(8, 9, 1, 0, 2, 0, 0, 0, 3, 0, 77, NULL, NULL, NULL, 728428260, '447700900003@s.whatsapp.net', NULL, NULL, NULL, 'of a chat that is gone'),
	(9, 9, 1, 0, 2, 0, 0, 0, 3, 0, 77, NULL, NULL, NULL, 728428260, '447700900003@s.whatsapp.net', NULL, NULL, NULL, 'of a chat that is gone'),
	(10, 9, 1, 0, 1, 0, 0, 10, 4, 0, 1, NULL, NULL, NULL, 728428320, '123@lid', NULL, NULL, 'A7', NULL),
	(11, 9, 1, 0, 2, 0, 0, 14, 4, 0, 2, 1, 3, NULL, 728428380, '1203@g.us', NULL, NULL, 'A8', NULL),
	(12, 9, 1, 0, 2, 0, 0, 0, 4, 0, 3, NULL, NULL, NULL, 728428440, '447700900002@status', NULL, NULL, 'A9', 'my status'),
	(13, 9, 1, 0, 2, 0, 0, 777, 5, 0, 1, NULL, 4, NULL, 728428500, '123@lid', NULL, NULL, 'B1', NULL),
	(14, 9, 1, 0, 0, 1, 6, 46, 6, 0, 1, NULL, NULL, 3, 728428560, NULL, '123@lid', NULL, 'B2', NULL);
CREATE TABLE ZWAMEDIAITEM (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZCLOUDSTATUS INTEGER, ZFILESIZE INTEGER, ZMESSAGE INTEGER, ZMEDIALOCALPATH VARCHAR, ZTITLE VARCHAR,
	ZVCARDNAME VARCHAR, ZVCARDSTRING VARCHAR, ZXMPPTHUMBPATH VARCHAR, ZMETADATA BLOB);
INSERT INTO ZWAMEDIAITEM VALUES
	(1, 8, 1, NULL, 0, 2, NULL, 'no caption, but a protobuf', NULL, NULL, NULL, ` + blob(5, "3A0000000000000000A1", 6, "123@lid", 17, 4, 19, pb(3, pb(3, "what was said")), 36, 604800) + `),
	(2, 8, 1, 4, 4, 7, 'Media/123@lid/a/b/ab.jpg', 'a caption', '` + jpeg + `', 'image/jpeg', 'Media/123@lid/a/b/ab.thumb', NULL),
	(3, 8, 1, NULL, 0, 11, NULL, NULL, NULL, '123@lid', NULL, NULL), (4, 8, 1, NULL, 5, NULL, 'Media/123@lid/a/b/cd.mp4', NULL, NULL, 'video/mp4', NULL, NULL),
	(5, 8, 1, NULL, 0, 99, NULL, NULL, NULL, NULL, NULL, NULL);
UPDATE ZWAMESSAGE SET ZMEDIAITEM = 4 WHERE Z_PK = 13;
CREATE TABLE ZWAMESSAGEINFO (Z_PK INTEGER PRIMARY KEY, Z_ENT INTEGER, Z_OPT INTEGER, ZMESSAGE INTEGER, ZRECEIPTINFO BLOB);
INSERT INTO ZWAMESSAGEINFO VALUES
	(1, 11, 1, 2, ` + blob(2, pb(1, "\x81\x44\x77\x00\x90\x00\x03", 2, 1706735161, 3, 1706735170), 2, pb(1, "\x81\x44\x77\x00\x90\x00\x09", 3, 1706735170)) + `),
	(2, 11, 1, 4, ` + blob(7, pb(1, pb(1, "K", 2, "123@lid", 3, "👍", 4, 1706735162000), 1, pb(2, "447700900002@s.whatsapp.net", 3, ""), 2, pb(1, "K", 2, "🔥", 3, 1706735163000))) + `),
	(3, 11, 1, 14, ` + blob(8, pb(2, "Lunch?", 3, pb(1, "Yes"), 3, pb(1, "No"))) + `);
CREATE TABLE ZWAFROMTHEFUTURE (Z_PK INTEGER PRIMARY KEY, ZMESSAGE INTEGER, ZNOTE VARCHAR);
INSERT INTO ZWAFROMTHEFUTURE VALUES (1, 1, 'kept with its message');
CREATE TABLE ZSOMETHINGNEW (Z_PK INTEGER PRIMARY KEY);
INSERT INTO ZSOMETHINGNEW VALUES (1);
CREATE TABLE Z_PRIMARYKEY (Z_ENT INTEGER PRIMARY KEY, Z_NAME VARCHAR, Z_SUPER INTEGER, Z_MAX INTEGER);
INSERT INTO Z_PRIMARYKEY VALUES (9, 'WAMessage', 0, 16);`

// beside are the databases that lie beside it.
var beside = map[string]string{
	"LID.sqlite":        `CREATE TABLE ZWAPHONENUMBERLIDPAIR (Z_PK INTEGER PRIMARY KEY, ZLID TEXT, ZPHONENUMBER TEXT); INSERT INTO ZWAPHONENUMBERLIDPAIR VALUES (1, '123', '447700900001')`,
	"ContactsV2.sqlite": `CREATE TABLE ZWAADDRESSBOOKCONTACT (Z_PK INTEGER PRIMARY KEY, ZFULLNAME VARCHAR, ZWHATSAPPID VARCHAR); INSERT INTO ZWAADDRESSBOOKCONTACT VALUES (1, 'Bob Roy', '447700900002@s.whatsapp.net')`,
	"CallHistory.sqlite": `CREATE TABLE ZWAAGGREGATECALLEVENT (Z_PK INTEGER PRIMARY KEY, ZINCOMING INTEGER, ZMISSED INTEGER, ZVIDEO INTEGER);
		INSERT INTO ZWAAGGREGATECALLEVENT VALUES (1, 1, 1, 1);
		CREATE TABLE ZWACDCALLEVENT (Z_PK INTEGER PRIMARY KEY, ZOUTCOME INTEGER, Z7CALLEVENTS INTEGER, ZDATE TIMESTAMP, ZDURATION FLOAT);
		INSERT INTO ZWACDCALLEVENT VALUES (1, 1, 1, 728428620, 0), (2, 0, 1, 728428680, 61.5);
		CREATE TABLE ZWACDCALLEVENTPARTICIPANT (Z_PK INTEGER PRIMARY KEY, Z7PARTICIPANTS INTEGER, ZJIDSTRING VARCHAR);
		INSERT INTO ZWACDCALLEVENTPARTICIPANT VALUES (1, 1, '123@lid'), (2, 2, '123@lid'), (3, 9, '123@lid')`,
}

// phoneDir makes WhatsApp's folder of a phone. sql is run after small.
func phoneDir(t testing.TB, sql ...string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, sql ...string) {
		c, err := sqlite3.Open("file:" + filepath.Join(dir, name))
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
	write("ChatStorage.sqlite", append([]string{small}, sql...)...)
	for name, sql := range beside {
		write(name, sql)
	}
	return dir
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func TestSmallDatabase(t *testing.T) {
	dir := phoneDir(t)
	put(t, dir, "Message/Media/123@lid/a/b/ab.jpg", "jpeg")
	put(t, dir, "Message/Media/123@lid/a/b/ab.thumb", "small")
	put(t, dir, "Message/Media/123@lid/x/y/rest.jpg", "named by nobody")
	sink := &capturetest.Sink{}
	sum := imported(t, sink, dir)
	got := items(t, sink)
	var lines []string
	for _, m := range got {
		from := "-"
		if m.From != nil {
			from = phone.NameOf(m.From)
		}
		lines = append(lines, strings.Join([]string{m.SentLocal, m.Chat.JID, m.Chat.Name, string(m.Chat.Kind), from, string(m.Type), m.Text}, "|"))
	}
	want := []string{
		"2024-01-31T21:05:00|447700900001@s.whatsapp.net|Ana|direct|Ana|text|Hello",
		"2024-01-31T21:06:00|447700900001@s.whatsapp.net|Ana|direct|+447700900009|text|Hi",
		"2024-01-31T21:07:00|1203@g.us|Deal team|group|Bob Roy|text|in the group",
		"2024-01-31T21:08:00|1203@g.us|Deal team|group|-|system|The subject was changed by Bob Roy: Deal team",
		"2024-01-31T21:09:00|1203@g.us|Deal team|group|-|system|Members were added by Bob Roy: Ana",
		"2024-01-31T21:10:00|447700900001@s.whatsapp.net|Ana|direct|Ana|image|a caption",
		"2024-01-31T21:11:00|447700900003@s.whatsapp.net|Cy|direct|Cy|text|of a chat that is gone",
		"2024-01-31T21:11:00|447700900003@s.whatsapp.net|Cy|direct|Cy|text|of a chat that is gone",
		"2024-01-31T21:12:00|447700900001@s.whatsapp.net|Ana|direct|Ana|call|",
		"2024-01-31T21:13:00|1203@g.us|Deal team|group|Bob Roy|unknown|",
		"2024-01-31T21:14:00|447700900002@status|Bob Roy|status|Bob Roy|text|my status",
		"2024-01-31T21:15:00|447700900001@s.whatsapp.net|Ana|direct|Ana|video|",
		"2024-01-31T21:16:00|447700900001@s.whatsapp.net|Ana|direct|+447700900009|poll|",
		"2024-01-31T21:17:00|447700900001@s.whatsapp.net|Ana|direct|Ana|call|",
		"2024-01-31T21:18:00|447700900001@s.whatsapp.net|Ana|direct|Ana|call|",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Fatal(diff)
	}
	ana := chat.Person{Name: "Ana", Phone: "+447700900001", JID: "447700900001@s.whatsapp.net", LID: "123@lid"}
	me := chat.Person{Phone: "+447700900009"}
	is := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
	}
	is("key", got[0].Key, &chat.Key{ID: "A1", Chat: "123@lid"})
	is("key of a member's", got[2].Key, &chat.Key{ID: "A3", Chat: "1203@g.us", Sender: "447700900002@s.whatsapp.net"})
	is("key of none", got[6].Key, (*chat.Key)(nil))
	is("receipts", got[1].Receipts, []chat.Receipt{{Who: chat.Person{Phone: "+447700900003", JID: "447700900003@s.whatsapp.net"}, State: chat.Read, At: "2024-01-31T21:06:10Z"}})
	is("around", []any{got[1].Starred, got[1].Forwarded, got[1].EphemeralS, got[0].Starred, got[0].Forwarded}, []any{true, 4, int64(604800), false, 0})
	is("quoted", got[1].Quoted, &chat.Quoted{Key: chat.Key{ID: "3A0000000000000000A1", Chat: "123@lid", Sender: "123@lid"}, From: &ana, Type: chat.Image, Text: "what was said"})
	is("reactions", got[2].Reactions, []chat.Reaction{{From: ana, Emoji: "👍", At: "2024-01-31T21:06:02Z"}, {From: me, Emoji: "🔥", At: "2024-01-31T21:06:03Z"}})
	is("of a chat that was removed", []bool{got[10].Dropped, got[0].Dropped}, []bool{true, false})
	is("attachment", got[5].Attachments, []chat.Attachment{{Name: "ab.jpg", MIME: "image/jpeg", Size: 4, SHA256: "41e5787e9f28562d07b891b1816b492309d646c0f2829743fa4963a9f9cc1d61", State: chat.Stored}})
	is("missed call", got[8].Call, &chat.Call{Missed: true})
	is("revoked", []any{got[9].Revoked, got[9].RevokedBy, len(got[9].Attachments)}, []any{true, &ana, 0})
	is("type", []any{got[11].TypeCode, got[11].Attachments[0].State}, []any{"ios:777", chat.Missing})
	is("poll", got[12].Poll, &chat.Poll{Question: "Lunch?", Options: []chat.PollOption{{Text: "Yes"}, {Text: "No"}}})
	is("status of the row", got[12].Receipts, []chat.Receipt{{Who: ana, State: chat.Delivered}})
	is("calls", []any{got[13].Call, got[14].Call, got[13].Direction}, []any{&chat.Call{Video: true, Missed: true, Printed: "missed"}, &chat.Call{Video: true, Seconds: 61, Printed: "answered"}, chat.In})

	is("counts", []int64{sum.Messages, sum.System, sum.Attachments, sum.AttachmentsMissing, sum.Chats}, []int64{13, 2, 2, 1, 4})
	is("holes", sum.Holes, []capture.Hole{{Table: "ZWAMESSAGE", From: 3, To: 3}, {Table: "ZWAMESSAGE", From: 15, To: 16}})
	is("missing", sum.Missing, []capture.Missing{{Reason: "not in the media folder", Files: 1, First: []string{"cd.mp4"}}})
	is("unknown", sum.Unknown, []string{"message type ios:777 (1)", "table ZSOMETHINGNEW"})
	is("unreferenced", sum.Unreferenced, []string{"Media/123@lid/x/y/rest.jpg"})
	tables := map[string]capture.TableCount{}
	for _, c := range sum.Tables {
		c.Reason = ""
		tables[c.Name] = c
	}
	for _, want := range []capture.TableCount{
		{Name: "ZWAMESSAGE", Rows: 13, Records: 13},
		{Name: "ZWACHATSESSION", Rows: 3, Records: 3},
		{Name: "ZWAGROUPMEMBER", Rows: 2, Attached: 2},
		{Name: "ZWAMEDIAITEM", Rows: 5, Records: 1, Attached: 4},
		{Name: "ZWAFROMTHEFUTURE", Rows: 1, Attached: 1},
		{Name: "ZSOMETHINGNEW", Rows: 1, Excluded: 1},
		{Name: "CallHistory.ZWACDCALLEVENTPARTICIPANT", Rows: 3, Records: 1, Attached: 2},
		{Name: "LID.ZWAPHONENUMBERLIDPAIR", Rows: 1, Excluded: 1},
	} {
		is("table", tables[want.Name], want)
	}
	var head record.CaptureHead
	if _, err := sink.Entries[0].Decode(&head); err != nil || len(head.Evidence) != 4 || head.Evidence[0].Name != "ChatStorage.sqlite" || head.Evidence[0].SHA256 != sum.SHA256 {
		t.Errorf("%+v, %v", head, err)
	}
	for _, e := range sink.Entries {
		for _, p := range e.Parts {
			if strings.Contains(string(p), "not sent") {
				t.Error("a record holds what was never sent")
			}
		}
	}
}

func TestImportTwiceAddsNothing(t *testing.T) {
	dir := phoneDir(t)
	sink := &capturetest.Sink{}
	imported(t, sink, dir)
	n := len(sink.Entries)
	sum := imported(t, sink, dir)
	if got := len(sink.Entries) - n; got != 2 || sum.AlreadyArchived != 20 { // the capture and its end
		t.Errorf("%d new records, %d known", got, sum.AlreadyArchived)
	}
}

// The same phone a week later: rows have other numbers, one is gone, one is
// new, the counters of the chats have moved.
func TestLaterDatabaseAddsWhatIsNew(t *testing.T) {
	sink := &capturetest.Sink{}
	imported(t, sink, phoneDir(t))
	n := len(sink.Entries)
	later := phoneDir(t, `UPDATE ZWAMESSAGE SET Z_PK = Z_PK + 100, Z_OPT = 9, ZSORT = ZSORT + 7, ZGROUPMEMBER = ZGROUPMEMBER + 40, ZCHATSESSION = ZCHATSESSION + 20, ZMEDIAITEM = NULL;
		UPDATE ZWAMEDIAITEM SET ZMESSAGE = ZMESSAGE + 100, Z_PK = Z_PK + 50, ZCLOUDSTATUS = 1; UPDATE ZWAMEDIAITEM SET ZMESSAGE = 113 WHERE Z_PK = 54;
		UPDATE ZWAMESSAGEINFO SET ZMESSAGE = ZMESSAGE + 100; UPDATE ZWAFROMTHEFUTURE SET ZMESSAGE = 101; UPDATE ZWAGROUPMEMBER SET Z_PK = Z_PK + 40, ZCHATSESSION = ZCHATSESSION + 20;
		UPDATE ZWACHATSESSION SET Z_PK = Z_PK + 20, ZLASTMESSAGE = 200, ZUNREADCOUNT = 0; DELETE FROM ZWAMESSAGE WHERE Z_PK = 104; DELETE FROM ZWAMESSAGEINFO WHERE ZMESSAGE = 104;
		INSERT INTO ZWAMESSAGE (Z_PK, ZISFROMME, ZMESSAGETYPE, ZCHATSESSION, ZMESSAGEDATE, ZSTANZAID, ZTEXT) VALUES (110 + 40, 0, 0, 21, 729427900, 'C1', 'new')`)
	imported(t, sink, later)
	if got := len(sink.Entries) - n; got != 3 { // the new one, the capture and its end
		t.Errorf("%d new records", got)
	}
}

func TestMediaAreMatchedByPathAndContent(t *testing.T) {
	for name, c := range map[string]struct {
		sql, file string
		state     chat.State
	}{
		"in its place":     {``, "Message/Media/123@lid/a/b/ab.jpg", chat.Stored},
		"without Message":  {``, "Media/123@lid/a/b/ab.jpg", chat.Stored},
		"side by side":     {``, "Message/ab.jpg", chat.Stored},
		"another content":  {`UPDATE ZWAMEDIAITEM SET ZVCARDNAME = '9B0w1h1hGvzk0YrR1fGsxQmGrqFYrBiOM9u9u1n0jxI='`, "Message/Media/123@lid/a/b/ab.jpg", chat.Missing},
		"not there":        {``, "Message/Media/123@lid/a/b/other.jpg", chat.Missing},
		"outside":          {`UPDATE ZWAMEDIAITEM SET ZMEDIALOCALPATH = 'Media/../../secret'`, "secret", chat.Missing},
		"an absolute path": {`UPDATE ZWAMEDIAITEM SET ZMEDIALOCALPATH = '/etc/passwd'`, "Message/x", chat.Missing},
		"was never on it":  {`UPDATE ZWAMEDIAITEM SET ZMEDIALOCALPATH = NULL`, "Message/x", chat.Omitted},
		"without a row":    {`DELETE FROM ZWAMEDIAITEM`, "Message/x", chat.Omitted},
	} {
		dir := phoneDir(t, c.sql)
		put(t, dir, c.file, "jpeg")
		sink := &capturetest.Sink{}
		imported(t, sink, dir)
		if a := items(t, sink)[5].Attachments; len(a) != 1 || a[0].State != c.state || a[0].State != chat.Stored && a[0].Reason == "" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A database with the fewest columns, as an old one might have, is read too.
func TestFewColumns(t *testing.T) {
	dir := t.TempDir()
	c, err := sqlite3.Open("file:" + filepath.Join(dir, "7c7fba66680ef796b916b067077cc246adacf01d"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Exec(`CREATE TABLE ZWACHATSESSION (Z_PK INTEGER PRIMARY KEY, ZCONTACTJID TEXT);
		CREATE TABLE ZWAMESSAGE (Z_PK INTEGER PRIMARY KEY, ZCHATSESSION INTEGER, ZTEXT TEXT, ZMESSAGEDATE REAL, ZPUSHNAME TEXT);
		CREATE TABLE ZWAMEDIAITEM (Z_PK INTEGER PRIMARY KEY, ZMESSAGE INTEGER);
		CREATE TABLE ZWAVCARDMENTION (Z_PK INTEGER PRIMARY KEY, ZMEDIAITEM INTEGER);
		INSERT INTO ZWAVCARDMENTION VALUES (1, 5);
		INSERT INTO ZWACHATSESSION VALUES (1, '447700900001@s.whatsapp.net');
		INSERT INTO ZWAMESSAGE VALUES (1, 1, 'Hello', 728427900.0, 'Ana'), (2, NULL, 'Where?', 63113904000, NULL), (3, 1, NULL, 0, NULL)`), c.Close()); err != nil {
		t.Fatal(err)
	}
	sink := &capturetest.Sink{}
	sum := imported(t, sink, dir)
	got := items(t, sink)
	if len(got) != 3 || got[0].From.Name != "Ana" || got[0].Chat.Name != "+447700900001" || got[1].SentAt != "" || got[1].Chat.Name == "" || got[2].SentAt != "" {
		t.Errorf("%+v", got)
	}
	if sum.First != "2024-01-31T21:05:00" || sum.Last != sum.First {
		t.Errorf("from %q to %q", sum.First, sum.Last)
	}
}

// files is a place that is no folder: what it holds is given out as a stream.
type files struct{ fstest.MapFS }

func (f files) Close() error { return nil }

func (f files) Open(name string) (io.ReadCloser, error) { return f.MapFS.Open(name) }

func (f files) Media() (*folder.Folder, error) {
	var paths []string
	for p := range f.MapFS {
		if m, ok := strings.CutPrefix(p, "Message/"); ok {
			paths = append(paths, m)
		}
	}
	slices.Sort(paths)
	return folder.New(paths, func(p string) (io.ReadCloser, error) { return f.Open("Message/" + p) }, func() error { return nil }), nil
}

func TestAnotherPlace(t *testing.T) {
	dir := phoneDir(t)
	here := files{fstest.MapFS{"Message/Media/123@lid/a/b/ab.jpg": {Data: []byte("jpeg")}, "LID.sqlite": {Data: []byte("not a database")}}}
	b, err := fs.ReadFile(os.DirFS(dir), "ChatStorage.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	here.MapFS["ChatStorage.sqlite"] = &fstest.MapFile{Data: b}
	s := &source{path: "backup", at: here, o: capture.Options{Zone: time.UTC, Scratch: t.TempDir(), Account: "+447700900008"}}
	s.files[store], s.files[lids] = "ChatStorage.sqlite", "LID.sqlite"
	sink := &capturetest.Sink{}
	sum, err := s.Run(t.Context(), sink)
	if err != nil || sum.Messages != 11 || sum.Attachments != 2 || sum.AttachmentsMissing != 1 {
		t.Errorf("%+v, %v", sum, err)
	}
	if len(sum.Warnings) != 3 { // LIDs, another account, numbers without a row
		t.Errorf("warnings: %q", sum.Warnings)
	}
}

// A database with a page that is gone gives what is left, and says so.
func TestDamagedDatabase(t *testing.T) {
	dir := phoneDir(t, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
		INSERT INTO ZWAMESSAGE (Z_PK, ZISFROMME, ZMESSAGETYPE, ZCHATSESSION, ZMESSAGEDATE, ZSTANZAID, ZTEXT) SELECT 1000 + i, 0, 0, 1, 728500000 + i, 'D' || i, 'number ' || i FROM n`)
	p := filepath.Join(dir, "ChatStorage.sqlite")
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(b), "number 1000")
	clear(b[at&^4095 : at&^4095+4096])
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := imported(t, &capturetest.Sink{}, dir)
	if sum.Complete() || len(sum.Damage) == 0 || !strings.HasPrefix(sum.Damage[0], "ChatStorage.sqlite: ") || sum.Messages < 1900 || sum.Messages >= 2013 {
		t.Errorf("%d messages, damage %q", sum.Messages, sum.Damage)
	}
}

// mbFile is a file's record in Manifest.db; 01…08 is the place of its size.
const mbFile = "YnBsaXN0MDDUAQIDBAUGDRBZJGFyY2hpdmVyWCRvYmplY3RzVCR0b3BYJHZlcnNpb25fEA9OU0tleWVkQXJjaGl2ZXKiBwhVJG51bGzSCQoLDFxMYXN0TW9kaWZpZWRUU2l6ZRJlU/EAEwECAwQFBgcI0Q4PVHJvb3SAARIAAYagCBEbJCkyREdNUl9kaXJ1enwAAAAAAAABAQAAAAAAAAARAAAAAAAAAAAAAAAAAAAAgQ=="

// backupOf makes a backup of a phone's folder. What content says is nil is
// listed and not there.
func backupOf(t *testing.T, domain string, content map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "Manifest.plist", "<plist><dict><key>IsEncrypted</key><false/></dict></plist>")
	c, err := sqlite3.Open("file:" + filepath.Join(dir, "Manifest.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Exec("CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, flags INTEGER, file BLOB)"); err != nil {
		t.Fatal(err)
	}
	template, err := base64.StdEncoding.DecodeString(mbFile)
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range content {
		id := fmt.Sprintf("%x", sha1.Sum([]byte(domain+"-"+path))) //nolint:gosec // Apple's naming
		record := bytes.Replace(template, []byte{1, 2, 3, 4, 5, 6, 7, 8}, binary.BigEndian.AppendUint64(nil, uint64(len(b))), 1)
		if err := c.Exec(fmt.Sprintf("INSERT INTO Files VALUES ('%s', '%s', '%s', 1, x'%x')", id, domain, path, record)); err != nil {
			t.Fatal(err)
		}
		if b != nil {
			put(t, dir, id[:2]+"/"+id, string(b))
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBackup(t *testing.T) {
	db, err := os.ReadFile(filepath.Join(phoneDir(t), "ChatStorage.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	for _, domain := range []string{backup.Personal, backup.Business} {
		dir := backupOf(t, domain, map[string][]byte{
			"ChatStorage.sqlite": db, "ChatStorage.sqlite-wal": nil, "LID.sqlite": []byte("no database"), "Message/Media/123@lid/a/b/ab.jpg": []byte("jpeg"), "Message/Media/123@lid/a/b/gone.jpg": nil,
		})
		sink := &capturetest.Sink{}
		sum := imported(t, sink, dir)
		if sum.Messages != 11 || sum.Attachments != 2 || sum.AttachmentsMissing != 1 || len(sum.Unreferenced) != 0 || sum.Complete() {
			t.Errorf("%+v", sum)
		}
		want := []string{"ChatStorage.sqlite-wal: the log, which has what is newest, cannot be read", "files of the media folder that no message names and that cannot be read: 1"}
		if diff := cmp.Diff(want, sum.Damage); diff != "" {
			t.Error(diff)
		}
	}
	dir := backupOf(t, "HomeDomain", map[string][]byte{"x": []byte("x")})
	if _, err := Format().Find(t.Context(), dir, capture.Options{Scratch: t.TempDir()}); !errors.Is(err, backup.ErrNoWhatsApp) {
		t.Errorf("a backup without WhatsApp: %v", err)
	}
}

func TestWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.txt", "31/01/2024, 21:05 - Ana: hi\n")
	for _, p := range []string{filepath.Join(dir, "a.txt"), dir, filepath.Join(phoneDir(t), "LID.sqlite")} {
		if _, err := Format().Find(t.Context(), p, capture.Options{}); !errors.Is(err, capture.ErrNotMine) {
			t.Errorf("%s: %v", p, err)
		}
	}
	c, err := sqlite3.Open("file:" + filepath.Join(dir, "x.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Exec(`CREATE TABLE ZWACHATSESSION (a)`), c.Close()); err != nil {
		t.Fatal(err)
	}
	sources, err := Format().Find(t.Context(), dir, capture.Options{Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sources[0].Run(t.Context(), &capturetest.Sink{}); !errors.Is(err, errNotWhatsApp) {
		t.Errorf("%v", err)
	}
}

func TestNoticesAboutAGroup(t *testing.T) {
	it := item{
		Table: messages, Of: map[string]foreign.Fields{members: {"ZMEMBERJID": "2@lid"}},
		JID: map[string][2]string{"1@lid": {"", "Ana"}, "2@lid": {"", "Bob"}, "3@lid": {"", "Cy"}},
	}
	for _, c := range []struct {
		event int64
		text  string
		want  string
	}{
		{2, "1@lid;2@lid,3@lid", "Members were added by Ana: Bob, Cy"},
		{2, "1@lid", "Members were added by Ana: Bob"},
		{50, "1@lid,3@lid", "Members were added by Bob: Ana, Cy"},
		{7, "", "Members were removed: Bob"},
		{3, "", "Left: Bob"},
		{10, "1@lid", "Administrators were changed: Ana, Bob"},
		{12, "", "Created by Bob"},
		{20, "", "The settings were changed by Bob: only administrators can send"},
		{26, "604800", "The timer of disappearing messages was changed by Bob: 604800"},
		{56, `{"previous_subject":"Old","new_subject":"New"}`, "The subject was changed by Bob: New"},
		{61, `{"linked_groups":{"9@g.us":"Deals","8@g.us":"All"}}`, "About the community by Bob: All, Deals"},
		{51, `{"something":"else"}`, `About the community by Bob: {"something":"else"}`},
	} {
		it.Row = foreign.Fields{"ZMESSAGETYPE": int64(6), "ZGROUPEVENTTYPE": c.event, "ZTEXT": c.text, "ZCHATSESSION": int64(1)}
		m, _ := reading().message(&it, record.ItemHead{})
		if m.Text != c.want || m.TypeCode != "" {
			t.Errorf("%d %q: %q, want %q", c.event, c.text, m.Text, c.want)
		}
	}
	it.Row = foreign.Fields{"ZMESSAGETYPE": int64(10), "ZGROUPEVENTTYPE": int64(58), "ZTEXT": "?"}
	if m, _ := reading().message(&it, record.ItemHead{}); m.TypeCode != "ios:10/58" || m.Text != "A notice: ?" {
		t.Errorf("%+v", m)
	}
}

func TestBusinessMessages(t *testing.T) {
	for _, c := range []struct {
		code  int
		title string
		meta  wire
		want  string
	}{
		{19, "", pb(24, pb(1, pb(2, "Your order", 6, "has been sent", 7, "Acme", 8, pb(2, pb(1, "Track"))))), "Your order\nhas been sent\nAcme\nTrack"},
		{26, "", pb(26, pb(1, pb(1, pb(3, "Seal", 4, "of wax", 5, "EUR", 6, 12500)))), "Seal\nof wax\nEUR 12.5"},
		{27, "Join us", pb(28, pb(4, "Some group")), "Join us\nSome group"},
		{66, "", nil, "album"},
	} {
		if got := business("", c.title, c.meta, int64(c.code)); got != c.want {
			t.Errorf("%d: %q, want %q", c.code, got, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	for s, want := range map[float64]string{
		728427900: "2024-01-31T21:05:00Z", 728427900.75: "2024-01-31T21:05:00Z", -86400: "2000-12-31T00:00:00Z", -0.5: "2000-12-31T23:59:59Z",
		0: "", distantPast: "", distantFuture: "", 1e300: "", -1e300: "",
	} {
		if got := phone.Stamp(at2001(s)); got != want {
			t.Errorf("%v: %q, want %q", s, got, want)
		}
	}
}

func FuzzItem(f *testing.F) {
	f.Add([]byte(`{"t":"ZWAMESSAGE","row":{"Z_PK":2,"ZSTANZAID":"A","ZMESSAGETYPE":6,"ZGROUPEVENTTYPE":2,"ZTEXT":"1@lid;2@lid","ZMESSAGEDATE":1.5},"of":{"ZWACHATSESSION":{"ZCONTACTJID":"1@g.us"}},"jid":{"1@lid":["","n"]}}`))
	f.Add([]byte(`{"t":"ZWACDCALLEVENT","row":{"ZDATE":1,"ZDURATION":1e300,"ZOUTCOME":1},"with":{"ZWACDCALLEVENTPARTICIPANT":[{"ZJIDSTRING":"1@s.whatsapp.net"}]}}`))
	f.Fuzz(func(_ *testing.T, raw []byte) {
		it, err := decodeItem(raw)
		if err != nil {
			return
		}
		reading().message(&it, record.ItemHead{})
	})
}

// What stands in a protobuf column is whatever the phone was sent.
func FuzzProtobufs(f *testing.F) {
	f.Add([]byte(pb(5, "3A0000000000000000A1", 6, "123@lid", 19, pb(6, pb(1, "x")), 24, pb(1, pb(2, "t", 8, pb(2, pb(1, "b")))))), int64(19))
	f.Add([]byte(pb(2, pb(1, "\x81\x12\x34\x5f", 2, 5), 7, pb(1, pb(2, "1@lid", 3, "x", 4, 9)), 8, pb(2, "q", 3, pb(1, "o")))), int64(46))
	f.Add([]byte("7"), int64(46)) // a type of field that there is not
	f.Fuzz(func(t *testing.T, b []byte, code int64) {
		it := item{
			Table: messages, Row: foreign.Fields{"ZMESSAGETYPE": code, "ZSTANZAID": "A", "ZISFROMME": int64(1), "ZTOJID": "1@lid", "ZPUSHNAME": base64.StdEncoding.EncodeToString(b)},
			With: map[string][]foreign.Fields{media: {{"ZMETADATA": b}}, infos: {{"ZRECEIPTINFO": b}}},
		}
		m, ok := reading().message(&it, record.ItemHead{})
		if !ok || len(m.Receipts)+len(m.Reactions) > len(b)+1 || m.Poll != nil && len(m.Poll.Options) > len(b) {
			t.Errorf("%+v", m)
		}
		addresses(string(b), func(jid string) {
			if phone.User(jid) == "" {
				t.Errorf("the address %q", jid)
			}
		})
	})
}

func reading() *reader {
	rd, err := phone.ReadingOf(record.CaptureHead{Source: Name, Reading: []byte(`{"v":1,"zone":"UTC"}`)})
	if err != nil {
		panic(err)
	}
	return &reader{rd: rd}
}

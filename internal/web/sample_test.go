package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/record"
)

//go:embed testdata/voice.opus
var voice []byte

//go:embed testdata/video.mp4
var video []byte

var (
	picture    = drawPicture()
	pictureSum = sum(picture)
	drawing    = []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// drawPicture makes a small landscape.
func drawPicture() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 480, 360))
	for y := range 360 {
		for x := range 480 {
			c := color.RGBA{uint8(120 + y/4), uint8(160 + y/8), 210, 255}
			if hill := 230 + (x-240)*(x-240)/900 - x/9; y > hill {
				c = color.RGBA{60, uint8(110 + (y-hill)/4), 70, 255}
			}
			if (x-370)*(x-370)+(y-80)*(y-80) < 1300 {
				c = color.RGBA{250, 214, 120, 255}
			}
			m.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func sampleFiles() files {
	f := files{}
	for _, b := range [][]byte{picture, voice, video, drawing, []byte("%PDF-1.7 a contract")} {
		f[sum(b)] = b
	}
	return f
}

const sampleNote = `waxseal.example/4f1c9a
42125
qnXvJtGfYwN0b3l1x5gJ8cS3Gd1mM2m7qS0oQm0y3bA=

— waxseal.example/4f1c9a Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
`

func sampleState() State {
	at := time.Date(2026, 11, 24, 13, 58, 0, 0, time.UTC)
	return State{
		ID: "4f1c9a", Entries: 42125, Bytes: 18_342_551, Checkpoint: sampleNote, CheckpointAt: at,
		Verified: &Verification{At: at.Add(-time.Hour), OK: true, Result: "42,100 entries, 1 tree, 12 signatures, 311 files: all agree."},
		Warnings: []string{
			"This archive opens without a passphrase: whoever can read its folder can read its messages. Set one with waxseal key passphrase.",
			"There is no second copy. Waxseal cannot restore what this disk loses.",
		},
	}
}

func stateOf(st *State) func(context.Context) (State, error) {
	return func(context.Context) (State, error) { return *st, nil }
}

// says makes messages of one chat, a few minutes apart.
type says struct {
	chat chat.Chat
	at   time.Time
	out  []chat.Message
	n    int
}

func (s *says) add(m chat.Message, wait time.Duration) *says {
	s.at = s.at.Add(wait)
	s.n++
	m.ID, m.Seq = strconv.Itoa(s.n), int64(s.n)
	m.Records, m.Chat, m.SeenBy = []int64{m.Seq}, s.chat, []string{"chatexport"}
	m.SentLocal, m.SentAt = s.at.Format("2006-01-02T15:04"), s.at.Format(time.RFC3339)
	m.Zone, m.Precision, m.Account, m.Custodian = "Europe/Lisbon", "minute", "+447700900001", "j.doe"
	if m.Type == "" {
		m.Type = chat.Text
	}
	s.out = append(s.out, m)
	return s
}

func person(name string) *chat.Person { return &chat.Person{Name: name} }

func in(name, text string) chat.Message {
	return chat.Message{Direction: chat.In, From: person(name), Text: text}
}

func out(text string) chat.Message {
	return chat.Message{Direction: chat.Out, From: person("Jo Doe"), Text: text}
}

func with(m chat.Message, change func(*chat.Message)) chat.Message {
	change(&m)
	return m
}

func attached(t chat.Type, name string, content []byte) func(*chat.Message) {
	return func(m *chat.Message) {
		m.Type = t
		m.Attachments = []chat.Attachment{{Name: name, Size: int64(len(content)), SHA256: sum(content), State: chat.Stored}}
	}
}

// acme is a chat with one of everything.
func acme() []chat.Message {
	lat, lon := 38.707750, -9.136592
	s := &says{chat: chat.Chat{ID: "acme", Name: "Acme deal", Kind: chat.Group}, at: time.Date(2024, 1, 30, 17, 55, 0, 0, time.UTC)}
	notice := func(text string) chat.Message {
		return chat.Message{Type: chat.SystemType, Direction: chat.Notice, Text: text, System: &chat.System{Event: chat.NoticeOther}}
	}
	s.add(notice("Messages and calls are end-to-end encrypted."), 0)
	s.add(notice("Ana Lima added Bruno Costa"), time.Minute)
	s.add(in("Ana Lima", "Good evening all. The seller wants to sign before the quarter ends; can we get the disclosure letter out tomorrow?"), 4*time.Minute)
	s.add(in("Ana Lima", "I have put the draft here: https://docs.acme.example/deal/disclosure?v=7"), time.Minute)
	s.add(out("Yes. I will send my comments tonight."), 3*time.Minute)
	s.add(with(in("Bruno Costa", ""), attached(chat.Voice, "PTT-20240130-WA0003.opus", voice)), 6*time.Minute)
	s.add(with(in("Bruno Costa", "The site, from this morning"), attached(chat.Image, "IMG-20240131-WA0001.png", picture)), 14*time.Hour)
	s.add(with(with(out(""), attached(chat.Document, "Disclosure letter v7 (comments).pdf", []byte("%PDF-1.7 a contract"))), func(m *chat.Message) { m.Key = &chat.Key{ID: "3EB0", FromMe: true} }), 20*time.Minute)
	s.add(with(in("Ana Lima", "Thanks! I agree to clause 4 as amended."), func(m *chat.Message) {
		m.ReplyTo, m.Quoted, m.Edited = "3EB0", &chat.Quoted{Key: chat.Key{ID: "3EB0", FromMe: true}}, true
		m.Versions = []chat.Version{{At: "2024-01-31T08:50:00Z", Text: "Thanks! I agree to clause 4.", Seq: 9}}
		m.Reactions = []chat.Reaction{{From: *person("Jo Doe"), Emoji: "👍"}, {From: *person("Bruno Costa"), Emoji: "👍"}, {From: *person("Bruno Costa"), Emoji: "🎉"}}
	}), 9*time.Minute)
	s.add(with(in("מאיה לוי", "שלום, אני אעבור על החוזה עד 17:00 ואשלח הערות ל-Ana."), func(*chat.Message) {}), 5*time.Minute)
	s.add(in("محمد الفاسي", "مرحبا، العقد جاهز للتوقيع."), time.Minute)
	s.add(with(in("Bruno Costa", "Careful, somebody sent me this: https://acme.example@203.0.113.9/login and https://раypal.example/pay"), func(m *chat.Message) { m.Forwarded = 6 }), 3*time.Minute)
	s.add(with(in("Bruno Costa", ""), func(m *chat.Message) {
		m.Type, m.Poll = chat.PollType, &chat.Poll{Question: "When do we sign?", Options: []chat.PollOption{{Text: "Thursday", Votes: 4}, {Text: "Friday", Votes: 1}, {Text: "Next week"}}}
	}), 10*time.Minute)
	s.add(with(in("Ana Lima", ""), func(m *chat.Message) {
		m.Type, m.Location = chat.Place, &chat.Location{Lat: &lat, Lon: &lon, Name: "Praça do Comércio", URL: "https://maps.google.com/?q=38.707750,-9.136592"}
	}), 10*time.Minute)
	s.add(with(out(""), func(m *chat.Message) {
		m.Type, m.Contacts = chat.ContactCard, []chat.Contact{{Name: "Notary Pinto", Phones: []string{"+351 21 000 0000"}}}
	}), 2*time.Minute)
	s.add(with(in("Ana Lima", ""), func(m *chat.Message) { m.Type, m.Call = chat.CallType, &chat.Call{Video: true, Missed: true} }), 2*time.Minute)
	s.add(with(in("Ana Lima", ""), func(m *chat.Message) {
		m.Type, m.Revoked = chat.Unknown, true
		m.Versions = []chat.Version{{Text: "Let us keep the side letter out of this chat", Seq: 17}}
	}), 3*time.Minute)
	s.add(with(in("Bruno Costa", ""), func(m *chat.Message) {
		m.Type = chat.Image
		m.Attachments = []chat.Attachment{{Name: "IMG-20240131-WA0009.jpg", State: chat.Missing, Reason: "The export names this file and does not have it."}}
	}), 6*time.Minute)
	s.add(with(in("Bruno Costa", ""), func(m *chat.Message) {
		m.Type, m.Attachments = chat.Video, []chat.Attachment{{State: chat.Omitted}}
	}), time.Minute)
	s.add(with(in("Ana Lima", "12/05/2024, 18:00 - Bruno Costa: I approve"), func(m *chat.Message) { m.Boundary = chat.Ambiguous }), time.Minute)
	s.add(with(in("Bruno Costa", ""), func(m *chat.Message) { m.Type, m.AsPrinted = chat.Unknown, "null" }), time.Minute)
	s.add(chat.Message{Type: chat.Unknown, Text: "31/1/24 (half a line", AsPrinted: "31/1/24 (half a line", Boundary: chat.Ambiguous}, 0)
	s.add(with(in("Bruno Costa", ""), attached(chat.Video, "VID-20240131-WA0011.mp4", video)), time.Hour)
	s.out[21].SentLocal, s.out[21].SentAt = "", ""
	s.add(out("Signed. 🎉 謝謝大家, спасибо всем!"), 24*time.Hour)
	return s.out
}

// ofPhone is a chat with what only the backup of a phone says.
func ofPhone() []chat.Message {
	s := &says{chat: chat.Chat{ID: "phone", Name: "مجموعة الصفقة", Kind: chat.Group}, at: time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC), n: 500}
	ana, bruno := chat.Person{Name: "Ana Lima", JID: "351910000001@s.whatsapp.net"}, chat.Person{Name: "محمد", Phone: "+351910000002", LID: "77@lid"}
	from := func(p chat.Person, id, text string) chat.Message {
		return chat.Message{Direction: chat.In, From: &p, Text: text, Key: &chat.Key{ID: id, Chat: "1@g.us", Sender: p.JID}}
	}
	own := func(id, text string, rs ...chat.Receipt) chat.Message {
		return chat.Message{Direction: chat.Out, Text: text, Receipts: rs, Key: &chat.Key{ID: id, FromMe: true, Chat: "1@g.us"}}
	}
	at := "2025-03-01T09:05:07Z"
	s.add(with(from(ana, "K1", "The price is 41 now"), func(m *chat.Message) {
		m.Edited, m.ChangedAt, m.Starred, m.Pinned = true, at, true, true
		m.Versions = []chat.Version{{At: at, Text: "The price is 40", Seq: 501}}
	}), 0)
	reply := func(q chat.Quoted) func(*chat.Message) {
		return func(m *chat.Message) { m.ReplyTo, m.Quoted = q.Key.ID, &q }
	}
	k1 := chat.Key{ID: "K1", Chat: "1@g.us"}
	s.add(with(own("K2", "Agreed", chat.Receipt{Who: ana, State: chat.Read, At: at}, chat.Receipt{Who: bruno, State: chat.Delivered, At: at}),
		reply(chat.Quoted{Key: k1, From: &ana, Text: "The price is 40"})), time.Minute)
	s.add(with(from(bruno, "K3", "I saw another price"), reply(chat.Quoted{Key: k1, From: &ana, Text: "The price is 12"})), time.Minute)
	s.add(with(from(bruno, "K4", "And this?"), reply(chat.Quoted{Key: chat.Key{ID: "K0"}, From: &ana, Type: chat.Text, Text: "Words that nobody archived"})), time.Minute)
	s.add(with(from(ana, "K5", "Right"), reply(chat.Quoted{Key: chat.Key{ID: "K2", FromMe: true}, Text: "Agreed"})), time.Minute)
	s.add(with(own("K6", ""), func(m *chat.Message) {
		m.Type, m.Revoked, m.RevokedBy, m.ChangedAt = chat.Unknown, true, &bruno, at
	}), time.Minute)
	s.add(with(from(ana, "K7", "Gone from the phone"), func(m *chat.Message) { m.Dropped, m.EphemeralS, m.Mentions = true, 604800, []string{"+351910000002"} }), time.Minute)
	s.add(with(own("K8", "Never came", chat.Receipt{Who: ana, State: chat.Failed}), func(m *chat.Message) {
		m.Reactions = []chat.Reaction{{From: bruno, Emoji: "👍", At: at}}
	}), time.Minute)
	s.add(with(from(ana, "K9", "words of the future"), func(m *chat.Message) { m.Type, m.TypeCode = chat.Unknown, "android:9999" }), time.Minute)
	s.add(with(own("K10", ""), func(m *chat.Message) { m.Type, m.Call = chat.CallType, &chat.Call{Missed: true, Printed: "missed"} }), time.Minute)
	s.add(with(from(bruno, "K11", ""), func(m *chat.Message) {
		m.Type, m.Poll = chat.PollType, &chat.Poll{Question: "متى نوقع؟", Options: []chat.PollOption{{Text: "الخميس", Votes: 2, Voters: []chat.Person{ana, bruno}}, {Text: "الجمعة"}}}
	}), time.Minute)
	return s.out
}

func sampleArchive() *archiveOf {
	ms := acme()
	hostile := hostileMessages()
	chats := []index.ChatRow{
		{ID: "acme", Name: "Acme deal", Kind: chat.Group, Account: "+447700900001", Custodian: "j.doe", Messages: int64(len(ms)), First: ms[0].SentLocal, Last: ms[len(ms)-1].SentLocal, Participants: []string{"Ana Lima", "Bruno Costa", "Jo Doe", "מאיה לוי", "محمد الفاسي"}},
		{ID: "ana", Name: "Ana Lima", Kind: chat.Direct, Account: "+447700900001", Custodian: "j.doe", Messages: 1204, First: "2021-03-02T09:00", Last: "2024-02-01T19:20", Participants: []string{"Ana Lima", "Jo Doe"}},
		{ID: "maya", Name: "מאיה לוי", Kind: chat.Direct, Custodian: "a.cohen", Messages: 88, First: "2023-03-02T09:00", Last: "2024-01-29T19:20", Participants: []string{"מאיה לוי"}},
		{ID: "notices", Name: "Client notices", Kind: chat.Broadcast, Account: "+447700900002", Messages: 40, First: "2022-01-02T09:00", Last: "2023-12-20T10:00"},
		{ID: "tokyo", Name: "東京オフィス", Kind: chat.Group, Custodian: "k.sato", Messages: 15233, First: "2020-01-02T09:00", Last: "2023-11-02T11:11", Participants: []string{"佐藤 健", "鈴木 花", "Jo Doe"}},
		{ID: "long", Name: "The long one", Kind: chat.Group, Messages: 100_000, First: "2000-01-01T08:00:00", Last: "2027-05-18T15:03:00", Participants: []string{"Ana Lima", "Bruno Costa", "Jo Doe"}},
		{ID: "hostile/../x?y#z", Name: hostileText, Kind: chat.Group, Custodian: hostileText, Account: hostileText, Messages: int64(len(hostile)), First: "2024-01-01T00:00", Last: "2023-01-01T00:00", Participants: []string{hostileText, hostileText}},
	}
	phone := ofPhone()
	chats = append(chats, index.ChatRow{ID: "phone", Name: "مجموعة الصفقة", Kind: chat.Group, Account: "+447700900001", Messages: int64(len(phone)), First: phone[0].SentLocal, Last: phone[0].SentLocal, Participants: []string{"Ana Lima", "محمد"}})
	business := ofBusiness()
	chats = append(chats, index.ChatRow{ID: "business", Name: "عميل", Kind: chat.Direct, Account: "+447700900001", Messages: int64(len(business)), First: business[0].SentLocal, Last: business[0].SentLocal, Participants: []string{"عميل"}})
	a := &archiveOf{
		chats: chats, said: map[string][]chat.Message{"acme": ms, "phone": phone, "business": business, "hostile/../x?y#z": hostile},
		coverage: index.Coverage{Through: 42125, Of: 42125, Messages: 4212, Unread: 3},
	}
	a.long.Store(100_000)
	a.captures = sampleCaptures()
	return a
}

func sampleCaptures() []index.CaptureRow {
	summary := func(s capture.Summary) []byte {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return b
	}
	at := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	head := record.CaptureHead{
		Source: "chatexport", File: "WhatsApp Chat - Acme deal.zip", Account: "+447700900001", Custodian: "j.doe",
		Evidence: []record.Evidence{{Name: "WhatsApp Chat - Acme deal.zip", Blob: record.Blob{SHA256: strings.Repeat("ab", 32), Size: 4_200_331}}},
	}
	s := capture.Summary{
		Chat: "Acme deal", Records: 2400, Messages: 2380, System: 20, Unparsed: 3, Attachments: 311, AttachmentsMissing: 1, Omitted: 12,
		DateOrder: "dmy", DateOrderCertain: true, First: "2024-01-30T17:55", Last: "2024-02-01T11:02", Zone: "Europe/Lisbon", Ambiguous: 1,
		Warnings: []string{"3 lines before the first message could not be read; they are kept."}, Unreferenced: []string{"Thumbs.db"},
	}
	whole := capture.Summary{Chat: "Ana Lima", Records: 1204, Messages: 1203, System: 1, DateOrder: "dmy", DateOrderCertain: true, First: "2021-03-02T09:00", Last: "2024-02-01T19:20", Zone: "Europe/Lisbon", ZoneAssumed: true}
	phone := capture.Summary{
		Records: 2000, Messages: 1933, System: 67, Chats: 34, Attachments: 276, AttachmentsMissing: 2, DateOrderCertain: true, First: "2020-09-01T00:59:59", Last: "2026-02-07T06:28:15", Zone: "Europe/Lisbon",
		Container: &capture.Container{Key: "2e5fefe4e615b47d", Checksum: "wrong"}, Kinds: map[string]int64{"text": 1513, "live_location": 3, "image": 154},
		Tables:  []capture.TableCount{{Name: "message", Rows: 2001, Records: 2000, Excluded: 1, Reason: "the row that marks the beginning"}, {Name: "receipt_user", Rows: 1200, Attached: 1200}},
		Unknown: []string{"message type android:9999 (1)"}, Damage: []string{"page 12 of the database cannot be read"}, Holes: []capture.Hole{{Table: "message", From: 12, To: 1015}},
		Missing: []capture.Missing{{Reason: "not in the media folder", Files: 7, First: []string{"Doc 25.pdf", "Doc 26.pdf"}}},
	}
	bad := capture.Summary{
		Container: &capture.Container{Key: hostileText, Checksum: hostileText}, Kinds: map[string]int64{hostileText: 1}, Unknown: []string{hostileText}, Damage: []string{hostileText},
		Tables: []capture.TableCount{{Name: hostileText, Rows: -1, Reason: hostileText}}, Holes: []capture.Hole{{Table: hostileText, From: 1, To: -1}}, Missing: []capture.Missing{{Reason: hostileText, Files: 1, First: []string{hostileText}}},
		Chat: hostileText, Warnings: []string{hostileText}, Unreferenced: []string{hostileText}, Zone: hostileText, DateOrder: hostileText,
	}
	return []index.CaptureRow{
		{Seq: 1, At: at, Head: head, Summary: summary(s)},
		{Seq: 2410, At: at.Add(time.Hour), Head: record.CaptureHead{Source: "chatexport", File: "WhatsApp Chat with Ana Lima.txt"}, Summary: summary(whole)},
		{Seq: 4000, At: at.Add(2 * time.Hour), Head: record.CaptureHead{Source: "chatexport", File: "cut short.txt"}},
		{Seq: 4100, At: at.Add(3 * time.Hour), Head: record.CaptureHead{Source: hostileText, File: hostileText, Account: hostileText, Evidence: []record.Evidence{{Name: hostileText}}}, Summary: summary(bad)},
		{Seq: 4150, At: at.Add(3 * time.Hour), Head: record.CaptureHead{Source: "android", File: "msgstore.db.crypt15"}, Summary: summary(phone)},
		{Seq: 4200, At: at.Add(4 * time.Hour), Head: head, Summary: []byte("{damaged")},
	}
}

// hostileText is what a stranger who knows HTML, JavaScript and Unicode may
// write: markup, a way out of every kind of context, a direction override that
// is never closed, controls and bytes that are no UTF-8.
const hostileText = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\"' onfocus=alert(3) " +
	"javascript:alert(4) {{.}} ${alert(5)} \u202egnp.exe \u2067\x00\x1b[31m\xff\xfe\xed\xa0\x80 -->]]>"

func hostileMessages() []chat.Message {
	p := &chat.Person{Name: hostileText, Phone: hostileText, JID: hostileText}
	base := chat.Message{Direction: chat.In, From: p, Text: hostileText, AsPrinted: hostileText, ReplyTo: "gone"}
	s := &says{chat: chat.Chat{ID: "hostile/../x?y#z", Name: hostileText, Kind: chat.Group}, n: 900}
	full := with(base, func(m *chat.Message) {
		m.Type, m.Revoked, m.Edited = chat.Document, true, true
		m.Versions = []chat.Version{{At: hostileText, Text: hostileText}}
		m.Reactions = []chat.Reaction{{From: *p, Emoji: hostileText, At: hostileText}}
		m.Receipts = []chat.Receipt{{Who: *p, State: chat.ReceiptState(hostileText), At: hostileText}, {Who: *p, State: chat.Read, At: hostileText}}
		m.Key = &chat.Key{ID: hostileText, Chat: hostileText, Sender: hostileText}
		m.Quoted = &chat.Quoted{Key: chat.Key{ID: "gone"}, From: p, Text: hostileText, At: hostileText, Type: chat.Type(hostileText)}
		m.RevokedBy, m.ChangedAt, m.Mentions, m.TypeCode, m.Forwarded = p, hostileText, []string{hostileText}, hostileText, 1<<40
		m.Dropped, m.Starred, m.Pinned, m.EphemeralS = true, true, true, -5
		m.Contacts = []chat.Contact{{Name: hostileText, Phones: []string{hostileText}}}
		m.Poll = &chat.Poll{Question: hostileText, Options: []chat.PollOption{{Text: hostileText, Votes: -5, Voters: []chat.Person{*p, {}}}}}
		m.Call = &chat.Call{Printed: hostileText, Seconds: -7}
		m.Location = &chat.Location{Name: hostileText, Address: hostileText, URL: "javascript:alert(6)"}
		m.Occasion = &chat.Occasion{Title: hostileText, Starts: hostileText, Place: hostileText, Description: hostileText, Link: "javascript:alert(7)"}
		for _, n := range []string{"x.svg", "x.html", hostileText, "x.png", "x.opus", "x.mp4"} {
			m.Attachments = append(m.Attachments, chat.Attachment{Name: hostileText + n, SHA256: hostileText, State: chat.Stored},
				chat.Attachment{Name: hostileText + n, State: chat.State(hostileText), Reason: hostileText})
		}
	})
	s.add(full, 0)
	s.add(with(base, func(m *chat.Message) { m.Text = strings.Repeat("W", 100<<10) }), 0)
	s.add(with(base, func(m *chat.Message) { m.Type, m.Direction = chat.SystemType, chat.Notice }), 0)
	s.add(with(base, func(m *chat.Message) { m.Type, m.Text = chat.Type(hostileText), "" }), 0)
	s.add(with(base, func(m *chat.Message) {
		m.Text = "https://x.example/\"onmouseover=alert(8) https://\u202egro.elpmaxe http://[::1/ https:// http://a@b@c.example/<script> https://xn--pypal-4ve.example javascript:alert(9)"
	}), 0)
	s.add(with(full, func(m *chat.Message) {
		m.Direction, m.From, m.Revoked = chat.Out, nil, false
		m.Quoted = &chat.Quoted{Key: chat.Key{ID: hostileText}, From: p}
	}), 0)
	for i := range s.out {
		s.out[i].Zone, s.out[i].Custodian = hostileText, hostileText
	}
	s.out[0].SentLocal, s.out[0].SentAt = hostileText, hostileText
	return s.out
}

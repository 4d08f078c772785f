package chatexport

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/chat"
)

const (
	lrm  = "\u200e"
	rlm  = "\u200f"
	nbsp = "\u00a0"
	nn   = "\u202f"
)

// read imports a text and returns its messages and summary.
func read(t *testing.T, text string, o capture.Options) ([]chat.Message, capture.Summary) {
	t.Helper()
	m := newMemory()
	sum := importPath(t, m, write(t, "chat.txt", text), o)[0]
	if got := string(m.raw(t)); got != text {
		t.Fatalf("the records are not the file:\n%q\n%q", got, text)
	}
	return m.messages(t), sum
}

// TestStamps: every header that was seen, one by one, and the time that it is.
func TestStamps(t *testing.T) {
	for header, want := range map[string]string{
		"1/4/23, 7:02" + nn + "PM - ":                       "2023-01-04T19:02",
		"6/30/23, 16:13 - ":                                 "2023-06-30T16:13",
		"23/03/2022, 13:31 - ":                              "2022-03-23T13:31",
		"21/07/18, 5:27 pm - ":                              "2018-07-21T17:27",
		"2020-09-22, 7:11 a.m. - ":                          "2020-09-22T07:11",
		"2019-01-01 12:00 - ":                               "2019-01-01T12:00",
		"20.07.26, 09:03 - ":                                "2026-07-20T09:03",
		"23.03.22 13:31 - ":                                 "2022-03-23T13:31",
		"23-03-2022 13:31 - ":                               "2022-03-23T13:31",
		"13/08/2023 18:16 - ":                               "2023-08-13T18:16",
		"22/07/2017 à 22:35 - ":                             "2017-07-22T22:35",
		"20/6/2017 8:28 p." + nbsp + "m. - ":                "2017-06-20T20:28",
		"30/08/25 18.00 - ":                                 "2025-08-30T18:00",
		"22.10.2025 13:31 - ":                               "2025-10-22T13:31",
		"۲۰۲۱/۵/۳۰، ۱۸:۴۴ - ":                               "2021-05-30T18:44",
		"۲۰۲۱/۵/۳۰،" + rlm + " ۱۸:۴۴ - ":                    "2021-05-30T18:44",
		"22/10/2020, 3:05 in the afternoon - ":              "2020-10-22T15:05",
		"[3/18/22, 14:56:01] ":                              "2022-03-18T14:56:01",
		"[14/10/2021," + "\u2009" + "3:34:09" + nn + "PM] ": "2021-10-14T15:34:09",
		"[2019/11/21, 13:58:48] ":                           "2019-11-21T13:58:48",
		"[13.06.2023, 18:08:08] ":                           "2023-06-13T18:08:08",
		"[3/18/22 14:56:00] ":                               "2022-03-18T14:56:00",
		"[3/18/22 14.56.01] ":                               "2022-03-18T14:56:01",
		"[14:56:01, 3/18/22] ":                              "2022-03-18T14:56:01",
		"[22.3.2022 klo 14.08.18] ":                         "2022-03-22T14:08:18",
		"[27-11-18 18:43:20] ":                              "2018-11-27T18:43:20",
		"[2024/10/31 15:50:46] ":                            "2024-10-31T15:50:46",
		"[١٨" + rlm + "/٣" + rlm + "/٢٠٢٢، ٢:٥٦:٠٠" + nbsp + "م] ": "2022-03-18T14:56:00",
		"[" + rlm + "18" + rlm + "/3" + rlm + "/2022، 14:56:01] ":  "2022-03-18T14:56:01",
		"[3/18/2565 BE, 14:56:01] ":                                "2022-03-18T14:56:01",
		"[3/18/R4, 14:56:01] ":                                     "2022-03-18T14:56:01",
		"18/3/2565 14:56 - ":                                       "2022-03-18T14:56",
		"18/3/65 14:56 - ":                                         "2022-03-18T14:56",
		"[2024. 1. 15. 오후 3:04:05] ":                               "2024-01-15T15:04:05",
		"2024/1/15 下午3:04 - ":                                      "2024-01-15T15:04",
		"2024/1/15 凌晨1:04 - ":                                      "2024-01-15T01:04",
		"2024/1/15 中午12:04 - ":                                     "2024-01-15T12:04",
		"2024/1/15 晚上11:04 - ":                                     "2024-01-15T23:04",
		"[2024-01-15 15 h 04 min 05 s] ":                           "2024-01-15T15:04:05",
		"2024. 01. 15. 15:04 - ":                                   "2024-01-15T15:04",
		"[18/03/22 14.56.01] ":                                     "2022-03-18T14:56:01",
		"13:05, 12 Oct 2022 - ":                                    "2022-10-12T13:05",
		"01/20/2019, 00:08 a. m. - ":                               "2019-01-20T00:08",
		"13. 6. 2018. 12:30 - ":                                    "2018-06-13T12:30",
		"9/23/14 10:32:08 AM: ":                                    "2014-09-23T10:32:08",
		"2016-06-27, 8:04:08 AM: ":                                 "2016-06-27T08:04:08",
		"23.03.22" + nn + "г., 13:31 - ":                           "2022-03-23T13:31",
		"[2024年1月15日 15:04:05] ":                                   "2024-01-15T15:04:05",
		"1402/12/25، 18:44 - ":                                     "2024-03-15T18:44",
		"13/05/2024, 12:30 AM - ":                                  "2024-05-13T00:30",
		"13/05/2024, 12:30 PM - ":                                  "2024-05-13T12:30",
		"२३/५/२०२४, ५:०४ अपराह्न - ":                               "2024-05-23T17:04",
		"၂၃/၅/၂၀၂၄ ၁၇:၀၄ - ":                                       "2024-05-23T17:04",
	} {
		t.Run(header, func(t *testing.T) {
			msgs, sum := read(t, header+"Ana: a\n", capture.Options{})
			if len(msgs) != 1 || msgs[0].SentLocal != want || msgs[0].Text != "a" || msgs[0].From == nil || msgs[0].From.Name != "Ana" {
				t.Fatalf("%s\n%s", dump(msgs), dump(sum))
			}
		})
	}
}

func TestNoHeaders(t *testing.T) {
	for _, line := range []string{
		"hello", "12:30 - 13:30 lunch", "2016-04-29 10:30:00", "13/13/2024 - x", "1/2 - half", "99/99/9999, 99:99 - Ana: x", "[1] footnote",
		"13/05/2024, 25:00 - Ana: x", "13/05/2024 - Ana: x", "[13/05/2024] Ana: x", "3.14.15 is pi", "1/2/3/4, 10:00 - Ana: x", "0/0/0, 0:00 -",
		"13/05/2024, 09:00 this is a long sentence about nothing - Ana: x",
	} {
		if h, ok := parseHeader([]byte(line)); ok {
			if _, ok := h.civil(dmy); ok {
				t.Errorf("%q is taken for a header: %+v", line, h)
			}
		}
	}
}

func TestSpoofedHeaderOnIOSIsPartOfTheMessage(t *testing.T) {
	msgs, _ := read(t, "[13/05/2024, 09:00:05] Ana: fwd:\n[12/05/2024, 18:00:00] Bob: I approve\r\n[13/05/2024, 09:00:06] Bob: no\r\n", capture.Options{})
	if len(msgs) != 2 || msgs[0].Text != "fwd:\n[12/05/2024, 18:00:00] Bob: I approve" {
		t.Fatal(dump(msgs))
	}
}

func TestMarkedMediaIsItsOwnRecord(t *testing.T) {
	msgs, _ := read(t, "[13/05/2024, 09:00:04] Bob: hi\r\n"+lrm+"[13/05/2024, 09:00:05] Bob: "+lrm+"image omitted\r\n", capture.Options{})
	if len(msgs) != 2 || msgs[1].Type != chat.Image || msgs[1].Attachments[0].State != chat.Omitted || msgs[1].Text != "" {
		t.Fatal(dump(msgs))
	}
}

func TestColonsInNotices(t *testing.T) {
	msgs, _ := read(t, `13/05/2024, 09:00 - Ana: hello
13/05/2024, 09:01 - Ana changed the subject from "A" to "B: C"
13/05/2024, 09:02 - Ana Lima létrehozott egy csoportot: “X”
13/05/2024, 09:03 - Ana Lima: x
13/05/2024, 09:04 - ACME: Support: one
13/05/2024, 09:05 - ACME: Support: two
13/05/2024, 09:06 - ACME: Support: three
13/05/2024, 09:07 - ACME: Support left
`, capture.Options{})
	var authors []string
	for _, m := range msgs {
		name := "-"
		if m.From != nil {
			name = m.From.Name
		}
		authors = append(authors, name)
	}
	if got := strings.Join(authors, "|"); got != "Ana|-|-|Ana Lima|ACME: Support|ACME: Support|ACME: Support|-" {
		t.Fatal(got)
	}
	if s := msgs[1].System; s.Event != chat.NoticeSubject || s.Actor != "Ana" || s.Value != "B: C" {
		t.Errorf("%+v", s)
	}
	if s := msgs[7].System; s.Event != chat.NoticeMemberLeft || s.Who[0] != "ACME: Support" {
		t.Errorf("%+v", s)
	}
}

func TestOrderByYearSlot(t *testing.T) {
	msgs, sum := read(t, "[23. 3. 18. 오후 2:56:01] Ana: a\r\n[23. 3. 19. 오후 2:56:01] Ana: b\r\n[23. 4. 2. 오후 2:56:01] Ana: c\r\n", capture.Options{})
	if msgs[0].SentLocal != "2023-03-18T14:56:01" || sum.DateOrder != "ymd" || !sum.DateOrderCertain {
		t.Fatal(dump(msgs), dump(sum))
	}
}

func TestTwoShapesInOneFile(t *testing.T) {
	msgs, sum := read(t, "6/30/23, 16:14 - Bob: b\n30/6/2023, 16:15 - Ana: c\n", capture.Options{})
	if msgs[0].SentLocal != "2023-06-30T16:14" || msgs[1].SentLocal != "2023-06-30T16:15" || sum.DateOrder != "mdy+dmy" {
		t.Fatal(dump(msgs), dump(sum))
	}
}

func TestAmbiguousOrderIsSaidAndCanBeDecided(t *testing.T) {
	text := "01/02/24, 10:00 - Ana: a\n02/02/24, 10:00 - Bob: b\n03/02/24, 10:00 - Ana: c\n"
	msgs, sum := read(t, text, capture.Options{})
	if sum.DateOrderCertain || sum.DateOrder != "dmy" || msgs[0].SentLocal != "2024-02-01T10:00" || msgs[0].Time != chat.Ambiguous || msgs[1].Time != chat.Certain {
		t.Fatal(dump(msgs), dump(sum))
	}
	msgs, sum = read(t, text, capture.Options{DateOrder: "mdy"})
	if !sum.DateOrderCertain || msgs[0].SentLocal != "2024-01-02T10:00" || msgs[0].Time != chat.Certain {
		t.Fatal(dump(msgs), dump(sum))
	}
	// The file counts where it contradicts what was said.
	msgs, sum = read(t, "13/02/24, 10:00 - Ana: a\n", capture.Options{DateOrder: "mdy"})
	if msgs[0].SentLocal != "2024-02-13T10:00" || len(sum.Warnings) == 0 || sum.Complete() {
		t.Fatal(dump(msgs), dump(sum))
	}
	// What is said to be possible is: 2001 is before there was a WhatsApp.
	_, sum = read(t, "01/02/24, 10:00 - Ana: a\n", capture.Options{DateOrder: "ymd"})
	if len(sum.Warnings) == 0 || sum.Complete() || !slices.Equal(sum.DateOrders, []string{"dmy", "mdy"}) {
		t.Fatal(dump(sum))
	}
	if _, sum = read(t, "13/02/2024, 10:00 - Ana: a\n", capture.Options{DateOrder: "ymd"}); len(sum.Warnings) == 0 || sum.Complete() {
		t.Fatal(dump(sum))
	}
	// An order is not meant for dates that say themselves which is the year.
	if _, sum = read(t, "2024-02-01, 10:00 - Ana: a\n01/02/2024, 10:00 - Ana: a\n", capture.Options{DateOrder: "mdy"}); len(sum.Warnings) != 0 || !sum.Complete() {
		t.Fatal(dump(sum))
	}
}

func TestOrderByNamesOfFiles(t *testing.T) {
	msgs, sum := read(t, "04/05/24, 10:00 - Ana: IMG-20240504-WA0001.jpg (file attached)\ncaption\n", capture.Options{})
	m := msgs[0]
	if m.SentLocal != "2024-05-04T10:00" || !sum.DateOrderCertain || m.Text != "caption" || m.Type != chat.Image || m.Attachments[0].State != chat.Missing || m.Attachments[0].Reason == "" {
		t.Fatal(dump(msgs), dump(sum))
	}
}

func TestAttachments(t *testing.T) {
	for body, want := range map[string]string{
		lrm + "<00000012-PHOTO-2024-05-13-09-00-00.jpg eklendi>":                 "00000012-PHOTO-2024-05-13-09-00-00.jpg",
		lrm + "<附件：00000012-PHOTO-2024-05-13-09-00-00.jpg>":                      "00000012-PHOTO-2024-05-13-09-00-00.jpg",
		lrm + "< pièce jointe : 00000012-a b.pdf >":                              "00000012-a b.pdf",
		"Plan.pdf • " + lrm + "2 pages " + lrm + "<attached: 00000047-Plan.pdf>": "00000047-Plan.pdf",
		lrm + "<hengimangwe: 00000047-Plan.pdf>":                                 "00000047-Plan.pdf",
		"2015-08-04-PHOTO-00004762.jpg <attached>":                               "2015-08-04-PHOTO-00004762.jpg",
		"see <c:d>":                       "",
		"the report says <Media omitted>": "",
	} {
		c := classify(body, true)
		if c.file != want || c.omitted || want != "" && c.text != "" {
			t.Errorf("%q: file %q, text %q", body, c.file, c.text)
		}
	}
	for body, want := range map[string]string{
		"Site Plan (rev 2).pdf (file attached)":              "Site Plan (rev 2).pdf",
		lrm + "AUD-20190101-WA0000. (file attached)":         "AUD-20190101-WA0000.",
		"فایل پیوست شد IMG-20240513-WA0001.jpg":              "IMG-20240513-WA0001.jpg",
		"IMG-20240513-WA0001.jpg (በዚህ ተያይዟል)":                "IMG-20240513-WA0001.jpg",
		"4f2680f1db95a8454775cc2eefc95bfc (file attached)":   "4f2680f1db95a8454775cc2eefc95bfc",
		"as I said (file attached)":                          "",
		"it says \"Media omitted\" and (file attached) as x": "",
	} {
		if c := classify(body, false); c.file != want {
			t.Errorf("%q: file %q, want %q", body, c.file, want)
		}
	}
}

func TestEmptyAndOddBodies(t *testing.T) {
	msgs, sum := read(t, "13/05/2024, 09:00 - Ana: \n13/05/2024, 09:01 - Ana:.\n13/05/2024, 09:02 - Bob: null\n13/05/2024, 09:03 - Bob: a\n\n\u200d b\u0301\n\n13/05/2024, 09:04 - Ana: end", capture.Options{})
	if len(msgs) != 5 || sum.Unparsed != 0 {
		t.Fatal(dump(msgs))
	}
	for i := range 3 {
		if msgs[i].Type != chat.Unknown || msgs[i].Text != "" {
			t.Errorf("%d: %s", i, dump(msgs[i]))
		}
	}
	if msgs[3].Text != "a\n\n\u200d b\u0301\n" {
		t.Errorf("%q", msgs[3].Text)
	}
}

func TestHourThatOccursTwice(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	text := "27/10/2024, 01:58 - Ana: before\n27/10/2024, 02:59 - Bob: last of summer\n27/10/2024, 02:00 - Ana: first of winter\n27/10/2024, 02:30 - Bob: which\n27/10/2024, 03:01 - Ana: after\n"
	msgs, _ := read(t, text, capture.Options{Zone: berlin})
	want := []string{"2024-10-26T23:58:00Z", "2024-10-27T00:59:00Z", "2024-10-27T01:00:00Z", "2024-10-27T01:30:00Z", "2024-10-27T02:01:00Z"}
	for i, w := range want {
		if msgs[i].SentAt != w || msgs[i].Time != chat.Certain {
			t.Errorf("%d: %s %s, want %s", i, msgs[i].SentAt, msgs[i].Time, w)
		}
	}
	msgs, _ = read(t, "27/10/2024, 02:30 - Bob: which\n", capture.Options{Zone: berlin})
	if msgs[0].Time != chat.Ambiguous {
		t.Error("an hour that occurs twice is said to be certain")
	}
	// The second pass lasts to the end of the hour, and begins in that hour only.
	msgs, _ = read(t, "27/10/2024, 02:50 - Ana: a\n27/10/2024, 02:10 - Bob: b\n27/10/2024, 02:08 - Cem: c\n27/10/2024, 02:55 - Ana: d\n27/10/2024, 03:00 - Ana: e\n", capture.Options{Zone: berlin})
	for i, w := range []string{"2024-10-27T00:50:00Z", "2024-10-27T01:10:00Z", "2024-10-27T01:08:00Z", "2024-10-27T01:55:00Z", "2024-10-27T02:00:00Z"} {
		if msgs[i].SentAt != w || msgs[i].Time != chat.Certain {
			t.Errorf("%d: %s %s, want %s", i, msgs[i].SentAt, msgs[i].Time, w)
		}
	}
	for _, text := range []string{
		"27/10/2024, 02:30 - Bob: which\n27/10/2024, 12:40 - Ana: noon\n27/10/2024, 12:10 - Bob: back\n",
		"27/10/2024, 02:30 - Bob: which\n27/10/2024, 02:29 - Ana: came late\n",
		"27/10/2024, 03:10 - Bob: after\n27/10/2024, 02:30 - Ana: came late\n",
	} {
		msgs, _ = read(t, text, capture.Options{Zone: berlin})
		for _, m := range msgs {
			if twice := strings.Contains(m.SentLocal, "T02:"); twice != (m.Time == chat.Ambiguous) {
				t.Errorf("%q: %s is %s", text, m.SentLocal, m.Time)
			}
		}
	}
	msgs, _ = read(t, "31/03/2024, 02:30 - Bob: never was\n", capture.Options{Zone: berlin})
	if msgs[0].SentLocal != "2024-03-31T02:30" || msgs[0].SentAt != "2024-03-31T01:30:00Z" {
		t.Error(dump(msgs))
	}
}

func TestSourceOrderIsKept(t *testing.T) {
	msgs, sum := read(t, "23/03/2022, 09:00 - Ana: a\n18/03/2022, 09:00 - Bob: b\n25/03/2022, 09:00 - Ana: c\n", capture.Options{})
	if msgs[0].Text != "a" || msgs[1].Text != "b" || sum.First != "2022-03-23T09:00" || sum.Last != "2022-03-25T09:00" {
		t.Fatal(dump(msgs), dump(sum))
	}
}

func TestUnknownDayPeriodIsUncertain(t *testing.T) {
	msgs, _ := read(t, "13/05/2024, 3:04 qwertz - Ana: a\n", capture.Options{})
	if len(msgs) != 1 || msgs[0].Time != chat.Ambiguous {
		t.Fatal(dump(msgs))
	}
}

func TestBodies(t *testing.T) {
	ios := "[13/05/2024, 09:00:05] Ana: "
	for body, check := range map[string]func(m chat.Message) bool{
		"hello " + lrm + "<This message was edited>": func(m chat.Message) bool { return m.Edited && m.Text == "hello" },
		lrm + "This message was deleted.":            func(m chat.Message) bool { return m.Revoked && m.Text == "" && m.Type == chat.Unknown },
		"This message was deleted by accident":       func(m chat.Message) bool { return !m.Revoked && m.Type == chat.Text },
		lrm + "Location: https://maps.google.com/?q=51.5021456,-0.127397": func(m chat.Message) bool {
			return m.Type == chat.Place && *m.Location.Lat == 51.5021456 && *m.Location.Lon == -0.127397
		},
		"Pimlico Gardens (London): https://foursquare.com/v/4e89": func(m chat.Message) bool {
			return m.Type == chat.Place && m.Location.Name == "Pimlico Gardens" && m.Location.Address == "London" && m.Location.Lat == nil
		},
		"look: https://maps.google.com/?q=1,2": func(m chat.Message) bool { return m.Type == chat.Text },
		lrm + "POLL:\nLunch?\n" + lrm + "OPTION: Pizza (2 votes)\n" + lrm + "OPTION: None (1 vote)": func(m chat.Message) bool {
			return m.Type == chat.PollType && m.Poll.Question == "Lunch?" && len(m.Poll.Options) == 2 && m.Poll.Options[0].Text == "Pizza" && m.Poll.Options[0].Votes == 2
		},
		lrm + "Missed voice call. " + lrm + "Tap to call back.": func(m chat.Message) bool { return m.Type == chat.CallType && m.Call.Missed && !m.Call.Video },
		lrm + "Video call, " + lrm + "5 min":                    func(m chat.Message) bool { return m.Type == chat.CallType && m.Call.Video && m.Call.Seconds == 300 },
		"Voice call":                                            func(m chat.Message) bool { return m.Type == chat.Text },
		"You received a view once message. For added privacy, you can only open it on your phone.": func(m chat.Message) bool { return m.Type == chat.ViewOnce },
		lrm + "Waiting for this message. This may take a while.":                                   func(m chat.Message) bool { return m.Type == chat.Unsupported },
		"EVENT: Party\nEvent Start time: 1765279800000\nEvent Location Name: Hall": func(m chat.Message) bool {
			return m.Type == chat.OccasionType && m.Occasion.Title == "Party" && m.Occasion.Starts == "2025-12-09T11:30:00Z"
		},
		lrm + "<attached: 00000003-John Doe.vcf>": func(m chat.Message) bool { return m.Type == chat.ContactCard && m.Contacts[0].Name == "John Doe" },
		"hi @\u2068Bob Stone\u2069 and @\u2068~Eve\u2069": func(m chat.Message) bool {
			return len(m.Mentions) == 2 && m.Mentions[0] == "Bob Stone" && m.Mentions[1] == "Eve"
		},
	} {
		msgs, _ := read(t, ios+"first\r\n"+ios+"second\r\n"+ios+body+"\r\n", capture.Options{})
		if len(msgs) != 3 || !check(msgs[2]) {
			t.Errorf("%q: %s", body, dump(msgs[len(msgs)-1]))
		}
	}
}

func TestDirectionIsKnownWithMe(t *testing.T) {
	text := "13/05/2024, 09:00 - Ana: a\n13/05/2024, 09:01 - Bob: b\n"
	msgs, _ := read(t, text, capture.Options{Me: "Bob"})
	if msgs[0].Direction != chat.In || msgs[1].Direction != chat.Out {
		t.Fatal(dump(msgs))
	}
	if msgs, _ = read(t, text, capture.Options{}); msgs[0].Direction != "" {
		t.Fatal(dump(msgs))
	}
}

func TestUnparsed(t *testing.T) {
	text := "lines that\nnobody headed\n13/05/2024, 09:00 - Ana: a\n"
	m := newMemory()
	sum := importPath(t, m, write(t, "c.txt", text), capture.Options{})[0]
	if sum.Unparsed != 1 || sum.Records != 1 || string(m.raw(t)) != text {
		t.Fatal(dump(sum))
	}
}

func TestTruncationIsSuspected(t *testing.T) {
	var b strings.Builder
	for i := range limitWithMedia {
		fmt.Fprintf(&b, "13/05/2024, %02d:%02d - Ana: %d\n", i/60%24, i%60, i)
	}
	if _, sum := read(t, b.String(), capture.Options{}); len(sum.Gaps) != 1 || sum.Complete() {
		t.Fatal(dump(sum))
	}
}

func TestChatNames(t *testing.T) {
	for stem, want := range map[string]string{
		"WhatsApp Chat - Ana Lima": "Ana Lima", "WhatsApp Chat - " + lrm + "Ana": "Ana", "WhatsApp Chat with Ana": "Ana", "WhatsApp Chat mit Bruno Costa": "Bruno Costa",
		"Discussion WhatsApp avec Zoë": "Zoë", "Ana ile WhatsApp Sohbeti": "Ana", "AnaとのWhatsAppチャット": "Ana", "Chat de WhatsApp con Ana": "Ana",
		"Conversa do WhatsApp com Ana": "Ana", "Чат WhatsApp с Ана": "Ана", "دردشة واتساب مع أحمد": "أحمد", "WhatsApp 与 王 的对话": "王",
	} {
		if got, ok := chatName([]string{stem}); !ok || got != want {
			t.Errorf("%q: %q", stem, got)
		}
	}
	if got := stem("WhatsApp Chat with Ana (1).txt"); got != "WhatsApp Chat with Ana" {
		t.Error(got)
	}
	if got, ok := chatName([]string{"notes"}); ok {
		t.Error(got)
	}
}

func TestPersianCalendar(t *testing.T) {
	for in, want := range map[[3]int]string{
		{1402, 12, 25}: "2024-03-15", {1403, 1, 1}: "2024-03-20", {1404, 1, 1}: "2025-03-21", {1399, 12, 30}: "2021-03-20",
		{1400, 1, 1}: "2021-03-21", {1388, 1, 1}: "2009-03-21", {1405, 7, 1}: "2026-09-23", {1395, 12, 30}: "2017-03-20", {1396, 6, 31}: "2017-09-22",
	} {
		y, m, d := fromPersian(in[0], in[1], in[2])
		if got := fmt.Sprintf("%04d-%02d-%02d", y, m, d); got != want {
			t.Errorf("%v = %s, want %s", in, got, want)
		}
	}
}

// local are the times of messages as printed.
func local(msgs []chat.Message) (all []string) {
	for _, m := range msgs {
		all = append(all, m.SentLocal)
	}
	return all
}

// TestTwoClocksAreTwoShapes: an American and a British phone's export in one
// file, whose dates look alike.
func TestTwoClocksAreTwoShapes(t *testing.T) {
	msgs, sum := read(t, "6/30/23, 4:14 PM - Bob: b\n30/6/23, 16:15 - Ana: c\n", capture.Options{})
	if got := local(msgs); !slices.Equal(got, []string{"2023-06-30T16:14", "2023-06-30T16:15"}) || sum.Unparsed != 0 || sum.DateOrder != "mdy+dmy" {
		t.Fatal(dump(msgs), dump(sum))
	}
	// With one clock they cannot be told apart, which is said.
	msgs, sum = read(t, "6/30/23, 16:14 - Bob: b\n30/6/23, 16:15 - Ana: c\n1/2/23, 16:16 - Ana: d\n", capture.Options{})
	if got := local(msgs); len(got) != 3 || got[0] != "2023-06-30T16:14" || got[1] != "2023-06-30T16:15" || sum.Unparsed != 0 || sum.DateOrderCertain || msgs[2].Time != chat.Ambiguous {
		t.Fatal(dump(msgs), dump(sum))
	}
}

// TestImpossibleDateIsNoHeader: it stays part of the message.
func TestImpossibleDateIsNoHeader(t *testing.T) {
	msgs, sum := read(t, "13/05/2024, 09:00 - Ana: a\n40/40/2024, 09:00 - Bob: b\n", capture.Options{})
	if len(msgs) != 1 || sum.Unparsed != 0 || !strings.HasSuffix(msgs[0].Text, "Bob: b") {
		t.Fatal(dump(msgs), dump(sum))
	}
}

// TestFirstHeaderDecidesTheLayout, and not how many lines are quoted.
func TestFirstHeaderDecidesTheLayout(t *testing.T) {
	msgs, _ := read(t, "13/05/2024, 09:00 - Ana: see\n[12/05/2024, 18:00:00] Bob: x\n[12/05/2024, 18:00:01] Bob: y\n[12/05/2024, 18:00:02] Bob: z\n13/05/2024, 09:01 - Cem: ok\n", capture.Options{})
	if len(msgs) != 2 || !strings.HasSuffix(msgs[0].Text, "Bob: z") || msgs[1].From.Name != "Cem" {
		t.Fatal(dump(msgs))
	}
	// Lines before the first record do not count against all the others.
	text := "from an old phone:\r\n12/05/2024, 18:00 - Bob: x\r\n" + strings.Repeat("[13/05/2024, 09:00:00] Ana: a\r\n", 25)
	if msgs, sum := read(t, text, capture.Options{}); len(msgs) != 25 || sum.Unparsed != 1 {
		t.Fatal(dump(sum))
	}
}

// TestAuthorsAfterBareLineFeeds: where most line ends of an iOS file were
// changed, those who are named after a bare LF only are authors, too.
func TestAuthorsAfterBareLineFeeds(t *testing.T) {
	msgs, sum := read(t, "[13/05/2024, 09:00:05] Ana: a\r\n[13/05/2024, 09:00:06] Ana: b\n[13/05/2024, 09:00:07] Bob: c\n[13/05/2024, 09:00:08] Bob: d\n[13/05/2024, 09:00:09] Ana: e\n", capture.Options{})
	if len(msgs) != 5 || len(sum.Warnings) != 1 {
		t.Fatal(dump(msgs), dump(sum))
	}
	for _, m := range msgs {
		if m.From == nil {
			t.Errorf("no author: %s", dump(m))
		}
	}
	// And one who is named in a quotation only is none.
	m := newMemory()
	importPath(t, m, write(t, "c.txt", "[13/05/2024, 09:00:05] Ana: fwd:\n[12/05/2024, 18:00:00] Eve: x\r\n[13/05/2024, 09:00:06] Ana: Eve: y\r\n"), capture.Options{})
	if msgs := m.messages(t); len(msgs) != 2 || msgs[0].Chat.Kind != chat.Direct {
		t.Error(dump(msgs))
	}
}

func TestLinesThatEndInCR(t *testing.T) {
	text := "13/05/2024, 09:00 - Ana: a\rb\r13/05/2024, 09:01 - Bob: c\r"
	msgs, _ := read(t, text, capture.Options{})
	if len(msgs) != 2 || msgs[0].Text != "a\nb" || msgs[1].Text != "c" {
		t.Fatal(dump(msgs))
	}
}

// loose are the texts of messages that may be part of another.
func loose(msgs []chat.Message) string {
	var all []string
	for _, m := range msgs {
		if m.Boundary == chat.Ambiguous {
			all = append(all, m.AsPrinted)
		}
	}
	return strings.Join(all, "|")
}

// TestHeadersThatMayBeForged: on Android, and on iOS without CRs, nothing but
// their time and name speaks against lines that somebody wrote into a message.
func TestHeadersThatMayBeForged(t *testing.T) {
	long := strings.Repeat("13/05/2024, 09:01 - Ana: x\n", 21)
	for name, c := range map[string]struct{ text, want string }{
		"older, at the end":      {"13/05/2024, 09:00 - Ana: fwd:\n12/05/2024, 18:00 - Bob: I approve\n", "fwd:|I approve"},
		"older, then back":       {"13/05/2024, 09:00 - Bob: a\n13/05/2024, 09:01 - Ana: fwd:\n12/05/2024, 18:00 - Bob: ok\n12/05/2024, 18:01 - Bob: pay\n13/05/2024, 09:02 - Bob: b\n", "fwd:|ok|pay"},
		"older, and never back":  {"13/05/2024, 18:00 - Bob: a\n" + long, ""},
		"later, then back":       {"13/05/2024, 09:00 - Ana: fwd:\n14/05/2024, 18:00 - Bob: ok\n" + long, "fwd:|ok"},
		"an hour was put back":   {"13/05/2024, 09:50 - Bob: a\n13/05/2024, 08:55 - Ana: b\n13/05/2024, 09:56 - Bob: c\n", ""},
		"after a notice":         {"23/03/2022, 09:00 - Messages and calls are end-to-end encrypted.\n18/03/2022, 09:00 - Bob: b\n25/03/2022, 09:00 - Ana: c\n", ""},
		"a stranger's locale":    {"13/05/2024, 09:00 - Ana: fwd:\n5/14/2024, 09:00 - Bob: ok\n14/05/2024, 09:02 - Bob: b\n15/05/2024, 09:02 - Bob: b\n" + strings.Repeat("16/05/2024, 09:02 - Ana: x\n", 20), "fwd:|ok"},
		"a new voice, few lines": {"13/05/2024, 09:00 - Ana: a\n13/05/2024, 09:05 - Bob: b\n13/05/2024, 09:07 - Ana: fwd:\n13/05/2024, 09:07 - Eve: pay\n13/05/2024, 09:08 - Bob: c\n", "fwd:|pay"},
		"two voices":             {"13/05/2024, 09:00 - Ana: a\n13/05/2024, 09:00 - Bob: b\n", ""},
		"one who has joined":     {"13/05/2024, 09:00 - Ana: a\n13/05/2024, 09:05 - Bob: b\n13/05/2024, 09:07 - Carl joined using this group's invite link\n13/05/2024, 09:07 - Carl: hi\n" + long, ""},
		"iOS without CRs":        {"[13/05/2024, 09:00:05] Bob: a\n[13/05/2024, 09:00:08] Ana: fwd:\n[12/05/2024, 18:00:00] Bob: ok\n[13/05/2024, 09:00:09] Bob: b\n", "fwd:|ok"},
		"iOS":                    {"[13/05/2024, 09:00:05] Bob: a\r\n[12/05/2024, 18:00:00] Bob: ok\r\n[13/05/2024, 09:00:09] Bob: b\r\n", ""},
	} {
		if msgs, _ := read(t, c.text, capture.Options{}); loose(msgs) != c.want {
			t.Errorf("%s: %q is uncertain, want %q", name, loose(msgs), c.want)
		}
	}
}

// TestWordsOfASentenceAreNoDayPeriod: a word that no table knows is part of a
// header only where the headers of the file have such words.
func TestWordsOfASentenceAreNoDayPeriod(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"24 hours":            {"14/05/2024, 09:00 - Ana: plan:\n14/05/2024, 10:00 kickoff with legal - Bob: slides\n14/05/2024 lunch 12:00 - Ana: food\n14/05/2024, 09:01 - Bob: ok\n", 2},
		"12 hours":            {"14/05/2024, 9:00 AM - Ana: plan:\n14/05/2024, 10:00 kickoff with legal - Bob: slides\n14/05/2024, 9:01 AM - Bob: ok\n", 2},
		"a language unknown":  {"14/05/2024, 9:00 qwertz - Ana: a\n14/05/2024, 1:00 asdf - Bob: b\n", 2},
		"half of it is known": {strings.Repeat("14/05/2024, 9:00 AM - Ana: a\n", 9) + strings.Repeat("14/05/2024, 1:00 asdf - Bob: b\n", 3), 12},
	} {
		if msgs, _ := read(t, c.text, capture.Options{}); len(msgs) != c.want {
			t.Errorf("%s: %d messages, want %d", name, len(msgs), c.want)
		}
	}
}

// TestWordsThatSomebodyTyped are not WhatsApp's, in a file that marks its own.
func TestWordsThatSomebodyTyped(t *testing.T) {
	h := "[13/05/2024, 09:00:05] Ana: "
	typed := []string{
		"This message was deleted.", "Missed voice call", "<attached: 00000012-PHOTO-2024-05-13-09-00-00.jpg>", "image omitted",
		"no <This message was edited>", "POLL:\nLunch?\nOPTION: Pizza (2 votes)",
	}
	text := h + "first\r\n" + h + "second\r\n" + lrm + h + lrm + "image omitted\r\n"
	for _, body := range typed {
		text += h + body + "\r\n"
	}
	msgs, sum := read(t, text, capture.Options{})
	for i, body := range typed {
		if m := msgs[3+i]; m.Type != chat.Text || m.Text != body || m.Edited || m.Revoked {
			t.Errorf("%q: %s", body, dump(m))
		}
	}
	if sum.AttachmentsMissing != 0 || sum.Omitted != 1 {
		t.Error(dump(sum))
	}
	// Where no marks are left, the words are all there is.
	if msgs, _ := read(t, h+"first\r\n"+h+"second\r\n"+h+typed[0]+"\r\n", capture.Options{}); !msgs[2].Revoked {
		t.Error(dump(msgs[2]))
	}
}

// TestNamesWithColons: in every notice of every language, about somebody who
// wrote twice.
func TestNamesWithColons(t *testing.T) {
	const name = "ACME: Support"
	fill := strings.NewReplacer("{a}", name, "{b}", name, "{g}", "Deal: one", "{o}", "x")
	for line := range strings.Lines(stringTable) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(f) != 3 || !strings.HasPrefix(f[1], "notice.") || strings.Contains(f[2], "{a} {b}") { // a blank alone tells no names apart
			continue
		}
		text := "13/05/2024, 09:00 - Ana: hello\n13/05/2024, 09:04 - ACME: Support: one\n13/05/2024, 09:05 - ACME: Support: two\n" +
			strings.Repeat("13/05/2024, 09:07 - "+fill.Replace(f[2])+"\n", 3)
		msgs, _ := read(t, text, capture.Options{})
		for i, m := range msgs {
			if i > 0 && i < 3 && m.From.Name != name || i >= 3 && m.System == nil {
				t.Errorf("%s %s: %s", f[0], f[2], dump(m))
			}
		}
	}
}

// TestWordsThatANoticeHas: who wrote once that something left or was added is
// not a notice.
func TestWordsThatANoticeHas(t *testing.T) {
	for _, text := range []string{"everyone left", "the annex was added", "lunch changed to Friday"} {
		msgs, sum := read(t, "13/05/2024, 09:00 - Ana: hello\n13/05/2024, 09:04 - Bob: "+text+"\n", capture.Options{})
		if sum.System != 0 || msgs[1].From.Name != "Bob" || msgs[1].Text != text {
			t.Error(dump(msgs[1]))
		}
	}
}

func TestMarkersAreNoNames(t *testing.T) {
	for _, body := range []string{lrm + "<attached: 00000001-a.pdf>", "Location: https://maps.google.com/?q=1,2"} {
		line := "[13/05/2024, 09:00:00] Ana: " + body + "\r\n"
		msgs, _ := read(t, "[13/05/2024, 09:00:00] Bob: hi\r\n"+strings.Repeat(line, 3), capture.Options{})
		if msgs[1].From.Name != "Ana" {
			t.Error(dump(msgs[1]))
		}
	}
}

// TestWhoWasAdded: the one person that "You added" names was added, wherever
// the sentence has the name.
func TestWhoWasAdded(t *testing.T) {
	for line, want := range map[string]*chat.System{
		"You added Bob":             {Who: []string{"Bob"}},
		"You added Bob, Eve":        {Who: []string{"Bob", "Eve"}},
		"Bob kişisini eklediniz":    {Who: []string{"Bob"}},
		"Bobを追加しました":                {Who: []string{"Bob"}},
		"Bob님을 추가했습니다":              {Who: []string{"Bob"}},
		"AnaがBobを追加しました":            {Actor: "Ana", Who: []string{"Bob"}},
		"Bob added you":             {Actor: "Bob"},
		"צורפת על-ידי Bob":          {Actor: "Bob"},
		"Csoporthoz hozzáadva: Bob": {Who: []string{"Bob"}},
	} {
		want.Event = chat.NoticeMemberAdded
		msgs, _ := read(t, "13/05/2024, 09:00 - Ana: hello\n"+strings.Repeat("13/05/2024, 09:04 - "+line+"\n", 3), capture.Options{})
		if dump(msgs[1].System) != dump(want) {
			t.Errorf("%s: %s", line, dump(msgs[1]))
		}
	}
}

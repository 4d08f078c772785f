package demo

import "time"

// Firm is the sample firm's name, and Zone that of its head office.
const (
	Firm = "Harbour Vale Wealth"
	Zone = "Europe/London"
)

// phone is one handset of a member of staff.
type phone struct {
	custodian string
	account   string // its number, E.164, from ranges that are never given out
	me        string // how its owner is called in its exports
	short     string
	zone      string
	locale    string
	weekend   [2]time.Weekday
}

var (
	western = [2]time.Weekday{time.Saturday, time.Sunday}
	israeli = [2]time.Weekday{time.Friday, time.Saturday}

	william = phone{"w.hale", "+447700900112", "William Hale", "William", "Europe/London", "ios en-GB", western}
	maya    = phone{"m.okafor", "+447700900112", "Maya Okafor", "Maya", "Europe/London", "ios en-GB", western}
	mayaUS  = phone{"m.okafor", "+15555550142", "Maya Okafor", "Maya", "America/New_York", "android en-US", western}
	jonas   = phone{"j.brandt", "+4915550012301", "Jonas Brandt", "Jonas", "Europe/Berlin", "android de", western}
	kasia   = phone{"k.wojcik", "+48555012001", "Kasia Wójcik", "Kasia", "Europe/Warsaw", "ios pl", western}
	kasiaTR = phone{"k.wojcik", "+905550120077", "Kasia Wójcik", "Kasia", "Europe/Istanbul", "android tr", western}
	livia   = phone{"l.ferraz", "+5511955500120", "Lívia Ferraz", "Lívia", "America/Sao_Paulo", "android pt-BR", western}
	liviaCO = phone{"l.ferraz", "+573005550121", "Lívia Ferraz", "Lívia", "America/Bogota", "ios es", western}
	amal    = phone{"a.haddad", "+971555001204", "أمل حداد", "أمل", "Asia/Dubai", "ios ar", western}
	amalHI  = phone{"a.haddad", "+971555001288", "Amal Haddad", "अमल", "Asia/Dubai", "android hi", western}
	noa     = phone{"n.levi", "+972555001230", "נועה לוי", "נועה", "Asia/Jerusalem", "android he", israeli}
	kenji   = phone{"k.tanaka", "+81905550140", "田中健司", "田中", "Asia/Tokyo", "ios ja", western}
	kenjiHK = phone{"k.tanaka", "+85255501408", "田中健司", "田中", "Asia/Hong_Kong", "android zh-TW", western}
)

// person is somebody else in a chat, as the phone prints the name.
type person struct{ name, short string }

// chat is one conversation of the sample firm and how it was exported.
type chat struct {
	name     string
	phone    phone
	talk     string // file of talk/
	group    bool
	others   []person
	mail     string
	messages int       // about so many
	from     time.Time // its first day; local, as all times here
	media    bool      // exported with media
	exports  []time.Time
	lost     bool // one attachment is named and not there
}

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic("demo: bad time in the firm's own table: " + s)
	}
	return t
}

// chats is the firm's correspondence. Two were exported twice: between the
// exports, people edited and revoked what the first still shows.
func chats() []chat {
	one := func(s string) []time.Time { return []time.Time{at(s)} }
	day := func(s string) time.Time { return at(s + " 00:00") }
	return []chat{
		{ // older than any policy: it is due for disposal
			name: "Beatrice Holm", phone: william, talk: "en", others: []person{{"Beatrice Holm", "Beatrice"}}, mail: "b.holm@example.org",
			messages: 90, from: day("2017-03-06"), exports: one("2018-11-30 16:20"),
		},
		{
			name: "Charlotte Whitmore", phone: maya, talk: "en", others: []person{{"Charlotte Whitmore", "Charlotte"}}, mail: "c.whitmore@example.org",
			messages: 420, from: day("2024-11-04"), media: true, exports: []time.Time{at("2026-09-18 18:05"), at("2026-10-30 09:20")},
		},
		{
			name: "Whitmore Trust rebalancing", phone: maya, talk: "en", group: true, mail: "trustees@example.org",
			others:   []person{{"Edward Whitmore", "Edward"}, {"Charlotte Whitmore", "Charlotte"}, {"~" + nnbsp + "Harriet", "Harriet"}},
			messages: 300, from: day("2025-01-07"), media: true, exports: one("2026-10-29 17:12"),
		},
		{
			name: "London desk", phone: maya, talk: "en", group: true, mail: "desk@harbourvale.example.org",
			others:   []person{{"Oliver Grant", "Oliver"}, {"Priya Nair", "Priya"}, {"Hannah Reid", "Hannah"}, {"Tom Adeyemi", "Tom"}},
			messages: 560, from: day("2024-11-01"), media: true, exports: one("2026-10-30 08:41"),
		},
		{
			name: "Rafael Stone", phone: maya, talk: "en", others: []person{{"Rafael Stone", "Rafael"}}, mail: "r.stone@northgatecustody.example.org",
			messages: 240, from: day("2025-02-03"), exports: one("2026-10-29 17:20"),
		},
		{
			name: "Grant Ellison", phone: mayaUS, talk: "en", others: []person{{"Grant Ellison", "Grant"}}, mail: "grant@ellison.example.org",
			messages: 320, from: day("2024-11-11"), media: true, exports: one("2026-10-28 14:02"), lost: true,
		},
		{
			name: "Sabine Krüger", phone: jonas, talk: "de", others: []person{{"Sabine Krüger", "Frau Krüger"}}, mail: "s.krueger@example.org",
			messages: 400, from: day("2024-11-05"), media: true, exports: []time.Time{at("2026-09-25 17:40"), at("2026-10-28 16:30")},
		},
		{
			name: "Anlageausschuss", phone: jonas, talk: "de", group: true, mail: "ausschuss@harbourvale.example.org",
			others:   []person{{"Markus Feld", "Markus"}, {"Dr. Eva Sommer", "Eva"}, {"Nina Albers", "Nina"}},
			messages: 280, from: day("2025-01-13"), exports: one("2026-10-28 16:34"),
		},
		{
			name: "Piotr Nowak", phone: kasia, talk: "pl", others: []person{{"Piotr Nowak", "Piotr"}}, mail: "p.nowak@example.org",
			messages: 230, from: day("2025-03-03"), media: true, exports: one("2026-10-27 12:10"),
		},
		{
			name: "Demir Tekstil", phone: kasiaTR, talk: "tr", group: true, mail: "muhasebe@demirtekstil.example.org",
			others:   []person{{"Mehmet Demir", "Mehmet"}, {"Selin Demir", "Selin"}},
			messages: 210, from: day("2025-05-05"), exports: one("2026-10-27 15:45"),
		},
		{
			name: "Ricardo Menezes", phone: livia, talk: "pt", others: []person{{"Ricardo Menezes", "Ricardo"}}, mail: "ricardo@menezes.example.org",
			messages: 340, from: day("2024-11-06"), media: true, exports: one("2026-10-28 11:08"),
		},
		{
			name: "Mesa São Paulo", phone: livia, talk: "pt", group: true, mail: "mesa@harbourvale.example.org",
			others:   []person{{"Bruno Teixeira", "Bruno"}, {"Paula Antunes", "Paula"}, {"Caio Moretti", "Caio"}},
			messages: 240, from: day("2025-02-10"), exports: one("2026-10-28 11:15"),
		},
		{
			name: "Andrés Castaño", phone: liviaCO, talk: "es", others: []person{{"Andrés Castaño", "Andrés"}}, mail: "andres@castano.example.org",
			messages: 220, from: day("2025-04-01"), media: true, exports: one("2026-10-26 10:22"),
		},
		{
			name: "خالد المنصوري", phone: amal, talk: "ar", others: []person{{"خالد المنصوري", "خالد"}}, mail: "k.almansoori@example.org",
			messages: 220, from: day("2025-01-20"), media: true, exports: one("2026-10-29 13:30"),
		},
		{
			name: "Sunil Verma", phone: amalHI, talk: "hi", others: []person{{"Sunil Verma", "सुनील"}}, mail: "sunil@verma.example.org",
			messages: 180, from: day("2025-06-02"), media: true, exports: one("2026-10-29 13:41"),
		},
		{
			name: "משפחת ברק", phone: noa, talk: "he", group: true, mail: "barak@example.org",
			others:   []person{{"איתי ברק", "איתי"}, {"מיכל ברק", "מיכל"}},
			messages: 220, from: day("2025-03-16"), exports: one("2026-10-25 18:03"),
		},
		{
			name: "森田浩", phone: kenji, talk: "ja", others: []person{{"森田浩", "森田様"}}, mail: "morita@example.org",
			messages: 220, from: day("2025-02-17"), media: true, exports: one("2026-10-30 17:48"),
		},
		{
			name: "陳美玲", phone: kenjiHK, talk: "zh", others: []person{{"陳美玲", "美玲"}}, mail: "meiling.chan@example.org",
			messages: 190, from: day("2025-05-12"), exports: one("2026-10-30 17:55"),
		},
	}
}

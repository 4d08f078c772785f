package ios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

// Numbers of message types, as readers of real databases agree on them: they
// are not Android's. A number that is not here is kept, and said.
var types = map[int64]chat.Type{
	0: chat.Text, 1: chat.Image, 2: chat.Video, 3: chat.Audio, 4: chat.ContactCard, 5: chat.Place, 6: chat.SystemType, 7: chat.Text, 8: chat.Document,
	10: chat.SystemType, 11: chat.Video, 12: chat.Unsupported, 14: chat.Unknown, 15: chat.Sticker, 19: chat.Template, 20: chat.Template, 23: chat.Template,
	24: chat.Template, 25: chat.Text, 26: chat.Interactive, 27: chat.Interactive, 28: chat.SystemType, 30: chat.Template, 31: chat.Text, 32: chat.Template,
	34: chat.Text, 38: chat.ViewOnce, 39: chat.ViewOnce, 41: chat.Template, 42: chat.Template, 46: chat.PollType, 53: chat.ViewOnce, 54: chat.Video,
	55: chat.SystemType, 59: chat.CallType, 62: chat.SystemType, 63: chat.OccasionType, 66: chat.Interactive, 73: chat.SystemType,
}

// Types with meanings of their own.
const (
	typeEvent   = 6
	typeSystem  = 10
	typeRevoked = 14
	typeProduct = 26
	typeInvite  = 27
	typeTimer   = 28
	typeChannel = 55
	typeAlbum   = 66
	typePrivacy = 73
)

// kind gives the message its type and what goes with it.
func (r *reader) kind(m *chat.Message, it *item, meta wire) {
	code := it.Row.Int("ZMESSAGETYPE")
	row := it.first(media)
	var known bool
	if m.Type, known = types[code]; !known {
		m.Type, m.TypeCode = ofMIME(row.Str("ZVCARDSTRING")), fmt.Sprintf("ios:%d", code)
	}
	m.Text = it.Row.Str("ZTEXT")
	if _, ok := it.Row["ZTEXT"].([]byte); ok && m.Type == chat.Text {
		m.Type = chat.Unknown // a BLOB in the place of the text: kept in the record
	}
	switch m.Type {
	case chat.SystemType:
		r.notice(m, it, code, meta)
	case chat.Image, chat.Video, chat.ViewOnce:
		m.Text = cmp.Or(row.Str("ZTITLE"), m.Text)
	case chat.Audio:
		if mime := row.Str("ZVCARDSTRING"); strings.HasPrefix(mime, "audio/ogg") {
			m.Type = chat.Voice
		}
	case chat.Place:
		lat, hasLat := row.Real("ZLATITUDE")
		lon, hasLon := row.Real("ZLONGITUDE")
		m.Location = &chat.Location{Name: row.Str("ZTITLE"), Address: row.Str("ZVCARDNAME")}
		if hasLat && hasLon {
			m.Location.Lat, m.Location.Lon = &lat, &lon
		}
	case chat.ContactCard:
		m.Contacts, m.Text = cards(row.Str("ZVCARDSTRING"), row.Str("ZVCARDNAME")), ""
	case chat.PollType:
		m.Poll, m.Text = r.poll(it, m.Text), ""
	case chat.CallType:
		seconds := cmp.Or(meta.int(87, 1, 3), row.Int("ZMOVIEDURATION"))
		m.Call = &chat.Call{Seconds: seconds32(float64(seconds))}
	case chat.OccasionType:
		m.Occasion = &chat.Occasion{Title: cmp.Or(m.Text, row.Str("ZTITLE"))}
	case chat.Template, chat.Interactive:
		m.Text = business(m.Text, row.Str("ZTITLE"), meta, code)
	default:
		if code == typeRevoked {
			r.revoked(m, it, row.Str("ZVCARDSTRING"))
		}
	}
}

// ofMIME is the type of a message whose number is not known, by its file.
func ofMIME(mime string) chat.Type {
	if !isMIME(mime) {
		return chat.Unknown
	}
	kind, _, _ := strings.Cut(mime, "/")
	switch kind {
	case "image":
		return chat.Image
	case "video":
		return chat.Video
	case "audio":
		return chat.Audio
	}
	return chat.Document
}

// revoked reads what is left of a message: who took it away, if it was not
// its author.
func (r *reader) revoked(m *chat.Message, it *item, by string) {
	m.Revoked, m.Text = true, ""
	if !strings.Contains(by, "@") {
		return
	}
	if p := it.person(by); m.From == nil || p.JID != m.From.JID || p.LID != m.From.LID {
		m.RevokedBy = p
	}
}

// Separators between cards and between their names.
const (
	cardSeparator = "_$!<VCard-Separator>!$_"
	nameSeparator = "_$!<Name-Separator>!$_"
)

// cards reads contact cards, or their names where there are none.
func cards(all, names string) (out []chat.Contact) {
	for _, v := range strings.Split(all, cardSeparator) {
		if c, ok := phone.Card(v); ok {
			out = append(out, c)
		}
	}
	if len(out) == 0 && names != "" {
		for _, n := range strings.Split(names, nameSeparator) {
			out = append(out, chat.Contact{Name: n})
		}
	}
	return out
}

// poll reads a question and its options. Who voted for what is not known to
// stand in the database.
func (r *reader) poll(it *item, text string) *chat.Poll {
	w := wire(it.first(infos).Blob("ZRECEIPTINFO")).at(8).bytes
	p := &chat.Poll{Question: cmp.Or(w.text(2), text)}
	w.each(func(f field) bool {
		if f.num == 3 {
			p.Options = append(p.Options, chat.PollOption{Text: f.bytes.text(1)})
		}
		return true
	})
	return p
}

// templates are the fields that hold a business message, and where its
// buttons are.
var templates = map[protowire.Number][]protowire.Number{24: {8, 2, 1}, 43: {5, 2, 1}, 51: {9, 2, 1}}

// business puts what a business message says into words: its own, one a line.
func business(text, title string, meta wire, code int64) string {
	lines := []string{text}
	add := func(s string) {
		if s = strings.TrimSpace(s); !slices.Contains(lines, s) {
			lines = append(lines, s)
		}
	}
	meta.each(func(f field) bool {
		buttons, ok := templates[f.num]
		if !ok {
			return true
		}
		body := f.bytes.at(1).bytes
		for _, num := range []protowire.Number{2, 6, 7} {
			add(body.text(num))
		}
		body.each(func(f field) bool {
			if f.num == buttons[0] {
				f.bytes.each(func(f field) bool {
					if f.num == buttons[1] {
						add(f.bytes.text(buttons[2]))
					}
					return true
				})
			}
			return true
		})
		return true
	})
	switch code {
	case typeProduct:
		add(meta.text(26, 1, 1, 3))
		add(meta.text(26, 1, 1, 4))
		if currency, amount := meta.text(26, 1, 1, 5), meta.int(26, 1, 1, 6); currency != "" && amount > 0 { // in thousandths
			add(currency + " " + strconv.FormatFloat(float64(amount)/1000, 'f', -1, 64))
		}
	case typeInvite:
		add(title)
		add(meta.text(28, 4))
	case typeAlbum:
		if text == "" {
			add("album")
		}
	default:
		if !strings.ContainsFunc(title, func(c rune) bool { return c < ' ' && c != '\n' }) { // where it is no protobuf
			add(title)
		}
	}
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), "\n")
}

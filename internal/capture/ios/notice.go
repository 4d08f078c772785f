package ios

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

// events are the numbers of notices about a group, ZGROUPEVENTTYPE of type 6.
// In messages of other types the column means nothing.
var events = map[int64]string{
	1: chat.NoticeSubject, 2: chat.NoticeMemberAdded, 3: chat.NoticeMemberLeft, 4: chat.NoticeIcon, 5: chat.NoticeIcon, 7: chat.NoticeMemberRemoved,
	9: chat.NoticeNumber, 10: chat.NoticeAdmin, 11: chat.NoticeAdmin, 12: chat.NoticeGroupCreated, 13: chat.NoticeCommunity, 15: chat.NoticeMemberJoined,
	17: chat.NoticeDescription, 18: chat.NoticeSettings, 19: chat.NoticeSettings, 20: chat.NoticeSettings, 21: chat.NoticeSettings, 22: chat.NoticeDescription,
	23: chat.NoticeMemberJoined, 26: chat.NoticeDisappearing, 30: chat.NoticeMemberJoined, 31: chat.NoticeCommunity, 33: chat.NoticeCommunity,
	39: chat.NoticeAdmin, 42: chat.NoticeSettings, 43: chat.NoticeCommunity, 50: chat.NoticeMemberAdded, 51: chat.NoticeCommunity, 56: chat.NoticeSubject,
	57: chat.NoticeDescription, 60: chat.NoticeCommunity, 61: chat.NoticeCommunity, 64: chat.NoticeSettings,
}

// Notices about a group whose text names people.
const (
	eventAdded   = 2
	eventLeft    = 3
	eventRemoved = 7
	eventNumber  = 9
	eventAdmin   = 10
	eventNoAdmin = 11
	eventCreated = 12
	eventByLink  = 15
	eventInvited = 23
	eventFromAll = 30
	eventAdmin2  = 39
	eventAdded2  = 50
)

// notices are the numbers of other notices, ZGROUPEVENTTYPE of type 10.
var notices = map[int64]string{
	2: chat.NoticeEncrypted, 3: chat.NoticeSecurityCode, 5: chat.NoticeNumber, 6: chat.NoticeNumber, 25: chat.NoticeBusiness, 26: chat.NoticeBusiness,
	29: chat.NoticeBusiness, 30: chat.NoticeBusiness, 34: chat.NoticeBlocked, 35: chat.NoticeBlocked, 36: chat.NoticeSecurityCode, 38: chat.NoticeBusiness,
	40: chat.NoticeGroupCall, 41: chat.NoticeGroupCall, 47: chat.NoticeDisappearing, 51: chat.NoticeAdvancedPrivacy,
}

// missed are the notices of type 10 that are calls, and which were video.
var missed = map[int64]bool{1: false, 4: true, 21: false, 22: true, 45: false, 46: true}

// values say what was set, where the number does.
var values = map[[2]int64]string{
	{typeEvent, 5}: "removed", {typeEvent, 22}: "removed", {typeEvent, 18}: "only administrators can edit", {typeEvent, 19}: "all members can edit",
	{typeEvent, 20}: "only administrators can send", {typeEvent, 21}: "all members can send", {typeSystem, 34}: "blocked", {typeSystem, 35}: "unblocked",
}

// notice reads what WhatsApp wrote itself.
func (r *reader) notice(m *chat.Message, it *item, code int64, meta wire) {
	number := it.Row.Int("ZGROUPEVENTTYPE")
	if video, ok := missed[number]; ok && code == typeSystem {
		m.Type, m.Text, m.Call = chat.CallType, "", &chat.Call{Video: video, Missed: true}
		return
	}
	s := &chat.System{Event: chat.NoticeOther, Value: m.Text}
	switch {
	case code == typeEvent && events[number] != "":
		s.Event = events[number]
		r.event(s, it, number)
	case code == typeSystem && notices[number] != "":
		s.Event = notices[number]
		if who := it.who(m.Text); len(who) > 0 {
			s.Who, s.Value = who, ""
		}
	case code == typeTimer:
		s.Event = chat.NoticeDisappearing
		if d := meta.int(36); d > 0 {
			s.Value = strconv.FormatInt(d, 10)
		}
	case code == typePrivacy:
		s.Event = chat.NoticeAdvancedPrivacy
	case code == typeChannel && number == 1:
		s.Event = chat.NoticeGroupCreated
	default:
		m.TypeCode = fmt.Sprintf("ios:%d/%d", code, number)
	}
	if v := values[[2]int64{code, number}]; v != "" {
		s.Value = v
	}
	m.Direction, m.From, m.System = chat.Notice, nil, s
	m.Text = phone.Sentence(s)
}

// event reads a notice about a group. The row's member and the people in its
// text have other parts in each: where it is not known who did it to whom,
// both are named and no one is said to have.
func (r *reader) event(s *chat.System, it *item, number int64) {
	text := s.Value
	var member []string
	if p := it.person(it.Of[members].Str("ZMEMBERJID")); p != nil {
		member = []string{phone.NameOf(p)}
	}
	actor := func(who []string) {
		if len(who) == 1 {
			s.Actor = who[0]
		}
	}
	switch number {
	case eventAdded, eventAdded2, eventRemoved: // "by;who,who", "by", or "who,who"
		by, list, ok := strings.Cut(text, ";")
		switch who := it.who(text); {
		case ok:
			actor(it.who(by))
			s.Who = it.who(list)
		case len(who) == 1:
			actor(who)
			s.Who = member
		case len(who) > 1:
			actor(member)
			s.Who = who
		default:
			s.Who = member
		}
		s.Value = ""
	case eventLeft, eventByLink, eventInvited, eventFromAll:
		s.Value = ""
		if s.Who = member; len(member) == 0 {
			s.Who = it.who(text)
		}
	case eventNumber, eventAdmin, eventNoAdmin, eventAdmin2:
		s.Value = ""
		s.Who = append(it.who(text), member...)
	case eventCreated:
		actor(member)
	default:
		actor(member)
		s.Value = inside(text)
	}
}

// who lists the people whose addresses a text is made of, by name. It is empty
// for any other text.
func (it *item) who(text string) (out []string) {
	for _, jid := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ';' || c == ' ' }) {
		if s := phone.Server(jid); s != phone.Phones && s != phone.LIDs {
			return nil
		}
		out = append(out, phone.NameOf(it.person(jid)))
	}
	return out
}

// inside takes the words out of the JSON that some notices have as text.
func inside(text string) string {
	var v struct {
		Subject string            `json:"new_subject"`
		Groups  map[string]string `json:"linked_groups"`
	}
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	if v.Subject != "" {
		return v.Subject
	}
	if len(v.Groups) > 0 {
		return strings.Join(slices.Sorted(maps.Values(v.Groups)), ", ")
	}
	return text
}

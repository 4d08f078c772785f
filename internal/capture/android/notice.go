package android

import (
	"fmt"
	"strconv"

	"github.com/waxseal/waxseal/internal/capture/phone"
	"github.com/waxseal/waxseal/internal/chat"
)

// Numbers of actions in table message_system that two or more public readers
// agree on. Where sources contradict each other (29, 31, 63, 84, 99 and
// others), the number alone is kept.
var actions = map[int64]string{
	1: chat.NoticeSubject, 4: chat.NoticeMemberAdded, 5: chat.NoticeMemberLeft, 6: chat.NoticeIcon, 7: chat.NoticeMemberRemoved, 10: chat.NoticeNumber,
	11: chat.NoticeGroupCreated, 12: chat.NoticeMemberAdded, 13: chat.NoticeMemberLeft, 14: chat.NoticeMemberRemoved, 15: chat.NoticeAdmin,
	18: chat.NoticeSecurityCode, 20: chat.NoticeMemberJoined, 21: chat.NoticeInviteLink, 27: chat.NoticeDescription, 28: chat.NoticeNumber,
	30: chat.NoticeSettings, 32: chat.NoticeSettings, 56: chat.NoticeDisappearing, 57: chat.NoticeDevices, 58: chat.NoticeBlocked, 59: chat.NoticeDisappearing,
	67: chat.NoticeEncrypted, 68: chat.NoticeDisappearing, 69: chat.NoticeBusiness, 70: chat.NoticeGroupCall, 79: chat.NoticeMemberJoined, 81: chat.NoticeAdmin,
	85: chat.NoticeSettings, 87: chat.NoticeCommunity, 91: chat.NoticeSettings, 92: chat.NoticeSettings, 108: chat.NoticeCommunity, 118: chat.NoticePinned,
	120: chat.NoticeMemberAdded, 123: chat.NoticeCommunity, 125: chat.NoticeCommunity, 129: chat.NoticeUnknownSender, 132: chat.NoticeGroupCreated, 144: chat.NoticeMemberAdded,
	165: chat.NoticeUsername,
}

// notice reads what WhatsApp wrote itself.
func (r *reader) notice(m *chat.Message, it *item, code int64) {
	m.Type, m.Direction = chat.SystemType, chat.Notice
	s := &chat.System{Event: chat.NoticeOther}
	action := int64(-1)
	switch rows := it.With["message_system"]; {
	case len(rows) > 0:
		action = rows[0].Int("action_type")
	case it.Table == "messages":
		action = it.Row.Int("media_size") // where the old table keeps it
	}
	switch {
	case code == typeTimer || code == typeTimer2:
		s.Event = chat.NoticeDisappearing
	case code == typePrivacy:
		s.Event = chat.NoticeAdvancedPrivacy
	case actions[action] != "":
		s.Event = actions[action]
	}
	if s.Event == chat.NoticeOther {
		m.TypeCode = fmt.Sprintf("android:%d/%d", code, action)
	}
	if m.From != nil && m.Chat.Kind == chat.Group {
		s.Actor = phone.NameOf(m.From)
	}
	m.From = nil
	s.Value, m.Text = m.Text, ""
	r.noticeDetails(s, it)
	m.System = s
	m.Text = phone.Sentence(s)
}

// noticeDetails reads the tables beside message_system.
func (r *reader) noticeDetails(s *chat.System, it *item) {
	for _, row := range it.With["message_system_chat_participant"] {
		if p := person(it.jid(row, "user_jid_row_id")); p != nil {
			s.Who = append(s.Who, phone.NameOf(p))
		}
	}
	for _, row := range it.With["message_system_number_change"] {
		for _, c := range []string{"old_jid_row_id", "new_jid_row_id"} {
			if p := person(it.jid(row, c)); p != nil {
				s.Who = append(s.Who, phone.NameOf(p))
			}
		}
	}
	for _, row := range it.With["message_ephemeral_setting"] {
		s.Value = strconv.FormatInt(row.Int("setting_duration"), 10)
	}
	for _, row := range it.With["message_system_username_change"] {
		s.Who, s.Value = append(s.Who, row.Str("old_username")), row.Str("new_username")
	}
	for _, row := range it.With["message_system_block_contact"] {
		s.Value = map[int64]string{0: "unblocked", 1: "blocked"}[row.Int("is_blocked")]
	}
	for _, row := range it.With["message_system_business_state"] {
		s.Value = row.Str("business_name")
	}
}

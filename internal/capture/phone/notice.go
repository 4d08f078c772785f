package phone

import (
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// sentences put a notice into words. WhatsApp makes them on the phone, in its
// language; the database has the facts.
var sentences = map[string]string{
	chat.NoticeSubject: "The subject was changed", chat.NoticeMemberAdded: "Members were added", chat.NoticeMemberLeft: "Left", chat.NoticeIcon: "The icon was changed",
	chat.NoticeMemberRemoved: "Members were removed", chat.NoticeNumber: "The phone number was changed", chat.NoticeGroupCreated: "Created",
	chat.NoticeAdmin: "Administrators were changed", chat.NoticeSecurityCode: "The security code was changed", chat.NoticeMemberJoined: "Joined",
	chat.NoticeInviteLink: "The invite link was changed", chat.NoticeDescription: "The description was changed", chat.NoticeSettings: "The settings were changed",
	chat.NoticeDisappearing: "The timer of disappearing messages was changed", chat.NoticeDevices: "Linked devices were changed", chat.NoticeBlocked: "Blocked or unblocked",
	chat.NoticeEncrypted: "Messages are end-to-end encrypted", chat.NoticeBusiness: "About a business", chat.NoticeGroupCall: "A group call", chat.NoticeCommunity: "About the community",
	chat.NoticePinned: "A message was pinned", chat.NoticeUsername: "The user name was changed", chat.NoticeAdvancedPrivacy: "Advanced chat privacy was changed",
	chat.NoticeUnknownSender: "The sender is not among the contacts", chat.NoticeOther: "A notice",
	chat.NoticeUserID: "The business-scoped id was changed",
}

// Sentence puts a notice into words: what happened, by whom, to whom, to what.
func Sentence(s *chat.System) string {
	b := sentences[s.Event]
	if s.Actor != "" {
		b += " by " + s.Actor
	}
	if len(s.Who) > 0 {
		b += ": " + strings.Join(s.Who, ", ")
	}
	if s.Value != "" {
		b += ": " + s.Value
	}
	return b
}

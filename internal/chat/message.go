// Package chat holds what records mean: events, and their fold into messages.
//
// It is pure: it does no I/O, and it never imports a source, the archive or
// the index.
package chat

// Message is the fold of all events about one message, and the object that
// `waxseal messages --json`, the API and the JSON Lines export print, one a
// line. Fields are absent when empty.
type Message struct {
	// ID names the message in this archive: the entry of its first record.
	ID      string  `json:"id"`
	Seq     int64   `json:"seq"`     // entry of its first record; gives source order
	Records []int64 `json:"records"` // all entries about it

	Account   string `json:"account,omitempty"`
	Custodian string `json:"custodian,omitempty"`
	Chat      Chat   `json:"chat"`

	Direction Direction `json:"direction,omitempty"`
	From      *Person   `json:"from,omitempty"`

	SentAt      string `json:"sent_at,omitempty"`    // RFC 3339, UTC
	SentLocal   string `json:"sent_local,omitempty"` // as printed, without zone; seconds only where the source has them
	Zone        string `json:"zone,omitempty"`       // IANA
	ZoneAssumed bool   `json:"zone_assumed,omitempty"`
	Precision   string `json:"precision,omitempty"` // "minute" or "second"

	Type      Type    `json:"type,omitempty"`
	System    *System `json:"system,omitempty"`
	Text      string  `json:"text,omitempty"`       // what the author wrote, to the letter
	AsPrinted string  `json:"as_printed,omitempty"` // chat exports: the body as the file has it

	Mentions    []string     `json:"mentions,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`

	Boundary string `json:"boundary,omitempty"` // "ambiguous": may be part of the message before it
	Time     string `json:"time,omitempty"`     // "ambiguous": see §7 of the design

	// Key is WhatsApp's own name of the message, where the source has it.
	Key *Key `json:"key,omitempty"`

	ReplyTo   string     `json:"reply_to,omitempty"`
	Quoted    *Quoted    `json:"quoted,omitempty"` // what it answers, as it was then
	Forwarded int        `json:"forwarded,omitempty"`
	Edited    bool       `json:"edited,omitempty"`
	ChangedAt string     `json:"changed_at,omitempty"` // of the last edit or the revocation, RFC 3339
	Revoked   bool       `json:"revoked,omitempty"`
	RevokedBy *Person    `json:"revoked_by,omitempty"` // an administrator, where it was not the author
	Versions  []Version  `json:"versions,omitempty"`   // earlier states, oldest first
	Reactions []Reaction `json:"reactions,omitempty"`
	Receipts  []Receipt  `json:"receipts,omitempty"`

	Starred    bool  `json:"starred,omitempty"`
	Pinned     bool  `json:"pinned,omitempty"`
	EphemeralS int64 `json:"ephemeral_s,omitempty"` // seconds after which it disappears
	// Dropped is true where the device had removed the message from view and
	// its database still held it.
	Dropped bool `json:"dropped,omitempty"`
	// Sending is how far a message came that went through the gateway.
	Sending *Sending `json:"sending,omitempty"`
	// Partial is true for a record that says something about a message, a
	// reaction for one, and not what it is.
	Partial bool `json:"-"`
	// TypeCode is the source's own number of a type that is not known.
	TypeCode string `json:"type_code,omitempty"`

	Location *Location `json:"location,omitempty"`
	Contacts []Contact `json:"contacts,omitempty"`
	Poll     *Poll     `json:"poll,omitempty"`
	Call     *Call     `json:"call,omitempty"`
	Occasion *Occasion `json:"event,omitempty"`
	Choice   *Choice   `json:"interactive,omitempty"`
	Basket   *Basket   `json:"order,omitempty"`
	Referral *Referral `json:"referral,omitempty"` // the advertisement that it came by
	Product  *Product  `json:"product,omitempty"`
	// Errors are what the source says went wrong with it: a code and its title.
	Errors []string `json:"errors,omitempty"`

	SeenBy []string `json:"seen_by,omitempty"` // sources, in the order in which they first saw it

	// What the firm's books say about it.
	Labels  []string `json:"labels,omitempty"`  // paths of labels, such as "Deals/Acme"
	Matters []string `json:"matters,omitempty"` // that it was collected for
	Holds   []string `json:"holds,omitempty"`   // that cover it
	Retain  *Retain  `json:"retain,omitempty"`
}

// Retain is until when a message is kept, and why.
type Retain struct {
	Until string   `json:"until,omitempty"` // RFC 3339; empty: no end is known
	Why   []string `json:"why"`
}

// Certain is the value of Boundary and Time where nothing is in doubt.
const (
	Certain   = "certain"
	Ambiguous = "ambiguous"
)

// Chat names the conversation a message belongs to.
type Chat struct {
	ID  string `json:"id,omitempty"`
	JID string `json:"jid,omitempty"` // where the source has it; a phone's rather than a LID
	LID string `json:"lid,omitempty"` // the same chat under its LID
	// BSUID is the same chat under its business-scoped id; a source may know
	// no other.
	BSUID string   `json:"bsuid,omitempty"`
	Name  string   `json:"name"`
	Kind  ChatKind `json:"kind,omitempty"`
}

// ChatKind is the kind of a conversation.
type ChatKind string

// The kinds of conversation that WhatsApp has.
const (
	Direct    ChatKind = "direct"
	Group     ChatKind = "group"
	Broadcast ChatKind = "broadcast"
	Channel   ChatKind = "channel"
	Status    ChatKind = "status"
)

// Direction is seen from the archived account. It is empty where the source
// does not say who that is.
type Direction string

// The directions.
const (
	In     Direction = "in"
	Out    Direction = "out"
	Notice Direction = "system"
)

// Type is the kind of content.
type Type string

// The types of content.
const (
	Text         Type = "text"
	Image        Type = "image"
	Video        Type = "video"
	Audio        Type = "audio"
	Voice        Type = "voice"
	Document     Type = "document"
	Sticker      Type = "sticker"
	Place        Type = "location"
	LivePlace    Type = "live_location"
	ContactCard  Type = "contact"
	PollType     Type = "poll"
	OccasionType Type = "event"
	CallType     Type = "call"
	Order        Type = "order"
	Interactive  Type = "interactive"
	Template     Type = "template"
	ViewOnce     Type = "view_once"
	SystemType   Type = "system"
	Unsupported  Type = "unsupported"
	Unknown      Type = "unknown"
)

// Person is one identity as a source gave it.
type Person struct {
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"` // E.164
	JID   string `json:"jid,omitempty"`
	LID   string `json:"lid,omitempty"`
	BSUID string `json:"bsuid,omitempty"`
	// ParentBSUID is the id that several businesses of one owner have for them.
	ParentBSUID string `json:"parent_bsuid,omitempty"`
}

// System is what a notice says, where its sentence is known.
type System struct {
	Event string   `json:"event"` // one of the Notice constants
	Actor string   `json:"actor,omitempty"`
	Who   []string `json:"who,omitempty"`
	// Value is what was set: a new subject, a timer.
	Value string `json:"value,omitempty"`
}

// What notices say. A notice whose sentence is not known is NoticeOther.
const (
	NoticeOther           = "other"
	NoticeEncrypted       = "encrypted"
	NoticeGroupCreated    = "group_created"
	NoticeMemberAdded     = "member_added"
	NoticeMemberRemoved   = "member_removed"
	NoticeMemberLeft      = "member_left"
	NoticeMemberJoined    = "member_joined"
	NoticeSubject         = "subject_changed"
	NoticeIcon            = "icon_changed"
	NoticeDescription     = "description_changed"
	NoticeAdmin           = "admin_changed"
	NoticeNumber          = "number_changed"
	NoticeSecurityCode    = "security_code_changed"
	NoticeDisappearing    = "disappearing_changed"
	NoticeBusiness        = "business"
	NoticePinned          = "pinned"
	NoticeBlocked         = "blocked"
	NoticeSettings        = "settings_changed"
	NoticeAdvancedPrivacy = "advanced_privacy"
	NoticeInviteLink      = "invite_link_changed"
	NoticeDevices         = "devices_changed"
	NoticeUsername        = "username_changed"
	NoticeCommunity       = "community_changed"
	NoticeGroupCall       = "group_call"
	NoticeUnknownSender   = "unknown_sender"
	NoticeUserID          = "user_id_changed"
)

// Attachment is a file that a message carries or should carry.
type Attachment struct {
	Name   string `json:"name,omitempty"`
	MIME   string `json:"mime,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	State  State  `json:"state"`
	Reason string `json:"reason,omitempty"` // a sentence, where State is not Stored
	// Ref is the source's own name of the file, by which it can be fetched.
	Ref string `json:"ref,omitempty"`
}

// State says where an attachment's content is.
type State string

// The states of an attachment.
const (
	Stored  State = "stored"
	Omitted State = "omitted" // the source says that it left it out
	Missing State = "missing" // the source names it and does not have it
	Expired State = "expired"
	Pending State = "pending"
)

// Version is an earlier state of a message.
type Version struct {
	At   string `json:"at,omitempty"` // when it was replaced, RFC 3339, where known
	Text string `json:"text"`
	Seq  int64  `json:"seq"` // the entry that holds it
	// Type is Unsupported where the message had come without its content.
	Type Type `json:"type,omitempty"`
}

// Reaction is an emoji that somebody put on a message.
type Reaction struct {
	From  Person `json:"from"`
	Emoji string `json:"emoji"`
	At    string `json:"at,omitempty"`
}

// Key names a message as WhatsApp does. The same id occurs in several chats,
// in both directions and of several senders: only the whole is a name.
type Key struct {
	ID     string `json:"id"`
	FromMe bool   `json:"from_me,omitempty"`
	Chat   string `json:"chat"`             // JID, as stored
	Sender string `json:"sender,omitempty"` // JID, where the chat does not say
	// Unique is set where the ID names the message by itself among all of the
	// account: those of the Cloud API do.
	Unique bool `json:"unique,omitempty"`
	// Alias is a second name of the same message: what the gateway called it
	// before WhatsApp gave it an ID. It is unique in the world.
	Alias string `json:"alias,omitempty"`
}

// Quoted is the message that another answers, as the answer holds it.
type Quoted struct {
	Key  Key     `json:"key"`
	From *Person `json:"from,omitempty"`
	At   string  `json:"at,omitempty"`
	Type Type    `json:"type,omitempty"`
	Text string  `json:"text,omitempty"`
}

// Receipt says how far a message came with one recipient.
type Receipt struct {
	Who   Person       `json:"who"`
	State ReceiptState `json:"state"`
	At    string       `json:"at,omitempty"`  // RFC 3339, UTC
	Why   string       `json:"why,omitempty"` // of Failed: codes and what they mean
}

// Sending is how far a message came that the business sent through the
// gateway.
type Sending struct {
	State SendState `json:"state"`
	At    string    `json:"at,omitempty"` // RFC 3339, UTC
	Why   string    `json:"why,omitempty"`
	Rule  string    `json:"rule,omitempty"`
	By    string    `json:"by,omitempty"`
}

// SendState is a state of Sending. Later ones follow earlier ones.
type SendState string

// The states of sending.
const (
	SendWaits     SendState = "waits"     // held, delayed, or for the connection
	SendForwarded SendState = "forwarded" // and no answer is known
	SendDeferred  SendState = "deferred"  // Meta could not be reached; it goes out again
	SendBlocked   SendState = "blocked"   // by a rule
	SendWithdrawn SendState = "withdrawn" // by a person
	SendAccepted  SendState = "accepted"  // Meta has given it an ID
	SendRefused   SendState = "refused"   // by Meta
)

// ReceiptState is what happened to a message.
type ReceiptState string

// The states of a receipt. Sent is WhatsApp's word that it has the message.
const (
	Sent      ReceiptState = "sent"
	Delivered ReceiptState = "delivered"
	Read      ReceiptState = "read"
	Played    ReceiptState = "played"
	Failed    ReceiptState = "failed"
)

// Location is a place: a point on the map, in degrees, a name, or both.
type Location struct {
	Lat     *float64 `json:"lat,omitempty"`
	Lon     *float64 `json:"lon,omitempty"`
	Name    string   `json:"name,omitempty"`
	Address string   `json:"address,omitempty"`
	URL     string   `json:"url,omitempty"`
}

// Contact is a shared contact card.
type Contact struct {
	Name   string   `json:"name"`
	Phones []string `json:"phones,omitempty"`
}

// Choice is what a message lets people choose, or what somebody chose.
type Choice struct {
	Kind    string   `json:"kind"`              // "button_reply", "list_reply", "template", …
	ID      string   `json:"id,omitempty"`      // of what was chosen; a template's name
	Detail  string   `json:"detail,omitempty"`  // its description
	Form    string   `json:"form,omitempty"`    // what was filled in, as it came
	Options []string `json:"options,omitempty"` // that can be chosen, as shown
}

// Basket is an order of products.
type Basket struct {
	Catalog string `json:"catalog,omitempty"`
	Items   []Item `json:"items,omitempty"`
}

// Item is a line of a Basket.
type Item struct {
	Product  string `json:"product"`
	Quantity string `json:"quantity,omitempty"`
	Price    string `json:"price,omitempty"` // of one, as printed
	Currency string `json:"currency,omitempty"`
}

// Referral is an advertisement or post that somebody came by.
type Referral struct {
	Source   string `json:"source,omitempty"` // "ad", "post", "product"
	ID       string `json:"id,omitempty"`
	URL      string `json:"url,omitempty"`
	Headline string `json:"headline,omitempty"`
	Body     string `json:"body,omitempty"`
	Click    string `json:"click,omitempty"` // id of the click
}

// Poll is a question with its options.
type Poll struct {
	Question string       `json:"question"`
	Options  []PollOption `json:"options"`
}

// PollOption is one answer and how many chose it.
type PollOption struct {
	Text   string   `json:"text"`
	Votes  int      `json:"votes"`
	Voters []Person `json:"voters,omitempty"` // where the source names them
}

// Call is a voice or video call.
type Call struct {
	Video   bool   `json:"video,omitempty"`
	Missed  bool   `json:"missed,omitempty"`
	Seconds int    `json:"seconds,omitempty"` // where the source says
	Printed string `json:"printed,omitempty"` // what the source says of its length or outcome
}

// Occasion is an event that people were invited to.
type Occasion struct {
	Title       string `json:"title"`
	Starts      string `json:"starts,omitempty"` // RFC 3339
	Cancelled   bool   `json:"cancelled,omitempty"`
	Description string `json:"description,omitempty"`
	Place       string `json:"place,omitempty"`
	Link        string `json:"link,omitempty"`
}

package cloudapi

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// message reads a message, an edit, a revocation or a reaction: of the
// customer, of the business's own app (echoes), of history.
func (in *element) message() *chat.Message {
	t := in.t
	if inner := t.at("message"); inner != nil && t.text("type") == "" { // an echo in the shape of the Send API
		for k, v := range t {
			if _, ok := inner[k]; !ok && k != "message" {
				inner[k] = v
			}
		}
		t = inner
		in = &element{in.reader, in.ctx, t, in.contacts}
	}
	m := in.base()
	from, to := person1(in, t.text("from"), t.first("from_user_id")), person1(in, t.first("to", "recipient_id"), t.first("to_user_id", "recipient_user_id"))
	out := in.last() == "message_echoes" || in.own(t.text("from"))
	peer := from
	m.Direction, m.From = chat.In, from
	if out {
		peer, m.Direction = to, chat.Out
		m.From = cmp.Or(from, person(in.ctx.Phone, "", ""))
	}
	if peer == nil && in.ctx.Thread != "" {
		peer = person1(in, in.ctx.Thread, "")
	}
	if peer == nil && len(in.contacts) > 0 {
		c := in.contacts[0]
		peer = person(c.text("wa_id"), c.text("user_id"), nameOf(c))
	}
	if g := t.text("group_id"); g != "" {
		inGroup(&m, g, t.text("group_subject"))
	} else {
		with(&m, peer)
	}
	m.Key = key(t.text("id"), &m, out)
	if in.changes(&m, t) {
		return &m
	}
	in.content(&m, t)
	if s := strings.ToLower(t.at("history_context").text("status")); s != "" {
		if r, ok := states[s]; ok && peer != nil {
			m.Receipts = append(m.Receipts, chat.Receipt{Who: *peer, State: r})
		}
	}
	return &m
}

// person1 is somebody with the name that the delivery has for them.
func person1(in *element, number, bsuid string) *chat.Person {
	c := in.contact(number, bsuid)
	if c != nil {
		number, bsuid = cmp.Or(number, c.text("wa_id")), cmp.Or(bsuid, c.text("user_id"))
	}
	return person(number, bsuid, nameOf(c))
}

// changes reads what changes another message, and reports whether it was that.
func (in *element) changes(m *chat.Message, t thing) bool {
	kind := t.text("type")
	part := t.at(kind)
	target := part.first("original_message_id", "message_id", "id")
	if part == nil || target == "" || kind != "reaction" && kind != "edit" && kind != "revoke" {
		return false
	}
	m.Partial, m.Type, m.Key = true, chat.Unknown, key(target, m, kind == "revoke" && m.Direction == chat.Out)
	by := m.From
	if m.From = nil; kind != "reaction" {
		m.From = by // who edits or takes back is who wrote
	} else {
		m.Direction = ""
	}
	switch kind {
	case "reaction":
		r := chat.Reaction{Emoji: part.text("emoji"), At: m.SentAt}
		if by != nil {
			r.From = *by
		}
		m.Reactions = []chat.Reaction{r}
	case "edit":
		m.Edited, m.ChangedAt = true, m.SentAt
		in.content(m, part.at("message"))
		m.Quoted = nil // it is a placeholder's
	case "revoke":
		m.Revoked, m.ChangedAt = true, m.SentAt
	}
	return true
}

// content reads what a message says.
func (in *element) content(m *chat.Message, t thing) {
	kind := t.text("type")
	if kind == "" {
		kind = guess(t)
	}
	part := t.at(kind)
	m.Errors = t.errors()
	m.Type = chat.Unknown
	switch kind {
	case "text":
		m.Type, m.Text = chat.Text, part.text("body")
	case "image", "video", "audio", "voice", "document", "sticker", "ptv", "gif":
		file(m, kind, part)
	case "media_placeholder":
		m.Attachments = []chat.Attachment{{State: chat.Omitted, Reason: "WhatsApp's history names the file and gives it later, or not at all."}}
	case "location":
		place(m, part)
	case "contacts":
		cards(m, t.list("contacts"))
	case "button":
		m.Type, m.Text = chat.Interactive, part.text("text")
		m.Choice = &chat.Choice{Kind: "button", ID: part.text("payload")}
	case "interactive":
		interactive(m, part)
	case "order":
		order(m, part)
	case "template":
		m.Type, m.Choice = chat.Template, &chat.Choice{Kind: "template", ID: part.text("name")}
		m.Text = strings.Join(said(part), "\n")
	case "system":
		in.system(m, part)
	case "unsupported":
		m.Type, m.TypeCode = chat.Unsupported, part.text("type")
	case "request_welcome":
		m.Type, m.System = chat.SystemType, &chat.System{Event: chat.NoticeOther}
		m.Text = "The conversation was opened for the first time."
	default:
		m.TypeCode = kind
	}
	around2(m, t)
}

// guess tells a type that the element does not name by what it has.
func guess(t thing) string {
	for _, k := range []string{"text", "image", "video", "audio", "document", "sticker", "location", "interactive", "button", "order", "template", "system"} {
		if t.has(k) {
			return k
		}
	}
	if len(t.list("contacts")) > 0 {
		return "contacts"
	}
	return ""
}

// around2 reads what stands beside the content: what is answered, how often it
// was passed on, which advertisement led here.
func around2(m *chat.Message, t thing) {
	if c := t.at("context"); c != nil {
		switch {
		case c.is("frequently_forwarded"):
			m.Forwarded = 5 // WhatsApp's own threshold for "many times"
		case c.is("forwarded"):
			m.Forwarded = 1
		}
		if id := c.first("id", "message_id"); id != "" {
			m.Quoted = &chat.Quoted{Key: chat.Key{ID: id, Unique: true}, From: person(c.text("from"), c.text("from_user_id"), "")}
		}
		if p := c.at("referred_product"); p != nil {
			m.Referral = &chat.Referral{Source: "product", ID: p.text("product_retailer_id")}
		}
	}
	if r := t.at("referral"); r != nil {
		m.Referral = &chat.Referral{
			Source: r.text("source_type"), ID: r.text("source_id"), URL: r.text("source_url"),
			Headline: r.text("headline"), Body: r.text("body"), Click: r.text("ctwa_clid"),
		}
	}
}

// file reads a message that is a file.
func file(m *chat.Message, kind string, part thing) {
	m.Type = map[string]chat.Type{"image": chat.Image, "video": chat.Video, "ptv": chat.Video, "gif": chat.Video, "audio": chat.Audio, "voice": chat.Voice, "document": chat.Document, "sticker": chat.Sticker}[kind]
	if part.is("voice") {
		m.Type = chat.Voice
	}
	m.Text = part.text("caption")
	a := chat.Attachment{
		Name: part.text("filename"), MIME: part.text("mime_type"), SHA256: sha(part.text("sha256")),
		Ref: part.first("id", "link", "url"), State: chat.Pending,
	}
	if a.Ref == "" {
		a.State, a.Reason = chat.Missing, "WhatsApp named no file."
	}
	m.Attachments = []chat.Attachment{a}
}

// sha is a digest in hex: webhooks have it in base64. Another form is none.
func sha(s string) string {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return strings.ToLower(s)
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if b, err := enc.DecodeString(s); err == nil && len(b) == 32 {
			return hex.EncodeToString(b)
		}
	}
	return ""
}

func place(m *chat.Message, part thing) {
	m.Type = chat.Place
	l := &chat.Location{Name: part.text("name"), Address: part.text("address"), URL: part.text("url")}
	lat, ok1 := part.number("latitude")
	lon, ok2 := part.number("longitude")
	if ok1 && ok2 {
		l.Lat, l.Lon = &lat, &lon
	}
	m.Location = l
	m.Text = strings.Join(some(l.Name, l.Address), " ")
}

func some(all ...string) (out []string) {
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func cards(m *chat.Message, all []thing) {
	m.Type = chat.ContactCard
	var names []string
	for _, c := range all {
		n := c.at("name")
		k := chat.Contact{Name: cmp.Or(n.text("formatted_name"), strings.Join(some(n.text("first_name"), n.text("last_name")), " "), c.at("org").text("company"))}
		for _, p := range c.list("phones") {
			if s := cmp.Or(p.text("phone"), p.text("wa_id")); s != "" {
				k.Phones = append(k.Phones, s)
			}
		}
		m.Contacts = append(m.Contacts, k)
		if k.Name != "" {
			names = append(names, k.Name)
		}
	}
	m.Text = strings.Join(names, ", ")
}

// interactive reads what somebody chose, or what the business lets them choose.
func interactive(m *chat.Message, part thing) {
	m.Type = chat.Interactive
	kind := part.text("type")
	c := &chat.Choice{Kind: kind}
	m.Choice = c
	switch r := part.at(kind); {
	case kind == "button_reply" || kind == "list_reply":
		m.Text, c.ID, c.Detail = r.text("title"), r.text("id"), r.text("description")
	case kind == "nfm_reply":
		m.Text, c.ID = cmp.Or(r.text("body"), r.text("name")), r.text("name")
		if c.Form = r.text("response_json"); c.Form == "" {
			c.Form = string(r["response_json"]) // an object where a string must be
		}
	case kind == "call_permission_reply":
		c.ID, c.Detail = r.text("response"), r.text("expiration_timestamp")
	default:
		m.Text = strings.Join(said(part), "\n")
		c.Options = options(part.at("action"))
		if h := part.at("header"); h != nil {
			if f := h.at(h.text("type")); f != nil && h.text("type") != "text" {
				file(m, h.text("type"), f)
				m.Type, m.Text = chat.Interactive, strings.Join(said(part), "\n")
			}
		}
	}
}

// said are the texts of what the business shows: its header, body and footer.
func said(part thing) []string {
	h := part.at("header")
	return some(h.text("text"), part.at("body").text("text"), part.at("footer").text("text"))
}

// options are what an interactive message lets people choose.
func options(a thing) (out []string) {
	for _, b := range a.list("buttons") {
		out = append(out, some(cmp.Or(b.at("reply").text("title"), b.text("title")))...)
	}
	out = append(out, some(a.text("button"), a.at("parameters").first("display_text", "flow_cta"), a.at("parameters").text("url"))...)
	for _, s := range a.list("sections") {
		out = append(out, some(s.text("title"))...)
		for _, r := range s.list("rows") {
			out = append(out, strings.Join(some(r.text("title"), r.text("description")), ": "))
		}
		for _, p := range s.list("product_items") {
			out = append(out, some(p.text("product_retailer_id"))...)
		}
	}
	return out
}

func order(m *chat.Message, part thing) {
	m.Type, m.Text = chat.Order, part.text("text")
	m.Basket = &chat.Basket{Catalog: part.text("catalog_id")}
	for _, p := range part.list("product_items") {
		m.Basket.Items = append(m.Basket.Items, chat.Item{Product: p.text("product_retailer_id"), Quantity: p.text("quantity"), Price: p.text("item_price"), Currency: p.text("currency")})
	}
}

// system reads a notice: somebody has another number, or another id.
func (in *element) system(m *chat.Message, part thing) {
	m.Type, m.Text, m.Direction = chat.SystemType, part.text("body"), chat.Notice
	s := &chat.System{Event: chat.NoticeOther, Value: part.first("wa_id", "new_wa_id", "user_id", "identity")}
	switch kind := part.text("type"); kind {
	case "user_changed_number", "customer_changed_number", "user_changed_user_id":
		s.Event = chat.NoticeNumber
	case "customer_identity_changed":
		s.Event = chat.NoticeSecurityCode
	default:
		m.TypeCode = kind
	}
	if m.From != nil {
		s.Actor = cmp.Or(m.From.Phone, m.From.BSUID)
	}
	m.System, m.From = s, nil
}

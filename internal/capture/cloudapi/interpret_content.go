package cloudapi

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// files are the types of messages that carry one.
var files = map[string]chat.Type{
	"image": chat.Image, "video": chat.Video, "audio": chat.Audio, "document": chat.Document, "sticker": chat.Sticker,
}

// kinds are the other types of messages.
var kinds = map[string]chat.Type{
	"text": chat.Text, "location": chat.Place, "contacts": chat.ContactCard, "order": chat.Order, "button": chat.Interactive,
	"interactive": chat.Interactive, "template": chat.Template, "system": chat.SystemType, "identity": chat.SystemType,
	"unsupported": chat.Unsupported, "unknown": chat.Unsupported, "media_placeholder": chat.Unsupported,
	"request_welcome": chat.SystemType,
}

// content puts what a message says into m: v is the object with its type.
func content(m *chat.Message, v value) {
	t := typeOf(v)
	o := v.get(t)
	m.Errors = faults(v.list("errors"))
	if k, ok := files[t]; ok {
		m.Type = k
		file(m, t, o, v)
		return
	}
	var ok bool
	if m.Type, ok = kinds[t]; !ok {
		m.Type, m.TypeCode = chat.Unknown, t
		if text := o.or("body", "text", "caption"); text != "" {
			m.Text = text
		}
		return
	}
	switch t {
	case "text":
		m.Text = o.str("body")
	case "location":
		l := &chat.Location{Lat: o.float("latitude"), Lon: o.float("longitude"), Name: o.str("name"), Address: o.str("address"), URL: o.str("url")}
		m.Location, m.Text = l, strings.TrimSpace(l.Name+" "+l.Address)
	case "contacts":
		m.Contacts = cards(v.list(t))
		var names []string
		for _, c := range m.Contacts {
			names = appendText(names, c.Name)
		}
		m.Text = strings.Join(names, ", ")
	case "order":
		order(m, o)
	case "button":
		m.Text = o.str("text")
		m.Choice = &chat.Choice{Kind: "button", ID: o.str("payload")}
	case "interactive":
		interactive(m, o)
	case "template":
		template(m, o)
	case "system", "identity", "request_welcome":
		system(m, t, v)
	case "unsupported", "unknown", "media_placeholder":
		m.TypeCode = cmp.Or(v.str("unsupported", "type"), t)
	}
}

// typeOf is the type of a message; one that does not say is what it has.
func typeOf(v value) string {
	if t := v.str("type"); t != "" {
		return t
	}
	for _, known := range []string{"text", "image", "video", "audio", "document", "sticker", "location", "contacts", "order", "button", "interactive", "template"} {
		if v.has(known) {
			return known
		}
	}
	if len(v.list("errors")) > 0 {
		return "unsupported"
	}
	return ""
}

// file is a message with a file, which is to be fetched by its id or link.
func file(m *chat.Message, t string, o, v value) {
	m.Text = o.str("caption")
	if m.Type == chat.Audio && (o.flag("voice") || strings.HasPrefix(v.str("id"), "wacid.")) {
		m.Type = chat.Voice
	}
	m.Attachments = []chat.Attachment{attachment(o, v)}
	if t == "document" && m.Attachments[0].Name == "" {
		m.Attachments[0].Name = o.str("file_name")
	}
}

func attachment(o, v value) chat.Attachment {
	a := chat.Attachment{
		Name: o.str("filename"), MIME: o.str("mime_type"), SHA256: hexSum(o.str("sha256")),
		Ref: cmp.Or(o.str("id"), o.str("link"), o.str("url")), State: chat.Pending,
	}
	if n, ok := o.int("file_size"); ok && n > 0 {
		a.Size = n
	}
	if why := reasons(v.list("errors")); why != "" && o.str("id") == "" {
		a.State, a.Reason = chat.Missing, "WhatsApp did not give it: "+why
	} else if a.Ref == "" {
		a.State, a.Reason = chat.Missing, "WhatsApp gave no name to fetch it by."
	}
	return a
}

// hexSum is a hash as the archive writes it. Webhooks have it in base64.
func hexSum(s string) string {
	if b, err := hex.DecodeString(s); err == nil && len(b) == 32 {
		return strings.ToLower(s)
	}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		if b, err := enc.DecodeString(s); err == nil && len(b) == 32 {
			return hex.EncodeToString(b)
		}
	}
	return ""
}

func cards(all []value) (out []chat.Contact) {
	for _, c := range all {
		n := c.get("name")
		card := chat.Contact{Name: cmp.Or(n.str("formatted_name"), strings.TrimSpace(n.str("first_name")+" "+n.str("last_name")), c.str("org", "company"))}
		for _, p := range c.list("phones") {
			if s := p.or("phone", "wa_id"); s != "" {
				card.Phones = append(card.Phones, s)
			}
		}
		out = append(out, card)
	}
	return out
}

func order(m *chat.Message, o value) {
	m.Text = o.str("text")
	b := &chat.Basket{Catalog: o.str("catalog_id")}
	for _, i := range o.list("product_items") {
		b.Items = append(b.Items, chat.Item{Product: i.str("product_retailer_id"), Quantity: i.str("quantity"), Price: i.str("item_price"), Currency: i.str("currency")})
	}
	m.Basket = b
}

// interactive is the choice that somebody made, or what they were given to
// choose from.
func interactive(m *chat.Message, o value) {
	t := o.str("type")
	c := &chat.Choice{Kind: t}
	m.Choice = c
	r := o.get(t)
	switch {
	case t == "nfm_reply":
		m.Text, c.ID, c.Form = cmp.Or(r.str("body"), r.str("name")), r.str("name"), r.str("response_json")
		if f := r.get("response_json"); f.isObject() {
			c.Form = compact(f)
		}
	case t == "call_permission_reply":
		c.ID, c.Detail = r.str("response"), r.str("expiration_timestamp")
	case r.isObject() && r.or("id", "title") != "": // button_reply, list_reply
		m.Text, c.ID, c.Detail = r.str("title"), r.str("id"), r.str("description")
	default:
		offered(m, c, o)
	}
}

// offered reads an interactive message as a sender writes it.
func offered(m *chat.Message, c *chat.Choice, o value) {
	h := o.get("header")
	var said []string
	for _, s := range []string{h.str("text"), o.str("body", "text"), o.str("footer", "text")} {
		said = appendText(said, s)
	}
	m.Text = strings.Join(said, "\n")
	if t := h.str("type"); files[t] != "" && h.get(t).isObject() {
		m.Attachments = append(m.Attachments, attachment(h.get(t), value{}))
	}
	a := o.get("action")
	for _, b := range a.list("buttons") {
		c.Options = appendText(c.Options, cmp.Or(b.str("reply", "title"), b.str("title")))
	}
	for _, s := range a.list("sections") {
		for _, row := range s.list("rows") {
			c.Options = appendText(c.Options, row.str("title"))
		}
		for _, p := range s.list("product_items") {
			c.Options = appendText(c.Options, p.str("product_retailer_id"))
		}
	}
	p := a.get("parameters")
	for _, s := range []string{a.str("button"), p.str("display_text"), p.str("flow_cta"), a.str("product_retailer_id"), p.str("url")} {
		c.Options = appendText(c.Options, s)
	}
}

func appendText(all []string, s string) []string {
	if s == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// template is a message made from a template: its name, and what was put into
// it. The text that the recipient sees is the gateway's to say.
func template(m *chat.Message, o value) {
	c := &chat.Choice{Kind: "template", ID: o.str("name")}
	m.Choice = c
	for _, comp := range o.list("components") {
		for _, p := range comp.list("parameters") {
			t := p.str("type")
			if files[t] != "" && p.get(t).isObject() {
				m.Attachments = append(m.Attachments, attachment(p.get(t), value{}))
				continue
			}
			c.Options = appendText(c.Options, cmp.Or(p.str("text"), p.str(t, "fallback_value"), p.str("payload")))
		}
	}
}

func (el *element) referral(m *chat.Message) {
	if p := el.get("context", "referred_product"); p.isObject() {
		m.Product = &chat.Product{Catalog: p.str("catalog_id"), ID: p.str("product_retailer_id")}
	}
	r := el.get("referral")
	if !r.isObject() {
		return
	}
	m.Referral = &chat.Referral{
		Source: r.str("source_type"), ID: r.str("source_id"), URL: r.str("source_url"), Headline: r.str("headline"), Body: r.str("body"), Click: r.str("ctwa_clid"),
	}
}

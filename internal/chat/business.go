package chat

// What businesses send and are sent.

// Basket is what somebody ordered.
type Basket struct {
	Catalog string `json:"catalog,omitempty"`
	Items   []Item `json:"items,omitempty"`
}

// Item is a product that was ordered. Numbers are as the source writes them.
type Item struct {
	Product  string `json:"product"`
	Quantity string `json:"quantity,omitempty"`
	Price    string `json:"price,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// Product is what a message asks about.
type Product struct {
	Catalog string `json:"catalog,omitempty"`
	ID      string `json:"id"`
}

// Referral is the advertisement or post that led somebody to write.
type Referral struct {
	Type  string `json:"type,omitempty"` // "ad", "post"
	ID    string `json:"id,omitempty"`
	URL   string `json:"url,omitempty"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
	Click string `json:"click,omitempty"` // WhatsApp's id of the click
}

// Choice is what somebody chose, by a button, a list or a form, or what they
// were given to choose from.
type Choice struct {
	Kind  string `json:"kind"`            // "button", "button_reply", "list_reply", "nfm_reply", "template", …
	ID    string `json:"id,omitempty"`    // the business's own name of it
	Title string `json:"title,omitempty"` // as people see it
	About string `json:"about,omitempty"` // what stood below it
	Form  string `json:"form,omitempty"`  // what was filled in, as the source has it; mostly JSON
	// Options are what there was to choose, or what was put into a template.
	Options []string `json:"options,omitempty"`
}

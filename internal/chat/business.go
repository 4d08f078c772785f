package chat

// Product is what a message asks about.
type Product struct {
	Catalog string `json:"catalog,omitempty"`
	ID      string `json:"id"`
}

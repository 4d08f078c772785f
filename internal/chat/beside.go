package chat

// Beside lists what people wrote in a message beside its text, names of files
// included; some may be empty.
func (m *Message) Beside() (out []string) {
	for _, v := range m.Versions {
		out = append(out, v.Text)
	}
	for _, a := range m.Attachments {
		out = append(out, a.Name)
	}
	for _, c := range m.Contacts {
		out = append(append(out, c.Name), c.Phones...)
	}
	if p := m.Poll; p != nil {
		out = append(out, p.Question)
		for _, o := range p.Options {
			out = append(out, o.Text)
		}
	}
	if l := m.Location; l != nil {
		out = append(out, l.Name, l.Address, l.URL)
	}
	if o := m.Occasion; o != nil {
		out = append(out, o.Title, o.Description, o.Place, o.Link)
	}
	if c := m.Choice; c != nil {
		out = append(append(out, c.Detail, c.Form), c.Options...)
	}
	if b := m.Basket; b != nil {
		for _, i := range b.Items {
			out = append(out, i.Product)
		}
	}
	if r := m.Referral; r != nil {
		out = append(out, r.Headline, r.Body, r.URL)
	}
	if p := m.Product; p != nil {
		out = append(out, p.ID)
	}
	return out
}

package index

// Marks returns the byte ranges of each text in which a query finds something:
// what Search says of its hits, for messages that are shown beside them.
// Filters find nothing in a text.
func Marks(query string, texts []string) ([][][2]int, error) {
	n, err := parseQuery(query)
	if err != nil {
		return nil, err
	}
	var k compiler
	for _, part := range conjuncts(n) {
		k.marks(part)
	}
	out := make([][][2]int, len(texts))
	for i, t := range texts {
		out[i] = k.w.marks(t)
	}
	return out, nil
}

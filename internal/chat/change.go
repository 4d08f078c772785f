package chat

// ChangeKind is how a message differs between two sources.
type ChangeKind string

// The kinds of change.
const (
	ChangeEdited  ChangeKind = "edited"
	ChangeRevoked ChangeKind = "revoked"
	// ChangeText is a text that differs though neither source says that it was
	// edited.
	ChangeText ChangeKind = "differs"
)

// Changed returns how a message differs between two sources, one fold of each,
// and whether it is a that has the later state. The kind is empty where they
// agree: a source that tells only of a reaction contradicts nothing, and
// neither does one that left a file out with its caption.
func Changed(a, b *Message) (kind ChangeKind, aLater bool) {
	switch {
	case a.Type == SystemType || b.Type == SystemType:
		return "", false
	case a.Revoked != b.Revoked:
		return ChangeRevoked, a.Revoked
	case a.Revoked || tellsNoText(a) || tellsNoText(b) || plain(a.Text) == plain(b.Text):
		return "", false
	case !a.Edited && !b.Edited:
		return ChangeText, false
	case a.Edited != b.Edited:
		return ChangeEdited, a.Edited
	}
	return ChangeEdited, a.ChangedAt > b.ChangedAt
}

func tellsNoText(m *Message) bool { return m.Partial && !m.Edited || leftOut(m) }

package index

import (
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/chat"
)

// TestALongTextInPieces: they are the text, and none of a word is lost.
func TestALongTextInPieces(t *testing.T) {
	for _, unit := range []string{"the quick fox ", "line\n", "合同", "é"} {
		text := strings.Repeat(unit, 2*maxPiece/len(unit)) + "end"
		var all strings.Builder
		n := 0
		for s := range pieces(text) {
			all.WriteString(s)
			if n++; len(s) > maxPiece || s == "" || strings.ToValidUTF8(s, "") != s {
				t.Errorf("%q: a piece of %d bytes", unit, len(s))
			}
		}
		if all.String() != text || n < 2 {
			t.Errorf("%q: %d pieces are not the text", unit, n)
		}
	}
	m := chat.Message{Text: strings.Repeat("quick fox\n", maxPiece/5)}
	if words := string(wordsOf(&m)); words != strings.Repeat("quick fox ", maxPiece/5) {
		t.Error("words are lost between pieces")
	}
}

package demo

import (
	"fmt"
	"strings"
	"time"
)

// readStories returns what happens once in chat c, in the order of the file.
func readStories(c chat) ([]message, error) {
	raw, err := talkFiles.ReadFile("talk/stories.txt")
	if err != nil {
		return nil, fmt.Errorf("read sample stories: %w", err)
	}
	var told []message
	mine := false
	for n, l := range strings.Split(string(raw), "\n") {
		if name, ok := strings.CutPrefix(l, "@ "); ok {
			mine = name == c.name
			continue
		}
		if !mine || l == "" || l[0] == '#' {
			continue
		}
		if err := tell(c, l, &told); err != nil {
			return nil, fmt.Errorf("talk/stories.txt line %d: %w", n+1, err)
		}
	}
	return told, nil
}

// tell adds what one line of a story says to told.
func tell(c chat, l string, told *[]message) error {
	fate := strings.HasPrefix(l, "~ ")
	l = strings.TrimPrefix(l, "~ ")
	if len(l) < 21 {
		return fmt.Errorf("too short")
	}
	when, err := time.Parse(time.DateTime, l[:19])
	if err != nil {
		return fmt.Errorf("read its time: %w", err)
	}
	rest := l[20:]
	switch {
	case fate && len(*told) > 0:
		last := &(*told)[len(*told)-1]
		text, _ := strings.CutPrefix(rest, "edit: ")
		last.fate = &fateOf{at: when, revoked: rest == "revoke", text: text}
	case strings.HasPrefix(rest, "! "):
		what, arg, _ := strings.Cut(rest[2:], " ")
		*told = append(*told, message{at: when, what: notice, notice: what, arg: arg})
	default:
		who, text, ok := strings.Cut(rest, ": ")
		if !ok {
			return fmt.Errorf("nobody says it")
		}
		cast := c.cast(nil)
		*told = append(*told, c.compose(when, cast[who].name, strings.ReplaceAll(text, `\n`, "\n")))
	}
	return nil
}

package chatexport

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/waxseal/waxseal/internal/capture"
)

// Errors that a file is refused with.
var (
	errNoHeader  = fmt.Errorf("%w: no line begins as a WhatsApp message does. Export the chat again on the phone and import that file", capture.ErrNotMine)
	errEmpty     = fmt.Errorf("%w: the file is empty", capture.ErrNotMine)
	errEncoding  = fmt.Errorf("%w: the file is not in UTF-8, as WhatsApp writes it. Import the file that the phone made, or save this one as UTF-8 and import that", capture.ErrNotMine)
	errBinary    = fmt.Errorf("%w: the file is not text", capture.ErrNotMine)
	errNoChat    = errors.New("the zip holds no chat: no text file in it begins as a WhatsApp export does")
	errTwoChats  = errors.New("the zip holds more than one chat. Unpack it and import the folder")
	errEncrypted = errors.New("the zip is encrypted. Unpack it with its password and import what was in it")
	errTooMany   = errors.New("the zip has too many entries to be an export")
	errBomb      = errors.New("unpacks to far more than it could hold")
	errRefused   = errors.New("the text in the zip was refused")
	errOverlap   = errors.New("the zip was made to unpack to more than is in it: entries of it are the same bytes. It is no export")
	errBroken    = errors.New("the zip is damaged or was not copied whole. Copy it from the phone again")
)

// Bounds on containers.
const (
	maxMembers = 200_000
	// maxDirectory is how much of a zip is read to list its members.
	maxDirectory = 16 << 20
	maxDepth     = 4
	// sniffSize is how much of a text is looked at for a header.
	sniffSize = 256 << 10
	// What grows by more than this, and is large, is a bomb, be it a member or
	// the whole: text and media of exports stay far below it.
	maxRatio  = 250
	ratioFree = 64 << 20
)

// member is a file of an export.
type member struct {
	name   string
	size   int64
	open   func() (io.ReadCloser, error)
	refuse string // why it is not read
}

// export is an open export.
type export struct {
	text     member
	names    []string           // that may hold the chat's name
	members  map[string]*member // by their names as records have them
	order    []*member
	warnings []string
	gaps     []string
	evidence func() (io.ReadCloser, error)
	close    func() error
	named    map[*member]bool // members that some record names
	loose    bool             // a text alone, without its media
	shared   bool             // members are of other texts, too
}

// add takes a file in. Records have names without folders: of two that are
// named alike the one nearer the text is meant, and the other is kept besides.
func (e *export) add(m *member) {
	e.order = append(e.order, m)
	key := memberKey(m.name)
	if e.members == nil {
		e.members = map[string]*member{}
	}
	if other := e.members[key]; other != nil {
		if len(e.warnings) == 0 {
			e.warnings = append(e.warnings, "Files of the export have the same name: the one nearest to the text is used, the others are kept besides.")
		}
		if strings.Count(other.name, "/") <= strings.Count(m.name, "/") {
			return
		}
	}
	e.members[key] = m
}

// memberKey is a name as it is compared: composed, without marks.
func memberKey(name string) string {
	name = strings.Map(func(r rune) rune {
		if isMark(r) {
			return -1
		}
		return r
	}, name)
	return norm.NFC.String(path.Base(name))
}

// openText opens a text alone.
func openText(p string) (*export, error) {
	fi, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	text := member{name: filepath.Base(p), size: fi.Size(), open: func() (io.ReadCloser, error) { return os.Open(p) }}
	return &export{
		text: text, names: []string{stem(p)}, evidence: text.open, loose: true,
		close: func() error { return nil }, named: map[*member]bool{},
	}, nil
}

// openFolder opens a text and what lies beside and below it. In a folder that
// it shares with other texts only what it names is its own.
func openFolder(p string, shared bool, o capture.Options) (*export, error) {
	e, err := openText(p)
	if err != nil {
		return nil, err
	}
	e.loose, e.shared = false, shared
	dir := filepath.Dir(p)
	if !shared {
		e.names = append(e.names, filepath.Base(dir))
	}
	err = filepath.WalkDir(dir, func(q string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && q != dir:
			e.gaps = append(e.gaps, "A folder beside the text could not be read.")
			return nil
		case err != nil || q == p:
			return err
		case o.Owns(q) && d.IsDir():
			return fs.SkipDir
		case o.Owns(q):
			return nil
		case d.IsDir() && shared && q != dir:
			return fs.SkipDir
		case d.IsDir():
			return nil
		case len(e.order) == maxMembers:
			return errTooMany
		}
		e.add(fileMember(dir, q, d.Type()))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

func fileMember(dir, p string, kind fs.FileMode) *member {
	m := &member{name: filepath.Base(p), open: func() (io.ReadCloser, error) { return os.Open(p) }}
	if rel, err := filepath.Rel(dir, p); err == nil {
		m.name = filepath.ToSlash(rel)
	}
	switch {
	case kind&fs.ModeSymlink != 0:
		m.refuse = "it is a link, not a file"
	case !kind.IsRegular():
		m.refuse = "it is not a file"
	}
	return m
}

// chatText is how iOS names the text of every export.
const chatText = "_chat.txt"

// chooseChat finds the chat among a zip's members: _chat.txt, else a text that
// is named as the zip is, else the one text that reads as an export, or does so
// in far more lines than the others: somebody sent a quotation as a file.
func chooseChat(all []*member, name string) (int, error) {
	var chats []int
	var unread error // of the first text that could not be looked at
	lines := map[int]int{}
	nested := false
	for i, m := range all {
		switch ext := strings.ToLower(path.Ext(m.name)); ext {
		case ".zip", ".rar", ".7z", ".tar", ".gz":
			nested = nested || m.refuse == ""
		case ".txt":
			n, err := readsAsChat(m)
			switch {
			case err != nil && (m.name == chatText || stem(m.name) == cleanStem(name)):
				return 0, err
			case err != nil && unread == nil:
				unread = err
			case n > 0:
				chats, lines[i] = append(chats, i), n
			}
		}
	}
	pick := func(match func(*member) bool) (int, bool) {
		at := slices.DeleteFunc(slices.Clone(chats), func(i int) bool { return !match(all[i]) })
		if len(at) == 1 {
			return at[0], true
		}
		return 0, false
	}
	for _, match := range []func(*member) bool{
		func(m *member) bool { return m.name == chatText },
		func(m *member) bool { return stem(m.name) == cleanStem(name) },
		func(m *member) bool { return path.Base(m.name) == chatText },
		func(m *member) bool { _, ok := chatName([]string{stem(m.name)}); return ok },
		func(*member) bool { return true },
	} {
		if i, ok := pick(match); ok {
			return i, nil
		}
	}
	slices.SortFunc(chats, func(a, b int) int { return lines[b] - lines[a] })
	switch {
	case len(chats) > 1 && lines[chats[0]] > overwhelming*lines[chats[1]]:
		return chats[0], nil
	case len(chats) > 1:
		return 0, errTwoChats
	case unread != nil:
		return 0, unread
	case nested:
		return 0, fmt.Errorf("%w: it holds other archives. Unpack it and import what is in it", errNoChat)
	}
	return 0, errNoChat
}

// readsAsChat counts the headers at the start of a text, 0 for what is none.
func readsAsChat(m *member) (n int, err error) {
	if m.refuse != "" {
		return 0, fmt.Errorf("%w: %s", errRefused, m.refuse)
	}
	r, err := m.open()
	if err != nil {
		return 0, err
	}
	head, err := io.ReadAll(io.LimitReader(r, sniffSize))
	if err := errors.Join(err, r.Close()); err != nil && len(head) == 0 {
		return 0, err
	}
	if textual(head) == nil {
		n = headers(sniff(head).text(head))
	}
	return n, nil
}

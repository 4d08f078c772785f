package web

import (
	"context"
	"net/url"
	"path"
	"strings"

	"github.com/waxseal/waxseal/internal/chat"
)

// absent says what became of a file that is not there, by its state.
var absent = map[chat.State]string{
	chat.Omitted: "Left out of the export",
	chat.Missing: "Named by the source, but not in it",
	chat.Expired: "No longer offered by WhatsApp",
	chat.Pending: "Not fetched yet",
}

func newFile(a chat.Attachment, t chat.Type, in found) file {
	f := file{Name: plain(a.Name), Named: in.pieces(a.Name), Reason: clean(a.Reason)}
	for i := range f.Named {
		f.Named[i].Text = plain(f.Named[i].Text)
	}
	if f.Name == "" {
		f.Name = typeName(t)
		f.Named = []piece{{Text: f.Name}}
	}
	if a.Size > 0 {
		f.Size = size(a.Size)
	}
	if a.State != chat.Stored || a.SHA256 == "" {
		f.Show, f.Why = "absent", absent[a.State]
		if f.Why == "" || a.State == chat.Omitted && a.Reason != "" { // the reason says it better
			f.Why = "Not in the archive"
		}
		return f
	}
	f.Show, f.Type, f.SHA256 = show(a, t), fileType(a.Name), plain(a.SHA256)
	f.Href = "/media/" + url.PathEscape(a.SHA256) + "?" + url.Values{"name": {a.Name}}.Encode()
	return f
}

// fit gives what is seen the room that it will take: nothing moves when it
// comes, and nothing of it is cut off.
func (s *Server) fit(ctx context.Context, fs []file) {
	for i := range fs {
		switch f := &fs[i]; f.Show {
		case "image", "video":
			f.Extent = s.measure(ctx, f.SHA256).within(320, 420)
		case "sticker":
			f.Extent = s.measure(ctx, f.SHA256).within(144, 144)
		}
	}
}

// show decides how a stored file stands in a bubble, by the kind of message
// and the file's own name. The media route decides again, by content: what is
// no picture stays unshown, whatever it is called.
func show(a chat.Attachment, t chat.Type) string {
	ext := strings.ToLower(path.Ext(a.Name))
	switch {
	case t == chat.Sticker:
		return "sticker"
	case inList(ext, ".jpg", ".jpeg", ".png", ".gif", ".webp") && t != chat.Document:
		return "image"
	case inList(ext, ".mp4", ".mov", ".3gp", ".webm", ".m4v") && t != chat.Document:
		return "video"
	case inList(ext, ".opus", ".ogg", ".mp3", ".m4a", ".aac", ".wav", ".amr", ".flac"):
		return "audio"
	case t == chat.Image:
		return "image"
	case t == chat.Video:
		return "video"
	case t == chat.Voice || t == chat.Audio:
		return "audio"
	}
	return "document"
}

func inList(s string, list ...string) bool {
	for _, l := range list {
		if s == l {
			return true
		}
	}
	return false
}

// fileType is what stands on a document's card: its extension, where it has
// a sensible one.
func fileType(name string) string {
	ext := strings.ToUpper(strings.TrimPrefix(path.Ext(plain(name)), "."))
	if ext == "" || len(ext) > 5 || strings.ContainsFunc(ext, func(r rune) bool { return r > 'Z' || r < '0' }) {
		return "FILE"
	}
	return ext
}

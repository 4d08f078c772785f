package android

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"google.golang.org/protobuf/proto"

	"github.com/waxseal/waxseal/internal/capture/android/crypt"
	"github.com/waxseal/waxseal/internal/capture/foreign"
)

// An increment is what a phone writes between full backups (since 2.24): a ZIP
// of messages as WhatsApp's own protobufs, and of the rows of other tables that
// changed, as JSON. It says how many messages were deleted, and not which.

// webMessage is the table name of an increment's messages in records.
const webMessage = "web_message"

const (
	maxIncrement = 1 << 30   // bytes of an unpacked increment
	maxFrame     = 256 << 20 // bytes of one frame of messages.bin
)

// incrementHeader is header.json.
type incrementHeader struct {
	Added struct {
		Updated int64 `json:"messages_updated"`
		Deleted int64 `json:"messages_deleted"`
	} `json:"added_messages"`
}

// increment reads the increment that was opened.
func (r *run) increment(z *zip.Reader) error {
	if err := r.incrementPeople(z); err != nil {
		return err
	}
	for _, f := range z.File {
		switch name := path.Base(f.Name); {
		case name == "header.json":
			var h incrementHeader
			if err := decodeMember(f, &h); err != nil {
				return err
			}
			if h.Added.Deleted > 0 {
				r.Sum.Warnings = append(r.Sum.Warnings, fmt.Sprintf("The phone says that %d messages were deleted since the backup before; an increment does not say which.", h.Added.Deleted))
			}
		case name == "messages.bin":
			if err := r.history(f); err != nil {
				return err
			}
		case strings.HasSuffix(name, ".json"):
			if err := r.modified(f); err != nil {
				return err
			}
		default:
			r.Sum.Unknown = append(r.Sum.Unknown, "member "+name)
		}
	}
	return nil
}

func decodeMember(f *zip.File, into any) (err error) {
	c, err := f.Open()
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Base(f.Name), err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	d := json.NewDecoder(io.LimitReader(c, maxIncrement))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read %s: %w", path.Base(f.Name), err)
	}
	return nil
}

// history reads messages.bin: frames of history, each behind its length.
func (r *run) history(f *zip.File) (err error) {
	c, err := f.Open()
	if err != nil {
		return fmt.Errorf("read the messages: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	in := bufio.NewReader(c)
	for {
		n, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil || n > maxFrame {
			return fmt.Errorf("read the messages: a frame of %d bytes: %w", n, errors.Join(err, errIncrement))
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return fmt.Errorf("read the messages: %w", errors.Join(err, errIncrement))
		}
		var h waHistorySync.HistorySync
		if err := proto.Unmarshal(b, &h); err != nil {
			return fmt.Errorf("read the messages: %w", errors.Join(err, errIncrement))
		}
		if err := r.frame(&h); err != nil {
			return err
		}
	}
}

// errIncrement is for an increment that is not as WhatsApp writes them.
var errIncrement = errors.New("the increment is damaged, or of a form that this program does not know")

func (r *run) frame(h *waHistorySync.HistorySync) error {
	count := r.Ledger.Of("messages.bin")
	for _, c := range h.GetConversations() {
		for _, m := range c.GetMessages() {
			// Encoded again: unknown fields stay, and the order is the schema's.
			b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.GetMessage())
			if err != nil {
				return fmt.Errorf("encode a message: %w", err)
			}
			count.Rows++
			count.Records++
			if err := r.append(&draft{table: webMessage, row: foreign.Row{
				Columns: []string{"chat", "timestamp", "web_message_info"},
				Values:  []any{c.GetID(), int64(min(m.GetMessage().GetMessageTimestamp(), 1<<40)) * 1000, b},
			}, context: chatNames(c)}, true); err != nil {
				return err
			}
		}
	}
	for _, p := range h.GetPushnames() {
		r.people.names[p.GetID()] = p.GetPushname()
	}
	return nil
}

// chatNames is what a conversation says of its chat.
func chatNames(c *waHistorySync.Conversation) *foreign.Row {
	row := &foreign.Row{}
	for _, f := range []struct{ name, value string }{{"name", c.GetName()}, {"pn", c.GetPnJID()}, {"lid", c.GetLidJID()}} {
		if f.value != "" {
			row.Columns, row.Values = append(row.Columns, f.name), append(row.Values, f.value)
		}
	}
	if len(row.Columns) == 0 {
		return nil
	}
	return row
}

// table reads a member like call_log_modified_1.json: rows by their columns.
func table(f *zip.File) (name string, rows []foreign.Row, err error) {
	var all map[string][]map[string]any
	if err := decodeMember(f, &all); err != nil {
		return "", nil, err
	}
	for t, list := range all {
		name = t
		for _, fields := range list {
			var r foreign.Row
			for c := range fields {
				r.Columns = append(r.Columns, c)
			}
			slices.Sort(r.Columns)
			for _, c := range r.Columns {
				r.Values = append(r.Values, jsonValue(fields[c]))
			}
			rows = append(rows, r)
		}
	}
	return name, rows, nil
}

// jsonValue makes a value of a database of what JSON has in its place.
func jsonValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // beyond float64 it is infinite
		return f
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case string, nil:
		return v
	}
	b, _ := json.Marshal(v) // what was decoded can be encoded
	return string(b)
}

// incrementPeople reads whom the changed rows of table jid stand for.
func (r *run) incrementPeople(z *zip.Reader) error {
	var maps []foreign.Row
	for _, f := range z.File {
		if !strings.HasPrefix(path.Base(f.Name), "jid_") {
			continue
		}
		name, rows, err := table(f)
		if err != nil {
			return err
		}
		switch name {
		case "jid":
			for _, row := range rows {
				id, _ := row.Get("_id").(int64)
				raw, _ := row.Get("raw_string").(string)
				r.people.byID[id] = address{raw: raw, name: r.people.names[raw]}
			}
		case "jid_map":
			maps = append(maps, rows...)
		}
	}
	for _, row := range maps {
		lid, _ := row.Get("lid_row_id").(int64)
		id, _ := row.Get("jid_row_id").(int64)
		if a, ok := r.people.byID[lid]; ok {
			a.phone = r.people.byID[id].raw
			r.people.byID[lid] = a
		}
	}
	return nil
}

// modified makes records of the changed rows of a table.
func (r *run) modified(f *zip.File) error {
	name, rows, err := table(f)
	if err != nil {
		return err
	}
	count := r.Ledger.Of(name)
	for _, row := range rows {
		count.Rows++
		count.Records++
		if err := r.append(&draft{table: name, row: row}, false); err != nil {
			return err
		}
	}
	return nil
}

// openIncrement reads a ZIP that was unsealed.
func openIncrement(plain *crypt.Plain) (*zip.Reader, error) {
	b, err := io.ReadAll(io.LimitReader(plain, maxIncrement+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxIncrement {
		return nil, crypt.ErrTooLarge
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errIncrement, err)
	}
	return z, nil
}

// isIncrement reports whether a ZIP is one: backups of stickers are ZIPs, too.
func isIncrement(z *zip.Reader) bool {
	return slices.ContainsFunc(z.File, func(f *zip.File) bool { return path.Base(f.Name) == "messages.bin" })
}

// openZIP opens a container that holds a ZIP.
func (r *run) openZIP(p string) (z *zip.Reader, err error) {
	if err := r.keepFile(p); err != nil {
		return nil, err
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	plain, v, err := unseal(r.Ctx, f, r.s.key)
	if err != nil {
		return nil, err
	}
	if z, err = openIncrement(plain); err != nil {
		return nil, err
	}
	return z, r.opened(p, v, plain)
}

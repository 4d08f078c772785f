package index

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteAuditJSON returns what writes rows of the audit trail as JSON, one a
// line.
func WriteAuditJSON(w io.Writer) func([]AuditRow) error {
	enc := json.NewEncoder(w)
	return func(rows []AuditRow) error {
		for i := range rows {
			if err := enc.Encode(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

// WriteAuditCSV returns what writes rows of the audit trail as a table for
// spreadsheets, under its heads.
func WriteAuditCSV(w io.Writer) func([]AuditRow) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"entry", "at", "act", "by", "via", "from", "on", "reason", "refused", "void", "data"}) // out.Error tells
	return func(rows []AuditRow) error {
		for i := range rows {
			r := &rows[i]
			cells := []string{
				strconv.FormatInt(r.Seq, 10), r.At.UTC().Format(time.RFC3339), r.Act, r.By, r.Via, r.From,
				strings.Join(r.On, " "), r.Reason, r.Refused, r.Void, string(r.Data),
			}
			for i := range cells {
				cells[i] = Defused(cells[i])
			}
			if err := out.Write(cells); err != nil {
				return err
			}
		}
		out.Flush()
		return out.Error()
	}
}

// Defused keeps a spreadsheet from reading what a stranger wrote as a formula,
// also behind space, or in the wide signs of East Asian keyboards.
func Defused(s string) string {
	if t := strings.TrimLeft(s, " \u00a0\u3000"); t != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(t[:min(len(t), 4)])[0]) {
		return "'" + s
	}
	return s
}

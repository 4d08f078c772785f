package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table prints what was measured, beside the peer, the machine's limit and the
// aim. The aims are those of two cores.
func (r results) table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(t, strings.Join(cells, "\t")) } // Flush reports what failed
	row("what", "ours", "peer", "limit", "aim")
	row("----", "----", "----", "-----", "---")
	r.machineRows(row)
	r.readRows(row)
	for _, m := range r.Imports {
		r.importRows(m, row)
	}
	for _, l := range r.Searches {
		aim := ""
		if strings.HasSuffix(l.What, "by date") {
			aim = "p95 under 10 ms"
		}
		row("search: "+l.What+", "+hits(l.Hits), fmt.Sprintf("p50 %.1f  p95 %.1f  p99 %.1f ms", l.P50, l.P95, l.P99), "", "", aim)
	}
	r.Backups.rows(row, r.Machine)
	r.Keeping.rows(row)
	r.Live.rows(row)
	r.gatewayRows(row)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s, %d CPUs; the input is %s messages, %.1f MB.\n", r.Go, r.CPUs, group(float64(r.Messages)), float64(r.Input)/1e6)
	if r.PeerNote != "" {
		_, err = fmt.Fprintf(w, "No peer: %s.\n", r.PeerNote)
	}
	return err
}

func (r results) machineRows(row func(...string)) {
	if m := r.Machine; m != nil {
		row("machine: append 4 KiB and fsync", "", "", group(m.Fsyncs)+"/s", "")
		row("machine: SHA-256, AES-256-GCM, one core", "", "", fmt.Sprintf("%.2f, %.2f GB/s", m.SHA256, m.AESGCM), "")
	}
	if b := r.Bare; b != nil {
		row("bare SQLite: insert, then FTS5", "", "", fmt.Sprintf("%.1f s + %.1f s", b.Insert, b.FTS5), "")
	}
}

func (r results) readRows(row func(...string)) {
	if r.Read == nil || r.Scan == nil {
		return
	}
	peer, peerRSS, limit := "", "", ""
	if r.Peer != nil {
		peer, peerRSS = rate(r.Peer.N, r.Peer.Seconds), mb(r.Peer.RSS)
	}
	if r.Machine != nil {
		limit = group(r.Machine.Lines) + "/s (cut lines)"
	}
	row("read alone: split, date, author, kind", rate(r.Scan.N, r.Scan.Seconds), peer, limit, "1,000,000/s, three times the peer")
	row("read alone, peak memory", mb(r.Scan.RSS), peerRSS, "", "64 MB")
	row("read and made into records", rate(r.Read.N, r.Read.Seconds)+", "+mb(r.Read.RSS), "", "", "")
}

func (r results) importRows(m imported, row func(...string)) {
	n := group(float64(m.Messages))
	limit, verifyLimit, bareTime, aimSearchable := "", "", "", "40,000/s, twice the bare time"
	if r.Machine != nil && m.Input > 0 {
		perMessage := float64(m.Input) / float64(m.Messages)
		verifyLimit = group(r.Machine.SHA256*1e9/perMessage) + "/s (SHA-256)"
		limit = group(1/(perMessage/(r.Machine.SHA256*1e9)+perMessage/(r.Machine.AESGCM*1e9))) + "/s (hash and seal)"
	}
	if r.Bare != nil && m.Messages == r.Messages {
		total := r.Bare.Insert + r.Bare.FTS5
		bareTime = fmt.Sprintf("%s/s (bare SQLite, %.1f s); ours %.2f times that", group(float64(m.Messages)/total), total, m.Searchable.Seconds/total)
	}
	row("import "+n+", acknowledged", per(m, m.Import), "", limit, "60,000/s")
	row("import "+n+", searchable", per(m, m.Searchable), "", bareTime, aimSearchable)
	row("import "+n+", peak memory", mb(m.Import.RSS)+"; searchable "+mb(m.Searchable.RSS), "", "", "300 MB")
	row("index rebuild "+n, per(m, m.Rebuild)+", "+mb(m.Rebuild.RSS), "", "", "")
	row("verify "+n+", without index", per(m, m.Verify)+", "+mb(m.Verify.RSS), "", verifyLimit, "500,000/s")
	row("verify "+n+", with index", per(m, m.VerifyAll), "", "", "rebuild's speed")
	each := func(part string) float64 { return float64(m.Bytes[part]) / float64(m.Messages) }
	row("stored bytes a message, "+n, fmt.Sprintf("%.0f: log %.0f, keys %.1f, index %.0f; evidence %.0f besides",
		each("log")+each("keys")+each("index"), each("log"), each("keys"), each("index"), each("evidence")),
		"", fmt.Sprintf("input %.0f", float64(m.Input)/float64(m.Messages)), "300")
}

func per(m imported, r ran) string {
	return fmt.Sprintf("%s/s (%.1f s)", group(r.rate(m.Messages)), r.Seconds)
}

func rate(n int64, seconds float64) string {
	return fmt.Sprintf("%s/s (%.2f s)", group(float64(n)/seconds), seconds)
}

func mb(bytes int64) string {
	if bytes == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%d MB", bytes>>20)
}

func hits(n float64) string {
	if n < 0 {
		return "hits not counted"
	}
	return group(n) + " hits"
}

// group prints a number with commas between thousands.
func group(f float64) string {
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

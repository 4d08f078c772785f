package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/waxseal/waxseal/internal/chat"
)

// waxsealOut runs a command and returns what it prints.
func waxsealOut(t *testing.T, codes []int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(args, strings.NewReader(""), &out, &errs); !slices.Contains(codes, code) {
		t.Fatalf("%s: exit %d: %s", args, code, errs.String())
	}
	return out.String()
}

type backupKey struct {
	ID    string `json:"key_id"`
	After string `json:"key_id_after"`
	Old   string `json:"old_text"`
	New   string `json:"new_text"`
}

// TestLaterBackups: what is different in a later backup of a phone is what the
// sample says, to the message, and nothing is there twice.
func TestLaterBackups(t *testing.T) {
	corpus := filepath.Join("../../../shared/corpus/backups/gen")
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("the shared corpus is not here")
	}
	for _, later := range []string{"android-later-s1", "android-later-renumbered-s1"} {
		t.Run(later, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(corpus, later, "diff.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Removed     []backupKey                    `json:"deleted_for_me"`
				Expired     []backupKey                    `json:"expired"`
				ChatRemoved struct{ Messages []backupKey } `json:"chat_deleted"`
				New         []backupKey                    `json:"new"`
				Revoked     []backupKey                    `json:"revoked_later"`
				Edited      []backupKey                    `json:"edited_later"`
			}
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "a")
			waxsealOut(t, []int{exitDone}, "--dir", dir, "init", "--name", "Acme", "--zone", "UTC", "--no-passphrase")
			for _, name := range []string{"android-modern-s1", later} {
				waxsealOut(t, []int{exitDone, exitIncomplete}, "--dir", dir, "import", "--account", "+99910000000", filepath.Join(corpus, name, "msgstore.db"))
			}
			keys, messages := map[string]string{}, 0
			dec := json.NewDecoder(strings.NewReader(waxsealOut(t, []int{exitDone}, "--dir", dir, "messages", "--json")))
			for dec.More() {
				var m chat.Message
				if err := dec.Decode(&m); err != nil {
					t.Fatal(err)
				}
				messages++
				keys[m.ID] = m.Key.ID
			}
			if messages != 2000+len(want.New) {
				t.Errorf("%d messages, want %d", messages, 2000+len(want.New))
			}

			var onlyA, onlyB []string
			changed := map[string][3]string{}
			dec = json.NewDecoder(strings.NewReader(waxsealOut(t, []int{exitDone}, "--dir", dir, "report", "reconcile", "--json")))
			for dec.More() {
				var l struct {
					Day    string          `json:"day"`
					OnlyA  json.RawMessage `json:"only_a"`
					OnlyB  json.RawMessage `json:"only_b"`
					ID     string          `json:"id"`
					Change string          `json:"change"`
					Before string          `json:"before"`
					After  string          `json:"after"`
				}
				if err := dec.Decode(&l); err != nil {
					t.Fatal(err)
				}
				if l.Change != "" {
					changed[keys[l.ID]] = [3]string{l.Change, l.Before, l.After}
				}
				if l.Day == "" {
					continue
				}
				for raw, into := range map[*json.RawMessage]*[]string{&l.OnlyA: &onlyA, &l.OnlyB: &onlyB} {
					var ids []string
					if err := json.Unmarshal(*raw, &ids); err != nil {
						t.Fatal(err)
					}
					for _, id := range ids {
						*into = append(*into, keys[id])
					}
				}
			}
			same := func(what string, got []string, keys ...backupKey) {
				var ids []string
				for _, k := range keys {
					ids = append(ids, k.ID)
				}
				slices.Sort(got)
				slices.Sort(ids)
				if !slices.Equal(got, ids) {
					t.Errorf("%s: %d messages %q, want %d %q", what, len(got), got, len(ids), ids)
				}
			}
			same("only in the first", onlyA, slices.Concat(want.Removed, want.Expired, want.ChatRemoved.Messages)...)
			same("only in the second", onlyB, want.New...)
			for _, k := range want.Revoked {
				if got := changed[k.ID]; got != [3]string{"revoked", k.Old, ""} {
					t.Errorf("revoked %s: %q", k.ID, got)
				}
			}
			for _, k := range want.Edited {
				if got := changed[k.ID]; got != [3]string{"edited", k.Old, k.New} {
					t.Errorf("edited %s: %q", k.ID, got)
				}
			}
			if len(changed) != len(want.Revoked)+len(want.Edited) {
				t.Errorf("%d changed, want %d and %d", len(changed), len(want.Revoked), len(want.Edited))
			}
		})
	}
}

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/capture/cloudapi/graph/graphtest"
	"github.com/waxseal/waxseal/internal/chat"
)

// named is a body with a message that names a file.
func named(m graphtest.Media) string {
	b, _ := json.Marshal(m) // plain values
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Sheena Nelson"},"wa_id":"16505551234"}],"messages":[{"from":"16505551234","id":"wamid.%s","timestamp":"%d","type":"image","image":%s}]},"field":"messages"}]}]}`,
		m.ID, time.Now().Unix(), b)
}

// attached are the files that the archive's messages have.
func attached(p program, dir string) (all []chat.Attachment) {
	p.t.Helper()
	for line := range strings.Lines(p.ok("messages", "--dir", dir, "--json")) {
		var m chat.Message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			p.t.Fatal(err)
		}
		all = append(all, m.Attachments...)
	}
	return all
}

// The real program fetches what messages name, by the address in the webhook,
// and again by the ID where it was killed in the middle.
func TestFilesAreFetched(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the real binary")
	}
	meta := graphtest.New(t)
	meta.Token = "an access token"
	p := program{t: t, path: binary(t)}
	dir := withSource(t, p, "--graph", meta.URL)
	s := mustListen(t, p, dir)
	first, second := []byte("picture"), bytes.Repeat([]byte("clip "), 100_000)
	told := meta.Receive(first, "image/jpeg")
	s.mustPost(named(told), appSecret, http.StatusOK)
	s.within("the file is fetched", func() bool {
		a := attached(p, dir)
		return len(a) == 1 && a[0].State == chat.Stored
	})
	if meta.Count("attachments") != 1 || meta.Count(told.ID) != 0 {
		t.Error("Meta is asked for the address that the webhook had")
	}

	end := meta.Set(graphtest.Fault{Path: "attachments", Drip: 20 * time.Millisecond, Times: -1})
	s.mustPost(named(meta.Receive(second, "image/jpeg")), appSecret, http.StatusOK)
	s.within("the download begins", func() bool { return meta.Count("attachments") == 2 })
	time.Sleep(100 * time.Millisecond)
	s.kill()
	end()
	meta.Pass(graphtest.URLLife) // the program's clock stands still meanwhile: it tries the address, and then the ID
	s = mustListen(t, p, dir)
	s.within("the file is fetched after all", func() bool {
		a := attached(p, dir)
		return len(a) == 2 && a[0].State == chat.Stored && a[1].State == chat.Stored
	})
	s.end()
	for i, want := range [][]byte{first, second} {
		sum := sha256.Sum256(want)
		if a := attached(p, dir)[i]; a.SHA256 != hex.EncodeToString(sum[:]) || a.Size != int64(len(want)) || a.Reason != "" {
			t.Errorf("file %d: %+v", i, a)
		}
	}
	if l := s.log(); strings.Contains(l, "wamid") || strings.Contains(l, meta.Token) {
		t.Errorf("the log names a message or a secret:\n%s", l)
	}
	p.ok("verify", "--dir", dir)
}

package cloudapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// bodyOf is a delivery of n messages, written as Meta writes them.
func bodyOf(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[`)
	for i := range n {
		fmt.Fprintf(&b, `%s{"profile":{"name":"Sheena Nelson %d"},"wa_id":"1650555%04d","user_id":"US.1349120865530274191%d"}`, comma(i), i, i, i)
	}
	b.WriteString(`],"messages":[`)
	for i := range n {
		fmt.Fprintf(&b, `%s{"from":"1650555%04d","from_user_id":"US.1349120865530274191%d","id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA%d=","timestamp":"1749416383","type":"text","text":{"body":"Does it come in another color? \u00e4\u0435\u0439 No. %d of https:\/\/acme.example\/shop"}}`, comma(i), i, i, i, i)
	}
	b.WriteString(`]},"field":"messages"}]}]}`)
	return []byte(b.String())
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

func BenchmarkElements(b *testing.B) {
	for _, n := range []int{1, 1000} {
		body := bodyOf(n)
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if len(Elements(body)) != n {
					b.Fatal("not all of them")
				}
			}
		})
		b.Run(fmt.Sprintf("%d records", n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Records(3, Incoming{Body: body, Received: time.Unix(1_700_000_000, 0)}); err != nil {
					b.Fatal(err)
				}
			}
		})
		// What a decoder takes, and what looking at each byte takes.
		b.Run(fmt.Sprintf("%d encoding-json", n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var v any
				if err := json.Unmarshal(body, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d IndexByte", n), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if bytes.IndexByte(body, 0) >= 0 {
					b.Fatal("a zero")
				}
			}
		})
	}
}

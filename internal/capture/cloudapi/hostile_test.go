package cloudapi

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// wrapped is the body of a delivery with a value.
func wrapped(value string) []byte {
	return []byte(`{"object":"whatsapp_business_account","entry":[{"id":"1","time":1700000000,"changes":[{"value":` + value + `,"field":"messages"}]}]}`)
}

// One bad item spoils no other: it is kept as one that could not be read.
func TestOneBadItemAmongGoodOnes(t *testing.T) {
	for name, bad := range map[string]string{
		"control character": "{\"id\":\"b\x00\"}", "no value": `{"id":}`, "bad escape": `{"id":"\x"}`, "no colon": `{"id" 1}`,
		"number": `{"id":01}`, "word": `{"id":nul}`, "comma": `{"id":1,}`, "nested": `{"a":[1 2 {"b":}]}`,
	} {
		body := wrapped(`{"messages":[{"id":"a"},` + bad + `,{"id":"c"}]}`)
		var kinds []string
		for _, r := range rebuilt(t, body) {
			kinds = append(kinds, string(r.Kind))
		}
		if got := strings.Join(kinds, " "); got != "item item unparsed item" {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, bad := range map[string]string{"bracket": `{"id":]}`, "quote": `{"id":"}`, "no end": `{"id":{`} {
		recs := rebuilt(t, wrapped(`{"messages":[{"id":"a"},`+bad+`,{"id":"c"}]}`))
		if len(recs) != 1 || recs[0].Kind != record.Unparsed {
			t.Errorf("%s: %d records, %s", name, len(recs), recs[0].Kind)
		}
	}
}

// What is written in an odd way is found all the same; the last of several
// members counts, as it does for encoding/json.
func TestOddWritings(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"escaped names":   {`{"\u0065ntry":[{"changes":[{"val\u0075e":{"messages":[{"id":"a"},{"id":"b"}]}}]}]}`, 2},
		"space":           {" {\n\"entry\" : [ { \"changes\" : [ { \"value\" : { \"messages\" : [ { } ,\r\n\t{ } ] } } ] } ] } \n", 2},
		"two entries":     {`{"entry":[{"changes":[{"value":{"messages":[{}]}}]},{"changes":[{"value":{"statuses":[{}]}},{"value":{"messages":[{}]}}]}]}`, 3},
		"one name twice":  {`{"entry":[{"changes":[{"value":{"messages":[{}]}}]}],"entry":[]}`, 0},
		"lists twice":     {`{"entry":[{"changes":[{"value":{"messages":[{}],"messages":[{},{}]}}]}]}`, 3},
		"scalars":         {`{"entry":[1,"a",null,[],{"changes":[2,{"value":3},{"value":{"messages":[4,{}]}}]}]}`, 2},
		"entry no list":   {`{"entry":{"changes":[{"value":{"messages":[{}]}}]}}`, 0},
		"another product": {`{"object":"page","entry":[{"id":"1","messaging":[{"a":1},{"a":2}]}]}`, 2},
		"quotes":          {`{"entry":[{"changes":[{"value":{"messages":[{"a":"\\\"]}"},{"a":"\\"}]}}]}]}`, 2},
	} {
		if got := Elements([]byte(c.body)); len(got) != c.want {
			t.Errorf("%s: %d elements, want %d", name, len(got), c.want)
		}
		rebuilt(t, []byte(c.body))
	}
}

// No body becomes many times as large as it is, and none takes long.
func TestBodiesThatSwell(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	items := func(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	for name, c := range map[string]struct {
		value string
		want  int // pieces, -1: any number
	}{
		"a long name":        {`{"` + long + `":[` + items(10_000, `{}`) + `]}`, 1},
		"a long number":      {`{"metadata":{"phone_number_id":"` + long + `"},"messages":[` + items(10_000, `{}`) + `]}`, 10_000},
		"a long phase":       {`{"history":[{"metadata":{"a":"` + long + `"},"threads":[{"id":"` + long + `","messages":[` + items(10_000, `{}`) + `]}]}]}`, 10_000},
		"a long sender":      {`{"messages":[` + items(3, `{"from":"`+long+`"}`) + `]}`, 3},
		"one of many":        {`{"contacts":[` + items(10_000, `{"wa_id":"1"}`) + `],"messages":[` + items(10_000, `{"from":"1"}`) + `]}`, 10_000},
		"contacts of nobody": {`{"contacts":[` + items(10_000, `{"wa_id":"2"}`) + `],"messages":[{"from":"1"},{"from":"1"}]}`, 2},
		"too many":           {`{"messages":[` + items(maxPieces+1, `{}`) + `]}`, 0},
		"deep":               {`{"messages":[{"a":` + strings.Repeat(`[`, 9000) + strings.Repeat(`]`, 9000) + `},{}]}`, 2},
		"too deep":           {`{"messages":[{"a":` + strings.Repeat(`[`, 1<<20) + strings.Repeat(`]`, 1<<20) + `},{}]}`, 0},
		"lists in lists":     {`{"a":` + strings.Repeat(`{"a":`, 5000) + `[{},{}]` + strings.Repeat(`}`, 5000) + `}`, 1},
		"histories":          {strings.Repeat(`{"history":[`, 3000) + `{}` + strings.Repeat(`]}`, 3000), 1},
	} {
		body := wrapped(c.value)
		start := time.Now()
		recs := rebuilt(t, body)
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s: took %s", name, d)
		}
		size := 0
		for _, r := range recs {
			for _, p := range r.Parts {
				size += len(p)
			}
			size += len(r.Lineage)
		}
		if most := 4*len(body) + 600*len(recs); size > most {
			t.Errorf("%s: %d bytes became %d", name, len(body), size)
		}
		if got := len(Elements(body)); got != c.want {
			t.Errorf("%s: %d elements, want %d", name, got, c.want)
		}
	}
}

// A batch of 1,000 of 3 MB, in Arabic, with U+0000: each is a record.
func TestTheLargestDelivery(t *testing.T) {
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf(`{"from":"1650555%04d","id":"wamid.%d","timestamp":"1700000000","type":"text","text":{"body":"%s\u0000"}}`, i, i, strings.Repeat(`\u0645\u0631\u062d\u0628\u0627 مرحبا `, 75)))
	}
	body := wrapped(`{"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"7"},"messages":[` + strings.Join(all, ",") + `]}`)
	if len(body) < 3<<20 {
		t.Fatalf("only %d bytes", len(body))
	}
	recs := rebuilt(t, body)
	if len(recs) != 1001 || recs[1].Lineage != "cloudapi/7/16505550000" || recs[1].Period != "2023-11" {
		t.Errorf("%d records; the first is of %q, %q", len(recs), recs[1].Lineage, recs[1].Period)
	}
	ids := map[string]bool{}
	for _, r := range recs {
		ids[string(r.Identity)] = true
	}
	if len(ids) != 1001 {
		t.Errorf("%d identities", len(ids))
	}
}

// The same body has the same identity whenever it comes, and another body,
// however like it, another.
func TestIdentityIsOfTheBodyAlone(t *testing.T) {
	for _, value := range []string{`{"messages":[{"id":"a"},{"id":"b","timestamp":"1700000000"}]}`, `{"event":"x"}`, `7`} {
		id := func(body []byte, at time.Time) (s string) {
			recs, err := Records(1, Incoming{Body: body, Received: at})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range recs {
				s += r.Lineage + "|" + r.Near + "|" + string(r.Identity) + "\n"
			}
			return s
		}
		body := wrapped(value)
		a := id(body, time.Unix(1_700_000_000, 0))
		if b := id(body, time.Unix(1_800_000_000, 0)); a != b {
			t.Errorf("%s: on another day\n%q\n%q", value, a, b)
		}
		if b := id(append(body, ' '), time.Unix(1_700_000_000, 0)); a == b {
			t.Errorf("%s: another body is the same", value)
		}
	}
}

// What is put together again is the body, or nothing.
func TestPiecesOfAnotherDelivery(t *testing.T) {
	entries := func(value string) (es []record.Entry) {
		recs, err := Records(1, Incoming{Body: wrapped(value)})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range recs {
			es = append(es, record.Entry{Kind: r.Kind, Parts: r.Parts})
		}
		return es
	}
	a := entries(`{"contacts":[{"wa_id":"1"}],"messages":[{"from":"1"},{"from":"2"},{"from":"3"}]}`)
	b := entries(`{"contacts":[{"wa_id":"1"}],"messages":[{"from":"1"},{"from":"4"},{"from":"3"}]}`)
	gone := record.Entry{Kind: record.Item}
	for name, pieces := range map[string][]record.Entry{
		"none": nil, "too few": a[1:3], "too many": append(a[1:4:4], b[1]), "another's": {a[1], b[2], a[3]}, "another order": {a[2], a[1], a[3]},
		"disposed of": {a[1], gone, a[3]}, "the delivery itself": a[:3],
	} {
		if got, err := Body(a[0], pieces); !errors.Is(err, ErrPieces) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := Body(a[1], nil); err == nil {
		t.Error("a piece is a delivery")
	}
	if got, err := Body(a[0], a[1:]); err != nil || !bytes.Contains(got, []byte(`{"from":"2"}`)) {
		t.Errorf("%q, %v", got, err)
	}
}

// Package cloudapi is the way in by Meta's Cloud API: what its webhooks
// deliver, what the business sends through the gateway, and the media that
// both name.
//
// Every HTTP body is kept as it came, byte for byte, before anybody reads it.
// A delivery of one message is one record. One of many is cut into a record a
// message, so that each is proved, and disposed of, without its neighbours;
// Body puts the delivery together again.
package cloudapi

import (
	"context"
	"io"
	"time"

	"github.com/waxseal/waxseal/internal/record"
)

// Name is the format's, and the source's in captures.
const Name = "cloudapi"

// What says what an item is.
type What string

// The items of a capture.
const (
	// Delivery is one POST of a webhook. Raw is its body; where the body was
	// cut, raw is what lies around the pieces, which are the next Pieces
	// entries.
	Delivery What = "delivery"
	// Piece is one element that was cut out of a delivery: a message, a status,
	// a thread's message. Raw is its bytes. Further parts are the elements of
	// contacts that are about its sender.
	Piece What = "piece"
	// Request is what a sender asked the gateway to send, before it is
	// forwarded. Raw is the body as the sender wrote it.
	Request What = "request"
	// Step is what became of a request that was not forwarded at once.
	Step What = "step"
	// Answer is what Meta answered to a request. Raw is the body of the answer.
	Answer What = "answer"
	// Media is what came of fetching a file. Its blob is in the item's files.
	Media What = "media"
	// Sent is what a sender says that it sent by another way than the gateway.
	// Raw is {"request":…,"response":…} as it came in.
	Sent What = "sent"
)

// Head is the head of an item.
type Head struct {
	record.ItemHead
	What     What          `json:"what"`
	Delivery *DeliveryHead `json:"d,omitempty"`
	Piece    *PieceHead    `json:"p,omitempty"`
	Send     *SendHead     `json:"s,omitempty"`
	Media    *MediaHead    `json:"m,omitempty"`
}

// DeliveryHead is what is known of a POST beside its body.
type DeliveryHead struct {
	Received time.Time `json:"at,omitzero"` // not known of one that was imported
	SHA256   string    `json:"sha256"`      // of the body, hex
	Size     int64     `json:"size"`        // of the body
	// Header holds the headers that matter later: the signature, the content
	// type, the user agent.
	Header map[string]string `json:"header,omitempty"`
	Peer   string            `json:"peer,omitempty"` // network address
	// Secret names the app secret whose signature was right: the first 8 hex
	// digits of its SHA-256. Empty: imported, nobody has checked.
	Secret string `json:"secret,omitempty"`
	Pieces int    `json:"pieces,omitempty"` // entries that follow and belong to it
}

// PieceHead says where a piece came from, and what is around it that says what
// it means.
type PieceHead struct {
	N  int   `json:"n"`  // which of the delivery's, from 1: its delivery is N entries before it
	At int64 `json:"at"` // offset of its first byte in the body
	// In is the context: {"waba":…,"time":…,"field":…,"path":…,"value":{…}},
	// where path names the array ("messages", "history.threads.messages") and
	// value has the members of the objects around it that are no arrays.
	In Context `json:"in"`
}

// Context is what lies around an element of a delivery.
type Context struct {
	WABA   string `json:"waba,omitempty"` // id of the entry
	Time   int64  `json:"time,omitempty"` // of the entry, unix seconds
	Field  string `json:"field"`
	Path   string `json:"path,omitempty"`   // of the array inside value; empty: the value itself
	Number string `json:"id,omitempty"`     // phone_number_id
	Phone  string `json:"phone,omitempty"`  // display_phone_number, as written
	Thread string `json:"thread,omitempty"` // history: id of the thread
	Phase  string `json:"phase,omitempty"`  // history: metadata, as JSON
}

// SendHead is of a Request, Step, Answer or Sent.
type SendHead struct {
	At      time.Time `json:"at"`
	Request int64     `json:"request,omitempty"` // entry; of a Step and an Answer
	Method  string    `json:"method,omitempty"`
	Path    string    `json:"path,omitempty"`   // "/v23.0/15550783881/messages"
	Number  string    `json:"number,omitempty"` // phone_number_id
	// Kind is the type of the message that is sent; NoMessage: it is none.
	Kind string `json:"kind,omitempty"`
	// Callback is the biz_opaque_callback_data that the gateway planted: it
	// names the message until WhatsApp does. Empty where the sender had its own.
	Callback string `json:"callback,omitempty"`
	// Decision is what the gateway did with a Request ("forward", "block",
	// "hold", "delay", "defer"), what a Step says ("forward", "defer", "withdraw",
	// "block"), or Unreachable of an Answer.
	Decision string `json:"decision,omitempty"`
	Why      string `json:"why,omitempty"`  // a sentence
	Rule     string `json:"rule,omitempty"` // that decided
	By       string `json:"by,omitempty"`   // login of who decided, or name of the token that sent
	// Sent is the body as forwarded, where it is not what the sender wrote.
	Sent string `json:"sent,omitempty"`
	// Rendered is the text that the recipient sees of a template, with the
	// definition that it was made from.
	Rendered string `json:"rendered,omitempty"`
	Template string `json:"template,omitempty"`
	// Files are the names by which a Request calls the item's files, in their
	// order: links, and ids of uploads.
	Files []string `json:"files,omitempty"`
	// Cut holds the offsets in raw at which the files of an upload stood.
	Cut    []int64 `json:"cut,omitempty"`
	Status int     `json:"status,omitempty"` // of an Answer; 0: there was none
	Failed string  `json:"failed,omitempty"` // why there was none, or no whole one
}

// NoMessage is the Kind of a request that sends no message: an upload, a group,
// that something was read.
const NoMessage = "none"

// Unreachable is the Decision of an Answer where nothing has left.
const Unreachable = "unreachable"

// MediaHead says what came of fetching a file.
type MediaHead struct {
	At      time.Time `json:"at"`
	ID      string    `json:"id"`                // of the file, as the message names it
	Message string    `json:"message"`           // WhatsApp's id of the message
	Chat    string    `json:"chat"`              // JID, as in the message's key
	FromMe  bool      `json:"from_me,omitempty"` //
	Account string    `json:"account,omitempty"` //
	State   string    `json:"state"`             // "stored", "expired", "missing"
	MIME    string    `json:"mime,omitempty"`
	Name    string    `json:"name,omitempty"`
	Why     string    `json:"why,omitempty"` // a sentence, where it is not stored
	Tries   int       `json:"tries,omitempty"`
}

// Journal is where a running source writes. What it returned without an error
// is on stable storage.
type Journal interface {
	// Append makes the records durable that build makes, as one batch. build
	// is given the entry of the capture that runs, and may be called twice.
	Append(ctx context.Context, build func(capture int64) ([]record.Record, error)) ([]record.Receipt, error)
	// Blob keeps large content, which a record of the next Append names.
	Blob(ctx context.Context, r io.Reader) (record.Blob, error)
}

// Config is one Cloud API source: a Meta app and the numbers that it listens
// to.
type Config struct {
	Name string `json:"name"` // of the source, [a-z0-9-]
	// URL is the address that Meta and the senders reach the archive by:
	// https://hooks.acme.example.
	URL     string   `json:"url,omitempty"`
	WABA    []string `json:"waba,omitempty"`
	Numbers []Number `json:"numbers,omitempty"`
	// Graph is the base address of Meta's API; empty: https://graph.facebook.com.
	Graph   string `json:"graph,omitempty"`
	Version string `json:"version,omitempty"` // empty: "v23.0"
	// Canary is the phone_number_id of a second number that writes to the first
	// once an hour.
	Canary string `json:"canary,omitempty"`

	Secrets `json:"-"`
}

// Number is a business phone number.
type Number struct {
	ID        string `json:"id"`    // phone_number_id
	Phone     string `json:"phone"` // E.164
	Custodian string `json:"custodian,omitempty"`
}

// Secrets are what a source must keep to itself. They are the second part of
// the act that sets it.
type Secrets struct {
	// App holds the app secrets, newest first: several while one is rotated.
	App    []string `json:"app"`
	Verify string   `json:"verify"` // the verify token of the subscription
	Access string   `json:"access"` // the access token of the Graph API
	// Gateway is the part of the gateway's address that only senders know.
	Gateway string `json:"gateway"`
}

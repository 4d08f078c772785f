// Package blob is where sealed large content lies: media and evidence files.
// dir/ keeps it in a folder; every store passes blobtest/.
//
// It sees sealed bytes under random names, never content or a key.
package blob

import (
	"context"
	"errors"
	"io"
)

// Store keeps sealed blobs.
type Store interface {
	// Create begins a blob. Nothing is there under name until Commit.
	Create(ctx context.Context, name string) (Writer, error)
	// Open opens a blob for reading and says how long it is.
	Open(ctx context.Context, name string) (Reader, int64, error)
	// List calls fn for everything that is there. Whatever does not belong is
	// listed too: verify wants to know.
	List(ctx context.Context, fn func(Item) error) error
	// Remove removes a blob, or a leftover, by its listed name.
	Remove(ctx context.Context, name string) error
}

// Writer takes a blob's sealed bytes.
type Writer interface {
	io.Writer
	// Commit makes the blob durable.
	Commit() error
	// Abort drops what was written. After Commit it does nothing.
	Abort()
}

// Reader reads a blob's sealed bytes.
type Reader interface {
	io.ReaderAt
	io.Closer
}

// Item is something that lies in a store.
type Item struct {
	Name  string
	Size  int64
	Age   int64 // seconds since it was last written
	Stray bool  // not a blob by its name or kind
}

// Errors of blob stores.
var (
	ErrNotFound = errors.New("blob not found")
	ErrFull     = errors.New("disk is full")
)

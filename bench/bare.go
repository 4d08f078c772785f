package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
)

// bareSQLite stores the same messages in one table with the same driver, in
// durable transactions of ten thousand, and then builds an FTS5 index of
// them: the least that anything searchable on this driver costs.
func bareSQLite(ctx context.Context, dir string, n int) (insert, build time.Duration, err error) {
	path := filepath.Join(dir, "bare.db")
	defer func() { err = errors.Join(err, os.RemoveAll(path)) }()
	db, err := sqlite3.Open("file:" + path)
	if err != nil {
		return 0, 0, fmt.Errorf("bare sqlite: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fts5.Register(db); err != nil {
		return 0, 0, fmt.Errorf("bare sqlite: %w", err)
	}
	err = db.Exec(`
		PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;
		CREATE TABLE message (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL);
		CREATE VIRTUAL TABLE word USING fts5(body, content='message', content_rowid='id');`)
	if err != nil {
		return 0, 0, fmt.Errorf("bare sqlite: %w", err)
	}
	start := time.Now()
	if err := insertAll(ctx, db, n); err != nil {
		return 0, 0, fmt.Errorf("bare sqlite: %w", err)
	}
	insert = time.Since(start)
	start = time.Now()
	if err := db.Exec("INSERT INTO word(word) VALUES ('rebuild')"); err != nil {
		return 0, 0, fmt.Errorf("bare sqlite: build FTS5: %w", err)
	}
	return insert, time.Since(start), nil
}

func insertAll(ctx context.Context, db *sqlite3.Conn, n int) (err error) {
	s, _, err := db.Prepare("INSERT INTO message (at, author, body) VALUES (?, ?, ?)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g := newGenerator(seedMain)
	var body []byte
	for i := range n {
		if i%10_000 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if i > 0 {
				if err := db.Exec("COMMIT"); err != nil {
					return err
				}
			}
			if err := db.Exec("BEGIN"); err != nil {
				return err
			}
		}
		author, b, _ := g.next(body[:0])
		body = b
		if err := errors.Join(s.BindInt64(1, g.at.Unix()), s.BindText(2, author), s.BindText(3, string(b)), s.Exec()); err != nil {
			return err
		}
	}
	return db.Exec("COMMIT")
}

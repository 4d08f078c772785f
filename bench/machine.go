package main

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"fmt"
	"os"
	"time"
)

// machine is what this machine can do at all; figures of ours mean nothing
// without it.
type machine struct {
	Fsyncs float64 `json:"fsyncs_per_s"` // append 4 KiB, fsync
	SHA256 float64 `json:"sha256_gb_per_s"`
	AESGCM float64 `json:"aes256gcm_gb_per_s"`
	Lines  float64 `json:"lines_per_s"` // cutting the input into lines, no more
}

func measureMachine(dir, input string, records int) (m machine, err error) {
	if m.Fsyncs, err = fsyncs(dir, 2*time.Second); err != nil {
		return m, err
	}
	m.SHA256 = perSecond(time.Second, 1<<20, func(b []byte) { sha256.Sum256(b) }) / 1e9
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return m, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return m, err
	}
	out, nonce := make([]byte, 0, 17<<10), make([]byte, gcm.NonceSize())
	m.AESGCM = perSecond(time.Second, 16<<10, func(b []byte) { gcm.Seal(out, nonce, b, nil) }) / 1e9
	m.Lines, err = lines(input, records)
	return m, err
}

// fsyncs counts appends of 4 KiB that reached stable storage in a second.
func fsyncs(dir string, d time.Duration) (float64, error) {
	f, err := os.CreateTemp(dir, "fsync")
	if err != nil {
		return 0, fmt.Errorf("measure fsync: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // the folder goes in the end
	page, n := make([]byte, 4096), 0
	start := time.Now()
	for time.Since(start) < d {
		if _, err := f.Write(page); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		n++
	}
	rate := float64(n) / time.Since(start).Seconds()
	return rate, f.Close()
}

// perSecond returns the bytes a second that one core puts through fn.
func perSecond(d time.Duration, size int, fn func([]byte)) float64 {
	b, n := make([]byte, size), 0
	start := time.Now()
	for time.Since(start) < d {
		for range 16 {
			fn(b)
		}
		n += 16
	}
	return float64(n) * float64(size) / time.Since(start).Seconds()
}

// lines is the floor of reading: the records a second of a reader that does
// nothing but cut lines.
func lines(path string, records int) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("cut lines: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	start := time.Now()
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 1<<20)
	for s.Scan() {
		_ = s.Bytes() // cutting is all that is measured
	}
	return float64(records) / time.Since(start).Seconds(), s.Err()
}

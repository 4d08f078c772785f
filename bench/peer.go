package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// peerPackage is the most used public parser. The version is pinned so that
// two runs compare the same.
const peerPackage = "whatsapp-chat-parser@4.0.2"

// peerScript reads the file as that package's own documentation says.
const peerScript = `
const fs = require('fs');
const { parseString } = require('whatsapp-chat-parser');
const text = fs.readFileSync(process.argv[1], 'utf8');
const from = process.hrtime.bigint();
const messages = parseString(text);
console.log(JSON.stringify({ n: messages.length, seconds: Number(process.hrtime.bigint() - from) / 1e9 }));
`

var errNoNode = errors.New("node or npm is not installed")

// parsed is how a parser did on the input.
type parsed struct {
	N       int64   `json:"n"`
	Seconds float64 `json:"seconds"`
	RSS     int64   `json:"peak_rss"` // bytes
}

// runPeer installs the package into cache, once, and lets it parse input.
func runPeer(ctx context.Context, cache, input string) (p parsed, err error) {
	node, err1 := exec.LookPath("node")
	npm, err2 := exec.LookPath("npm")
	if err1 != nil || err2 != nil {
		return p, errNoNode
	}
	dir := filepath.Join(cache, "npm")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "whatsapp-chat-parser")); err != nil {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return p, fmt.Errorf("install peer: %w", err)
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", peerPackage)
		if out, err := c.CombinedOutput(); err != nil {
			return p, fmt.Errorf("install peer: %w: %s", err, tail(out))
		}
	}
	c := exec.CommandContext(ctx, node, "--max-old-space-size=8192", "-e", peerScript, input)
	c.Dir = dir
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return p, fmt.Errorf("run peer: %w", err)
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return p, fmt.Errorf("run peer: %w", err)
	}
	p.RSS = peakRSS(c.ProcessState)
	return p, nil
}

// tail is the end of what a command said.
func tail(out []byte) string { return string(out[max(0, len(out)-300):]) }

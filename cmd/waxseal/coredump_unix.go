//go:build unix

package main

import "golang.org/x/sys/unix"

// keepPrivate keeps keys and messages out of core files, and every file that
// is made, SQLite's included, from other users of the machine.
func keepPrivate() {
	unix.Umask(0o077)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // best effort: a hard limit of its own may stand
}

//go:build !unix

package main

// noCoreDumps does nothing where the system writes no core files by itself.
func noCoreDumps() {}

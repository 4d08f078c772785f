//go:build !unix

package main

// keepPrivate does nothing where the system writes no core files by itself,
// and a folder hands its permissions down.
func keepPrivate() {}

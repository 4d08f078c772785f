package main

import (
	"os"
	"syscall"
)

// peakRSS is the largest memory that an ended process held, in bytes.
func peakRSS(s *os.ProcessState) int64 {
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss << 10
	}
	return 0
}

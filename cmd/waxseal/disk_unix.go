//go:build unix

package main

import "golang.org/x/sys/unix"

// diskFree is how many bytes the archive may still write.
func diskFree(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// Package vfs is the file system that SQLite databases are opened through: the
// driver's own, without memory mapping, and with a full disk told from a
// broken one.
//
// The driver (v0.36.0) crashes where a database has page checksums, its file
// offers memory mapping, and another process has written to the WAL: it then
// asks for a mapper that the checksums took away. And it gives "disk I/O
// error" for a write that finds no room.
package vfs

import (
	"errors"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	"github.com/ncruces/go-sqlite3/vfs/adiantum"
)

// Names of the file systems, for a database's URI.
const (
	Plain     = "waxseal"
	Encrypted = "waxseal-encrypted" // wants PRAGMA hexkey
)

func init() {
	base := files{vfs.Find("")}
	vfs.Register(Plain, base)
	vfs.Register(Encrypted, adiantum.Wrap(base, nil))
}

type files struct{ vfs.VFS }

// OpenFilename implements vfs.VFSFilename.
func (v files) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(v.VFS, name, flags)
	if err != nil {
		return f, flags, full(err)
	}
	return file{f}, flags, nil
}

// file hides that a file could be mapped, and passes on what a database with a
// WAL needs.
type file struct{ vfs.File }

func (f file) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, full(err)
}

func (f file) Truncate(size int64) error      { return full(f.File.Truncate(size)) }
func (f file) Sync(flags vfs.SyncFlag) error  { return full(f.File.Sync(flags)) }
func (f file) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }
func (f file) LockState() vfs.LockLevel       { return vfsutil.WrapLockState(f.File) }
func (f file) PersistWAL() bool               { return vfsutil.WrapPersistWAL(f.File) }
func (f file) SetPersistWAL(keep bool)        { vfsutil.WrapSetPersistWAL(f.File, keep) }
func (f file) SizeHint(size int64) error      { return full(vfsutil.WrapSizeHint(f.File, size)) }
func (f file) HasMoved() (bool, error)        { return vfsutil.WrapHasMoved(f.File) }
func (f file) SyncSuper(super string) error   { return vfsutil.WrapSyncSuper(f.File, super) }
func (f file) Unwrap() vfs.File               { return f.File }

// full gives a disk without room its own code.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return vfs.SystemError(err, sqlite3.FULL)
	}
	return err
}

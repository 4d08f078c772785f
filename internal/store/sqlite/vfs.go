package sqlite

import (
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// vfsName is the file system that databases are opened through: the driver's
// own, without memory mapping. The driver (v0.36.0) crashes where a database
// has page checksums, its file offers memory mapping, and another process has
// written to the WAL: it then asks for a mapper that the checksums took away.
const vfsName = "waxseal"

func init() { vfs.Register(vfsName, unmapped{vfs.Find("")}) }

type unmapped struct{ vfs.VFS }

// OpenFilename implements vfs.VFSFilename.
func (u unmapped) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(u.VFS, name, flags)
	if err != nil || flags&vfs.OPEN_MAIN_DB == 0 {
		return f, flags, err
	}
	return plainFile{f}, flags, nil
}

// plainFile hides that a file could be mapped, and passes on what a database
// with a WAL needs.
type plainFile struct{ vfs.File }

func (f plainFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }
func (f plainFile) LockState() vfs.LockLevel       { return vfsutil.WrapLockState(f.File) }
func (f plainFile) PersistWAL() bool               { return vfsutil.WrapPersistWAL(f.File) }
func (f plainFile) SetPersistWAL(keep bool)        { vfsutil.WrapSetPersistWAL(f.File, keep) }
func (f plainFile) SizeHint(size int64) error      { return vfsutil.WrapSizeHint(f.File, size) }
func (f plainFile) HasMoved() (bool, error)        { return vfsutil.WrapHasMoved(f.File) }
func (f plainFile) SyncSuper(super string) error   { return vfsutil.WrapSyncSuper(f.File, super) }
func (f plainFile) Unwrap() vfs.File               { return f.File }

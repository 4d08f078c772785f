package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// walk calls fn for every file and folder of dir, the folders last.
func walk(t *testing.T, dir string, fn func(path string, d fs.DirEntry) error) {
	t.Helper()
	var folders []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			folders = append(folders, p)
			return err
		}
		return fn(p, d)
	})
	for _, p := range folders {
		if err == nil {
			fi, statErr := os.Stat(p)
			if err = statErr; err == nil {
				err = fn(p, fs.FileInfoToDirEntry(fi))
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// asSomebody runs the program as a user whom file permissions hold back.
func (p program) asSomebody() program {
	p.t.Helper()
	if os.Getuid() != 0 {
		return p
	}
	path, err := exec.LookPath("setpriv")
	if err != nil {
		p.t.Skip("setpriv is missing, and nothing holds root back")
	}
	p.wrap = []string{path, "--reuid=65534", "--regid=65534", "--clear-groups"}
	return p
}

// openTo makes a folder that other users can reach.
func openTo(t *testing.T, dir string) string {
	t.Helper()
	for d := dir; d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestReadOnlyArchive: what lies on a medium that cannot be written is read,
// searched, proved and verified; it is not called tampered with.
func TestReadOnlyArchive(t *testing.T) {
	p := program{t: t, path: binary(t)}
	openTo(t, filepath.Dir(p.path))
	base := openTo(t, t.TempDir())
	dir, from := filepath.Join(base, "a"), export(t, base, 120)
	p.ok("init", "--name", "Acme", "--zone", "UTC", "--no-passphrase", "--dir", dir)
	p.ok("import", "--dir", dir, "--tz", "UTC", from)
	p.ok("verify", "--dir", dir)
	walk(t, dir, func(path string, d fs.DirEntry) error {
		if fi, err := d.Info(); err == nil && fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", filepath.Base(path), fi.Mode())
		}
		if os.Getuid() == 0 {
			if err := os.Chown(path, 65534, 65534); err != nil {
				return err
			}
		}
		if d.IsDir() {
			return os.Chmod(path, 0o500)
		}
		return os.Chmod(path, 0o400)
	})
	t.Cleanup(func() {
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, _ error) error { return os.Chmod(path, 0o700) }) // so that it can be removed
	})
	tmp := openTo(t, t.TempDir())
	if err := os.Chmod(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", tmp)
	p = p.asSomebody()
	for _, tc := range []struct{ args, want string }{
		{"verify", "index        agrees"},
		{"chats", "Ana Lima"},
		{"search contract", "about the contract"},
		{"prove 5 -o -", "waxseal-proof/v1"},
	} {
		if out := p.ok(append(strings.Fields(tc.args), "--dir", dir)...); !strings.Contains(out, tc.want) {
			t.Errorf("%s: %q is not in\n%s", tc.args, tc.want, out)
		}
	}
	for _, args := range []string{"import --tz UTC x", "index rebuild"} {
		_, errs, code := p.run(append(strings.Fields(args), "--dir", dir)...)
		if code != exitFailed || strings.Contains(errs, "VERIFICATION") {
			t.Errorf("%s: exit %d\n%s", args, code, errs)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}

	// Who may not read a part of it cannot say that it was tampered with.
	for _, name := range []string{"ring", "ring.key", "log.db", "index-*.db", "checkpoint", "verification", "blobs"} {
		found, err := filepath.Glob(filepath.Join(dir, name))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %q, %v", name, found, err)
		}
		path := found[0]
		fi, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		if _, errs, code := p.run("verify", "--dir", dir); code != exitFailed || !strings.Contains(errs, "Permission denied") {
			t.Errorf("%s cannot be read: exit %d\n%s", name, code, errs)
		}
		if err := os.Chmod(path, fi.Mode()); err != nil {
			t.Fatal(err)
		}
	}

	// A crash left entries in the write-ahead log: reading without them would
	// make the log look like an older copy.
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "log.db-wal"), []byte("frames"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	_, errs, code := p.run("verify", "--dir", dir)
	if code != exitFailed || !strings.Contains(errs, "copy the archive to where it can be written") {
		t.Errorf("with a write-ahead log: exit %d\n%s", code, errs)
	}
}

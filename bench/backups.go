package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zlib"

	"github.com/waxseal/waxseal/internal/capture/android/crypt"
)

// backups are the imports of phones' databases, and the opening of a container.
type backups struct {
	Imports []backup  `json:"imports,omitempty"`
	Crypt   *unsealed `json:"crypt15,omitempty"`
	Note    string    `json:"note,omitempty"` // why there are none
}

// backup is the import of one database.
type backup struct {
	Phone      string `json:"phone"`
	Messages   int    `json:"messages"`
	Input      int64  `json:"input_bytes"`
	Import     ran    `json:"import"`
	Searchable ran    `json:"searchable"`
}

// unsealed is the opening of a .crypt15: its seal checked in one pass, its
// content read in another.
type unsealed struct {
	Sealed  int64   `json:"sealed_bytes"`
	Plain   int64   `json:"plain_bytes"`
	Verify  float64 `json:"verify_s"`
	Read    float64 `json:"read_s"`
	Inflate float64 `json:"inflate_s"` // of the same content alone
}

// measureBackups makes databases with the generators in tools, which follow
// the schemas of real ones, and imports them.
func measureBackups(ctx context.Context, bin, tools, dir string, sizes []int) (b backups, err error) {
	if _, err := os.Stat(filepath.Join(tools, "gen_msgstore.py")); err != nil {
		return backups{Note: "the generators of databases are not in " + tools}, nil //nolint:nilerr // without them there is nothing to measure, which is said
	}
	for _, n := range sizes {
		for _, phone := range []struct{ name, generator, file string }{
			{"Android", "gen_msgstore.py", "msgstore.db"}, {"iOS", "gen_chatstorage.py", "ChatStorage.sqlite"},
		} {
			say("making and importing a database of %s with %d messages", phone.name, n)
			made := filepath.Join(dir, fmt.Sprintf("%s-%d", phone.name, n))
			if err := python(ctx, filepath.Join(tools, phone.generator), "--out", made, "--messages", fmt.Sprint(n), "--no-truth"); err != nil {
				return b, err
			}
			db := filepath.Join(made, phone.file)
			m := backup{Phone: phone.name, Messages: n, Input: size(db)}
			if err := m.measure(ctx, bin, db); err != nil {
				return b, err
			}
			b.Imports = append(b.Imports, m)
			if phone.name == "Android" && n == sizes[len(sizes)-1] {
				if b.Crypt, err = measureCrypt(ctx, tools, made, db); err != nil {
					return b, err
				}
			}
			if err := os.RemoveAll(made); err != nil {
				return b, fmt.Errorf("remove a database: %w", err)
			}
		}
	}
	return b, nil
}

func python(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "python3", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, tail(out))
	}
	return nil
}

// incomplete is the exit code of an import to which something was missing:
// these databases come without their media.
const incomplete = 3

func (m *backup) measure(ctx context.Context, bin, db string) error {
	for _, s := range []struct {
		into *ran
		args []string
	}{{&m.Import, []string{"--no-index"}}, {&m.Searchable, nil}} {
		archive := db + "-archive"
		if _, err := run(ctx, bin, "init", "--no-passphrase", "--dir", archive, "--name", "Bench", "--zone", "Europe/London"); err != nil {
			return err
		}
		r, err := run(ctx, bin, append([]string{"import", "--json", "--dir", archive, db}, s.args...)...)
		if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != incomplete) {
			return err
		}
		*s.into = r
		if err := os.RemoveAll(archive); err != nil {
			return fmt.Errorf("remove archive: %w", err)
		}
	}
	return nil
}

// measureCrypt seals a database as a phone does and opens it.
func measureCrypt(ctx context.Context, tools, dir, db string) (*unsealed, error) {
	sealed := filepath.Join(dir, "msgstore.db.crypt15")
	if err := python(ctx, filepath.Join(tools, "gen_crypt.py"), "one", "--in", db, "--out", sealed, "--format", "crypt15"); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(sealed + ".key")
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	key, err := crypt.ParseKey(b)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(sealed)
	if err != nil {
		return nil, fmt.Errorf("read the container: %w", err)
	}
	u, err := openCrypt(ctx, f, key)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	u.Inflate, err = inflate(db)
	return u, err
}

func openCrypt(ctx context.Context, f *os.File, key *crypt.Key) (*unsealed, error) {
	u := &unsealed{Sealed: size(f.Name())}
	c, err := crypt.Inspect(f, u.Sealed)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	v, err := c.Verify(ctx, key)
	if err != nil {
		return nil, err
	}
	u.Verify = time.Since(start).Seconds()
	start = time.Now()
	plain, err := v.Plain(ctx, 1<<40)
	if err != nil {
		return nil, err
	}
	u.Plain, err = io.Copy(io.Discard, plain)
	u.Read = time.Since(start).Seconds()
	return u, err
}

// inflate is what unpacking the same content takes by itself.
func inflate(path string) (seconds float64, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	packed, err := os.CreateTemp(filepath.Dir(path), "zlib")
	if err != nil {
		return 0, errors.Join(err, in.Close())
	}
	w, err := zlib.NewWriterLevel(packed, 6)
	if err != nil {
		return 0, errors.Join(err, in.Close(), packed.Close())
	}
	_, err = io.Copy(w, in)
	if err = errors.Join(err, w.Close(), in.Close()); err == nil {
		_, err = packed.Seek(0, io.SeekStart)
	}
	if err != nil {
		return 0, errors.Join(err, packed.Close())
	}
	start := time.Now()
	r, err := zlib.NewReader(packed)
	if err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return time.Since(start).Seconds(), errors.Join(err, packed.Close())
}

func (b *backups) rows(row func(...string), m *machine) {
	if b == nil {
		return
	}
	if b.Note != "" {
		row("databases of phones", "not measured: "+b.Note, "", "", "")
	}
	for _, i := range b.Imports {
		name := fmt.Sprintf("%s database, %s messages (%s)", i.Phone, group(float64(i.Messages)), mb(i.Input))
		row(name+", acknowledged", rate(int64(i.Messages), i.Import.Seconds)+", "+mb(i.Import.RSS), "", "", "300 MB")
		row(name+", searchable", rate(int64(i.Messages), i.Searchable.Seconds)+", "+mb(i.Searchable.RSS), "", "", "60 s of CPU for 1,000,000, 300 MB")
	}
	if u := b.Crypt; u != nil {
		limit := ""
		if m != nil {
			limit = fmt.Sprintf("AES-256-GCM %.2f GB/s; ", m.AESGCM)
		}
		limit += fmt.Sprintf("inflate alone %.0f MB/s", float64(u.Plain)/u.Inflate/1e6)
		row(fmt.Sprintf("crypt15 of %s, seal checked", mb(u.Sealed)), fmt.Sprintf("%.0f MB/s (%.2f s)", float64(u.Sealed)/u.Verify/1e6, u.Verify), "", limit, "")
		row(fmt.Sprintf("crypt15, read: %s in clear", mb(u.Plain)), fmt.Sprintf("%.0f MB/s (%.2f s)", float64(u.Plain)/u.Read/1e6, u.Read), "", limit, "")
	}
}

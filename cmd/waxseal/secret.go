package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/seal"
)

// open opens the archive, asking for its passphrase where that is needed, and
// for whoever types, where it has accounts.
func (a *app) open() (*archive.Archive, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	ar, err := a.openDir(dir)
	if err != nil {
		return nil, err
	}
	if err := a.enter(ar); err != nil {
		return nil, errors.Join(err, ar.Close())
	}
	return ar, nil
}

func (a *app) openDir(dir string) (*archive.Archive, error) {
	ar, err := archive.Open(a.ctx, dir, a.secret)
	if err != nil {
		return nil, fmt.Errorf("open archive %s: %w", dir, err)
	}
	return ar, nil
}

// secret is where the key of the archive comes from: a file that was named,
// or the person at the terminal.
func (a *app) secret() (seal.Secret, error) {
	switch {
	case a.cli.KeyFile != "":
		k, err := archive.ReadKeyFile(a.cli.KeyFile)
		return seal.Secret{KeyFile: &k}, err
	case a.cli.RecoveryFile != "":
		b, err := os.ReadFile(a.cli.RecoveryFile)
		if err != nil {
			return seal.Secret{}, fmt.Errorf("read recovery key: %w", err)
		}
		a.recovered = true // or the archive does not open
		return seal.Secret{Recovery: string(b)}, nil
	case a.cli.PassphraseFile != "":
		p, err := readPassphrase(a.cli.PassphraseFile)
		return seal.Secret{Passphrase: p}, err
	}
	p, err := a.prompt("Passphrase: ")
	return seal.Secret{Passphrase: p}, err
}

// readPassphrase reads the first line of a file.
func readPassphrase(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read passphrase file: %w", err)
	}
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) == 0 {
		return nil, usagef("the passphrase file is empty: %s", path)
	}
	return line, nil
}

// prompt asks a person; without a terminal the archive stays locked.
func (a *app) prompt(ask string) ([]byte, error) {
	f, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, seal.ErrLocked
	}
	_, _ = fmt.Fprint(a.stderr, ask) // a prompt that cannot be shown is still answered
	p, err := term.ReadPassword(int(f.Fd()))
	a.printErr("")
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return p, nil
}

// minPassphrase is a floor against accidents; Argon2id does the rest.
const minPassphrase = 8

// newPassphrase asks twice.
func (a *app) newPassphrase() ([]byte, error) {
	p, err := a.prompt("New passphrase: ")
	if errors.Is(err, seal.ErrLocked) {
		return nil, usagef("say how the archive is to be opened: --passphrase-file FILE, --new-key-file FILE, or --no-passphrase (its key then lies beside it)")
	}
	if err != nil {
		return nil, err
	}
	if len(p) < minPassphrase {
		return nil, usagef("a passphrase has at least %d characters", minPassphrase)
	}
	again, err := a.prompt("The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(p, again) {
		return nil, usagef("the two passphrases differ")
	}
	return p, nil
}

package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Cost is what one guess at a password costs. It stands in every hash, so that
// it can be raised: a hash of another cost is made anew at the next sign-in.
type Cost struct {
	Time    uint32
	Memory  uint32 // KiB
	Threads uint8
}

// Today is the second choice of RFC 9106: 64 MiB, three passes.
var Today = Cost{Time: 3, Memory: 64 << 10, Threads: 4}

const saltSize, hashSize = 16, 32

// hashing bounds the memory that guesses take at one time.
var hashing = make(chan struct{}, 2)

func (c Cost) key(password string, salt []byte) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	// Two keyboards write one letter in two ways.
	return argon2.IDKey([]byte(norm.NFC.String(password)), salt, c.Time, c.Memory, c.Threads, hashSize)
}

// Hash makes the text that a password is checked against, in the form that
// Argon2's own tool writes.
func Hash(password string, c Cost) string {
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // never fails: it ends the program instead
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Threads,
		b64.EncodeToString(salt[:]), b64.EncodeToString(c.key(password, salt[:])))
}

var errHash = errors.New("not a hash of a password")

func parseHash(text string) (c Cost, salt, sum []byte, err error) {
	f := strings.Split(text, "$")
	var version int
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" {
		return c, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(f[2]+" "+f[3], "v=%d m=%d,t=%d,p=%d", &version, &c.Memory, &c.Time, &c.Threads); err != nil || version != argon2.Version {
		return c, nil, nil, errHash
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(f[4])
	sum, err2 := base64.RawStdEncoding.DecodeString(f[5])
	// Argon2 panics at a cost of nothing, and a cost of everything ends the machine.
	if err1 != nil || err2 != nil || len(salt) < 8 || len(sum) != hashSize || c.Time == 0 || c.Time > 64 || c.Threads == 0 || c.Memory > 1<<20 {
		return c, nil, nil, errHash
	}
	return c, salt, sum, nil
}

// Check compares a password with its hash. An empty or broken hash is that of
// nobody: it takes the same time and never holds. again reports that the hash
// should be made anew, with the cost of today.
func Check(hash, password string, today Cost) (ok, again bool) {
	c, salt, sum, err := parseHash(hash)
	if err != nil {
		c, salt, sum = today, make([]byte, saltSize), make([]byte, hashSize)
	}
	same := subtle.ConstantTimeCompare(c.key(password, salt), sum) == 1
	ok = same && err == nil
	return ok, ok && c != today
}

// MinPassword is the fewest characters of a password.
const MinPassword = 12

// maxPassword is the most bytes: more is a mistake, or an attack.
const maxPassword = 1024

// Weak says what is wrong with a new password, in a sentence; empty: nothing.
// about is what everybody knows of the person: login, name, the firm.
func Weak(password string, about ...string) string {
	folded := strings.ToLower(norm.NFKC.String(password))
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return "The password has something in it that is no character."
	case n < MinPassword:
		return fmt.Sprintf("A password has at least %d characters. Four words that have nothing to do with each other are a good one.", MinPassword)
	case len(password) > maxPassword:
		return "The password is too long."
	case few(folded):
		return "The password is a few characters over and over."
	case row(folded):
		return "The password is a row of neighbouring keys or numbers."
	}
	rest := folded
	for _, word := range obvious {
		rest = strings.ReplaceAll(rest, word, "")
	}
	for _, a := range about {
		for _, word := range strings.FieldsFunc(strings.ToLower(norm.NFKC.String(a)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(word) > 2 {
				rest = strings.ReplaceAll(rest, word, "")
			}
		}
	}
	if letters := strings.TrimFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) }); utf8.RuneCountInString(letters) < 4 && utf8.RuneCountInString(rest) < 9 {
		return "The password is made of words that are guessed first: names, the firm, \"password\"."
	}
	return ""
}

// obvious are the words that every list of guesses begins with.
var obvious = []string{
	"password", "passw0rd", "p@ssword", "p@ssw0rd", "passwort", "passphrase", "kennwort", "contraseña", "senha", "haslo", "letmein", "welcome", "willkommen",
	"qwertyuiop", "qwertzuiop", "qwerty", "qwertz", "azerty", "asdfghjkl", "asdfgh", "zxcvbnm", "iloveyou", "monkey", "dragon", "football", "baseball",
	"sunshine", "princess", "trustno1", "superman", "batman", "master", "shadow", "abc123", "changeme", "secret", "admin", "administrator",
	"whatsapp", "waxseal", "archive", "compliance", "1234567890", "123456789", "12345678", "1234567", "123456", "12345", "1234", "123", "111111", "000000",
	"2023", "2024", "2025", "2026", "2027",
}

func few(s string) bool {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen) < 5
}

// row reports that most characters follow the one before them, in the alphabet
// or in a row of keys.
func row(s string) bool {
	keys := []string{"qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm"}
	next, pairs := 0, 0
	var before rune
	for i, r := range s {
		if i > 0 {
			pairs++
			near := r == before+1 || r == before-1 || r == before
			for _, k := range keys {
				near = near || strings.Contains(k, string([]rune{before, r})) || strings.Contains(k, string([]rune{r, before}))
			}
			if near {
				next++
			}
		}
		before = r
	}
	return pairs > 0 && next*4 >= pairs*3
}

package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238: what every authenticator speaks
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpSize   = 20 // bytes of the secret
)

var b32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewTOTP makes a secret that a telephone and the archive share, in the form in
// which people type it.
func NewTOTP() string {
	var b [totpSize]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return b32.EncodeToString(b[:])
}

// TOTPFrom is the secret that belongs to a key and a purpose: an enrolment that
// waits for its first code needs no memory.
func TOTPFrom(key []byte, purpose string) string {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(purpose)) // a hash takes everything
	return b32.EncodeToString(m.Sum(nil)[:totpSize])
}

// TOTPStep is the number of the step at an instant.
func TOTPStep(at time.Time) int64 { return at.Unix() / int64(totpStep/time.Second) }

// TOTPCode is the code of a step, of RFC 6238. It is empty where the secret is
// none.
func TOTPCode(secret string, step int64) string {
	key, err := b32.DecodeString(secret)
	if err != nil || len(key) == 0 || step < 0 {
		return ""
	}
	return code(key, step)
}

func code(key []byte, step int64) string {
	var msg [8]byte
	binary.BigEndian.PutUint64(msg[:], uint64(step)) //nolint:gosec // not negative
	m := hmac.New(sha1.New, key)
	_, _ = m.Write(msg[:]) // a hash takes everything
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 15
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// CheckTOTP finds the step, one before to one after now, that has that code and
// is younger than after, the last that was used. The work is the same whether
// one has it or none.
func CheckTOTP(secret, typed string, now time.Time, after int64) (step int64, ok bool) {
	typed = digits(typed)
	middle := TOTPStep(now)
	for s := middle - 1; s <= middle+1; s++ {
		want := TOTPCode(secret, s)
		same := subtle.ConstantTimeCompare([]byte(want), []byte(typed)) == 1
		if same && want != "" && s > after {
			step, ok = s, true
		}
	}
	return step, ok
}

// digits takes out what telephones put between digits.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' || r == '\u2009' {
			return -1
		}
		return r
	}, s)
}

// TOTPAddress is what the QR code says: a secret, and whose it is.
func TOTPAddress(firm, login, secret string) string {
	label := url.PathEscape("Waxseal " + firm + ":" + login)
	q := "secret=" + secret + "&issuer=" + url.PathEscape("Waxseal "+firm)
	return "otpauth://totp/" + label + "?" + q
}

// RecoveryCodes is how many codes a person gets for the day on which the
// telephone is gone.
const RecoveryCodes = 10

// NewRecoveryCodes makes them, and what is kept of each. 80 random bits need no
// slow hash.
func NewRecoveryCodes() (codes, hashes []string) {
	for range RecoveryCodes {
		var b [10]byte
		_, _ = rand.Read(b[:]) // never fails: it ends the program instead
		c := strings.ToLower(b32.EncodeToString(b[:]))
		codes = append(codes, c[:4]+"-"+c[4:8]+"-"+c[8:12]+"-"+c[12:])
		hashes = append(hashes, hashText(c))
	}
	return codes, hashes
}

// CheckRecovery finds a code among the hashes.
func CheckRecovery(hashes []string, typed string) (n int, ok bool) {
	got := hashText(strings.ToLower(digits(strings.TrimSpace(typed))))
	for i, h := range hashes {
		if subtle.ConstantTimeCompare([]byte(h), []byte(got)) == 1 {
			n, ok = i, true
		}
	}
	return n, ok
}

// hashText is what is kept of a text that nobody can guess.
func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// TokenPrefix begins every token, so that a search for leaked secrets finds it.
const TokenPrefix = "wxs_"

// NewToken makes a token of 256 bits, and what is kept of it.
func NewToken() (token, hash string) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	token = TokenPrefix + strings.ToLower(b32.EncodeToString(b[:]))
	return token, hashText(token)
}

// HashToken is what is kept of a token. It is empty for what is none.
func HashToken(token string) string {
	if !strings.HasPrefix(token, TokenPrefix) {
		return ""
	}
	return hashText(token)
}

// NewInvitation makes the code in the link by which a person comes to an
// account, and what is kept of it.
func NewInvitation() (code, hash string) {
	var b [25]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	code = strings.ToLower(b32.EncodeToString(b[:]))
	return code, hashText(code)
}

// HashInvitation is what is kept of an invitation's code.
func HashInvitation(code string) string { return hashText(code) }

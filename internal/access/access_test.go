package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var cheap = Cost{Time: 1, Memory: 64, Threads: 1}

func TestTOTPAsTheStandardPrintsIt(t *testing.T) {
	// RFC 6238, appendix B, the last six of its eight digits.
	secret := b32.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := TOTPCode(secret, TOTPStep(time.Unix(at, 0))); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
	}
}

func TestTOTPWindowAndReplay(t *testing.T) {
	secret, now := NewTOTP(), time.Date(2026, 11, 24, 14, 2, 7, 0, time.UTC)
	step := TOTPStep(now)
	for d := int64(-3); d <= 3; d++ {
		if _, ok := CheckTOTP(secret, TOTPCode(secret, step+d), now, 0); ok != (d >= -1 && d <= 1) {
			t.Errorf("a code of %d steps from now: %v", d, ok)
		}
	}
	if _, ok := CheckTOTP(secret, TOTPCode(secret, step), now, step); ok {
		t.Error("a code works twice")
	}
	if _, ok := CheckTOTP(secret, TOTPCode(secret, step-1), now, step); ok {
		t.Error("an older code works after a newer one")
	}
	if got, ok := CheckTOTP(secret, TOTPCode(secret, step)[:3]+" "+TOTPCode(secret, step)[3:], now, 0); !ok || got != step {
		t.Error("a code with a space in it")
	}
	for _, bad := range []string{"", "not base32!"} {
		if _, ok := CheckTOTP(bad, "", now, 0); ok {
			t.Errorf("secret %q opens with nothing", bad)
		}
	}
}

func TestPasswords(t *testing.T) {
	h := Hash("violet tractor humming", cheap)
	if !strings.HasPrefix(h, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("hash %q", h)
	}
	if ok, again := Check(h, "violet tractor humming", cheap); !ok || again {
		t.Errorf("the password: %v, again %v", ok, again)
	}
	if ok, again := Check(h, "violet tractor humming", Cost{2, 64, 1}); !ok || !again {
		t.Errorf("after the cost was raised: %v, again %v", ok, again)
	}
	if ok, again := Check(h, "violet tractor hummin", Cost{2, 64, 1}); ok || again {
		t.Error("a wrong password")
	}
	composed, apart := "zażółć gęślą jaźń", "zaz\u0307o\u0301łc\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301"
	if ok, _ := Check(Hash(composed, cheap), apart, cheap); !ok {
		t.Error("one word of two keyboards is two passwords")
	}
	for _, broken := range []string{"", "x", "$argon2id$v=19$m=64,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		if ok, _ := Check(broken, "", cheap); ok {
			t.Errorf("hash %q opens", broken)
		}
	}
}

func TestWeakPasswords(t *testing.T) {
	about := []string{"j.doe", "Jane Doe", "Acme Ltd"}
	for _, p := range []string{
		"", "short", "elevenchars", "password1234", "Passw0rd!2026", "aaaaaaaaaaaa", "abababababab", "qwertyuiop123", "abcdefghijklmn", "1234567890123",
		"janedoe123456", "AcmeAcmeAcme1!", "Waxseal2026!!", strings.Repeat("x1y2z", 300), "\xff\xfe123456789012",
	} {
		if Weak(p, about...) == "" {
			t.Errorf("%q passes", p)
		}
	}
	for _, p := range []string{"violet tractor humming", "correct horse battery", "Tr9$kQz!mP2@", "мой любимый трактор", "紫色の拖拉机嗡嗡作响真的很大", "zażółć gęślą jaźń"} {
		if why := Weak(p, about...); why != "" {
			t.Errorf("%q: %s", p, why)
		}
	}
}

func TestRecoveryCodesAndTokens(t *testing.T) {
	codes, hashes := NewRecoveryCodes()
	for i, c := range codes {
		for _, typed := range []string{c, strings.ToUpper(c), " " + strings.ReplaceAll(c, "-", " ") + " "} {
			if n, ok := CheckRecovery(hashes, typed); !ok || n != i {
				t.Errorf("code %d typed as %q", i, typed)
			}
		}
	}
	if _, ok := CheckRecovery(hashes, ""); ok {
		t.Error("nothing is a recovery code")
	}
	token, hash := NewToken()
	if HashToken(token) != hash || HashToken(strings.TrimPrefix(token, TokenPrefix)) != "" || HashToken("") != "" {
		t.Error("tokens")
	}
}

func TestGuessingCostsTime(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	s := NewSlow(func() time.Time { return now })
	tried, end := 0, now.Add(24*time.Hour)
	for now.Before(end) {
		if wait := s.Begin("account:x", "address:a"); wait > 0 {
			now = now.Add(wait)
			continue
		}
		tried++
	}
	if tried > 120 {
		t.Errorf("%d guesses at one account in a day", tried)
	}
	// A thousand at once are a thousand failures.
	through := 0
	for range 1000 {
		if s.Begin("account:y", "address:b") == 0 {
			through++
		}
	}
	if through > slowFree+1 {
		t.Errorf("%d of 1000 guesses at once went through", through)
	}
	// One address and many accounts.
	through = 0
	for i := range 1000 {
		if s.Begin(fmt.Sprint("account:", i), "address:c") == 0 {
			through++
		}
	}
	if through > slowFreeOffice+1 {
		t.Errorf("%d of 1000 accounts were tried from one address", through)
	}
	// One's own account does not wash an address clean.
	for i := range slowFreeOffice {
		s.Begin("account:mine", "address:d")
		s.Right("account:mine", "address:d")
		s.Begin(fmt.Sprint("account:other", i), "address:d")
	}
	if s.Begin("account:fresh", "address:d"); s.Begin("account:fresh2", "address:d") == 0 {
		t.Error("an address is as clean as its own account")
	}
}

func TestGuessesTakeBoundedMemory(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	s := NewSlow(func() time.Time { return now })
	for range 10 {
		s.Begin("account:victim")
	}
	for i := range 3 * slowNames {
		s.Begin(fmt.Sprint("account:", i))
	}
	if n := len(s.names); n > slowNames {
		t.Errorf("%d names are kept, at most %d", n, slowNames)
	}
	if s.Begin("account:victim") == 0 {
		t.Error("a flood of names makes one forgotten that was guessed at")
	}
}

func TestNetworks(t *testing.T) {
	for _, x := range [][2]string{{"2001:db8::1", "2001:db8::ffff:2"}, {"::ffff:192.0.2.7", "192.0.2.7"}, {"", "nonsense"}} {
		if a, b := Network(x[0]), Network(x[1]); a != b {
			t.Errorf("%s and %s are two networks: %s, %s", x[0], x[1], a, b)
		}
	}
	if Network("2001:db8:0:1::1") == Network("2001:db8:0:2::1") || Network("192.0.2.7") == Network("192.0.2.8") {
		t.Error("two networks are one")
	}
}

// TestWhoMayDoWhat: the roles that run the archive and those that read it have
// nothing in common but what everybody has.
func TestWhoMayDoWhat(t *testing.T) {
	now := time.Date(2026, 11, 24, 14, 0, 0, 0, time.UTC)
	for _, a := range []Action{Read, Search, Report, Prove, Export, SeeAudit, SeeHolds, ApproveDisposal, GrantReading} {
		if (Subject{Roles: []Role{Administrator}}).May(a, now) == nil {
			t.Errorf("an administrator may %s", a)
		}
	}
	changing := []Action{Export, Import, Operate, ManageUsers, GrantReading, ManageCustodians, ManagePolicies, ApprovePolicy, PlaceHold, ReleaseHold, ProposeDisposal, ApproveDisposal, Order, ManageLabels, ManageMatters, SubjectRequest}
	for _, a := range changing {
		if (Subject{Roles: []Role{Auditor}}).May(a, now) == nil {
			t.Errorf("an auditor may %s", a)
		}
		if (Subject{Roles: []Role{Custodian}}).May(a, now) == nil {
			t.Errorf("a custodian may %s", a)
		}
	}
	all := Subject{Roles: Roles()}
	for _, s := range []Subject{{}, {Roles: Roles(), Closed: true}, {Roles: Roles(), Until: now}, {Roles: Roles(), Only: []Action{}}, {Roles: []Role{"king"}}} {
		for _, a := range Actions() {
			if s.May(a, now) == nil {
				t.Errorf("%+v may %s", s, a)
			}
		}
	}
	if all.May("chats.burn", now) == nil || (Subject{Operator: true}).May("chats.burn", now) == nil {
		t.Error("an action that does not exist is permitted")
	}
	if !slices.IsSorted(Actions()) {
		t.Error("actions are not sorted")
	}
}

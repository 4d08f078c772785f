package crypt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// A crypt12 header is 67 bytes: cipher version 00 01, key version, server
// salt, Google ID, nonce.
const (
	salt12   = 3
	google12 = 35
	iv12     = 51
	size12   = 67
)

// Fields of BackupPrefix, the protobuf that heads crypt14 and crypt15.
const (
	prefixKeyTypeOld = 1
	prefixProvided   = 2 // crypt14: WhatsApp made the key
	prefixEndToEnd   = 3 // crypt15: the user has it
	prefixMetadata   = 4
	prefixPasskey    = 5
	prefixKeyType    = 6
)

// Values of the key type.
const (
	keyTypeProvided = 0
	keyTypePassword = 2
	keyTypePasskey  = 4
)

// The fields of the metadata that are "..._migration_finished".
const (
	firstMigration = 5
	lastMigration  = 37
)

// parseHeader reads the header at the start of head.
func parseHeader(head []byte) (*Container, error) {
	if len(head) >= 3 && head[0] == 0 && head[1] == 1 && 1 <= head[2] && head[2] <= 9 {
		return parse12(head)
	}
	// The length is a protobuf varint. Read as one byte and a "feature flag",
	// as older descriptions have it, headers of 256 bytes and more are lost.
	n, w := binary.Uvarint(head)
	if w <= 0 {
		return nil, ErrNotContainer
	}
	b := head[w:]
	switch {
	case !beginsPrefix(b):
		return nil, ErrNotContainer
	case n > maxHeader:
		return nil, fmt.Errorf("%w: its header claims to be longer than %d bytes", ErrNotContainer, maxHeader)
	case n > uint64(len(b)):
		return nil, errCut
	}
	header := bytes.Clone(head[:w+int(n)])
	c := parsePrefix(header[w:])
	if c == nil {
		return nil, ErrNotContainer
	}
	c.Header = header
	return c, nil
}

func parse12(head []byte) (*Container, error) {
	if len(head) < size12 {
		return nil, errCut
	}
	head = bytes.Clone(head[:size12])
	return &Container{
		Version:    12,
		Lock:       LockKeyFile,
		KeyVersion: string('0' + rune(head[2])),
		ServerSalt: head[salt12:google12:google12],
		GoogleID:   head[google12:iv12:iv12],
		Header:     head,
		iv:         head[iv12:],
	}, nil
}

// beginsPrefix tells a BackupPrefix by its first bytes, even one that is cut
// off: an old key type, then one of the two kinds of key data.
func beginsPrefix(b []byte) bool {
	if len(b) >= 2 && b[0] == prefixKeyTypeOld<<3 {
		b = b[2:]
	}
	if len(b) < 4 {
		return false
	}
	provided, endToEnd := byte(prefixProvided<<3|wireBytes), byte(prefixEndToEnd<<3|wireBytes)
	return (b[0] == provided || b[0] == endToEnd) && b[2] == 1<<3|wireBytes
}

// parsePrefix reads a whole BackupPrefix; nil if b is none.
func parsePrefix(b []byte) *Container {
	c := &Container{}
	var keyTypeOld, keyType uint64
	var hasType, passkey, ok14, ok15 bool
	var iv15 []byte
	ok := fields(b, func(num int, v uint64, data []byte) {
		switch num {
		case prefixKeyTypeOld:
			keyTypeOld = v
		case prefixKeyType:
			keyType, hasType = v, true
		case prefixProvided:
			ok14 = c.provided(data)
		case prefixEndToEnd:
			ok15 = fields(data, func(num int, _ uint64, data []byte) {
				if num == 1 {
					iv15 = data
				}
			}) && len(iv15) == blockSize
		case prefixMetadata:
			c.metadata(data)
		case prefixPasskey:
			passkey = true
		}
	})
	if !hasType {
		keyType = keyTypeOld
	}
	switch {
	case !ok || !ok14 && !ok15:
		return nil
	// The two are optional fields and no oneof: if both are there, the type
	// decides.
	case ok14 && (!ok15 || keyType == keyTypeProvided):
		c.Version, c.Lock = 14, LockKeyFile
		return c
	}
	c.Version, c.Lock, c.iv = 15, LockDigits, iv15
	switch {
	case keyType == keyTypePassword:
		c.Lock = LockPassword
	case keyType == keyTypePasskey, passkey && !hasType:
		c.Lock = LockPasskey
	}
	return c
}

// provided reads the key data of crypt14.
func (c *Container) provided(b []byte) bool {
	return fields(b, func(num int, _ uint64, data []byte) {
		switch num {
		case 2:
			c.KeyVersion = text(data)
		case 3:
			c.ServerSalt = data
		case 4:
			c.GoogleID = data
		case 5:
			c.iv = data
		}
	}) && len(c.iv) == blockSize
}

// metadata describes the backup; one that cannot be read is no reason to
// refuse the rest.
func (c *Container) metadata(b []byte) {
	_ = fields(b, func(num int, v uint64, data []byte) {
		switch {
		case num == 1:
			c.AppVersion = text(data)
		case num == 3:
			c.PhoneSuffix = text(data)
		case num == 4:
			c.BackupVersion = int(v)
		case num >= firstMigration && num <= lastMigration && data == nil:
			c.Migrations = append(c.Migrations, Migration{Field: num, Finished: v != 0})
		}
	})
}

func text(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// Wire types of protobuf.
const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	wireFixed4 = 5
)

// fields calls f for each field of a protobuf message, with the value of a
// varint or the bytes of anything longer, and reports whether b is one. The
// slices are of b.
func fields(b []byte, f func(num int, v uint64, data []byte)) bool {
	for len(b) > 0 {
		tag, w := binary.Uvarint(b)
		if w <= 0 || tag>>3 == 0 || tag>>3 >= 1<<29 {
			return false
		}
		b = b[w:]
		var v, n uint64
		switch tag & 7 {
		case wireVarint:
			if v, w = binary.Uvarint(b); w <= 0 {
				return false
			}
			f(int(tag>>3), v, nil)
			b = b[w:]
			continue
		case wireFixed8:
			n = 8
		case wireFixed4:
			n = 4
		case wireBytes:
			if n, w = binary.Uvarint(b); w <= 0 {
				return false
			}
			b = b[w:]
		default:
			return false
		}
		if n > uint64(len(b)) {
			return false
		}
		f(int(tag>>3), 0, b[:n:n])
		b = b[n:]
	}
	return true
}

// sameAccount tells whether a key file is the one that the header names.
func (c *Container) sameAccount(k *Key) bool {
	return bytes.Equal(c.ServerSalt, k.salt[:]) && bytes.Equal(c.GoogleID, k.google[:])
}

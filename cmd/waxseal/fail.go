package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/waxseal/waxseal/internal/access"
	"github.com/waxseal/waxseal/internal/archive"
	"github.com/waxseal/waxseal/internal/blob"
	"github.com/waxseal/waxseal/internal/capture"
	"github.com/waxseal/waxseal/internal/dispose"
	"github.com/waxseal/waxseal/internal/govern"
	"github.com/waxseal/waxseal/internal/index"
	"github.com/waxseal/waxseal/internal/outbound"
	"github.com/waxseal/waxseal/internal/seal"
	"github.com/waxseal/waxseal/internal/store"
	"github.com/waxseal/waxseal/internal/tlog"
)

// Exit codes; scripts depend on them.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitIncomplete = 3
	exitTampered   = 4
	exitRefused    = 5
)

// exitError carries an exit code. Its text is for the user; an empty one means
// that everything was said already.
type exitError struct {
	code int
	say  string
}

func (e exitError) Error() string { return e.say }

func usagef(format string, args ...any) error {
	return exitError{exitUsage, fmt.Sprintf(format, args...)}
}

// sentences says what the user can do about an error, and gives the exit code.
// The first that matches counts.
var sentences = []struct {
	is   error
	code int
	say  string
}{
	{archive.ErrNotArchive, exitFailed, "There is no archive here. Make one with: waxseal init --name \"Your firm\" (or say where it is with --dir)."},
	{archive.ErrExists, exitFailed, "This folder is not empty, so no archive is made in it. Give another with --dir."},
	{seal.ErrLocked, exitFailed, "The archive is locked. Give its passphrase at the prompt or with --passphrase-file, or its key with --key-file."},
	{seal.ErrPassphrase, exitFailed, "That passphrase or key does not open the archive."},
	{archive.ErrRestored, exitFailed, "This is an older copy of the archive, or another one: a checkpoint that was kept is ahead of it. It can be read and verified, and takes nothing new. Find the newest copy; a new log that names the gap is the last resort."},
	{store.ErrVersion, exitFailed, "The archive was written by a newer version of waxseal. Update this program."},
	{seal.ErrRing, exitFailed, "The key ring is damaged. Put back a good copy of the file 'ring'; nothing else is wrong with the archive."},
	{archive.ErrIncomplete, exitFailed, "A file of the archive is missing. Put it back from a copy, then run: waxseal verify."},
	{store.ErrDamaged, exitFailed, "The archive is damaged. Run waxseal verify to see where, and restore from a copy."},
	{seal.ErrOpen, exitFailed, "A sealed part of the archive does not open: it was changed or is damaged. Run waxseal verify to see where."},
	{store.ErrFull, exitFailed, "The disk is full. What was acknowledged is safe; make room and run the same command again, it goes on where it was."},
	{blob.ErrFull, exitFailed, "The disk is full. What was acknowledged is safe; make room and run the same command again, it goes on where it was."},
	{index.ErrFull, exitFailed, "The disk is full. What was acknowledged is safe; make room and run the same command again, it goes on where it was."},
	{syscall.ENOSPC, exitFailed, "The disk is full. What was acknowledged is safe; make room and run the same command again, it goes on where it was."},
	{store.ErrReadOnly, exitFailed, "The archive cannot be written: it is read-only, or not yours."},
	{store.ErrBusy, exitFailed, "Another waxseal has held the archive for too long. Wait for it or end it, then try again."},
	{archive.ErrReaders, exitFailed, "What was disposed of still stands in the write-ahead log, because another process reads the archive without an end. End it, then run: waxseal dispose resume."},
	{dispose.ErrBehind, exitFailed, "The index has not followed the log to its end, so nobody can tell what is due. Run waxseal chats, or end the import, then try again."},
	{archive.ErrProof, exitTampered, "The proof does not hold."},
	{archive.ErrNotProof, exitFailed, "This file is no proof that this version of waxseal can check."},
	{tlog.ErrCheckpoint, exitFailed, "That is no checkpoint of this archive."},
	{index.ErrQuery, exitUsage, "The query was not understood."},
	{index.ErrReadOnly, exitFailed, "The index cannot be written here, nor used as it is. Copy the archive to a disk that can be written."},
	{index.ErrNotFound, exitFailed, "There is nothing of that name in the archive."},
	{archive.ErrNotFound, exitFailed, "There is nothing of that number in the archive."},
	{capture.ErrNotMine, exitFailed, "This is no chat export and no backup of WhatsApp that can be read here."},
	{access.ErrForbidden, exitRefused, "Your account does not include this. That you were refused is in the audit trail."},
	{access.ErrEnded, exitRefused, "Your account is closed, or its time is over."},
	{outbound.ErrInside, exitFailed, "That address is inside, and only public ones are asked. Where it is meant, name its network with --allow-network."},
	{outbound.ErrClear, exitFailed, "Only https addresses are asked. Where it is meant, name its network with --allow-network."},
	{context.Canceled, exitFailed, "Interrupted. What was acknowledged is safe; the same command goes on where it was."},
	{fs.ErrNotExist, exitFailed, "There is no such file."},
	{fs.ErrPermission, exitFailed, "Permission denied."},
	{syscall.EROFS, exitFailed, "That place is read-only: nothing can be written there."},
	{syscall.ENOTDIR, exitFailed, "That is a file, where a folder is needed. Say where the archive is with --dir."},
}

// say returns the sentence and the exit code for an error.
func say(err error) (string, int) {
	for _, s := range sentences {
		if errors.Is(err, s.is) {
			return s.say, s.code
		}
	}
	return "", exitFailed
}

// fail prints an error and returns the exit code: our sentence first, then the
// chain for whoever has to mend it. Chains quote no content.
func (a *app) fail(err error) int {
	var ee exitError
	if errors.As(err, &ee) {
		if ee.say != "" {
			a.printErr("waxseal: %s", ee.say)
		}
		return ee.code
	}
	var refusal *govern.Refusal
	if errors.As(err, &refusal) {
		a.printErr("waxseal: %s", refusal.Say)
		return exitRefused
	}
	sentence, code := say(err)
	if sentence == "" && a.ctx.Err() != nil { // a database says it in its own words
		sentence, code = say(a.ctx.Err())
	}
	if sentence == "" {
		a.printErr("waxseal: %s", oneLine(err.Error(), 2000))
		return code
	}
	a.printErr("waxseal: %s\n  (%s)", sentence, oneLine(err.Error(), 2000))
	return code
}

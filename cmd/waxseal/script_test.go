package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/waxseal/waxseal/internal/access"
)

var update = flag.Bool("update", false, "write the wanted output of scripts again")

// TestMain lets this binary be the program: scripts run it as waxseal.
func TestMain(m *testing.M) {
	passwordCost = access.Cost{Time: 1, Memory: 64, Threads: 1}
	testscript.Main(m, map[string]func(){
		"waxseal": func() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
		"sqlite":  func() { os.Exit(makeDatabase(os.Args[1], os.Args[2:])) },
	})
}

// makeDatabase makes a database of files with SQL, as a phone has it.
func makeDatabase(path string, files []string) int {
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	var c *sqlite3.Conn
	if err == nil {
		c, err = sqlite3.Open("file:" + path)
	}
	for _, f := range files {
		var sql []byte
		if err == nil {
			sql, err = os.ReadFile(f)
		}
		if err == nil {
			err = c.Exec(string(sql))
		}
	}
	if err == nil {
		err = c.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestScripts runs testdata/script/*.txtar: each is a scenario as a user types
// it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: *update,
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"sqlite": sqlite},
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", e.WorkDir+"/data")
			return nil
		},
	})
}

// sqlite makes a database of the statements in files: sqlite FILE SQL….
func sqlite(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: sqlite FILE SQL…")
	}
	c, err := sqlite3.Open("file:" + ts.MkAbs(args[0]))
	ts.Check(err)
	for _, name := range args[1:] {
		err = errors.Join(err, c.Exec(ts.ReadFile(name)))
	}
	ts.Check(errors.Join(err, c.Close()))
}

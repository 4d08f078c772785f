// Command waxseal is a self-hosted archive for a firm's WhatsApp
// communication.
//
// This package is flags, wiring and exit codes. What is done stands in
// internal/.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/waxseal/waxseal/internal/govern"
)

// cli is every command and flag; its tags are the documentation.
type cli struct {
	Dir            string `help:"Folder of the archive (default: waxseal in your data directory)." env:"WAXSEAL_DIR" type:"path" placeholder:"DIR"`
	PassphraseFile string `help:"File that holds the passphrase, instead of asking for it." env:"WAXSEAL_PASSPHRASE_FILE" type:"path" placeholder:"FILE"`
	KeyFile        string `help:"Key file that opens the archive." env:"WAXSEAL_KEY_FILE" type:"path" placeholder:"FILE"`
	RecoveryFile   string `help:"File that holds the recovery key, when the passphrase is lost." type:"path" placeholder:"FILE"`

	As             string `help:"Login of the person who types, where the archive has accounts." placeholder:"LOGIN"`
	AsPasswordFile string `help:"File that holds that person's password, instead of asking for it." type:"path" placeholder:"FILE"`
	Because        string `help:"Why you read, where the firm asks for that; it stands in the audit trail." placeholder:"TEXT"`
	AsCode         string `help:"The code that their telephone shows, or a recovery code, instead of asking for it." placeholder:"CODE"`
	TokenFile      string `help:"File that holds a token, instead of a person (or set WAXSEAL_TOKEN)." type:"path" placeholder:"FILE"`

	Demo      demoCmd      `cmd:"" help:"Make a sample archive and open its console. Nothing to set up."`
	Init      initCmd      `cmd:"" help:"Make an archive: keys, log, index."`
	Import    importCmd    `cmd:"" help:"Import chat exports: .txt, .zip, or folders of them."`
	Serve     serveCmd     `cmd:"" help:"Serve the console on this machine."`
	Chats     chatsCmd     `cmd:"" help:"List chats."`
	Messages  messagesCmd  `cmd:"" help:"List messages in the order of their source."`
	Search    searchCmd    `cmd:"" help:"Find messages."`
	Report    reportCmd    `cmd:"" help:"Report on what the archive holds."`
	Custodian custodianCmd `cmd:"" help:"Keep the firm's people, their accounts over time, and groups."`
	Source    sourceCmd    `cmd:"" help:"Manage the ways in that run: Cloud API apps."`
	Alarm     alarmCmd     `cmd:"" help:"See what rings, and say whom alarms are told."`
	Send      sendCmd      `cmd:"" help:"Decide about what waits in the gateway."`
	Rule      ruleCmd      `cmd:"" help:"Keep the rules for what is sent."`
	Consent   consentCmd   `cmd:"" help:"Keep what recipients agreed to or refused."`
	Hold      holdCmd      `cmd:"" help:"Place, report and release legal holds."`
	Dispose   disposeCmd   `cmd:"" help:"Dispose of what nobody has to keep any longer, by two people, with a certificate."`
	Policy    policyCmd    `cmd:"" help:"Say how long is kept, and see what that does."`
	Audit     auditCmd     `cmd:"" help:"Show who did what, and what was refused."`
	Verify    verifyCmd    `cmd:"" help:"Verify the archive, or a proof."`
	Prove     proveCmd     `cmd:"" help:"Write a proof of one message that a stranger can check."`
	Index     indexCmd     `cmd:"" help:"Manage the index."`
	User      userCmd      `cmd:"" help:"Manage accounts."`
	Request   requestCmd   `cmd:"" help:"Confirm or decline what waits for a second person."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
	Subject   subjectCmd   `cmd:"" help:"Answer what data subjects ask for: a copy, or erasure."`
	Label     labelCmd     `cmd:"" help:"Sort messages: labels and their rules."`
	Matter    matterCmd    `cmd:"" help:"Collect messages for cases and inquiries."`
	Note      noteCmd      `cmd:"" help:"Write notes about messages."`
	Hook      hookCmd      `cmd:"" help:"Tell other programs what happens, by signed webhooks."`
	Gap       gapCmd       `cmd:"" help:"See and explain what live capture is missing."`
}

// app is what commands share.
type app struct {
	ctx    context.Context
	cli    *cli
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	command string   // its words: "report reconcile"
	args    []string // as typed
	who     govern.Actor
	ledger  *govern.Ledger
	// recovered is set when the archive was opened with its recovery key.
	recovered bool
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program with its edges as arguments. It returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	keepPrivate()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	code := -1
	parser, err := kong.New(&c,
		kong.Name("waxseal"),
		kong.Description("A self-hosted, sealed archive for WhatsApp communication.\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 done but something is missing, unread or uncertain, 4 verification failed, 5 refused."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(n int) { code = n; panic(exited{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.UsageOnError(),
	)
	if err != nil {
		panic(err) // the tags above are wrong, whatever the arguments are
	}
	a := &app{ctx: ctx, cli: &c, stdin: stdin, stdout: stdout, stderr: stderr}
	return a.dispatch(parser, args, &code)
}

// exited is how kong leaves after --help.
type exited struct{}

func (a *app) dispatch(parser *kong.Kong, args []string, code *int) (exit int) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case exited:
			exit = *code
		default:
			panic(r)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(wordsLast(parser, args))
	if err != nil {
		a.printErr("waxseal: %v\nSee waxseal --help, or waxseal COMMAND --help.", err)
		return exitUsage
	}
	a.command, a.args = commandOf(k.Selected()), args
	if _, ok := commandActions[a.command]; !ok {
		a.printErr("waxseal: %q is in no table of what people may do, so it does not run.", a.command)
		return exitRefused
	}
	if err := k.Run(a); err != nil {
		return a.fail(err)
	}
	return exitDone
}

// dir is the archive's folder.
func (a *app) dir() (string, error) {
	if a.cli.Dir != "" {
		return a.cli.Dir, nil
	}
	if d := os.Getenv("XDG_DATA_HOME"); d != "" && runtime.GOOS != "windows" && runtime.GOOS != "darwin" {
		return filepath.Join(d, "waxseal"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", usagef("no data directory is known here: give --dir DIR")
	}
	switch runtime.GOOS {
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "waxseal"), nil
	case "windows":
		if d := os.Getenv("LOCALAPPDATA"); d != "" {
			return filepath.Join(d, "waxseal"), nil
		}
	}
	return filepath.Join(home, ".local", "share", "waxseal"), nil
}

// version is set when a release is built.
var version = "dev"

type versionCmd struct{}

func (versionCmd) Run(a *app) error {
	_, err := fmt.Fprintf(a.stdout, "waxseal %s %s\n", version, runtime.Version())
	return err
}

// printErr prints a line for people. There is nobody to tell when it fails.
func (a *app) printErr(format string, args ...any) {
	_, _ = fmt.Fprintln(a.stderr, printable(fmt.Sprintf(format, args...))) // see above
}

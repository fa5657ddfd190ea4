// Command sluice hosts PHP sites: see sluice help.
package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/host"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "devel"

// Exit codes, documented in docs/usage.md.
const (
	exitFailure = 1 // anything else
	exitUsage   = 2 // the command line was wrong
	exitConfig  = 3 // the configuration has faults
	exitListen  = 4 // an address could not be listened on
	exitPHP     = 5 // no PHP where one is needed
)

// exitError carries an exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func exitWith(code int, err error) error { return &exitError{code, err} }

// noArgs refuses arguments as a mistake of the command line.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return exitWith(exitUsage, fmt.Errorf("%s takes no argument %q", cmd.CommandPath(), args[0]))
	}
	return nil
}

// refuseEmpty refuses "" for a folder or a file: it is a script's variable that is
// not set, and must not stand for the working directory.
func refuseEmpty(cmd *cobra.Command, args []string) error {
	if slices.Contains(args, "") {
		return exitWith(exitUsage, fmt.Errorf("%s got an empty argument (\"\"), perhaps from a variable that is not set; . is the working directory", cmd.Name()))
	}
	if f := cmd.Flag("config"); f != nil && f.Changed && f.Value.String() == "" {
		return exitWith(exitUsage, fmt.Errorf("%s got an empty --config, perhaps from a variable that is not set; it takes the path of a file", cmd.Name()))
	}
	return nil
}

func main() {
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "sluice hosts PHP sites: php-cgi workers, static files and HTTP in one program",
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		hint := "see sluice help"
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return exitWith(exitUsage, fmt.Errorf("unknown command %q; %s", args[0], hint))
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exitWith(exitUsage, err) })
	root.AddCommand(serveCommand(), checkCommand(), explainCommand(), versionCommand())
	err := root.Execute()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "sluice: "+err.Error())
	os.Exit(exitCode(err))
}

func exitCode(err error) int {
	var ee *exitError
	var fault *host.Fault
	switch {
	case errors.As(err, &ee):
		return ee.code
	case errors.As(err, &fault):
		return map[host.Stage]int{host.StageConfig: exitConfig, host.StageListen: exitListen, host.StagePHP: exitPHP}[fault.Stage]
	default:
		return exitFailure
	}
}

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// verdictError carries a verdict other than pass to the exit code; what it
// means has been printed already.
type verdictError struct{ verdict verify.Verdict }

func (e verdictError) Error() string { return "verdict: " + string(e.verdict) }

// toleratedError is an inconclusive verdict that --fail-on fail lets through.
type toleratedError struct{ verdictError }

func (e toleratedError) Unwrap() error { return e.verdictError }

// onlyTolerated tells that nothing but a tolerated verdict is in the way of success; an
// error that is joined to one is not tolerated with it.
func onlyTolerated(err error) bool {
	_, only := err.(toleratedError) //nolint:errorlint // a joined error is another matter
	return only
}

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// onUsageError words what the flag package says of a command line. A flag that there is
// not gets the one that was probably meant.
func onUsageError(c *cli.Context, err error, _ bool) error {
	wrong, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if words := notParsedWords(err); words != "" {
		return usageError{words}
	}
	if !unknown || c == nil || c.Command == nil {
		return usageError{strings.Replace(err.Error(), " -", " --", 1)}
	}
	wrong = strings.TrimLeft(wrong, "-")
	var names []string
	for _, flag := range c.Command.Flags {
		names = append(names, "--"+flag.Names()[0])
	}
	return usagef("%s has no flag --%s; %s", c.Command.Name, wrong, scenarios.DidYouMean("--"+wrong, names))
}

// exitCode is the one place that decides how the process ends: 0 pass, or an
// inconclusive verdict under --fail-on fail; 99 a check failed; 3 inconclusive; 4 an
// invalid scenario; 2 a command line that is not understood; 130 interrupted; 1 anything
// else. A run that its deadline ended is among the last, and not inconclusive, so that no
// --fail-on lets a run through that hangs.
func exitCode(err error) int {
	var (
		verdict  verdictError
		usage    usageError
		problems scenarios.Problems
	)
	switch {
	case err == nil, onlyTolerated(err):
		return 0
	case errors.Is(err, harness.ErrInterrupted):
		return 130
	case errors.As(err, &usage):
		return 2
	case errors.As(err, &problems):
		return 4
	case errors.As(err, &verdict) && verdict.verdict == verify.Fail:
		return 99
	case errors.As(err, &verdict):
		return 3
	}
	return 1
}

// explain is what the user is told of an error on standard error.
func explain(err error) string {
	var (
		verdict  verdictError
		problems scenarios.Problems
		usage    usageError
	)
	switch {
	case onlyTolerated(err):
		return "shakedown: the verdict is INCONCLUSIVE: nothing is proven. The exit code is 0 all the same because of --fail-on fail"
	case err == nil, errors.As(err, &verdict):
		return ""
	case errors.As(err, &problems):
		return problems.Error()
	case errors.As(err, &usage):
		return "shakedown: " + usage.text + "\nTry: shakedown --help, or shakedown COMMAND --help"
	}
	return "shakedown: " + err.Error()
}

// isVerdict tells whether an error is none, or only the verdict of a run.
func isVerdict(err error) bool {
	var verdict verdictError
	return err == nil || errors.As(err, &verdict)
}

// worse is what ends the process after two runs: what is no verdict before a
// failure before what is inconclusive before a pass.
func worse(a, b error) error {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case !isVerdict(err):
			return 3
		case exitCode(err) == 99:
			return 2
		}
		return 1
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// verdictError carries a verdict other than pass to the exit code; what it
// means has been printed already.
type verdictError struct{ verdict verify.Verdict }

func (e verdictError) Error() string { return "verdict: " + string(e.verdict) }

// usageError is a command line that cannot be understood.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

func onUsageError(_ *cli.Context, err error, _ bool) error { return usageError{err.Error()} }

// exitCode is the one place that decides how the process ends.
func exitCode(err error) int {
	var (
		verdict  verdictError
		usage    usageError
		problems scenarios.Problems
	)
	switch {
	case err == nil:
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

// verdictOf turns a result into the error that sets the exit code.
func verdictOf(result verify.Result) error {
	if result.Verdict == verify.Pass {
		return nil
	}
	return verdictError{result.Verdict}
}

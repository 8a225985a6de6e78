package main

import (
	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// failOnFlag says which verdicts end the process with a code that fails a gate.
var failOnFlag = &cli.StringFlag{
	Name: "fail-on", EnvVars: []string{"SHAKEDOWN_FAIL_ON"}, Value: string(verify.Inconclusive),
	Usage: "which verdict fails a gate: inconclusive (exit code 3, and 99 for fail), or fail alone (an inconclusive run then ends with 0, and says so)",
}

// checkFailOn refuses what --fail-on does not know, before anything runs.
func checkFailOn(c *cli.Context) error {
	return checkFlag(c, failOnFlag.Name)
}

// gate turns a result into the error that sets the exit code, by --fail-on.
func gate(c *cli.Context, result verify.Result) error {
	if result.Verdict == verify.Pass {
		return nil
	}
	verdict := verdictError{result.Verdict}
	if result.Verdict == verify.Inconclusive && verify.Verdict(c.String(failOnFlag.Name)) == verify.Fail {
		return toleratedError{verdict}
	}
	return verdict
}

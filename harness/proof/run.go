// Package proof runs shakedown against itself: the defects of the reference
// stack, each of which has to be caught by the check meant for it, and the
// controls, which have to turn the checks of any scenario red. Both are
// experiments on one Runner; what came of the single runs is read from their
// verdicts alone.
package proof

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A Run is one `shakedown run` to make.
type Run struct {
	// Name tells it from the others of an experiment and names its directory.
	Name string
	// Scenario is a name of the library or a file.
	Scenario string
	// Platform is docker, process, or auto.
	Platform string
	// Environment are NAME=value beyond what every run gets.
	Environment []string
	// Args are further flags of run.
	Args []string
	// Dir is the run directory; it does not exist yet, or is empty.
	Dir string
}

// Ended is what came of a run.
type Ended struct {
	// Result is its verdict; it means nothing with Broken or Interrupted.
	Result verify.Result
	// Broken says why there is no verdict to rely on, "" if there is one.
	Broken string
	// Interrupted tells that it was stopped before its end.
	Interrupted bool
	// Took is the time from start to exit.
	Took time.Duration
}

// A Runner makes one run to its end, its tear-down included. Cancelling ctx
// stops the run in an orderly way, cancelling hard tears it down at once; Run
// returns after either, and does not start when ctx is done. It is called for
// several runs at a time.
type Runner interface {
	Run(ctx, hard context.Context, run Run) Ended
}

// Experiment is what both experiments need. Its fields are not changed while
// one is under way.
type Experiment struct {
	Runner Runner
	// Dir is where the runs' directories go, each below it; see MakeDir.
	Dir string
	// Jobs is how many runs are made at a time; 0 is 1.
	Jobs int
	// Progress is called, one call at a time, with a line about each run that has
	// ended; nil for none. Done counts those of Total that have ended.
	Progress func(done, total int, line string)
	// Again is called, as Progress is, for a run that proved nothing and is going to
	// be repeated; nil for none.
	Again func(line string)
}

// outOf is a number of things out of others: "2 of 3 defects".
func outOf(n, all int, what string) string { return fmt.Sprintf("%d of %s", n, counted(all, what)) }

// counted is a number of things, "1 run" or "2 runs".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// relative is a path as a user would type it: below the working directory if it
// is there.
func relative(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rest, ok := below(wd, path); ok {
			return rest
		}
	}
	return path
}

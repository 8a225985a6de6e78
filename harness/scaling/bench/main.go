// Command bench measures how long the way from a decision of an autoscaler to a
// started container is, in a run of the built program on a container engine:
//
//	go run ./harness/scaling/bench [-shakedown bin/shakedown] [-ones n] [-eights n]
//
// A schedule asks for one more instance of a small service, n times, and for
// eight more at once, n times; scale-events.ndjson has the moments. The figures
// are those of the last instance of each decision. The exit status is 1 when a
// floor is missed and 2 when something could not be measured.
//
// It needs an engine and the image of the reference stack (make images). Run it
// on a machine that does nothing else; the load average is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/yardstick"
)

// The floors: the 95th percentile of one, and the longest of eight at once.
const (
	oneFloor   = 600 * time.Millisecond
	eightFloor = 2 * time.Second
)

func main() { yardstick.Main(run) }

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	program := flags.String("shakedown", "bin/shakedown", "the program")
	ones := flags.Int("ones", 20, "how often one instance is asked for")
	eights := flags.Int("eights", 5, "how often eight are")
	if err := flags.Parse(args); err != nil {
		return err
	}
	path, err := filepath.Abs(*program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "shakedown-bench-")
	if err != nil {
		return err
	}
	fmt.Printf("load average before %s\n", yardstick.LoadAverage())
	if err := rehearse(ctx, path, dir, *ones, *eights); err != nil {
		return fmt.Errorf("%w; what it left is in %s", err, dir)
	}
	fmt.Printf("load average after %s\n\n", yardstick.LoadAverage())
	events, err := os.Open(filepath.Join(dir, "runs", "latest", "scale-events.ndjson"))
	if err != nil {
		return fmt.Errorf("read the scale events: %w; the run is in %s", err, dir)
	}
	found, err := read(events)
	if err := errors.Join(err, events.Close()); err != nil {
		return fmt.Errorf("read %s: %w", events.Name(), err)
	}
	if len(found[1]) != *ones || len(found[8]) != *eights {
		return fmt.Errorf("of %d and %d decisions %d and %d brought what they asked for; the run is in %s", *ones, *eights, len(found[1]), len(found[8]), dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return report(found[1], found[8])
}

// rehearse makes the run. Its verdict does not matter, its record does.
func rehearse(ctx context.Context, program, dir string, ones, eights int) error {
	for name, content := range map[string]string{"compose.yaml": compose, "bench.yaml": scenario(ones, eights)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, program, "run", "bench.yaml", "--platform", "docker", "--progress", "quiet")
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

func report(ones, eights []time.Duration) error {
	slices.Sort(ones)
	slices.Sort(eights)
	missed := false
	row := func(what, which string, got, floor time.Duration, all []time.Duration) {
		verdict := ""
		if got > floor {
			verdict, missed = "  MISSED", true
		}
		fmt.Printf("%-42s %s %4d ms, wanted %d ms at most (%d of them, %d - %d ms, median %d ms)%s\n", what, which, got.Milliseconds(), floor.Milliseconds(),
			len(all), all[0].Milliseconds(), all[len(all)-1].Milliseconds(), nearest(all, 50).Milliseconds(), verdict)
	}
	if len(ones) > 0 {
		row("one instance, decision to container started", "p95    ", nearest(ones, 95), oneFloor, ones)
	}
	if len(eights) > 0 {
		row("eight at once, decision to the last started", "longest", eights[len(eights)-1], eightFloor, eights)
	}
	if missed {
		return yardstick.ErrMissed
	}
	return nil
}

// nearest is the percentile of sorted values by nearest rank.
func nearest(sorted []time.Duration, percent int) time.Duration {
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

// Command bench measures the driver on one core against a server on another,
// beside whichever other load generators are installed, and says whether it
// reaches its floors:
//
//	go run ./harness/traffic/bench [-quick] [-rows closed,open,...]
//
// Peers are looked for in PATH and in Go's bin directory. The driver and the
// server are this very program, started again as child processes, so that each
// has a core, a processor time and a memory of its own. Figures are medians,
// with the lowest and the highest of the repetitions. The exit status is 1 when
// a floor is missed and 2 when something could not be measured.
//
// Run it on a machine that does nothing else. It needs Linux and two cores.
package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/yardstick"
)

func main() { yardstick.Main(run) }

// run is the program: one of the two children, or the comparison.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "serve":
			return serve(args[1:])
		case "drive":
			return drive(ctx, args[1:])
		}
	}
	return compare(ctx, args)
}

// compare measures the rows that were asked for and prints them.
func compare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "once and 2 s each instead of medians of 5")
	only := flags.String("rows", "", "comma-separated rows to measure: "+strings.Join(rowNames(), ", ")+" (default all)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b := newBench(ctx, *quick)
	fmt.Printf("%s, %d cores, %s; generator on core %d, server on core %d; %s\n", runtime.GOARCH, runtime.NumCPU(), runtime.Version(), generatorCore, serverCore, b.effort)
	b.printPeers()
	missed := 0
	for _, r := range rows {
		if *only != "" && !strings.Contains(","+*only+",", ","+r.name+",") {
			continue
		}
		fmt.Printf("\n%s\n", r.title)
		failures, err := r.measure(b)
		if err != nil {
			return fmt.Errorf("row %s: %w", r.name, err)
		}
		for _, f := range failures {
			fmt.Printf("  MISSED %s: %s\n", r.name, f)
			missed++
		}
	}
	if missed > 0 {
		return yardstick.ErrMissed
	}
	fmt.Println("\nevery floor that was measured is reached")
	return nil
}

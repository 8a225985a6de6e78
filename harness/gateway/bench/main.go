// Command bench measures the gateway beside a direct connection, in one run,
// and says whether it reaches its floors:
//
//	go run ./harness/gateway/bench [-quick] [-rounds n]
//
// Generator, gateway and instance are this very program, started again as child
// processes: the driver of the product, the gateway as shakedown-agent runs it,
// and a server that answers at once. The gateway has one core to itself, or
// shares it with the instance where latency is measured; the other side has
// another core. Figures are medians of the rounds, with the lowest and the
// highest. A floor counts as missed when the median misses it by more than half
// the range of the rounds. It is not judged where that range is larger than the
// floor itself, or where the machine was busy before. The exit status is 1 when a floor is missed and 2 when
// something could not be measured or judged.
//
// Run it on a machine that does nothing else; the load average is printed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"text/tabwriter"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/yardstick"
)

func main() { yardstick.Main(run) }

// run is the program: one of the three children, or the comparison.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "serve":
			return serve()
		case "gateway":
			return gateway.ServeAgent(os.Stdin, os.Stdout)
		case "drive":
			return drive(ctx, args[1:])
		}
	}
	return compare(ctx, args)
}

// compare measures everything and prints it.
func compare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "2 s each instead of 5 s")
	rounds := flags.Int("rounds", 5, "how often everything is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b := &bench{ctx: ctx, seconds: 5}
	if *quick {
		b.seconds = 2
	}
	busy := isBusy(yardstick.LoadAverage())
	fmt.Printf("%s, %d cores, %s; %d rounds; load average before %s\n", runtime.GOARCH, runtime.NumCPU(), runtime.Version(), *rounds, yardstick.LoadAverage())
	figures := newFigures()
	for round := range *rounds {
		fmt.Fprintf(os.Stderr, "round %d\n", round+1)
		if err := b.measure(figures); err != nil {
			return err
		}
	}
	fmt.Printf("load average after %s\n\n", yardstick.LoadAverage())
	return report(figures, busy)
}

// report prints the table. What was missed on a busy machine is not judged.
func report(figures []*figure, busy bool) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tfloor\tmedian\tlowest - highest\t")
	missed, noisy := false, false
	for _, f := range figures {
		verdict := ""
		switch {
		case f.noisy(), f.missed() && busy:
			verdict, noisy = "too noisy to tell", true
		case f.missed():
			verdict, missed = "MISSED", true
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s - %s\t%s\n", f.name, f.wanted(), f.write(f.median()), f.write(f.lowest()), f.write(f.highest()), verdict)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	switch {
	case missed:
		return yardstick.ErrMissed
	case noisy:
		return errors.New("some figures say nothing, the rounds differ too much; run it on a machine that does nothing else")
	}
	return nil
}

// isBusy tells whether a load average leaves less than half of the machine.
func isBusy(average string) bool {
	var load float64
	_, err := fmt.Sscan(average, &load)
	return err == nil && load > float64(runtime.NumCPU())/2
}

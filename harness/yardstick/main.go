package yardstick

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
)

// ErrMissed says that everything was measured and a floor missed.
var ErrMissed = errors.New("a floor was missed")

// Main runs a benchmark until it is over or interrupted, and ends the program: with
// status 1 where a floor was missed, 2 where something could not be measured.
func Main(run func(ctx context.Context, args []string) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, ErrMissed) {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	os.Exit(status(err))
}

func status(err error) int {
	switch {
	case errors.Is(err, ErrMissed):
		return 1
	case err != nil:
		return 2
	}
	return 0
}

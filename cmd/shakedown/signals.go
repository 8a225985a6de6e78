package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupts returns two contexts: the first interrupt ends soft, the second
// ends hard. A third ends the process at once.
func interrupts(parent context.Context, stderr io.Writer) (soft, hard context.Context, release func()) {
	soft, stopSoft := context.WithCancel(parent)
	hard, stopHard := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	released := make(chan struct{})
	go func() {
		for _, step := range []struct {
			stop func()
			text string
		}{
			{stopSoft, "shakedown: stopping in order, with a report; interrupt again to tear down at once"},
			{stopHard, "shakedown: tearing down at once"},
		} {
			select {
			case <-signals:
				fmt.Fprintln(stderr, step.text)
				step.stop()
			case <-released:
				return
			}
		}
		signal.Stop(signals)
	}()
	return soft, hard, func() {
		signal.Stop(signals)
		close(released)
		stopSoft()
		stopHard()
	}
}

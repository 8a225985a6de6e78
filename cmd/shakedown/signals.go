package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interrupts returns two contexts: the first interrupt ends soft and says what happens, the second
// ends hard. A third ends the process at once.
func interrupts(parent context.Context, stderr io.Writer, first string) (soft, hard context.Context, release func()) {
	soft, stopSoft := context.WithCancel(parent)
	hard, stopHard := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Ignore(syscall.SIGPIPE) // whoever read our output may go; the stack is taken down all the same
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(signals, syscall.SIGHUP)
	}
	released := make(chan struct{})
	go func() {
		for _, step := range []struct {
			stop func()
			text string
		}{
			{stopSoft, "shakedown: " + first},
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

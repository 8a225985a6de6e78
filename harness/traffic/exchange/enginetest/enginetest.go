// Package enginetest is what every implementation of exchange.Engine has to
// do, as tests against real servers on loopback.
package enginetest

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

// A Maker makes the engine under test.
type Maker func(t *testing.T, l *loop.Loop, target exchange.Target, limits exchange.Limits) exchange.Engine

// Options say what the engine under test cannot. The zero value asks for
// everything.
type Options struct {
	NoStreams bool // Request.Stream
	NoTLS     bool
	NoHTTP2   bool
}

// An obligation is one thing that an engine must do.
type obligation struct {
	name string
	test func(*testing.T, Maker)
}

// Run holds an engine to its obligations, each a subtest that says what the
// engine must do.
func Run(t *testing.T, maker Maker, can Options) {
	groups := [][]obligation{requests, answers, failures, deadlines, abandonments, connections, order, accounts}
	if !can.NoStreams {
		groups = append(groups, streams)
	}
	if !can.NoTLS {
		groups = append(groups, secured)
	}
	if !can.NoHTTP2 {
		groups = append(groups, multiplexed)
	}
	if !can.NoTLS && !can.NoHTTP2 {
		groups = append(groups, negotiated)
	}
	for _, group := range groups {
		for _, o := range group {
			t.Run(o.name, func(t *testing.T) { o.test(t, maker) })
		}
	}
}

// long is a deadline that no test reaches unless something hangs; patience is
// how long a test waits before it says so.
const (
	long     = 40 * time.Second
	patience = 60 * time.Second
)

// short is a deadline that is meant to be reached.
const short = 150 * time.Millisecond

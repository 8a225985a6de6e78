package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
)

// A bench is one run of the comparison.
type bench struct {
	ctx     context.Context
	effort  string // in words
	repeat  int
	closed  int // seconds of a closed loop
	open    int // of an open loop
	memory  int // of the rows about memory
	peers   []peer
	missing []string
}

func newBench(ctx context.Context, quick bool) *bench {
	b := &bench{ctx: ctx, effort: "medians of 5", repeat: 5, closed: 5, open: 10, memory: 30}
	if quick {
		b.effort, b.repeat, b.closed, b.open, b.memory = "quick: once, 2 s each", 1, 2, 2, 10
	}
	b.peers, b.missing = findPeers()
	return b
}

// limit is how long a child that should take that long may take.
func (b *bench) limit(seconds float64) time.Duration {
	return time.Duration(seconds*float64(time.Second)) + 25*time.Second
}

func (b *bench) printPeers() {
	var found []string
	for _, p := range b.peers {
		found = append(found, p.name)
	}
	for _, list := range []struct {
		what  string
		names []string
	}{{"peers", found}, {"missing", b.missing}} {
		if len(list.names) > 0 {
			fmt.Printf("%s: %s\n", list.what, strings.Join(list.names, ", "))
		}
	}
}

// against starts a server for one measurement and returns what it says of
// itself afterwards.
func (b *bench) against(stall lab.Stall, measure func(*server) error) (service, error) {
	s, err := startServer(b.ctx, stall)
	if err != nil {
		return service{}, err
	}
	err = measure(s)
	said, stopErr := s.stop()
	if err == nil {
		err = stopErr
	}
	return said, err
}

// An entrant is the driver or a peer in one row.
type entrant struct {
	name    string
	rate    series
	p99     series // nanoseconds
	above   series // p99 above the server's own, nanoseconds
	cpu     series // microseconds a request
	memory  series // bytes
	dropped int
	err     error // why there are no figures
}

// ours is the name of the driver in the tables.
const ours = "shakedown"

// A contest asks all entrants for the same, in rounds, so that what else the
// machine does meets all of them.
type contest struct {
	order  order
	stall  lab.Stall
	repeat int
	peers  bool
}

// hold holds a contest. Our own failure ends it; a peer's only takes the peer
// out of it.
func (b *bench) hold(c contest) ([]*entrant, error) {
	all := []*entrant{{name: ours}}
	var peers []peer
	for _, p := range b.peers {
		if c.peers && (c.order.closed > 0 || p.open != nil) {
			peers = append(peers, p)
			all = append(all, &entrant{name: p.name})
		}
	}
	for range c.repeat {
		if err := b.drive(c, all[0]); err != nil {
			return nil, err
		}
		for i, p := range peers {
			if e := all[i+1]; e.err == nil {
				e.err = b.compete(c, p, e)
			}
			if b.ctx.Err() != nil {
				return nil, b.ctx.Err()
			}
		}
	}
	return all, nil
}

// drive is one repetition of the driver's.
func (b *bench) drive(c contest, e *entrant) error {
	var d drove
	var used usage
	said, err := b.against(c.stall, func(s *server) (err error) {
		o := c.order
		o.addr = s.addr
		d, used, err = b.drivenBy(o)
		return err
	})
	if err != nil {
		return err
	}
	e.rate.add(d.PerSecond)
	e.p99.add(float64(d.P99))
	e.dropped += d.Intended - d.OK
	e.note(said, used, d.P99)
	return nil
}

// compete is one repetition of a peer's.
func (b *bench) compete(c contest, p peer, e *entrant) error {
	var r report
	var used usage
	j := job{seconds: int(c.order.seconds), connections: c.order.connections, rate: int(c.order.rate)}
	if c.order.closed > 0 {
		j.connections, j.rate = c.order.closed, 0
	}
	said, err := b.against(c.stall, func(s *server) (err error) {
		j.url = s.url
		r, used, err = b.ask(p, j)
		return err
	})
	if err != nil {
		return err
	}
	e.rate.add(r.perSecond)
	if r.p99 > 0 {
		e.p99.add(float64(r.p99))
	}
	e.note(said, used, r.p99)
	return nil
}

// note adds what server and system say of a repetition.
func (e *entrant) note(said service, used usage, p99 time.Duration) {
	if p99 > 0 {
		e.above.add(float64(max(0, p99-said.P99)))
	}
	if said.Requests > 0 {
		e.cpu.add(float64(used.cpu.Microseconds()) / float64(said.Requests))
	}
	e.memory.add(float64(used.memory))
}

// A column is one figure of the entrants.
type column struct {
	title string
	text  func(*entrant) string
}

// printTable prints the entrants of a contest.
func printTable(all []*entrant, columns ...column) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(w, "  ")
	for _, c := range columns {
		_, _ = fmt.Fprint(w, "\t", c.title)
	}
	_, _ = fmt.Fprintln(w)
	for _, e := range all {
		_, _ = fmt.Fprint(w, "  ", e.name)
		if e.err != nil {
			_, _ = fmt.Fprintln(w, "\tno figures:", strings.ReplaceAll(e.err.Error(), "\n", " "))
			continue
		}
		for _, c := range columns {
			_, _ = fmt.Fprint(w, "\t", c.text(e))
		}
		_, _ = fmt.Fprintln(w)
	}
	_ = w.Flush()
}

// The columns.
var (
	rateColumn   = column{"answers", func(e *entrant) string { return e.rate.text(perSecond) }}
	p99Column    = column{"reported p99", func(e *entrant) string { return e.p99.text(length) }}
	aboveColumn  = column{"p99 above the server's", func(e *entrant) string { return e.above.text(length) }}
	cpuColumn    = column{"cpu a request", func(e *entrant) string { return e.cpu.text(micros) }}
	memoryColumn = column{"memory", func(e *entrant) string { return e.memory.text(mebi) }}
)

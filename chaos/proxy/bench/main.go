// Command bench measures what the proxy costs: the time that it adds to a request,
// the requests that one core of its own carries, and how exactly it holds
// requests up. Generator, upstream and proxy are processes of their own, and
// each figure of the proxy has its direct counterpart in the same round.
//
//	go run ./chaos/proxy/bench [-rounds 5] [-seconds 2]
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "serve":
			return serveUpstream()
		case "proxy":
			return serveProxy(args[1])
		}
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "how often each figure is measured")
	seconds := flags.Float64("seconds", 2, "how long one measurement takes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return measure(*rounds, time.Duration(*seconds*float64(time.Second)))
}

// measure runs the rounds and prints the table.
func measure(rounds int, span time.Duration) error {
	up, err := start("serve")
	if err != nil {
		return err
	}
	defer up.end()
	px, err := start("proxy", up.addr)
	if err != nil {
		return err
	}
	defer px.end()
	t := newTable()
	for range rounds {
		if err := round(t, up, px, span); err != nil {
			return err
		}
	}
	t.print(os.Stdout)
	return nil
}

// round measures every figure once.
func round(t *table, up, px *child, span time.Duration) error {
	one, err := drive(up.addr, 1, span/2)
	if err != nil {
		return err
	}
	through, err := drive(px.addr, 1, span/2)
	if err != nil {
		return err
	}
	t.add("one connection, direct: p50", micros, "", float64(one.quantile(0.5)))
	t.add("one connection, proxy: p50", micros, "", float64(through.quantile(0.5)))
	t.add("the proxy adds at p50", micros, "< 150 us", float64(through.quantile(0.5)-one.quantile(0.5)))
	t.add("the proxy adds at p99", micros, "", float64(through.quantile(0.99)-one.quantile(0.99)))

	direct, err := drive(up.addr, 32, span)
	if err != nil {
		return err
	}
	before, err := px.usage()
	if err != nil {
		return err
	}
	carried, err := drive(px.addr, 32, span)
	if err != nil {
		return err
	}
	after, err := px.usage()
	if err != nil {
		return err
	}
	t.add("32 connections, direct", perSecond, "", direct.rate())
	t.add("32 connections, proxy", perSecond, "", carried.rate())
	t.add("requests for a CPU second of the proxy", perSecond, ">= 14000/s", float64(len(carried.times))/(after-before).Seconds())

	if err := px.tell("latency"); err != nil {
		return err
	}
	held, err := drive(px.addr, 32, span)
	if err != nil {
		return err
	}
	t.add("latency of 50 ms: p50", millis, "50 +- 3 ms", float64(held.quantile(0.5)))
	t.add("latency of 50 ms: p99", millis, "", float64(held.quantile(0.99)))
	return px.tell("none")
}

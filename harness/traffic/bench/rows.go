package main

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
)

// A row is one figure to reach. It prints what it measures and returns the
// floors that were missed.
type row struct {
	name    string
	title   string
	measure func(*bench) (missed []string, err error)
}

var rows = []row{
	{"closed", "closed loop, 64 connections: at least wrk, 4 times vegeta, 8 times k6", closedLoop},
	{"open", "open loop, 10,000/s: 100.0 % achieved, p99 less than 0.3 ms above the server's own", openLoop},
	{"keys", "the same with a key of every request written down: CPU at most 1.15 times that without", keys},
	{"highest", "highest open-loop rate with a p99 schedule error below 1 ms: 40,000/s", highestRate},
	{"memory", "memory at 10,000/s: below 64 MiB", memory},
	{"stall-memory", "the same with a server that stalls 1 s every 10 s: below 128 MiB, nothing dropped", stallMemory},
	{"stall", "that stall at 2,000/s: p99 reported between 0.9 and 1.0 s", stallP99},
	{"sessions", "20,000 multi-step sessions in flight: below 512 MiB", sessions},
}

func rowNames() (names []string) {
	for _, r := range rows {
		names = append(names, r.name)
	}
	return names
}

// connections is the cap of the open loops.
const connections = 256

// A verdict collects the floors that were missed.
type verdict []string

func (v *verdict) want(reached bool, format string, args ...any) {
	if !reached {
		*v = append(*v, fmt.Sprintf(format, args...))
	}
}

func closedLoop(b *bench) ([]string, error) {
	all, err := b.hold(contest{order: order{seconds: float64(b.closed), closed: 64, steps: 1, connections: 64}, repeat: b.repeat, peers: true})
	if err != nil {
		return nil, err
	}
	printTable(all, rateColumn, cpuColumn, p99Column, memoryColumn)
	var v verdict
	for _, floor := range []struct {
		peer  string
		times float64
	}{{"wrk", 1}, {"vegeta", 4}, {"k6", 8}} {
		for _, e := range all {
			if e.name == floor.peer && len(e.rate) > 0 {
				own, theirs := all[0].rate.median(), e.rate.median()
				v.want(own >= floor.times*theirs, "%.0f/s is %.2f times %s (%.0f/s), want %g times", own, own/theirs, e.name, theirs, floor.times)
			}
		}
	}
	return v, nil
}

func openLoop(b *bench) ([]string, error) {
	const rate = 10_000
	all, err := b.hold(contest{order: order{seconds: float64(b.open), rate: rate, steps: 1, connections: connections}, repeat: b.repeat, peers: true})
	if err != nil {
		return nil, err
	}
	achieved := column{"achieved", func(e *entrant) string {
		var share series
		for _, r := range e.rate {
			share.add(100 * r / rate)
		}
		return share.text(percent)
	}}
	printTable(all, achieved, aboveColumn, p99Column, cpuColumn, memoryColumn)
	var v verdict
	share, above := 100*all[0].rate.median()/rate, time.Duration(all[0].above.median())
	v.want(share >= 99.95, "%.2f %% achieved", share)
	v.want(above < 300*time.Microsecond, "p99 is %v above the server's own", above)
	return v, nil
}

// keys compares the open loop with and without keys, in turn.
func keys(b *bench) ([]string, error) {
	without := contest{order: order{seconds: float64(b.open), rate: 10_000, steps: 1, connections: connections}, repeat: 1}
	with := without
	with.order.keys = true
	entrants := []*entrant{{name: "without keys"}, {name: "with keys"}}
	for range max(b.repeat, 3) {
		for i, c := range []contest{without, with} {
			if err := b.drive(c, entrants[i]); err != nil {
				return nil, err
			}
		}
	}
	printTable(entrants, rateColumn, aboveColumn, p99Column, cpuColumn, memoryColumn)
	ratio := entrants[1].cpu.median() / entrants[0].cpu.median()
	fmt.Printf("  %.2f times the CPU\n", ratio)
	var v verdict
	v.want(ratio <= 1.15, "%.2f times the CPU", ratio)
	return v, nil
}

// highestRate climbs as long as the schedule is kept.
func highestRate(b *bench) ([]string, error) {
	highest := 0
	for _, rate := range []int{10_000, 20_000, 40_000, 60_000} {
		var lag, achieved series
		for range b.repeat {
			_, err := b.against(lab.Stall{}, func(s *server) error {
				d, _, err := b.drivenBy(order{addr: s.addr, seconds: float64(b.open), rate: float64(rate), steps: 1, connections: connections})
				lag.add(float64(d.LagP99))
				achieved.add(100 * d.PerSecond / float64(rate))
				return err
			})
			if err != nil {
				return nil, err
			}
		}
		fmt.Printf("  %d/s: p99 schedule error %s, achieved %s\n", rate, lag.text(length), achieved.text(percent))
		if time.Duration(lag.median()) >= time.Millisecond || achieved.median() < 99.5 {
			break
		}
		highest = rate
	}
	var v verdict
	v.want(highest >= 40_000, "%d/s", highest)
	return v, nil
}

func memory(b *bench) ([]string, error) { return b.memoryWith(lab.Stall{}, 64) }

func stallMemory(b *bench) ([]string, error) { return b.memoryWith(stall, 128) }

// stall is 1 s in every 10.
var stall = lab.Stall{Every: 10 * time.Second, From: 3 * time.Second, For: time.Second}

// memoryWith measures once: the highest of a long run hardly varies.
func (b *bench) memoryWith(s lab.Stall, limit float64) ([]string, error) {
	all, err := b.hold(contest{order: order{seconds: float64(b.memory), rate: 10_000, steps: 1, connections: connections}, stall: s, repeat: 1})
	if err != nil {
		return nil, err
	}
	own := all[0]
	fmt.Printf("  %d s: %s, %d of %.0f requests without an answer\n", b.memory, own.memory.text(mebi), own.dropped, 10_000*float64(b.memory))
	var v verdict
	v.want(own.memory.median() < limit*(1<<20), "%s", own.memory.text(mebi))
	v.want(own.dropped == 0, "%d requests without an answer", own.dropped)
	return v, nil
}

// stallP99 takes the whole of a stall's period, quick or not: the truth is that
// of 10 s.
func stallP99(b *bench) ([]string, error) {
	all, err := b.hold(contest{order: order{seconds: 10, rate: 2000, steps: 1, connections: connections}, stall: stall, repeat: b.repeat, peers: true})
	if err != nil {
		return nil, err
	}
	printTable(all, p99Column, rateColumn, memoryColumn)
	own := time.Duration(all[0].p99.median())
	var v verdict
	v.want(own >= 873*time.Millisecond && own <= time.Second, "p99 %v", own) // 0.9 s less 3 %
	v.want(all[0].dropped == 0, "%d requests without an answer", all[0].dropped)
	return v, nil
}

// sessions begins 2,500 sessions a second that last 10 s each: 20,000 are in
// flight after 8 s.
func sessions(b *bench) ([]string, error) {
	o := order{seconds: 12, rate: 2500, steps: 6, think: 2 * time.Second, connections: connections}
	var inFlight, memory series
	for range b.repeat {
		_, err := b.against(lab.Stall{}, func(s *server) error {
			o.addr = s.addr
			d, used, err := b.drivenBy(o)
			inFlight.add(float64(d.InFlight))
			memory.add(float64(used.memory))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	fmt.Printf("  %s sessions in flight, %s\n", inFlight.text(func(v float64) string { return fmt.Sprintf("%.0f", v) }), memory.text(mebi))
	var v verdict
	v.want(inFlight.median() >= 20_000, "%.0f sessions in flight", inFlight.median())
	v.want(memory.median() < 512<<20, "%s", memory.text(mebi))
	return v, nil
}

package verify

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// No request is lost or made up when load is averaged: the blocks of phases that
// cover everything hold as many as came.
func TestBlocksHoldWhatCame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var phases []span
		at := time.Duration(0)
		for range rapid.IntRange(1, 5).Draw(rt, "phases") {
			end := at + time.Duration(rapid.Int64Range(int64(time.Second), int64(40*time.Second)).Draw(rt, "for"))
			phases, at = append(phases, span{at, end}), end
		}
		var flows []flow
		sum := 0.0
		for from := time.Duration(0); from < at; {
			to := min(at, from+time.Duration(rapid.Int64Range(int64(100*time.Millisecond), int64(7*time.Second)).Draw(rt, "interval")))
			n := float64(rapid.IntRange(0, 500).Draw(rt, "n"))
			flows, from, sum = append(flows, flow{span{from, to}, n}), to, sum+n
		}
		have, last := 0.0, time.Duration(0)
		for _, b := range blocksOf(flows, phases) {
			if b.from != last || b.to <= b.from || b.length() >= demandStep*3/2 {
				rt.Fatalf("a block from %v to %v after %v", b.from, b.to, last)
			}
			have, last = have+b.rate*b.length().Seconds(), b.to
		}
		if last != at || math.Abs(have-sum) > 1e-6*(1+sum) {
			rt.Fatalf("%v of %v until %v of %v", have, sum, last, at)
		}
	})
}

func TestTurnsOfLoad(t *testing.T) {
	for _, c := range []struct {
		name  string
		rates []float64 // of blocks of five seconds
		want  []int     // blocks at which the direction turns
	}{
		{"nothing", nil, nil},
		{"even", []float64{30, 30, 30}, nil},
		{"within chance", []float64{30, 33, 28, 36, 30}, nil}, // sqrt(30/5) is 2.4
		{"within tolerance", []float64{10000, 10900, 10100, 10950}, nil},
		{"a surge", []float64{30, 30, 90, 90, 90, 30, 30}, []int{2, 5}},
		{"a ramp", []float64{10, 20, 30, 40, 50, 60}, []int{1}},
		{"from nothing", []float64{0, 0, 50, 0}, []int{2, 3}},
		{"waves", []float64{20, 80, 20, 80, 20}, []int{1, 2, 3, 4}},
		{"a slow fall", []float64{100, 97, 94, 91, 88, 85, 82, 79, 76}, []int{7}}, // 3*sqrt(179/5) is 17.9
	} {
		var l load
		for i, r := range c.rates {
			from := time.Duration(i) * demandStep
			l.blocks = append(l.blocks, block{span{from, from + demandStep}, r})
		}
		var have []int
		for _, at := range l.turns() {
			have = append(have, int(at/demandStep))
		}
		if !slices.Equal(have, c.want) {
			t.Errorf("%s: turns at %v, want %v", c.name, have, c.want)
		}
	}
}

// Load is what was intended for a service, of journeys and of recordings, and what
// other services send it beside that.
func TestLoadOf(t *testing.T) {
	second := func(journey, step string, n int) journal.Event {
		return journal.Event{T: 12 * time.Second, Body: journal.Traffic{Journey: journey, Step: step, For: 10 * time.Second, Intended: n, OK: n / 2}}
	}
	events := []journal.Event{
		{T: 2 * time.Second, Body: journal.TrafficStarted{}},
		second("shop", "browse", 100), second("shop", "pay", 30), second("recorded", "replay", 50),
		{T: 12 * time.Second, Body: journal.Tally{Service: "api", Instance: "api-1", For: 10 * time.Second, Total: 190, Driven: 150}},
		{T: 12 * time.Second, Body: journal.Tally{Service: "api", For: 10 * time.Second, Total: 10}}, // found no instance
		{T: 12 * time.Second, Body: journal.TrafficEnded{}}, {T: 13 * time.Second, Body: journal.RunEnded{Reason: "completed"}},
	}
	replay := func(r scenarios.PlannedReplay) []scenarios.PlannedLoad {
		return []scenarios.PlannedLoad{{Cohort: "recorded", Journey: "recorded", Replay: &r}}
	}
	for _, c := range []struct {
		name   string
		load   []scenarios.PlannedLoad
		driven bool
		want   float64 // a second
	}{
		{"of a journey, and of others", nil, true, (100 + 40 + 10) / 10.0},
		{"of a recording too", replay(scenarios.PlannedReplay{Service: "api"}), true, (100 + 50 + 40 + 10) / 10.0},
		{"of a recording of which only the times count", replay(scenarios.PlannedReplay{Service: "api", Times: true}), true, (100 + 40 + 10) / 10.0},
		{"of a recording of several services", replay(scenarios.PlannedReplay{Hosts: map[string]string{"a": "api", "b": "pay"}}), true, (190 + 10) / 10.0},
		{"of a recording of another", replay(scenarios.PlannedReplay{Hosts: map[string]string{"b": "pay"}}), true, (100 + 40 + 10) / 10.0},
		{"of no journey", nil, false, (190 + 10) / 10.0},
	} {
		plan := &scenarios.Plan{
			Services: map[string]scenarios.PlannedService{"api": {Port: 80, Driven: c.driven}, "pay": {Port: 80, Driven: true}},
			Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "browse", Service: "api"}, {Name: "pay", Service: "pay"}}},
			Phases:   []scenarios.PlannedPhase{{Name: "all", End: scenarios.Duration(10 * time.Second)}}, Load: c.load,
		}
		l := newHistory(&journal.Record{Events: events}, plan).loadOf("api")
		if rate, ok := l.rate(5 * time.Second); !ok || math.Abs(rate-c.want) > 1e-9 {
			t.Errorf("load %s: %v a second (%s), want %v", c.name, rate, l.why, c.want)
		}
	}
}

package reports

import (
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// disturbed is a minute of ten requests a second of 10 ms each, but for those
// seconds, by their end, in which so many failed or answers took longer.
func disturbed(faults [][2]time.Duration, failed map[int]int, slow map[int]bool) Run {
	rec := &journal.Record{}
	put := func(t time.Duration, b journal.Body) { rec.Events = append(rec.Events, journal.Event{T: t, Body: b}) }
	put(0, journal.TrafficStarted{})
	for n := 1; n <= 60; n++ {
		t := time.Duration(n) * second
		put(t, journal.Traffic{Journey: "shop", Step: "home", For: second, Sent: 10, OK: 10 - failed[n], Failed: failed[n]})
		micros := int64(10_000)
		if slow[n] {
			micros = 500_000
		}
		var all []int64
		for range 10 - failed[n] {
			all = append(all, micros)
		}
		rec.Latency = append(rec.Latency, taking(t-second, all...))
	}
	put(60*second, journal.TrafficEnded{})
	for i, f := range faults {
		id := string(rune('a' + i))
		put(f[0], journal.FaultStarted{Fault: id, FaultKind: "pause", Targets: []string{"api-1"}, Planned: f[0]})
		if f[1] > 0 {
			put(f[1], journal.FaultEnded{Fault: id, Targets: []string{"api-1"}, By: "schedule"})
		}
	}
	return Run{Record: rec}
}

func failing(from, to, n int) map[int]int {
	m := map[int]int{}
	for s := from; s <= to; s++ {
		m[s] = n
	}
	return m
}

func TestFaultEffects(t *testing.T) {
	run := disturbed([][2]time.Duration{{20 * second, 30 * second}}, failing(21, 34, 5), map[int]bool{36: true})
	got := faultEffectsOf(run)
	if len(got) != 1 {
		t.Fatalf("%d effects, want 1", len(got))
	}
	e := got[0]
	if e.Before.From != 10*second || e.Before.Count != 100 || e.Before.OK != 100 || e.Before.P50 < 9*ms || e.Before.P50 > 11*ms {
		t.Errorf("before: %+v", e.Before)
	}
	if e.During.Count != 100 || e.During.Failed != 50 || e.During.To != 30*second {
		t.Errorf("during: %+v", e.During)
	}
	if e.Recovery == nil || *e.Recovery != 6*second { // the slow second ends at 36 s
		t.Errorf("recovery after %v (%s), want 6 s", e.Recovery, e.Why)
	}
	if e.After.From != 30*second || e.After.To != 36*second || e.After.Failed != 20 {
		t.Errorf("after, until it had recovered: %+v", e.After)
	}
}

func TestFaultEffectsWithoutRecovery(t *testing.T) {
	for name, c := range map[string]struct {
		faults [][2]time.Duration
		failed map[int]int
		why    string // of the first
	}{
		"to the end":       {[][2]time.Duration{{20 * second, 30 * second}}, failing(21, 60, 1), "not within the band of before until the load ended or another fault began"},
		"no time to show":  {[][2]time.Duration{{20 * second, 30 * second}}, failing(21, 56, 1), "within the band of before at last, but for less than 5 s until the load ended or another fault began"},
		"never reverted":   {[][2]time.Duration{{20 * second, 0}}, nil, "not reverted while traffic flowed"},
		"from the start":   {[][2]time.Duration{{0, 30 * second}}, nil, "nothing to compare with: another fault, or no three seconds of requests, came before it"},
		"the next at once": {[][2]time.Duration{{20 * second, 30 * second}, {31 * second, 40 * second}}, nil, "another fault, or the end of the load, came within three seconds of its revert"},
	} {
		t.Run(name, func(t *testing.T) {
			e := faultEffectsOf(disturbed(c.faults, c.failed, nil))[0]
			if e.Recovery != nil || e.Why != c.why {
				t.Errorf("recovery %v, because %q; want none, because %q", e.Recovery, e.Why, c.why)
			}
		})
	}
}

// What another fault did is not what was normal before this one.
func TestBeforeReachesBackToTheFaultBefore(t *testing.T) {
	got := faultEffectsOf(disturbed([][2]time.Duration{{10 * second, 25 * second}, {30 * second, 40 * second}}, failing(11, 25, 9), nil))
	if b := got[1].Before; b.From != 25*second || b.To != 30*second || b.Failed != 0 || b.Count != 50 {
		t.Errorf("before the second fault: %+v, want the five seconds since the first", b)
	}
	if r := got[1].Recovery; r == nil || *r != 0 {
		t.Errorf("recovery of what did nothing after %v (%s), want at once", r, got[1].Why)
	}
}

func TestEffectsAsRows(t *testing.T) {
	took := 4 * second
	all := []FaultEffect{
		{Fault: "a", Journey: "small", Before: Stretch{Count: 10, OK: 10}, Why: "no"},
		{Fault: "a", Journey: "large", Before: Stretch{From: 0, To: second, Count: 100, OK: 100}, During: Stretch{Count: 100, OK: 90, Failed: 10}, Recovery: &took},
		{Fault: "b", Journey: "large", Recovery: new(time.Duration)},
	}
	groups, more := pageEffectsOf(all)
	if len(groups) != 2 || more != 0 || len(groups[0].Rows) != 6 {
		t.Fatalf("%+v, %d more", groups, more)
	}
	g := groups[0]
	if g.Recovery != "large recovered 4 s after its revert; small recovery not seen: no" || !g.Lasting || groups[1].Lasting || groups[1].Recovery != "recovered at once" {
		t.Errorf("%q and %q", g.Recovery, groups[1].Recovery)
	}
	if r := g.Rows[1]; r.Journey != "large" || r.Name != "during" || r.OK != "90 %" || r.Failed != "10 %" || !r.Bad || g.Rows[0].Bad {
		t.Errorf("%+v", r)
	}
}

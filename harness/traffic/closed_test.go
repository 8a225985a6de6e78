package traffic

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/arrivals"
)

func closed(from, to float64, sessions int) scenarios.PlannedClosed {
	return scenarios.PlannedClosed{Phase: "steady", Start: ms(from), End: ms(to), Sessions: sessions}
}

// So many sessions walk at the same time, never more, each with a number of its
// own, and the journal says what that means.
func TestClosedLoop(t *testing.T) {
	var now, most atomic.Int64
	var got asked
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		got.add(r.URL.Path)
		<-time.After(20 * time.Millisecond)
	})
	plan := planOf(0, ms(400), get("/a/${session}"))
	plan.Load[0].Segments = nil
	plan.Load[0].Closed = []scenarios.PlannedClosed{closed(0, 200, 5), closed(200, 400, 3)}
	totals, rec := play(t, plan, addr)
	if totals.OK != totals.Sessions || totals.Sessions < 8 || totals.Sessions > 8*20+8 {
		t.Errorf("%+v: 5 and 3 sessions of 20ms, for 200ms each", totals)
	}
	if most.Load() != 5 {
		t.Errorf("%d at once, want 5, at the seam too", most.Load())
	}
	slices.Sort(got.all)
	if distinct := slices.Compact(slices.Clone(got.all)); len(distinct) != totals.Sessions || !slices.Contains(distinct, "/a/1") {
		t.Errorf("%d sessions with %d numbers: %v", totals.Sessions, len(distinct), distinct)
	}
	var labels []string
	for _, body := range rec.others {
		if note, ok := body.(journal.Note); ok {
			labels = append(labels, note.Text)
		}
	}
	if len(labels) != 2 || !strings.HasPrefix(labels[0], "cohort all is a closed loop of 5 sessions in phase steady") {
		t.Errorf("labels %q", labels)
	}
}

// Where loops touch, users go on, and only the difference begins or stops.
func TestClosedLoopsThatTouch(t *testing.T) {
	var now, most atomic.Int64
	addr := serve(t, func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		<-time.After(30 * time.Millisecond)
	})
	plan := planOf(0, ms(900), get("/a"))
	plan.Phases = []scenarios.PlannedPhase{{Name: "few", End: ms(300)}, {Name: "many", Start: ms(300), End: ms(600)}, {Name: "one", Start: ms(600), End: ms(900)}}
	plan.Load[0].Segments, plan.Load[0].Closed = nil, []scenarios.PlannedClosed{closed(0, 300, 2), closed(300, 600, 6), closed(600, 900, 1)}
	totals, rec := play(t, plan, addr)
	if most.Load() != 6 {
		t.Errorf("%d at once, want 6", most.Load())
	}
	// The most that so many users come to in 300ms, and one more each.
	for phase, users := range map[string]int{"few": 2, "many": 6, "one": 1} {
		got := rec.sum(phase, "").intended
		if limit := users*(300/30+1) + 6; got < 1 || got > limit {
			t.Errorf("%d sessions of %d users in phase %s, want up to %d", got, users, phase, limit)
		}
	}
	if totals.OK != totals.Sessions {
		t.Errorf("%+v", totals)
	}
}

// Loops with a time between them are two, and each has all of its users.
func TestClosedLoopsApart(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	plan := planOf(0, ms(300), get("/a"))
	step := &plan.Journeys["shop"][0]
	step.Think = think(1000) // one session each
	plan.Load[0].Segments, plan.Load[0].Closed = nil, []scenarios.PlannedClosed{closed(0, 100, 4), closed(200, 300, 3)}
	if totals, _ := play(t, plan, addr); totals.Sessions != 7 {
		t.Errorf("%+v, want 4 and 3 sessions", totals)
	}
}

// The next session of a user is due when the last one has ended: a slow system
// makes no lag and no longer times, only fewer sessions.
func TestClosedLoopWaits(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) { <-time.After(50 * time.Millisecond) })
	plan := planOf(0, ms(300), get("/a"))
	plan.Load[0].Segments, plan.Load[0].Closed = nil, []scenarios.PlannedClosed{closed(0, 300, 1)}
	w := watch()
	totals, rec := play(t, plan, addr)
	if totals.OK < 1 || totals.OK > 6 {
		t.Errorf("%+v, one user has time for 6 sessions of 50ms", totals)
	}
	compare(t, w, comparison{"p50", quantile(rec.times("", "a", journal.Response), 50), 50 * time.Millisecond, 1.5})
}

// A user whose requests are refused at once does not spin.
func TestClosedLoopBacksOff(t *testing.T) {
	plan := planOf(0, ms(500), get("/a"))
	plan.Load[0].Segments, plan.Load[0].Closed = nil, []scenarios.PlannedClosed{closed(0, 500, 1)}
	totals, _ := play(t, plan, closedPort(t))
	// 1 + 2 + 4 + ... + 64 ms, then every 100 ms.
	if totals.Failed != totals.Sessions || totals.Sessions < 1 || totals.Sessions > 12 {
		t.Errorf("%+v, want up to some ten sessions in 500ms", totals)
	}
}

// A journey with a way that does nothing does not spin either.
func TestClosedLoopOfNothing(t *testing.T) {
	plan := planOf(0, ms(300), scenarios.PlannedStep{Choose: []scenarios.PlannedOption{{Weight: 1}, {Steps: []scenarios.PlannedStep{get("/a")}}}})
	plan.Load[0].Segments, plan.Load[0].Closed = nil, []scenarios.PlannedClosed{closed(0, 300, 1)}
	totals, _ := play(t, plan, "127.0.0.1:1")
	if totals.Sessions < 1 || totals.Sessions > 12 || totals.Intended != 0 {
		t.Errorf("%+v, want up to some ten sessions in 300ms", totals)
	}
}

// Sessions of a closed loop have numbers that no arrival of the load has.
func TestClosedNumbersAreApart(t *testing.T) {
	load := scenarios.PlannedLoad{
		Segments: []scenarios.PlannedSegment{{End: ms(1000), Constant: 5000, Poisson: true}},
		Bursts:   []scenarios.PlannedBurst{{End: ms(500), Sessions: 300}},
		Closed:   []scenarios.PlannedClosed{closed(1000, 2000, 1)},
	}
	merged := arrivals.Merge(&scenarios.Plan{Seed: 3, Load: []scenarios.PlannedLoad{load}}, nil)
	var last uint64
	for next, more := merged.Peek(); more; next, more = merged.Peek() {
		last = next.Ordinal
		merged.Take()
	}
	if first := firstClosed(&load); last < 5000 || first <= last {
		t.Errorf("closed loops begin at %d, arrivals go up to %d", first, last)
	}
	load = scenarios.PlannedLoad{Closed: load.Closed}
	if first := firstClosed(&load); first != 0 {
		t.Errorf("a closed loop alone begins at %d", first)
	}
}

package traffic

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// moveLog is a Sink that keeps when which Moved was written.
type moveLog struct {
	recorder
	clock  clock.Clock
	moved  []journal.Moved
	before int             // of them, those written before the last second of the driver
	at     []time.Duration // T
	after  []time.Duration // how long after T it was written
	mutex2 sync.Mutex
}

func (l *moveLog) Append(e journal.Event) error {
	l.mutex2.Lock()
	defer l.mutex2.Unlock()
	switch body := e.Body.(type) {
	case journal.Generator:
		l.before = len(l.moved)
	case journal.Moved:
		l.moved, l.at, l.after = append(l.moved, body), append(l.at, e.T), append(l.after, l.clock.Now()-e.T)
	}
	return l.recorder.Append(e)
}

// sums adds up by step, home and refused.
func (l *moveLog) sums() map[string]string {
	total, refused := map[string]int{}, map[string]int{}
	for _, m := range l.moved {
		key := m.Service + " " + m.Journey + " " + m.Step + " " + m.Home
		total[key] += m.Total
		refused[key] += m.Refused
	}
	sums := map[string]string{}
	for key := range total {
		sums[key] = fmt.Sprintf("%d, refused %d", total[key], refused[key])
	}
	return sums
}

// track runs a plan whose sessions are followed.
func track(t *testing.T, plan *scenarios.Plan, targets map[string]string, checks ...scenarios.StatelessCheck) *moveLog {
	t.Helper()
	for i := range checks {
		plan.Checks = append(plan.Checks, scenarios.Check{Stateless: &checks[i]})
	}
	log := &moveLog{clock: clock.Start()}
	if _, err := Run(t.Context(), Config{Plan: plan, Targets: targets, Clock: log.clock, Sink: log, Drain: time.Minute}); err != nil {
		t.Fatal(err)
	}
	return log
}

// session is the number at the end of a path.
func sessionIn(r *http.Request) int {
	n, _ := strconv.Atoi(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:])
	return n
}

// What a session needs is there with another instance, or it is not; who does
// not answer at all, or with a status of the 500s, says nothing about it.
func TestMovedSessions(t *testing.T) {
	answer := func(w http.ResponseWriter, instance string, status int) {
		if instance != "" {
			w.Header().Set(InstanceHeader, instance)
		}
		w.WriteHeader(status)
	}
	var mutex sync.Mutex
	sessions := map[int]int{} // in the order in which they came
	nth := func(r *http.Request) int {
		mutex.Lock()
		defer mutex.Unlock()
		if _, known := sessions[sessionIn(r)]; !known {
			sessions[sessionIn(r)] = len(sessions)
		}
		return sessions[sessionIn(r)]
	}
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := nth(r) % 6
		switch {
		case strings.HasPrefix(r.URL.Path, "/begin"):
			answer(w, []string{"api-1", "api-2"}[n%2], 200)
		case strings.HasPrefix(r.URL.Path, "/go"):
			// 0, 2 and 4 are at home at api-1, 1, 3 and 5 at api-2
			switch n {
			case 0:
				answer(w, "api-1", 404) // refused at home
			case 1:
				answer(w, "api-1", 404) // moved, refused
			case 2:
				answer(w, "api-2", 200) // moved
			case 3:
				answer(w, "api-1", 503) // moved, but nobody can tell
			case 4:
				answer(w, "", 404) // nobody said who it was
			case 5:
				w.Header().Set(InstanceHeader, "api-1")
				w.Header().Set("Content-Length", "100")
				panic(http.ErrAbortHandler) // cut off
			}
		default:
			answer(w, "api-1", 200) // at home again
		}
	})
	begin, on, end := get("/begin/${session}"), get("/go/${session}"), get("/end/${session}")
	begin.Name, on.Name, end.Name = "begin", "go", "end"
	log := track(t, planOf(200, ms(300), begin, on, end), map[string]string{"api": addr},
		scenarios.StatelessCheck{Service: "api", Journey: "shop"}, scenarios.StatelessCheck{Service: "api", Journey: "shop", Steps: []string{"go"}})
	want := map[string]string{
		"api shop go api-2": "10, refused 10",
		"api shop go api-1": "10, refused 0",
	}
	if got := log.sums(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("moved %v, want %v", got, want)
	}
	for _, m := range log.moved {
		if m.Refused > 0 != (m.Sample == `status 404: status 404, body ""`) {
			t.Errorf("%+v: the sample is not that of a refusal", m)
		}
	}
}

// Each service has homes of its own, and a journey that nobody asks about none.
func TestMovedByServiceAndJourney(t *testing.T) {
	var n int
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		instance := "web-1"
		if strings.HasPrefix(r.URL.Path, "/api") {
			n++
			instance = fmt.Sprintf("api-%d", n)
		}
		w.Header().Set(InstanceHeader, instance)
	})
	step := func(service, name string) scenarios.PlannedStep {
		s := get("/" + service + "/" + name)
		s.Name, s.Service = name, service
		return s
	}
	steps := []scenarios.PlannedStep{step("web", "a"), step("api", "b"), step("web", "c"), step("api", "d"), step("api", "e")}
	plan := connections(planOf(10, ms(100), steps...), 1)
	plan.Journeys["unasked"] = steps
	plan.Load = append(plan.Load, plan.Load[0])
	plan.Load[1].Journey, plan.Load[1].Cohort = "unasked", "others"
	plan.Load[1].Segments = []scenarios.PlannedSegment{{Phase: "steady", Start: ms(50), End: ms(100), Constant: 20}}
	log := track(t, plan, map[string]string{"api": addr, "web": addr},
		scenarios.StatelessCheck{Service: "web", Journey: "shop"}, scenarios.StatelessCheck{Service: "api", Journey: "shop"})
	var steps2 []string
	for _, m := range log.moved {
		steps2 = append(steps2, fmt.Sprintf("%s %s %d", m.Journey, m.Step, m.Total))
	}
	slices.Sort(steps2)
	if got, want := strings.Join(steps2, ", "), "shop d 1, shop e 1"; got != want || n != 6 {
		t.Errorf("moved %s with %d requests to api, want %s and 6", got, n, want)
	}
}

// A request counts in the second in which it was sent, and that second is
// written when all that was sent in it is over: not before, and not held up by
// what was sent later.
func TestMovedCountsWhenItWasSent(t *testing.T) {
	if testing.Short() {
		t.Skip("drives for four seconds")
	}
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/cut"):
			panic(http.ErrAbortHandler) // it is over all the same
		case strings.HasPrefix(r.URL.Path, "/begin"):
			w.Header().Set(InstanceHeader, "api-1")
		case strings.HasPrefix(r.URL.Path, "/slow"):
			<-time.After(1500 * time.Millisecond)
			fallthrough
		default:
			w.Header().Set(InstanceHeader, "api-2")
		}
	})
	begin, slow, quick := get("/begin"), get("/slow"), get("/quick")
	quick.Think = think(1)
	plan := planOf(0, ms(3600), begin, slow, quick)
	plan.Load[0].Segments = []scenarios.PlannedSegment{constant(0, 100, 50)} // slow: sent in the first second, over in the second
	plan.Journeys["cut"] = []scenarios.PlannedStep{get("/cut")}
	plan.Load = append(plan.Load, plan.Load[0])
	plan.Load[1].Cohort, plan.Load[1].Journey = "others", "cut"
	log := track(t, plan, map[string]string{"api": addr},
		scenarios.StatelessCheck{Service: "api", Journey: "shop"}, scenarios.StatelessCheck{Service: "api", Journey: "cut"})
	if len(log.moved) != 2 || log.before != 2 {
		t.Fatalf("%+v, %d of them before the end; want one event each for slow and quick", log.moved, log.before)
	}
	for i, m := range log.moved {
		want := map[string]time.Duration{"slow": time.Second, "quick": 2 * time.Second}[m.Step]
		if m.Total != 5 || m.For != time.Second || log.at[i] != want || log.after[i] < 0 {
			t.Errorf("%+v at %v, %v after that; want 5 of the second that ends at %v", m, log.at[i], log.after[i], want)
		}
		if m.Step == "slow" && log.after[i] < 500*time.Millisecond {
			t.Errorf("written %v after its second, before the requests of it were over", log.after[i])
		}
	}
}

// Seconds come in order, each once, with all that was counted in them, and none
// is left open by requests that are over.
func TestMovesAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &driver{instances: instances{names: []string{"api-1", "api-2"}}}
		st := &step{name: "a", home: &home{"shop", "api", 0}}
		var waiting []time.Duration
		var now, taken time.Duration
		counted, seen := map[time.Duration]int{}, map[time.Duration]int{}
		take := func(all bool) {
			for _, e := range d.takeMoves(now, all) {
				if e.T < taken {
					t.Fatalf("second %v after %v", e.T, taken)
				}
				taken = e.T
				seen[(e.T-1)/time.Second] += e.Body.(journal.Moved).Total
			}
		}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			now += time.Duration(rapid.IntRange(0, 900).Draw(t, "pause")) * time.Millisecond
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0, 1:
				d.moves.begin(now)
				waiting = append(waiting, now)
			case 2:
				if len(waiting) > 0 {
					i := rapid.IntRange(0, len(waiting)-1).Draw(t, "which")
					ready := waiting[i]
					sent := ready + time.Duration(rapid.Int64Range(0, int64(now-ready)).Draw(t, "sent"))
					d.moves.add(sent, move{st, 1}, nil)
					d.moves.end(ready)
					counted[sent/time.Second]++
					waiting = slices.Delete(waiting, i, i+1)
				}
			case 3:
				take(false)
				if len(waiting) == 0 && len(d.moves.open) > 1 {
					t.Fatalf("%d seconds are open with nothing under way", len(d.moves.open))
				}
			}
		}
		take(true)
		if fmt.Sprint(seen) != fmt.Sprint(counted) || d.moves.kinds != 0 || len(d.moves.open) != 0 {
			t.Fatalf("took %v of %v, %d kinds and %d seconds left", seen, counted, d.moves.kinds, len(d.moves.open))
		}
	})
}

// Whoever makes names up does not fill the memory.
func TestTooManyMovesAreLeftOut(t *testing.T) {
	d := &driver{}
	st := &step{name: "a", home: &home{"shop", "api", 0}}
	for i := range maxMoves + 10 {
		d.moves.add(time.Duration(i/900)*time.Second, move{st, instance(1 + i%900)}, nil)
	}
	if len(d.moves.notes()) != 1 || d.moves.left != 10 || d.moves.kinds != maxMoves {
		t.Errorf("%d kinds, %d left out", d.moves.kinds, d.moves.left)
	}
}

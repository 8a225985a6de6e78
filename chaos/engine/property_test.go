package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Whatever is planned and whatever happens: in the end nothing is left of any
// fault, and the journal says of each that began how it ended.
func TestProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var faults []scenarios.PlannedFault
		for i := range rapid.IntRange(1, 5).Draw(rt, "faults") {
			faults = append(faults, drawn(rt, i))
		}
		type happening struct {
			after time.Duration
			what  string
		}
		var happenings []happening
		for range rapid.IntRange(0, 5).Draw(rt, "happenings") {
			happenings = append(happenings, happening{
				time.Duration(rapid.IntRange(0, 4000).Draw(rt, "after")) * time.Millisecond,
				rapid.SampledFrom([]string{"come", "lose", "agent", "heal", "lease"}).Draw(rt, "what"),
			})
		}
		fails := rapid.SliceOfN(rapid.SampledFrom([]string{"apply f0 beside db-1", "kill db-1", "stop db-1", "replace db-1", "pause api-1", "limit api-2 to 0.5"}), 0, 2).Draw(rt, "fails")
		var problem string
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(&scenarios.Plan{Faults: faults}).with("api", 3).with("db", 1)
			w.front("api")
			for _, what := range fails {
				w.fail[what] = errors.New("it fails")
			}
			e := w.start(t)
			if err := e.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			over := make(chan error, 1)
			go func() { over <- e.Run(t.Context(), w.clock.Now()) }()
			for _, h := range happenings {
				time.Sleep(h.after)
				w.happens(t, h.what)
			}
			<-over
			_ = e.Close() // what could not be replaced is an error, and rightly so
			problem = w.judged(fails)
		})
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

func drawn(rt *rapid.T, i int) scenarios.PlannedFault {
	at := time.Duration(rapid.IntRange(0, 8000).Draw(rt, "at")) * time.Millisecond
	length := time.Duration(rapid.IntRange(1, 6000).Draw(rt, "length")) * time.Millisecond
	pick := rapid.SampledFrom([]string{"one", "majority", "all"}).Draw(rt, "pick")
	service := rapid.SampledFrom([]string{"api", "db"}).Draw(rt, "service")
	spec := map[string]scenarios.Fault{
		"delay": delayOf(pick), "kill": killOf(pick), "pause": pauseOf(pick),
		"stop":         {Target: scenarios.Selection{Pick: pick}, Stop: &scenarios.StopFault{}},
		"restart":      {Target: scenarios.Selection{Pick: pick}, Restart: &scenarios.RestartFault{}},
		"crash_loop":   {Target: scenarios.Selection{Pick: pick}, CrashLoop: &scenarios.CrashLoopFault{Every: scenarios.Duration(700 * time.Millisecond)}},
		"cpu_throttle": {Target: scenarios.Selection{Pick: pick}, CPUThrottle: &scenarios.CPUThrottleFault{CPUs: 0.5}},
		"http_errors":  errorsOf(),
	}
	kind := rapid.SampledFrom(sorted(spec)).Draw(rt, "kind")
	if kind == "http_errors" {
		service = "api"
	}
	return planned(fmt.Sprintf("f%d", i), kind, at, length, spec[kind], service)
}

// happens is something that nobody planned.
func (w *world) happens(t *testing.T, what string) {
	switch what {
	case "come":
		w.come("api")
	case "lose":
		if all := w.Instances("api"); len(all) > 0 {
			w.lose(all[0].Name, 1, false)
		}
	case "agent", "lease":
		w.mu.Lock()
		agents := w.agents
		w.mu.Unlock()
		for _, a := range agents {
			if a.beside == "api" {
				continue // the proxy
			}
			a.mu.Lock()
			ids := sorted(a.faults)
			a.mu.Unlock()
			if what == "agent" {
				a.die(errors.New("signal: killed"))
				return
			}
			for _, id := range ids {
				a.mu.Lock()
				delete(a.faults, id)
				a.mu.Unlock()
				a.sink.Reverted(id, "lease")
			}
		}
	case "heal":
		_ = w.engine.Heal(t.Context(), "stop")
	}
}

// judged says what is wrong at the end of a run.
func (w *world) judged(fails []string) string {
	dead := func(name string) bool { _, is := w.engine.news.exited(name); return is }
	for _, left := range w.left() {
		name, rest, _ := strings.Cut(left, " ")
		if dead(name) && rest != "" && !strings.HasPrefix(left, "to undo") {
			continue // with the instance
		}
		if len(fails) > 0 && strings.HasPrefix(left, "to undo: ") {
			continue // it could not be done, and the helper will try
		}
		return "left behind: " + left
	}
	began, ended := map[string]int{}, map[string]int{}
	last := map[string]string{}
	for _, e := range w.events {
		switch b := e.Body.(type) {
		case journal.FaultStarted:
			began[b.Fault]++
		case journal.FaultEnded:
			ended[b.Fault]++
			if began[b.Fault] == 0 {
				return b.Fault + " ended before it began"
			}
		case journal.FaultState:
			last[b.Fault+" "+b.Target] = b.State
		}
	}
	for id, n := range began {
		if n != 1 || ended[id] != 1 {
			return fmt.Sprintf("%s began %d times, ended %d times", id, n, ended[id])
		}
	}
	for on, state := range last {
		if state == journal.FaultApplied {
			return on + " is applied for ever"
		}
	}
	return ""
}

// BenchmarkLateness is what the engine itself adds to the time of a fault, on the
// machine's clock: see late-us and took-us, means a fault.
func BenchmarkLateness(b *testing.B) {
	var late, took, most time.Duration
	n := 0
	for b.Loop() {
		var faults []scenarios.PlannedFault
		for i := range 20 {
			faults = append(faults, planned(fmt.Sprintf("f%d", i), "delay", time.Duration(50+7*i)*time.Millisecond, 60*time.Millisecond, delayOf("all"), "api"))
		}
		w := newWorld(&scenarios.Plan{Faults: faults}).with("api", 3)
		w.clock = clock.Start()
		w.engine = newEngine(Config{Plan: w.plan, Clock: w.clock, Emit: w.emit}, w)
		if err := w.engine.Prepare(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := errors.Join(w.engine.Run(b.Context(), w.clock.Now()), w.engine.Close()); err != nil {
			b.Fatal(err)
		}
		for _, e := range w.events {
			switch f := e.Body.(type) {
			case journal.FaultStarted:
				late, took, most, n = late+f.Late, took+f.Took, max(most, f.Late), n+1
			case journal.FaultEnded:
				late, took, most, n = late+f.Late, took+f.Took, max(most, f.Late), n+1
			}
		}
	}
	b.ReportMetric(float64(late.Microseconds())/float64(n), "late-us")
	b.ReportMetric(float64(took.Microseconds())/float64(n), "took-us")
	b.ReportMetric(float64(most.Microseconds()), "most-us")
}

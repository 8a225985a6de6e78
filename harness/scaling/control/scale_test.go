package control

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

func to[T any](v T) *T { return &v }

// planOf is a plan with one service.
func planOf(tempo float64, service scenarios.PlannedService) *scenarios.Plan {
	return &scenarios.Plan{Tempo: tempo, Services: map[string]scenarios.PlannedService{"api": service}}
}

// cpuHPA keeps half of 200 thousandths of a core in use.
func cpuHPA() scenarios.PlannedService {
	spec := &autoscalingv2.HorizontalPodAutoscalerSpec{
		MinReplicas: to(int32(1)), MaxReplicas: 10,
		Metrics: []autoscalingv2.MetricSpec{{
			Type: autoscalingv2.ResourceMetricSourceType,
			Resource: &autoscalingv2.ResourceMetricSource{
				Name:   corev1.ResourceCPU,
				Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: to(int32(50))},
			},
		}},
	}
	manifest.Default(spec)
	return scenarios.PlannedService{
		Port: 80, Replicas: 2, Requests: scenarios.ResourceClass{CPUs: 0.2, Memory: 100 << 20},
		Autoscale: &scenarios.PlannedAutoscale{HPA: spec, Min: 1, Max: 10, Every: seconds(15), Resolution: seconds(15)},
	}
}

// tracked keeps ten requests a second for each instance.
func tracked() scenarios.PlannedService {
	return scenarios.PlannedService{
		Port: 80, Replicas: 2,
		Autoscale: &scenarios.PlannedAutoscale{
			TargetTracking: &scenarios.TargetTracking{Metric: scenarios.RequestsPerInstance, Target: scenarios.Value{Number: 10, Unit: "/s"}},
			Min:            1, Max: 8, Every: seconds(15), Resolution: seconds(15),
		},
	}
}

// An HPA on real CPU, at five times the pace: it looks every 3 s, adds what the
// load asks for, and the record leads from what was started back to the decision.
func TestAnHPAFollowsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(5, cpuHPA()))
		r.cluster.add("api", 2, true)
		r.cluster.load = func(at time.Duration) float64 {
			if at < 20*time.Second {
				return 0.2 // half of what two request
			}
			return 0.5 // five instances
		}
		r.begin()
		r.until(50 * time.Second)
		r.end()
		decisions := all[journal.ScaleDecision](r)
		for i, d := range decisions {
			if want := 100*time.Millisecond + time.Duration(i+1)*3*time.Second; d.T != want || d.Body.ID != i+1 || d.Body.Autoscaler != "hpa" || d.Body.Service != "api" {
				t.Errorf("decision %d of %s at %v: %+v; want it at %v", i+1, d.Body.Service, d.T, d.Body, want)
			}
		}
		if len(decisions) != 16 {
			t.Errorf("%d decisions in 50 s", len(decisions))
		}
		changes := r.changes()
		if len(changes) == 0 {
			t.Fatal("no change")
		}
		first, last := changes[0], changes[len(changes)-1].Body
		if first.T != 21100*time.Millisecond || first.Body.Reason != "SucceededRescale" || *first.Body.Metrics[0].Value < 56 || first.Body.Metrics[0].Target != 50 {
			t.Errorf("first change at %v: %+v", first.T, first.Body)
		}
		if last.Desired != 5 || len(r.cluster.Members("api")) != 5 {
			t.Errorf("last change %+v; there are %s", last, r.cluster.names("api"))
		}
		started := 0
		for _, a := range all[journal.ScaleApplied](r) {
			i := slices.IndexFunc(changes, func(d entry[journal.ScaleDecision]) bool { return d.Body.ID == a.Body.ID })
			if i < 0 || changes[i].T > a.T || a.Body.Error != "" || len(a.Body.Started) != changes[i].Body.Desired-changes[i].Body.Current {
				t.Errorf("applied %+v", a)
			}
			started += len(a.Body.Started)
		}
		if started != 3 {
			t.Errorf("%d were started", started)
		}
		if use := all[journal.Usage](r); len(use) < 2*16 || use[0].Body.Service != "api" || use[2].T != 3*time.Second {
			t.Errorf("%d samples: %+v", len(use), use[:3])
		}
	})
}

// send gives every ready instance its share of a rate of requests, as its gateway
// would tell, second by second.
func (r *run) send(rate func(at time.Duration) float64, until time.Duration) {
	for at := time.Second; at <= until; at += time.Second {
		r.until(at)
		var ready []string
		for _, m := range r.cluster.Members("api") {
			if m.Ready {
				ready = append(ready, m.Name)
			}
		}
		for _, name := range ready {
			r.Observe(journal.Event{T: at, Body: journal.Tally{Service: "api", Instance: name, For: time.Second, Total: int(math.Round(rate(at) / float64(len(ready))))}})
		}
		r.Observe(journal.Event{T: at, Body: journal.Tally{Service: "api", For: time.Second, Total: 1000}}) // nobody's load
	}
}

func TestTargetTrackingFollowsTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(5, tracked()))
		r.cluster.add("api", 2, true)
		r.begin()
		r.send(func(at time.Duration) float64 {
			if at < 20*time.Second {
				return 20
			}
			return 60
		}, 60*time.Second)
		r.end()
		changes := r.changes()
		if len(changes) == 0 || changes[0].T < 21*time.Second || changes[0].T > 25*time.Second || changes[0].Body.Reason != scaling.ScaledOut {
			t.Fatalf("changes %+v", changes)
		}
		if n := len(r.cluster.Members("api")); n != 6 {
			t.Errorf("%d instances for 60/s, at 10/s each", n)
		}
	})
}

func TestFloors(t *testing.T) {
	for name, auto := range map[string]*scenarios.PlannedAutoscale{
		"alone":              {},
		"with an autoscaler": {TargetTracking: tracked().Autoscale.TargetTracking},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				auto.Min, auto.Max, auto.Every = 2, 4, seconds(10)
				auto.Floors = []scenarios.PlannedFloor{{Start: seconds(20), End: seconds(40), Min: 3}, {Start: seconds(30), End: seconds(40), Min: 9}}
				r := newRun(t, planOf(10, scenarios.PlannedService{Port: 80, Autoscale: auto}))
				r.cluster.add("api", 2, true)
				r.begin()
				for at, want := range map[time.Duration]int{19 * time.Second: 2, 22 * time.Second: 3, 32 * time.Second: 4} {
					go func() {
						r.until(at)
						if n := len(r.cluster.Members("api")); n != want {
							t.Errorf("%d instances at %v, want %d", n, at, want)
						}
					}()
				}
				r.until(45 * time.Second)
				r.end()
				first := r.changes()[0].Body
				if first.Reason != scaling.ScheduledFloor || first.Desired != 3 {
					t.Errorf("%+v", first)
				}
				if name == "alone" && len(r.cluster.Members("api")) != 2 {
					t.Error("it does not go back to the least")
				}
			})
		})
	}
}

// What a floor keeps from being removed was not removed: no cooldown follows from
// it, and the autoscaler acts as soon as the floor is gone.
func TestAFloorIsNoChangeOfTheAutoscaler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := tracked()
		service.Autoscale.Every = seconds(10)
		service.Autoscale.TargetTracking.Cooldown = to(seconds(100))
		service.Autoscale.Floors = []scenarios.PlannedFloor{{Start: 0, End: seconds(30), Min: 4}}
		r := newRun(t, planOf(10, service))
		r.cluster.add("api", 4, true)
		r.begin()
		r.until(50 * time.Second)
		r.end()
		changes := r.changes()
		if len(changes) != 2 || changes[0].T != 30100*time.Millisecond || changes[1].T != 40100*time.Millisecond {
			t.Errorf("%+v", changes)
		}
	})
}

// Under the control frozen everything is decided, and nothing is done.
func TestFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := planOf(5, cpuHPA())
		plan.Control = scenarios.ControlFrozen
		r := newRun(t, plan)
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.5 }
		r.cluster.lives = func(name string) (time.Duration, int, bool) {
			if name == "api-2" {
				return 30 * time.Second, 1, false
			}
			return 0, 0, false
		}
		r.begin()
		r.until(60 * time.Second)
		r.end()
		held, replaced := 0, 0
		for _, d := range r.changes() {
			if d.Body.Held != "frozen" {
				t.Errorf("not held: %+v", d.Body)
			}
			held++
			if d.Body.Autoscaler == "replace" {
				replaced++
			}
		}
		if held < 10 || replaced != 1 || len(all[journal.ScaleApplied](r)) != 0 || r.cluster.did() != "" {
			t.Errorf("%d decisions were held, %d of them replacements; done: %v", held, replaced, all[journal.ScaleApplied](r))
		}
	})
}

// In a phase in which it is paused an autoscaler decides as ever and does nothing;
// afterwards it acts.
func TestAPausedAutoscalerOnlyDecides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := cpuHPA()
		service.Autoscale.PausedIn = []string{"surge"}
		plan := planOf(5, service)
		plan.Phases = []scenarios.PlannedPhase{{Name: "surge", End: seconds(30)}, {Name: "after", Start: seconds(30), End: seconds(60)}}
		r := newRun(t, plan)
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.5 }
		r.begin()
		r.until(60 * time.Second)
		r.end()
		held := 0
		for _, d := range r.changes() {
			if paused := d.T < 30*time.Second; paused != (d.Body.Held == "paused") {
				t.Errorf("at %v: held %q", d.T, d.Body.Held)
			} else if paused {
				held++
			}
		}
		if held < 5 || r.cluster.did() == "" {
			t.Errorf("%d decisions were held; done afterwards: %q", held, r.cluster.did())
		}
	})
}

// A metric that stops arriving is journaled, and nothing is removed, whatever it
// said last.
func TestAMetricStopsArriving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tracked()
		s.Autoscale.TargetTracking.Metric = "jobs"
		s.Autoscale.TargetTracking.Cooldown = to(seconds(5))
		s.Autoscale.Every = seconds(30) // evaluations at 6.1 s, 12.1 s, and so on
		s.Metrics = map[string]scenarios.MetricSource{"jobs": {Exposition: &scenarios.Exposition{Series: "jobs"}, Every: seconds(1)}}
		r := newRun(t, planOf(5, s))
		r.cluster.add("api", 4, true)
		r.cluster.page = func(string) ([]byte, error) {
			switch at := r.clock.Now(); {
			case at < 8*time.Second:
				return []byte("jobs 10\n"), nil
			case at < 9*time.Second:
				return []byte("jobs 1\n"), nil // which would ask for fewer, if it were not stale when somebody looks
			}
			return nil, errors.New("fetch /metrics of api-1: it answers with status 503")
		}
		r.begin()
		r.until(39500 * time.Millisecond)
		r.end()
		if n := len(r.cluster.Members("api")); n != 4 {
			t.Errorf("%d instances are left", n)
		}
		var last journal.ScaleDecision
		for _, d := range all[journal.ScaleDecision](r) {
			last = d.Body
			if d.T > 12*time.Second && (d.Body.Reason != scaling.MetricUnavailable || !strings.Contains(d.Body.Metrics[0].Error, "since then: fetch /metrics of api-") || !strings.Contains(d.Body.Message, "503")) {
				t.Errorf("at %v: %+v", d.T, d.Body)
			}
		}
		if last.Metrics[0].Value != nil {
			t.Errorf("a value of nothing: %+v", last.Metrics)
		}
		lost := slices.DeleteFunc(all[journal.Measured](r), func(m entry[journal.Measured]) bool { return m.Body.Error == "" })
		if len(lost) != 31 || lost[0].T != 9*time.Second || !strings.Contains(lost[0].Body.Error, "status 503") {
			t.Errorf("%d readings were lost: %+v", len(lost), lost[:1])
		}
	})
}

// People are told when an autoscaler goes blind, once, and when it sees again. A
// single look without a metric is no news: a rate has one reading at first.
func TestABlindAutoscalerIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tracked()
		s.Autoscale.TargetTracking.Metric = "jobs"
		s.Autoscale.Every = seconds(2) // of real time
		s.Metrics = map[string]scenarios.MetricSource{"jobs": {Exposition: &scenarios.Exposition{Series: "jobs"}, Every: seconds(1)}}
		r := newRun(t, planOf(1, s))
		r.cluster.add("api", 2, true)
		r.cluster.page = func(string) ([]byte, error) {
			if at := r.clock.Now(); at < 4*time.Second || at > 20*time.Second {
				return []byte("jobs 10\n"), nil
			}
			return nil, errors.New("fetch /metrics of api-1: it answers with status 404")
		}
		r.begin()
		r.until(40 * time.Second)
		r.end()
		var told []string
		for _, n := range all[journal.Note](r) {
			told = append(told, n.Body.Level+": "+n.Body.Text)
		}
		want := []string{
			"warning: the autoscaler of api has done without jobs 3 times in a row, and removes nothing until it is back: ",
			"info: the autoscaler of api has all of its metrics again",
		}
		if len(told) != 2 || !strings.HasPrefix(told[0], want[0]) || !strings.Contains(told[0], "404") || told[1] != want[1] {
			t.Errorf("told %q\nwant %q", told, want)
		}
	})
}

// What breaks down is replaced, at first at once and then with a back-off that
// doubles; the autoscaler does not take what is owed for missing.
func TestReplacementsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tracked()
		s.Autoscale.TargetTracking, s.Autoscale.Min = nil, 2 // steady
		r := newRun(t, planOf(5, s))
		r.cluster.add("api", 2, true)
		r.cluster.lives = func(name string) (time.Duration, int, bool) {
			if name == "api-1" {
				return 0, 0, false
			}
			return time.Second, 137, true
		}
		r.begin()
		r.until(100 * time.Second)
		r.end()
		var waits []string
		for _, d := range all[journal.ScaleDecision](r) {
			if d.Body.Autoscaler != "replace" {
				if d.Body.Desired != d.Body.Current {
					t.Errorf("the autoscaler takes what is owed for missing: %+v", d.Body)
				}
				continue
			}
			if d.Body.Reason != "InstanceExited" || !strings.Contains(d.Body.Message, "ran out of memory and exited with code 137") || d.Body.Current != 1 || d.Body.Desired != 2 {
				t.Errorf("%+v", d.Body)
			}
			// 1 s of life, 100 ms to start, and up to 250 ms until somebody looks
			waits = append(waits, fmt.Sprint(d.T.Round(time.Second)))
		}
		// 0, 2, 4, 8, 16 and 32 s of real time after each exit
		if got, want := strings.Join(waits, " "), "1s 4s 10s 19s 36s 1m9s"; got != want {
			t.Errorf("replaced at %s, want about %s", got, want)
		}
	})
}

func TestBackOff(t *testing.T) {
	want := []time.Duration{0, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 300 * time.Second, 300 * time.Second}
	for n, w := range want {
		if got := backOff(n); got != w {
			t.Errorf("%v after %d, want %v", got, n, w)
		}
	}
	if backOff(1000) != mostBackOff || backOff(-1) != 0 {
		t.Error("beyond the ends")
	}
}

// A breakdown after a long life is a first one; one that somebody else has made up
// for is forgotten.
func TestBreakdownsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tracked()
		s.Autoscale.TargetTracking, s.Autoscale.Min = nil, 1
		r := newRun(t, planOf(1, s))
		r.cluster.add("api", 1, true)
		r.cluster.lives = func(string) (time.Duration, int, bool) { return 11 * time.Minute, 1, false }
		r.begin()
		r.until(34 * time.Minute)
		r.emit(journal.ActionStarted{Service: "api", Action: "rolling_release"})
		r.until(45 * time.Minute) // it breaks down under the release, which replaces it
		if _, _, err := r.cluster.Adjust(context.Background(), "api", 1, "release"); err != nil {
			t.Fatal(err)
		}
		r.emit(journal.ActionEnded{Service: "api", Action: "rolling_release"})
		r.until(46 * time.Minute)
		r.end()
		for n, d := range r.changes() {
			if want := time.Duration(n+1) * 11 * time.Minute; d.T.Round(time.Minute) != want || n > 2 {
				t.Errorf("replaced at %v, want %v", d.T, want)
			}
		}
		if got := r.cluster.names("api"); got != "api-5 base" {
			t.Errorf("there are %s", got)
		}
	})
}

// queued has as many instances as jobs.
func queued(jobs *atomic.Int64) (scenarios.PlannedService, func(string) ([]byte, error)) {
	s := scenarios.PlannedService{
		Metrics: map[string]scenarios.MetricSource{"jobs": {Exposition: &scenarios.Exposition{Series: "jobs", Combine: "max", Port: 90}, Every: seconds(1)}},
		Autoscale: &scenarios.PlannedAutoscale{
			Queue: &scenarios.QueueScaling{Backlog: "jobs", PerInstance: 1, Cooldown: to(seconds(1))}, Min: 1, Max: 10, Every: seconds(5),
		},
	}
	return s, func(string) ([]byte, error) { return fmt.Appendf(nil, "jobs %d\n", jobs.Load()), nil }
}

// What waits for its back-off is there for the autoscaler: it adds what is beyond
// that, and takes from that first.
func TestScalingBesideBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var jobs atomic.Int64
		jobs.Store(2)
		s, page := queued(&jobs)
		r := newRun(t, planOf(1, s))
		r.cluster.page = page
		r.cluster.add("api", 2, true)
		r.cluster.lives = func(name string) (time.Duration, int, bool) {
			if name == "api-2" || name == "api-3" { // replaced at 1 s at once, and at about 12 s
				return time.Second, 1, false
			}
			return 0, 0, false
		}
		r.begin()
		r.until(4 * time.Second)
		jobs.Store(4)
		r.until(7 * time.Second)
		if got := r.cluster.names("api"); got != "api-1 base, api-4 base, api-5 base" {
			t.Errorf("with one to come: %s", got)
		}
		r.until(14 * time.Second)
		if got := r.cluster.names("api"); got != "api-1 base, api-4 base, api-5 base, api-6 base" {
			t.Errorf("it has come: %s", got)
		}
		r.cluster.mu.Lock()
		r.cluster.lives = func(name string) (time.Duration, int, bool) {
			if name == "api-6" { // it would be replaced 20 s later
				return 3 * time.Second, 1, false
			}
			return 0, 0, false
		}
		r.cluster.mu.Unlock()
		r.until(17 * time.Second)
		jobs.Store(3)
		r.until(60 * time.Second)
		r.end()
		if got := r.cluster.names("api"); got != "api-1 base, api-4 base, api-5 base" {
			t.Errorf("with one less: %s", got)
		}
		var changes []string
		for _, d := range r.changes() {
			changes = append(changes, fmt.Sprint(d.T.Round(time.Second), " ", d.Body.Autoscaler, " ", d.Body.Current, " to ", d.Body.Desired))
		}
		same(t, "changes", changes, "1s replace 1 to 2", "5s queue 2 to 4", "12s replace 3 to 4", "20s queue 4 to 3")
	})
}

// One that waits for its back-off is not replaced when somebody else has made up
// for it; one that could not be replaced is tried again after the next.
func TestReplacementsThatAreNotNeededOrFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tracked()
		s.Autoscale.TargetTracking, s.Autoscale.Min = nil, 1
		r := newRun(t, planOf(1, s))
		r.cluster.add("api", 1, true)
		r.cluster.lives = func(name string) (time.Duration, int, bool) {
			if name == "api-1" || name == "api-2" {
				return time.Second, 1, false
			}
			return 0, 0, false
		}
		var asked atomic.Int32
		r.cluster.adjusting = func(context.Context) error {
			if asked.Add(1) == 1 {
				return errors.New("no")
			}
			return nil
		}
		r.begin()
		r.until(14 * time.Second) // refused at 1 s, replaced at 11 s, broken down at 12 s, to be replaced at 32 s
		if _, _, err := r.cluster.Adjust(context.Background(), "api", 1, "by hand"); err != nil {
			t.Fatal(err)
		}
		r.until(60 * time.Second)
		r.end()
		var at []string
		for _, d := range r.changes() {
			at = append(at, fmt.Sprint(d.T.Round(time.Second)))
		}
		same(t, "replaced", at, "1s", "11s")
		if got := r.cluster.names("api"); got != "api-3 base" {
			t.Errorf("instances %s", got)
		}
	})
}

// An exit that nobody asked for is looked at when it is told.
func TestAnExitIsLookedAtAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tracked()
		s.Autoscale.TargetTracking, s.Autoscale.Min = nil, 1
		r := newRun(t, planOf(1, s))
		r.cluster.add("api", 1, true)
		r.cluster.lives = func(string) (time.Duration, int, bool) { return 1050 * time.Millisecond, 1, false }
		r.begin()
		r.until(1050 * time.Millisecond)
		r.emit(journal.InstanceExited{Service: "api", Instance: "api-1", Code: 1})
		r.until(1060 * time.Millisecond)
		if got := r.changes(); len(got) != 1 || got[0].T != 1050*time.Millisecond {
			t.Errorf("%+v", got)
		}
		r.end()
	})
}

// While an action has the service, nothing is evaluated; while a change waits for
// its turn nothing is either, and nothing piles up.
func TestNothingPilesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(5, cpuHPA()))
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.5 }
		turn := make(chan struct{})
		r.cluster.adjusting = func(ctx context.Context) error {
			select {
			case <-turn:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		r.emit(journal.ActionStarted{Service: "api", Action: "rolling_release"})
		r.emit(journal.ActionStarted{Service: "seed", Action: "job"})
		r.emit(journal.ActionStarted{Service: "api", Action: "interrupt"})
		r.begin()
		r.until(20 * time.Second)
		if got := all[journal.ScaleDecision](r); len(got) != 0 {
			t.Errorf("evaluated under a release: %+v", got)
		}
		r.emit(journal.ActionEnded{Service: "api", Action: "rolling_release"})
		r.until(60 * time.Second)
		if got := all[journal.ScaleDecision](r); len(got) != 1 || got[0].Body.Desired != 4 {
			t.Errorf("evaluated while the change waits: %+v", got)
		}
		close(turn)
		r.until(61 * time.Second)
		if got := len(r.cluster.Members("api")); got != 5 {
			t.Errorf("%d instances", got)
		}
		if got := len(all[journal.ScaleDecision](r)); got > 2 {
			t.Errorf("%d decisions: they have piled up", got)
		}
		r.end()
	})
}

// A change that is refused is journaled; the HPA goes on asking for it.
func TestARefusedChangeIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(5, cpuHPA()))
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.5 }
		r.cluster.adjusting = func(context.Context) error {
			if r.clock.Now() < 10*time.Second {
				return errors.New("create api-3: no space left on device\ncreate api-4: the same")
			}
			return nil
		}
		r.begin()
		r.until(20 * time.Second)
		r.end()
		applied := all[journal.ScaleApplied](r)
		if len(applied) < 4 || applied[0].Body.Error != "create api-3: no space left on device; create api-4: the same" || applied[3].Body.Error != "" {
			t.Errorf("%+v", applied)
		}
		if got := len(r.cluster.Members("api")); got != 5 {
			t.Errorf("%d instances", got)
		}
	})
}

// The end of the run ends what waits, and the record says so.
func TestTheRunEndsWhileAChangeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(5, cpuHPA()))
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.5 }
		r.cluster.adjusting = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		r.begin()
		r.until(10 * time.Second)
		r.end()
		applied := all[journal.ScaleApplied](r)
		if len(applied) != 1 || !strings.Contains(applied[0].Body.Error, "last phase is over") {
			t.Errorf("%+v", applied)
		}
	})
}

// Whatever the tempo asks for, the controller does not spin, and says so.
func TestThePaceHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(1000, cpuHPA()))
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.2 }
		r.begin()
		r.until(9990 * time.Millisecond)
		r.end()
		if got := len(all[journal.ScaleDecision](r)); got != 39 {
			t.Errorf("%d evaluations in 10 s", got)
		}
		if got := len(all[journal.Usage](r)); got != 2*20 {
			t.Errorf("%d samples of two instances in 10 s", got)
		}
		notes := all[journal.Note](r)
		if len(notes) != 2 || notes[0].Body.Level != "info" || !strings.Contains(notes[0].Body.Text, "every 250ms") || !strings.Contains(notes[1].Body.Text, "every 500ms") {
			t.Errorf("%+v", notes)
		}
	})
}

func TestNothingToControl(t *testing.T) {
	c := New(Config{Plan: &scenarios.Plan{Services: map[string]scenarios.PlannedService{"api": {}}}})
	if c != nil {
		t.Fatal("a controller of nothing")
	}
	c.Observe(journal.Event{Body: journal.TrafficStarted{}})
	if err := c.Run(context.Background()); err != nil {
		t.Error(err)
	}
	if a := c.Session(context.Background(), journal.SessionSignal{}); a.State != gateway.NoAnswer {
		t.Errorf("%+v", a)
	}
	costs := &scenarios.Plan{Services: map[string]scenarios.PlannedService{"api": {}}, Checks: []scenarios.Check{{Cost: &scenarios.CostCheck{Service: "api"}}}}
	if New(Config{Plan: costs}) == nil {
		t.Error("cost is judged by use, and nobody measures it")
	}
}

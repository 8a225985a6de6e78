package scaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// ready has all its instances take work since they were started.
func ready(s State) State {
	for i := range s.Instances {
		s.Instances[i].Ready = s.Instances[i].Started
	}
	return s
}

// Instances that take work and did not tell are no reason to remove any: they
// count as at the target then, and as idle where instances are added.
func TestTargetTrackingOnPartialData(t *testing.T) {
	told := func(values ...float64) Reading {
		r := Reading{Value: 1, Each: map[string]float64{}}
		for i, v := range values {
			r.Each[fmt.Sprintf("api-%d", i+1)] = v
		}
		return r
	}
	for name, c := range map[string]struct {
		state           State
		reading         Reading
		wanted, desired int
		reason          string
		missing         int
		said            bool
	}{
		"one of four tells of little":          {ready(stateOf(2000, 4, 0)), told(10), 4, 4, WithinRange, 3, true},
		"three of four tell of nothing":        {ready(stateOf(2000, 4, 0)), told(0, 0, 0), 1, 3, ScaledIn, 1, true},
		"one of four tells of much":            {ready(stateOf(2000, 4, 0)), told(250), 5, 5, ScaledOut, 3, false},
		"one of four tells of not so much":     {ready(stateOf(2000, 4, 0)), told(200), 4, 4, WithinRange, 3, false},
		"those that do not take work yet":      {stateOf(2000, 4, 0), told(10), 1, 3, ScaledIn, 0, false},
		"those that are not warm":              {ready(stateOf(2000, 2, 2)), told(100, 100), 4, 4, WithinRange, 0, false},
		"a metric that no instance has at all": {ready(stateOf(2000, 4, 0)), Reading{Value: 10}, 1, 3, ScaledIn, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := TargetTracking(tracking, c.state, c.reading, TrackingHistory{})
			want(t, d, c.wanted, c.desired, c.reason, "")
			if d.Metrics[0].Missing != c.missing {
				t.Errorf("%d are missing, want %d", d.Metrics[0].Missing, c.missing)
			}
			if strings.Contains(d.Message, "did not tell and count as at the target") != c.said {
				t.Errorf("message %q", d.Message)
			}
		})
	}
}

// A value between the number that is needed and the next is no reason to remove
// one and add it again.
func TestTargetTrackingDoesNotSwing(t *testing.T) {
	d, _ := TargetTracking(tracking, stateOf(2000, 2, 0), Reading{Value: 30}, TrackingHistory{})
	want(t, d, 2, 2, WithinRange, "is 30/s")
}

func TestTargetTrackingOfNobody(t *testing.T) {
	total := tracking
	total.Total = true
	d, _ := TargetTracking(total, stateOf(2000, 0, 2), Reading{Value: 100}, TrackingHistory{})
	want(t, d, 2, 2, WarmingUp, "no instance is warm")
}

// A target that nothing can be kept at is refused before a run; without that it is
// no reason to take or to add anything.
func TestATargetOfNothing(t *testing.T) {
	for _, target := range []float64{0, -1, math.NaN()} {
		spec := tracking
		spec.Target.Number = target
		for _, v := range []float64{0, 10} {
			d, _ := TargetTracking(spec, stateOf(2000, 4, 0), Reading{Value: v}, TrackingHistory{})
			want(t, d, 4, 4, MetricUnavailable, "is none to keep")
		}
	}
}

// An instance is warm as soon as it has been there for the warm-up.
func TestWarmUpEnds(t *testing.T) {
	for second, warming := range map[int]bool{59: true, 60: false} {
		d, _ := TargetTracking(tracking, stateOf(second, 2, 0), Reading{Value: 50}, TrackingHistory{})
		if (d.Reason == WarmingUp) != warming {
			t.Errorf("after %d s: %s", second, d.Reason)
		}
	}
}

func TestStepsAtTheirEdges(t *testing.T) {
	number := func(n int) *scenarios.Portion { return &scenarios.Portion{Number: n} }
	only := func(s scenarios.ScaleStep) scenarios.StepScaling {
		spec := scenarios.StepScaling{Metric: "cpu"}
		if s.Above != nil {
			spec.Out = []scenarios.ScaleStep{s}
		} else {
			spec.In = []scenarios.ScaleStep{s}
		}
		return spec
	}
	above, below := pointer(value("60%")), pointer(value("30%"))
	for name, c := range map[string]struct {
		spec            scenarios.StepScaling
		n               int
		value           float64
		wanted, desired int
		reason          string
	}{
		"only steps in":                         {only(scenarios.ScaleStep{Below: below, Change: number(1)}), 4, 50, 4, 4, WithinRange},
		"only steps in, one reached":            {only(scenarios.ScaleStep{Below: below, Change: number(1)}), 4, 20, 3, 3, ScaledIn},
		"out to a number that is there":         {only(scenarios.ScaleStep{Above: above, To: pointer(4)}), 4, 99, 4, 4, WithinRange},
		"out to a number that is below":         {only(scenarios.ScaleStep{Above: above, To: pointer(2)}), 4, 99, 2, 4, WithinRange},
		"in to a number that is there":          {only(scenarios.ScaleStep{Below: below, To: pointer(4)}), 4, 1, 4, 4, WithinRange},
		"in to a number that is above":          {only(scenarios.ScaleStep{Below: below, To: pointer(9)}), 4, 1, 4, 4, WithinRange},
		"more than there are, down to none":     {only(scenarios.ScaleStep{Below: below, Change: number(100)}), 4, 1, 0, 1, TooFewReplicas},
		"without a step's number nothing moves": {only(scenarios.ScaleStep{Above: above}), 4, 99, 4, 4, WithinRange},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := Step(c.spec, stateOf(2000, c.n, 0), Reading{Value: c.value}, StepHistory{})
			want(t, d, c.wanted, c.desired, c.reason, "cpu is")
			if p := d.Metrics[0].Proposed; p != nil && *p < 0 {
				t.Errorf("it proposes %d", *p)
			}
		})
	}
}

// AWS's own example: ten instances, a step that adds 10 %, and, while that one
// warms up, a step that adds 30 %: two more, because one is on its way. When the
// first alarm goes on it adds nothing.
func TestStepsCountWhatWarmsUp(t *testing.T) {
	spec := scenarios.StepScaling{Metric: "cpu", WarmUp: scenarios.Duration(time.Minute), Out: []scenarios.ScaleStep{
		{Above: pointer(value("60%")), Change: &scenarios.Portion{Percent: 10}},
		{Above: pointer(value("70%")), Change: &scenarios.Portion{Percent: 30}},
	}}
	state := stateOf(2000, 10, 0)
	state.Max = 20
	d, h := Step(spec, state, Reading{Value: 60}, StepHistory{})
	want(t, d, 11, 11, ScaledOut, "")
	state = stateOf(2030, 10, 1)
	state.Max = 20
	d, h = Step(spec, state, Reading{Value: 62}, h)
	want(t, d, 11, 11, WarmingUp, "1 on their way count already")
	d, _ = Step(spec, state, Reading{Value: 75}, h)
	want(t, d, 13, 13, ScaledOut, "")
}

// A limit counts in readings in a row: one between is the beginning of a new row,
// for both directions.
func TestStepsCountReadingsInARow(t *testing.T) {
	h := StepHistory{}
	for i, c := range []struct {
		value        float64
		above, below int
		desired      int
	}{{70, 1, 0, 4}, {50, 0, 0, 4}, {70, 1, 0, 4}, {20, 0, 1, 4}, {70, 1, 0, 4}, {70, 2, 0, 5}} {
		var d Decision
		d, h = Step(stepping, stateOf(2000+i, 4, 0), Reading{Value: c.value}, h)
		if d.Desired != c.desired || h.Above != c.above || h.Below != c.below {
			t.Errorf("reading %d: %d, %+v; want %+v", i, d.Desired, h, c)
		}
	}
}

func TestQueueAtItsEdges(t *testing.T) {
	began := QueueHistory{Began: at(0)}
	for name, c := range map[string]struct {
		state           State
		backlog, age    float64
		history         QueueHistory
		wanted, desired int
		reason, message string
	}{
		"a job as old as it may be":                {stateOf(2000, 3, 0), 50, 30, began, 3, 3, WithinRange, "orders is 50"},
		"one more than there are is asked anyway":  {stateOf(2000, 3, 0), 61, 31, began, 4, 4, ScaledOut, ""},
		"the first cooldown is just over":          {stateOf(300, 5, 0), 25, 0, began, 2, 2, ScaledIn, ""},
		"the first cooldown, and nothing was more": {stateOf(299, 5, 0), 25, 0, began, 2, 5, CoolingDown, "nothing is removed in the first 5m0s"},
		"an age beyond any":                        {stateOf(2000, 3, 0), 50, 1e300, began, 4, 4, JobTooOld, "1e+300s old"},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := Queue(queueing, c.state, Reading{Value: c.backlog}, Reading{Value: c.age}, c.history)
			want(t, d, c.wanted, c.desired, c.reason, c.message)
		})
	}
}

// What is asked for exactly is no reason for the schedule to be named.
func TestAFloorThatIsReached(t *testing.T) {
	floors := []scenarios.PlannedFloor{{Start: 0, End: 10e9, Min: 4}}
	if d := Floor(floors, time.Second, State{Max: 10}, Decision{Desired: 4, Reason: ScaledOut}); d.Reason != ScaledOut {
		t.Errorf("%+v", d)
	}
}

func TestNumbersAreReadable(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0.25, "s", "250ms"}, {90, "s", "1m30s"}, {1.8e18, "s", "1.8e+18s"}, {1 << 30, "B", "1GiB"}, {1e30, "B", "1e+30B"},
		{12.345, "/s", "12.3/s"}, {99.96, "%", "100%"}, {0, "", "0"},
	} {
		if got := number(c.value, c.unit); got != c.want {
			t.Errorf("%v %s is %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}

// What is no use is not known: nothing changes, and the record can be written.
func TestReactiveOnNonsense(t *testing.T) {
	for _, use := range []Use{
		{CPUs: math.NaN()}, {CPUs: math.Inf(1)}, {CPUs: math.Inf(-1)}, {CPUs: -1}, {Memory: -1},
	} {
		for _, class := range []string{BaseClass, LargeClass} {
			use.Instance, use.Class = "i", class
			d, next := Reactive(reactive, baseClass, []Use{use}, ReactiveHistory{}, origin)
			if d.Reason != MetricUnavailable || next.Class("i") != class || !next["i"].Calm.IsZero() {
				t.Errorf("%+v: %s: %s, then %v", use, d.Reason, d.Message, next)
			}
			if _, err := json.Marshal(d); err != nil {
				t.Error(err)
			}
		}
	}
	if d, _ := Reactive(reactive, baseClass, nil, nil, origin); d.Reason != WithinRange || d.Message != "" {
		t.Errorf("of nobody: %+v", d)
	}
}

func TestNamesAreListed(t *testing.T) {
	names := []string{"h", "g", "f", "e", "d", "c", "b", "a"}
	if got := listed(names); got != "a, b, c, d, e, f, g, h" {
		t.Errorf("eight: %s", got)
	}
	if got := listed(append(names, "i", "j")); got != "a, b, c, d, e, f, g, h and 2 more" {
		t.Errorf("ten: %s", got)
	}
}

// strange are values that a metric may have, whatever it means.
func strange() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1000), rapid.SampledFrom([]float64{
		0, math.Copysign(0, -1), -1, math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e18, 1 << 53,
	}))
}

// somebody is a service as it may stand: any of its instances started or not,
// ready or not.
func somebody(t *rapid.T) State {
	s := State{Now: at(rapid.IntRange(0, 4000).Draw(t, "now")), Min: rapid.IntRange(0, 4).Draw(t, "min")}
	s.Max = s.Min + rapid.IntRange(1, 12).Draw(t, "more")
	for i := range rapid.IntRange(0, 14).Draw(t, "instances") {
		one := Instance{Name: fmt.Sprintf("api-%d", i+1)}
		if rapid.IntRange(0, 4).Draw(t, "there") > 0 {
			one.Started = s.Now.Add(-time.Duration(rapid.IntRange(0, 200).Draw(t, "since")) * time.Second)
			if rapid.Bool().Draw(t, "takes work") {
				one.Ready = one.Started
			}
		}
		s.Instances = append(s.Instances, one)
	}
	return s
}

// told is a reading of a service, with or without those of its instances.
func told(t *rapid.T, s State) Reading {
	r := Reading{Value: strange().Draw(t, "value"), At: s.Now}
	if rapid.IntRange(0, 3).Draw(t, "broken") == 0 {
		r.Err = errors.New("broken")
	}
	if rapid.Bool().Draw(t, "each") {
		r.Each = map[string]float64{}
		for _, i := range s.Instances {
			if rapid.Bool().Draw(t, "tells") {
				r.Each[i.Name] = strange().Draw(t, "of one")
			}
		}
	}
	return r
}

// Whatever is read, a decision is within its limits, can be written, says why in
// words, wants no number that cannot be, and removes nothing without a value.
func TestDecisionsMakeSense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := somebody(t)
		reading, age := told(t, state), told(t, state)
		tracked, stepped := tracking, stepping
		tracked.Total = rapid.Bool().Draw(t, "total")
		tracked.Target.Number = rapid.SampledFrom([]float64{50, 1e-300, 1e300, 0, -1}).Draw(t, "target")
		stepped.In = append(stepped.In, scenarios.ScaleStep{Below: pointer(value("1%")), Change: &scenarios.Portion{Number: 100}})
		target, _ := TargetTracking(tracked, state, reading, TrackingHistory{})
		step, _ := Step(stepped, state, reading, StepHistory{Above: 5, Below: 5})
		queue, _ := Queue(queueing, state, reading, age, QueueHistory{Began: epoch})
		for name, d := range map[string]Decision{"target": target, "step": step, "queue": queue} {
			if d.Desired < state.Min || d.Desired > state.Max || d.Current != len(state.Instances) || d.Wanted < 0 || d.Wanted > mostWanted {
				t.Fatalf("%s: %+v, limits %d to %d", name, d, state.Min, state.Max)
			}
			if d.Reason == "" || d.Message == "" || strings.Contains(d.Message, "%!") || strings.Contains(d.Message, "-2562047h") {
				t.Fatalf("%s: %s: %q", name, d.Reason, d.Message)
			}
			if _, err := json.Marshal(d); err != nil {
				t.Fatalf("%s: %+v cannot be written: %v", name, d, err)
			}
			for _, m := range d.Metrics {
				if (m.Value == nil) != (m.Error != "") || m.Proposed != nil && (*m.Proposed < 0 || *m.Proposed > mostWanted) {
					t.Fatalf("%s: metric %+v", name, m)
				}
			}
			if d.Metrics[0].Error != "" && d.Desired < d.Current && d.Current <= state.Max {
				t.Fatalf("%s removes without a value: %+v", name, d)
			}
			if d.Metrics[0].Error != "" && d.Desired > d.Current && d.Current >= state.Min {
				t.Fatalf("%s adds without a value: %+v", name, d)
			}
		}
	})
}

// The more there is to do, the more instances there are.
func TestMoreLoadIsNotFewerInstances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := somebody(t)
		a := rapid.Float64Range(0, 2000).Draw(t, "little")
		b := a + rapid.Float64Range(0, 2000).Draw(t, "more")
		asked := []Asked{{rapid.IntRange(0, 12).Draw(t, "asked"), state.Now.Add(-time.Minute)}}
		ask := func(v float64) (d [3]Decision) {
			d[0], _ = TargetTracking(tracking, state, Reading{Value: v}, TrackingHistory{})
			d[1], _ = Step(stepping, state, Reading{Value: v}, StepHistory{Above: 5, Below: 5})
			d[2], _ = Queue(queueing, state, Reading{Value: v}, Reading{}, QueueHistory{Began: epoch.Add(-time.Hour), Asked: asked})
			return d
		}
		few, many := ask(a), ask(b)
		for i := range few {
			if few[i].Desired > many[i].Desired {
				t.Fatalf("of %v: %d: %s\nof %v: %d: %s", a, few[i].Desired, few[i].Message, b, many[i].Desired, many[i].Message)
			}
		}
	})
}

// Along any load nothing is removed within the cooldown of the change before, and
// of a queue only when nobody has asked for so many within it.
func TestNothingIsRemovedWithinTheCooldown(t *testing.T) {
	const period = 15 * time.Second
	rapid.Check(t, func(t *rapid.T) {
		cooling := time.Duration(rapid.IntRange(0, 30).Draw(t, "cooldown")) * 10 * time.Second
		spec := tracking
		spec.Cooldown, spec.WarmUp = pointer(scenarios.Duration(cooling)), 0
		steps := stepping
		steps.Cooldown, steps.WarmUp = spec.Cooldown, 0
		queue := queueing
		queue.Cooldown = spec.Cooldown
		var th TrackingHistory
		var sh StepHistory
		var qh QueueHistory
		there, changed, wantedAt := [3]int{4, 4, 4}, [3]time.Time{}, []Asked{}
		for round := range rapid.IntRange(1, 60).Draw(t, "rounds") {
			now := epoch.Add(time.Hour + time.Duration(round)*period)
			load := rapid.Float64Range(0, 300).Draw(t, "load")
			var d [3]Decision
			states := [3]State{}
			for i := range states {
				states[i] = stateOf(0, there[i], 0)
				states[i].Now = now
			}
			d[0], th = TargetTracking(spec, states[0], Reading{Value: load}, th)
			d[1], sh = Step(steps, states[1], Reading{Value: load}, sh)
			d[2], qh = Queue(queue, states[2], Reading{Value: load}, Reading{}, qh)
			wantedAt = append(wantedAt, Asked{d[2].Wanted, now})
			for i := range d {
				removes := d[i].Desired < there[i]
				if i < 2 && removes && !changed[i].IsZero() && now.Sub(changed[i]) < cooling {
					t.Fatalf("recommender %d removes %v after a change: %+v", i, now.Sub(changed[i]), d[i])
				}
				if d[i].Desired != there[i] {
					changed[i], there[i] = now, d[i].Desired
				}
			}
			for _, a := range wantedAt {
				if now.Sub(a.At) < cooling && min(a.Instances, 10) > d[2].Desired {
					t.Fatalf("%d are left, %d were asked for %v ago", d[2].Desired, a.Instances, now.Sub(a.At))
				}
			}
		}
	})
}

func BenchmarkEachRecommender(b *testing.B) {
	state := ready(stateOf(2000, 50, 0))
	state.Max = 100
	each := Reading{Value: 70, Each: map[string]float64{}}
	uses := make([]Use, 50)
	for i, one := range state.Instances {
		each.Each[one.Name] = 70
		uses[i] = using(one.Name, BaseClass, 0.1, int64(3*i))
	}
	b.Run("target tracking", func(b *testing.B) {
		for b.Loop() {
			TargetTracking(tracking, state, each, TrackingHistory{})
		}
	})
	b.Run("step", func(b *testing.B) {
		for b.Loop() {
			Step(stepping, state, Reading{Value: 70}, StepHistory{})
		}
	})
	b.Run("queue", func(b *testing.B) {
		history := QueueHistory{Began: at(0)}
		for i := range 20 {
			history.Asked = append(history.Asked, Asked{i, at(1990)})
		}
		for b.Loop() {
			Queue(queueing, state, Reading{Value: 700}, Reading{Value: 3}, history)
		}
	})
	b.Run("schedule", func(b *testing.B) {
		floors := []scenarios.PlannedFloor{{Start: 0, End: 10e9, Min: 60}, {Start: 5e9, End: 20e9, Min: 70}}
		for b.Loop() {
			Floor(floors, 7*time.Second, state, Steady(state))
		}
	})
	b.Run("prescale", func(b *testing.B) { benchmarkPrescale(b, state) })
	b.Run("reactive", func(b *testing.B) {
		for b.Loop() {
			Reactive(reactive, baseClass, uses, nil, origin)
		}
	})
}

// benchmarkPrescale is a step with 50 accounts that have a claim on 50 instances,
// and a signal of another.
func benchmarkPrescale(b *testing.B, state State) {
	spec := prescaled("one", "queue")
	spec.Budget = 100
	var names []string
	claims := Claims{}
	for i, one := range state.Instances {
		names = append(names, one.Name)
		claims.Holders = append(claims.Holders, Holder{Account: fmt.Sprint("account ", i), Instance: one.Name, Last: origin})
	}
	signals := []journal.SessionSignal{{Account: "another", Tier: "enterprise"}}
	for b.Loop() {
		next, _ := Prescale(spec, claims, signals, names, origin)
		next.Classes(spec, names)
	}
}

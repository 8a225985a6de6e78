package scaling

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// stateOf has n instances that were started at 0 s, and more that were started
// just now.
func stateOf(now, n, fresh int) State {
	s := State{Now: at(now), Min: 1, Max: 10}
	for i := range n + fresh {
		instance := Instance{Name: fmt.Sprintf("api-%d", i+1), Started: epoch}
		if i >= n {
			instance.Started = s.Now
		}
		s.Instances = append(s.Instances, instance)
	}
	return s
}

func value(text string) scenarios.Value {
	v, err := scenarios.ParseValue(text)
	if err != nil {
		panic(err)
	}
	return v
}

func pointer[T any](v T) *T { return &v }

// want checks a decision.
func want(t *testing.T, d Decision, wanted, desired int, reason, message string) {
	t.Helper()
	if d.Wanted != wanted || d.Desired != desired || d.Reason != reason || !strings.Contains(d.Message, message) {
		t.Errorf("wanted %d, desired %d, %s: %q\nwant %d, %d, %s: %q", d.Wanted, d.Desired, d.Reason, d.Message, wanted, desired, reason, message)
	}
}

// owing is a state in which so many of the instances that are not warm wait to be
// started again.
func owing(s State, n int) State {
	s.Owed = n
	return s
}

var tracking = scenarios.TargetTracking{Metric: "requests_per_instance", Target: value("50/s"), WarmUp: scenarios.Duration(time.Minute)}

func TestTargetTracking(t *testing.T) {
	changed := TrackingHistory{Changed: at(1000)}
	each := Reading{Value: 60, Each: map[string]float64{"api-1": 100, "api-2": 100, "api-3": 0, "api-4": 0}}
	total := tracking
	total.Total = true
	for name, c := range map[string]struct {
		spec            scenarios.TargetTracking
		state           State
		reading         Reading
		history         TrackingHistory
		wanted, desired int
		reason, message string
	}{
		"above the target it adds what is missing":       {tracking, stateOf(2000, 4, 0), Reading{Value: 100}, TrackingHistory{}, 8, 8, ScaledOut, "is 100/s, the target 50/s"},
		"within a cooldown it adds all the same":         {tracking, stateOf(1001, 4, 0), Reading{Value: 100}, changed, 8, 8, ScaledOut, ""},
		"at the target it stays":                         {tracking, stateOf(2000, 4, 0), Reading{Value: 50}, TrackingHistory{}, 4, 4, WithinRange, ""},
		"a little below it stays":                        {tracking, stateOf(2000, 10, 0), Reading{Value: 45}, TrackingHistory{}, 9, 10, WithinRange, ""},
		"below it removes half of what is too much":      {tracking, stateOf(2000, 9, 0), Reading{Value: 10}, TrackingHistory{}, 2, 6, ScaledIn, ""},
		"one too many goes":                              {tracking, stateOf(2000, 2, 0), Reading{Value: 20}, TrackingHistory{}, 1, 1, ScaledIn, ""},
		"within the cooldown nothing goes":               {tracking, stateOf(1299, 4, 0), Reading{Value: 10}, changed, 1, 4, CoolingDown, "5m0s"},
		"after it something does":                        {tracking, stateOf(1300, 4, 0), Reading{Value: 10}, changed, 1, 3, ScaledIn, ""},
		"while one warms up nothing goes":                {tracking, stateOf(2000, 3, 1), Reading{Value: 10}, TrackingHistory{}, 1, 4, WarmingUp, "1 are not warm"},
		"what waits to be started again does not warm":   {tracking, owing(stateOf(2000, 3, 1), 1), Reading{Value: 10}, TrackingHistory{}, 1, 3, ScaledIn, ""},
		"what warms up beside it does":                   {tracking, owing(stateOf(2000, 3, 2), 1), Reading{Value: 10}, TrackingHistory{}, 1, 5, WarmingUp, "1 are not warm"},
		"what warms up counts as added":                  {tracking, stateOf(2000, 2, 2), Reading{Value: 100}, TrackingHistory{}, 4, 4, WithinRange, ""},
		"and is not counted in the metric":               {tracking, stateOf(2000, 2, 2), each, TrackingHistory{}, 4, 4, WithinRange, "is 100/s"},
		"nothing is warm yet":                            {tracking, stateOf(2000, 0, 2), Reading{Value: 100}, TrackingHistory{}, 2, 2, WarmingUp, "no instance"},
		"no value, no change":                            {tracking, stateOf(2000, 4, 0), Reading{Err: errors.New("refused")}, TrackingHistory{}, 4, 4, MetricUnavailable, "refused"},
		"no number, no change":                           {tracking, stateOf(2000, 4, 0), Reading{Value: math.NaN()}, TrackingHistory{}, 4, 4, MetricUnavailable, "NaN"},
		"the most is the most":                           {tracking, stateOf(2000, 4, 0), Reading{Value: 1e30}, TrackingHistory{}, mostWanted, 10, TooManyReplicas, "most of 10"},
		"fewer than the least, although nothing is read": {tracking, stateOf(2000, 0, 0), Reading{Err: errors.New("nobody")}, TrackingHistory{}, 0, 1, TooFewReplicas, "least of 1"},
		"a metric of the service is shared":              {total, stateOf(2000, 4, 0), Reading{Value: 400}, TrackingHistory{}, 8, 8, ScaledOut, "is 100/s"},
		"scaling in is off":                              {scenarios.TargetTracking{Metric: "p95", Target: value("250ms"), ScaleIn: pointer(false)}, stateOf(2000, 4, 0), Reading{Value: 0.05}, TrackingHistory{}, 1, 4, WithinRange, "switched off"},
	} {
		t.Run(name, func(t *testing.T) {
			d, history := TargetTracking(c.spec, c.state, c.reading, c.history)
			want(t, d, c.wanted, c.desired, c.reason, c.message)
			if d.Current != len(c.state.Instances) || len(d.Metrics) != 1 {
				t.Errorf("decision %+v", d)
			}
			if wanted := c.history.Changed; d.Desired == d.Current && history.Changed != wanted || d.Desired != d.Current && history.Changed != c.state.Now {
				t.Errorf("changed at %v", history.Changed)
			}
		})
	}
}

var stepping = scenarios.StepScaling{
	Metric: "cpu", Periods: 2, WarmUp: scenarios.Duration(time.Minute),
	Out: []scenarios.ScaleStep{
		{Above: pointer(value("60%")), Change: &scenarios.Portion{Number: 1}},
		{Above: pointer(value("80%")), Change: &scenarios.Portion{Percent: 50}},
		{Above: pointer(value("95%")), To: pointer(9)},
	},
	In: []scenarios.ScaleStep{
		{Below: pointer(value("30%")), Change: &scenarios.Portion{Number: 1}},
		{Below: pointer(value("10%")), Change: &scenarios.Portion{Percent: 50}},
	},
}

func TestStep(t *testing.T) {
	out, in := StepHistory{Above: 1}, StepHistory{Below: 1, Changed: at(1000)}
	for name, c := range map[string]struct {
		state           State
		reading         Reading
		history         StepHistory
		wanted, desired int
		reason, message string
	}{
		"one reading is not two":               {stateOf(2000, 4, 0), Reading{Value: 70}, StepHistory{}, 5, 4, WithinRange, "1 of 2 readings"},
		"the first step":                       {stateOf(2000, 4, 0), Reading{Value: 79.9}, out, 5, 5, ScaledOut, "79.9%, 60% or more"},
		"the second, by a share":               {stateOf(2000, 3, 0), Reading{Value: 80}, out, 5, 5, ScaledOut, "80% or more"},
		"the last, to a number":                {stateOf(2000, 3, 0), Reading{Value: 99}, out, 9, 9, ScaledOut, ""},
		"a step leads on from what was warm":   {stateOf(2000, 4, 1), Reading{Value: 70}, out, 5, 5, WarmingUp, "1 on their way"},
		"a further step adds the difference":   {stateOf(2000, 4, 1), Reading{Value: 85}, out, 6, 6, ScaledOut, ""},
		"between the limits it stays":          {stateOf(2000, 4, 0), Reading{Value: 50}, out, 4, 4, WithinRange, "beyond no limit"},
		"one step in":                          {stateOf(2000, 4, 0), Reading{Value: 30}, in, 3, 3, ScaledIn, "30% or less"},
		"the step further in":                  {stateOf(2000, 4, 0), Reading{Value: 10}, in, 2, 2, ScaledIn, "10% or less"},
		"within the cooldown nothing goes":     {stateOf(1299, 4, 0), Reading{Value: 10}, in, 2, 4, CoolingDown, "less than 5m0s ago"},
		"while one warms up nothing goes":      {stateOf(2000, 3, 1), Reading{Value: 10}, in, 2, 4, WarmingUp, "1 are not warm"},
		"who waits for a start does not warm":  {owing(stateOf(2000, 3, 1), 1), Reading{Value: 10}, in, 2, 2, ScaledIn, ""},
		"not below the least":                  {stateOf(2000, 1, 0), Reading{Value: 1}, in, 0, 1, TooFewReplicas, "least of 1"},
		"no value, no change, and begin again": {stateOf(2000, 4, 0), Reading{Err: errors.New("refused")}, out, 4, 4, MetricUnavailable, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			d, history := Step(stepping, c.state, c.reading, c.history)
			want(t, d, c.wanted, c.desired, c.reason, c.message)
			if c.reading.Err != nil && history != (StepHistory{Changed: c.history.Changed}) {
				t.Errorf("history %+v after a reading that failed", history)
			}
			if d.Desired != d.Current && history.Changed != c.state.Now {
				t.Errorf("changed at %v", history.Changed)
			}
		})
	}
}

var queueing = scenarios.QueueScaling{
	Backlog: "orders", PerInstance: 20, Activation: 5, Age: "age", MaxAge: pointer(scenarios.Duration(30 * time.Second)),
}

func TestQueue(t *testing.T) {
	began := QueueHistory{Began: at(0)}
	asked := func(n, second int) QueueHistory { return QueueHistory{Began: at(0), Asked: []Asked{{n, at(second)}}} }
	toZero := func(s State) State { s.Min = 0; return s }
	for name, c := range map[string]struct {
		state           State
		backlog, age    Reading
		history         QueueHistory
		wanted, desired int
		reason, message string
	}{
		"as many as the backlog asks for":           {stateOf(2000, 1, 0), Reading{Value: 81}, Reading{}, QueueHistory{}, 5, 5, ScaledOut, "orders is 81, 20 for an instance"},
		"a full one is one":                         {stateOf(2000, 1, 0), Reading{Value: 20}, Reading{}, began, 1, 1, WithinRange, ""},
		"none below the activation":                 {toZero(stateOf(2000, 1, 0)), Reading{Value: 5}, Reading{Value: 99}, began, 0, 0, BelowActivation, "not above the activation of 5"},
		"one above it":                              {toZero(stateOf(2000, 0, 0)), Reading{Value: 6}, Reading{}, began, 1, 1, ScaledOut, ""},
		"the activation matters at zero alone":      {stateOf(2000, 1, 0), Reading{Value: 5}, Reading{}, began, 1, 1, WithinRange, ""},
		"fewer, after the cooldown":                 {stateOf(2000, 5, 0), Reading{Value: 25}, Reading{}, asked(5, 1700), 2, 2, ScaledIn, ""},
		"not within it":                             {stateOf(1999, 5, 0), Reading{Value: 25}, Reading{}, asked(5, 1700), 2, 5, CoolingDown, "5 were asked for within the last 5m0s"},
		"down to what was asked for within it":      {stateOf(2000, 5, 0), Reading{Value: 25}, Reading{}, asked(3, 1900), 2, 3, ScaledIn, ""},
		"not before the first cooldown is over":     {stateOf(299, 5, 0), Reading{Value: 25}, Reading{}, began, 2, 5, CoolingDown, ""},
		"one more while a job is too old":           {stateOf(2000, 3, 0), Reading{Value: 50}, Reading{Value: 31}, began, 4, 4, JobTooOld, "31s old, more than 30s"},
		"but not instead of what is asked for":      {stateOf(2000, 1, 0), Reading{Value: 81}, Reading{Value: 31}, began, 5, 5, ScaledOut, ""},
		"no age, nothing goes":                      {stateOf(2000, 3, 0), Reading{Value: 1}, Reading{Err: errors.New("no page")}, began, 3, 3, WithinRange, "age could not be read: no page"},
		"no backlog, no change":                     {stateOf(2000, 3, 0), Reading{Err: errors.New("no page")}, Reading{}, began, 3, 3, MetricUnavailable, "no page"},
		"a backlog without end is the most":         {stateOf(2000, 3, 0), Reading{Value: 1e18}, Reading{}, began, mostWanted, 10, TooManyReplicas, "most of 10"},
		"below the activation, within the cooldown": {toZero(stateOf(1999, 2, 0)), Reading{Value: 0}, Reading{}, asked(2, 1700), 0, 2, CoolingDown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := Queue(queueing, c.state, c.backlog, c.age, c.history)
			want(t, d, c.wanted, c.desired, c.reason, c.message)
		})
	}
}

func TestFloor(t *testing.T) {
	floors := []scenarios.PlannedFloor{{Start: 10e9, End: 20e9, Min: 4}, {Start: 15e9, End: 30e9, Min: 6}, {Start: 40e9, End: 50e9, Min: 99}}
	for second, wanted := range map[int]int{9: 2, 10: 4, 15: 6, 20: 6, 29: 6, 30: 2, 45: 10} {
		d := Floor(floors, time.Duration(second)*time.Second, State{Min: 1, Max: 10}, Decision{Current: 2, Wanted: 2, Desired: 2, Reason: WithinRange, Message: "calm"})
		if raised := d.Reason == ScheduledFloor; d.Desired != wanted || raised != (wanted > 2) {
			t.Errorf("at %d s: %d, %s: %s; want %d", second, d.Desired, d.Reason, d.Message, wanted)
		}
	}
	if d := Floor(floors, 15*time.Second, State{Max: 10}, Decision{Desired: 8, Reason: ScaledOut}); d.Desired != 8 || d.Reason != ScaledOut {
		t.Errorf("what is above the floor became %+v", d)
	}
}

// A service that is scaled by its schedule alone has its least number besides.
func TestSteady(t *testing.T) {
	for n, reason := range map[int]string{1: WithinRange, 0: ScaledOut, 3: ScaledIn} {
		if d := Steady(stateOf(0, n, 0)); d.Desired != 1 || d.Reason != reason {
			t.Errorf("with %d: %+v", n, d)
		}
	}
}

// Whatever is read, there are never fewer than the least nor more than the most,
// nothing that was passed in changes, and the same question has the same answer.
func TestRecommendersKeepToTheirLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, fresh := rapid.IntRange(0, 12).Draw(t, "instances"), rapid.IntRange(0, 4).Draw(t, "fresh")
		state := stateOf(rapid.IntRange(0, 4000).Draw(t, "now"), n, fresh)
		state.Min = rapid.IntRange(0, 4).Draw(t, "min")
		state.Max = state.Min + rapid.IntRange(1, 10).Draw(t, "more")
		reading := Reading{Value: rapid.Float64().Draw(t, "value")}
		if rapid.Bool().Draw(t, "broken") {
			reading.Err = errors.New("broken")
		}
		var tracked TrackingHistory
		var stepped StepHistory
		var queued QueueHistory
		for range 3 {
			before := queued
			var d [3]Decision
			ask := func() (again [3]Decision) {
				again[0], tracked = TargetTracking(tracking, state, reading, tracked)
				again[1], stepped = Step(stepping, state, reading, stepped)
				again[2], queued = Queue(queueing, state, reading, reading, queued)
				return again
			}
			keep := [3]any{tracked, stepped, queued}
			d = ask()
			tracked, stepped, queued = keep[0].(TrackingHistory), keep[1].(StepHistory), keep[2].(QueueHistory)
			if !reflect.DeepEqual(before, queued) {
				t.Fatalf("the history of the queue was changed: %+v, before %+v", queued, before)
			}
			if again := ask(); !sameNumbers(d, again) {
				t.Fatalf("answers %+v\nand %+v", d, again)
			}
			for _, one := range d {
				if one.Desired < state.Min || one.Desired > state.Max {
					t.Fatalf("desired %d, limits %d to %d: %+v", one.Desired, state.Min, state.Max, one)
				}
				if unusable(reading) != "" && one.Desired < one.Current && one.Current <= state.Max {
					t.Fatalf("it removes without a reading: %+v", one)
				}
			}
			state.Now = state.Now.Add(time.Minute)
		}
	})
}

func sameNumbers(a, b [3]Decision) bool {
	for i := range a {
		if a[i].Desired != b[i].Desired || a[i].Wanted != b[i].Wanted || a[i].Reason != b[i].Reason || a[i].Message != b[i].Message {
			return false
		}
	}
	return true
}

func BenchmarkRecommenders(b *testing.B) {
	state := stateOf(2000, 50, 0)
	state.Max = 100
	for b.Loop() {
		TargetTracking(tracking, state, Reading{Value: 70}, TrackingHistory{})
		Step(stepping, state, Reading{Value: 70}, StepHistory{})
		Queue(queueing, state, Reading{Value: 700}, Reading{}, QueueHistory{})
	}
}

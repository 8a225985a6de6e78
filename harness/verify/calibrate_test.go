package verify

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A level of a run that is calibrated with: so many requests a second for ten
// seconds, answered in that time, of which so many fail.
type stair struct {
	rate   int
	took   time.Duration
	failed int // a second
}

// stairs is a frozen run of two instances.
func stairs(levels ...stair) (*journal.Record, *scenarios.Plan) {
	p95, availability := scenarios.Duration(200*time.Millisecond), scenarios.Percent(99)
	plan := &scenarios.Plan{
		Scenario: "stairs", Control: scenarios.ControlFrozen,
		Services: map[string]scenarios.PlannedService{"api": {Port: 8080, Driven: true}, "worker": {}},
		Journeys: map[string][]scenarios.PlannedStep{"shop": {{Name: "browse", Service: "api"}}},
		Checks:   []scenarios.Check{{SLO: &scenarios.SLOCheck{Journey: "shop", P95: &p95, Availability: &availability}}},
	}
	rec := &journal.Record{Events: []journal.Event{
		{T: 0, Body: journal.RunStarted{}},
		{T: time.Second, Body: journal.EndpointAdded{Service: "api", Instance: "api-1"}},
		{T: time.Second, Body: journal.EndpointAdded{Service: "api", Instance: "api-2"}},
		{T: 2 * time.Second, Body: journal.TrafficStarted{}},
	}}
	at := 2 * time.Second
	for i, l := range levels {
		name := string(rune('a' + i))
		start := at - 2*time.Second
		plan.Phases = append(plan.Phases, scenarios.PlannedPhase{Name: name, Start: scenarios.Duration(start), End: scenarios.Duration(start + 10*time.Second)})
		for range 10 {
			at += time.Second
			rec.Events = append(rec.Events, journal.Event{T: at, Body: journal.Traffic{Phase: name, Journey: "shop", Step: "browse", For: time.Second,
				Intended: l.rate, Sent: l.rate, OK: l.rate - l.failed, Failed: l.failed}})
			h := journal.NewHistogram()
			_ = h.RecordValues(l.took.Microseconds(), int64(l.rate-l.failed)) // always in range
			rec.Latency = append(rec.Latency, journal.Interval{Tag: journal.Tag{Measure: journal.Response, Phase: name, Journey: "shop", Step: "browse"},
				From: at - time.Second, To: at, Histogram: h})
		}
	}
	rec.Events = append(rec.Events, journal.Event{T: at, Body: journal.TrafficEnded{}}, journal.Event{T: at + time.Second, Body: journal.RunEnded{Reason: "completed"}})
	return rec, plan
}

const (
	quick = 20 * time.Millisecond
	slow  = 900 * time.Millisecond
)

func TestCalibrate(t *testing.T) {
	for _, c := range []struct {
		name    string
		levels  []stair
		want    float64 // of each of two instances
		atLeast bool
		broke   float64 // 0: nothing
		missed  string
	}{
		{"nothing broke", []stair{{20, quick, 0}, {60, quick, 0}, {100, quick, 0}}, 50, true, 0, ""},
		{"too slow from 140 on", []stair{{60, quick, 0}, {100, quick, 0}, {140, slow, 0}, {20, quick, 0}}, 50, false, 140, "p95 900ms, wanted 200ms"},
		{"errors from 120 on", []stair{{60, quick, 0}, {80, quick, 0}, {120, quick, 3}}, 40, false, 120, "availability 97.5% of 600 requests, wanted 99%"},
		{"what follows an overload does not count", []stair{{60, quick, 0}, {140, slow, 0}, {100, quick, 0}}, 30, false, 140, "p95 900ms"},
		{"at the limit", []stair{{60, 200 * time.Millisecond, 0}, {80, 201 * time.Millisecond, 0}}, 30, false, 80, "p95 201ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec, plan := stairs(c.levels...)
			have, err := Calibrate(rec, plan, "api")
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(have.Capacity-c.want) > 1e-9 || have.AtLeast != c.atLeast || have.Instances != 2 || (have.Broke != nil) == c.atLeast {
				t.Errorf("%+v, want %v at %v", have, c.want, c.broke)
			}
			if have.Broke != nil && (math.Abs(have.Broke.Rate-c.broke) > 1e-9 || !strings.HasPrefix(strings.Join(have.Broke.Missed, "; "), c.missed)) {
				t.Errorf("broke at %+v, want %v: %s", *have.Broke, c.broke, c.missed)
			}
			if at := "at least "; strings.HasPrefix(have.String(), at) != c.atLeast {
				t.Errorf("%s", have)
			}
		})
	}
}

// One bad stretch is chance where the next one is good again.
func TestCalibrateForgivesOneStretch(t *testing.T) {
	rec, plan := stairs(stair{60, quick, 0}, stair{100, quick, 0})
	for i := range rec.Latency[:5] { // the first five seconds
		h := journal.NewHistogram()
		_ = h.RecordValues(slow.Microseconds(), 60)
		rec.Latency[i].Histogram = h
	}
	have, err := Calibrate(rec, plan, "api")
	if err != nil || !have.AtLeast || have.Capacity != 50 {
		t.Errorf("%+v, %v", have, err)
	}
}

// A stretch that is carried only because what it brings has not piled up yet does
// not count.
func TestCalibrateDropsWhatLedToTheBreak(t *testing.T) {
	rec, plan := stairs(stair{60, quick, 0}, stair{100, quick, 0}, stair{100, slow, 0})
	for i := range rec.Latency[15:20] { // the second five seconds of the second stair
		h := journal.NewHistogram()
		_ = h.RecordValues(slow.Microseconds(), 100)
		rec.Latency[15+i].Histogram = h
	}
	have, err := Calibrate(rec, plan, "api")
	if err != nil || have.Capacity != 30 || have.Broke.From != 17*time.Second {
		t.Errorf("%+v, %v", have, err)
	}
}

func TestCalibrateRefuses(t *testing.T) {
	for _, c := range []struct {
		name, service, want string
		change              func(*journal.Record, *scenarios.Plan)
	}{
		{"another service", "shop", "calibrate shop: the plan has no such service", nil},
		{"nothing routes to it", "worker", "it takes no requests", nil},
		{"no objective", "api", "no slo check of the scenario is about requests that call it", func(_ *journal.Record, p *scenarios.Plan) { p.Checks = nil }},
		{"of whole sessions", "api", "no slo check of the scenario is about requests that call it", func(_ *journal.Record, p *scenarios.Plan) { p.Checks[0].SLO.Whole = true }},
		{"of another step", "api", "no slo check of the scenario is about requests that call it", func(_ *journal.Record, p *scenarios.Plan) { p.Checks[0].SLO.Step = "buy" }},
		{"cut off", "api", "the run never came to its end", func(r *journal.Record, _ *scenarios.Plan) { r.Events = r.Events[:10] }},
		{"scaled", "api", "changed from 2 to 3 at 9.000 s; calibrate needs a frozen run", func(r *journal.Record, _ *scenarios.Plan) {
			r.Events = insert(r.Events, journal.Event{T: 9 * time.Second, Body: journal.EndpointAdded{Service: "api", Instance: "api-3"}})
		}},
		{"no instance", "api", "no instance took work when traffic began", func(r *journal.Record, _ *scenarios.Plan) { r.Events = append(r.Events[:1:1], r.Events[3:]...) }},
		{"damaged", "api", "1 line of the record could not be read", func(r *journal.Record, _ *scenarios.Plan) { r.Damaged = 1 }},
		{"gateway died", "api", "the gateway of api stopped by itself", func(r *journal.Record, _ *scenarios.Plan) {
			r.Events = insert(r.Events, journal.Event{T: 9 * time.Second, Body: journal.InstanceExited{Instance: "gateway-api"}})
		}},
		{"no load", "api", "no request of api was recorded", func(r *journal.Record, _ *scenarios.Plan) {
			for i := range r.Events {
				if _, ok := r.Events[i].Body.(journal.Traffic); ok {
					r.Events[i].Body = journal.Note{}
				}
			}
		}},
	} {
		rec, plan := stairs(stair{60, quick, 0})
		if c.change != nil {
			c.change(rec, plan)
		}
		if _, err := Calibrate(rec, plan, c.service); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Calibrate(nil, nil, "api"); err == nil {
		t.Error("nothing at all is no error")
	}
	rec, plan := stairs(stair{60, slow, 0}, stair{90, slow, 0})
	if _, err := Calibrate(rec, plan, "api"); err == nil || !strings.Contains(err.Error(), "60 requests a second already came to p95 900ms") {
		t.Errorf("too much from the beginning: %v", err)
	}
}

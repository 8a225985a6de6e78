package progress

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const ms = time.Millisecond

// launch is a plan with everything that a frame can show.
func launch() *scenarios.Plan {
	second := scenarios.Duration(time.Second)
	return &scenarios.Plan{
		Scenario: "launch-day", Seed: 7, Duration: 60 * second,
		Phases: []scenarios.PlannedPhase{{Name: "warmup", End: 10 * second}, {Name: "surge", Start: 10 * second, End: 40 * second}, {Name: "settle", Start: 40 * second, End: 60 * second}},
		Services: map[string]scenarios.PlannedService{
			"api": {Port: 8080, Replicas: 2}, "web": {Port: 8080, Replicas: 1}, "worker": {Replicas: 1}, "payments": {Replicas: 1, Process: &scenarios.Process{Omit: true}},
		},
		Faults: []scenarios.PlannedFault{{ID: "slow-bank", At: 15 * second, End: 35 * second}},
	}
}

// rehearsal is a run of it, event by event: up in 4s, traffic from 5s.
func rehearsal() []journal.Event {
	var events []journal.Event
	add := func(t time.Duration, bodies ...journal.Body) {
		for _, body := range bodies {
			events = append(events, journal.Event{T: t, Body: body})
		}
	}
	add(0, journal.RunStarted{Run: "r1", Scenario: "launch-day", Platform: "process", Seed: 7})
	add(500*ms, journal.Operation{Op: "network.create", Subject: "r1", Took: 80 * ms},
		journal.InstanceStarted{Service: "worker", Instance: "worker-1"}, journal.InstanceStarted{Service: "api", Instance: "api-1"},
		journal.MainProcess{Service: "worker", Instance: "worker-1"}, journal.InstanceStarted{Service: "api", Instance: "api-2"})
	add(2*time.Second, journal.EndpointAdded{Service: "api", Instance: "api-1"}, journal.InstanceStarted{Service: "web", Instance: "web-1"})
	add(4*time.Second, journal.EndpointAdded{Service: "api", Instance: "api-2"}, journal.EndpointAdded{Service: "web", Instance: "web-1"})
	add(5*time.Second, journal.TrafficStarted{}, journal.PhaseStarted{Phase: "warmup", For: 10 * time.Second})
	for s := 6; s <= 25; s++ {
		add(time.Duration(s)*time.Second,
			journal.Traffic{Journey: "shop", Step: "browse", For: time.Second, Intended: 100, OK: 100, P50: 12 * ms, P99: 40 * ms},
			journal.Traffic{Journey: "shop", Step: "checkout", For: time.Second, Intended: 100, OK: 96, Failed: 1, P50: 310 * ms, P99: 1400 * ms},
			journal.Traffic{Journey: "shop", For: time.Second, Intended: 100, OK: 96, P99: 9 * time.Second})
	}
	add(20*time.Second, journal.FaultStarted{Fault: "slow-bank", Detail: "answers after 1.5s", Targets: []string{"payments"}},
		journal.ActionStarted{Service: "api", Action: "scale", Detail: "scale api to 4"},
		journal.InstanceStarted{Service: "api", Instance: "api-3"})
	add(22*time.Second, journal.AlertChanged{Alert: "LatencyP95High", Labels: map[string]string{"severity": "page", "service": "web"}, From: journal.AlertPending, To: journal.AlertFiring})
	return events
}

// over is how it ends.
func over() []journal.Event {
	return []journal.Event{
		{T: 40 * time.Second, Body: journal.FaultEnded{Fault: "slow-bank"}},
		{T: 41 * time.Second, Body: journal.AlertChanged{Alert: "LatencyP95High", Labels: map[string]string{"severity": "page", "service": "web"}, From: journal.AlertFiring, To: journal.AlertInactive}},
		{T: 65 * time.Second, Body: journal.TrafficEnded{}},
		{T: 66 * time.Second, Body: journal.RunEnded{Reason: "completed"}},
		{T: 67 * time.Second, Body: journal.InstanceExited{Service: "web", Instance: "web-1", Code: 137, Wanted: true}},
	}
}

// modelAt is the model of the run at a moment of it.
func modelAt(now time.Duration) *Model {
	m := NewModel(launch(), nil)
	for _, e := range append(rehearsal(), over()...) {
		if e.T <= now {
			m.Fold(e)
		}
	}
	return m
}

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		name          string
		now           time.Duration
		width, height int
	}{
		{"up", 2500 * ms, 100, 30},
		{"surge", 25400 * ms, 100, 30},
		{"surge-60", 25400 * ms, 60, 30},
		{"surge-30", 25400 * ms, 30, 30},
		{"surge-low", 25400 * ms, 100, 7},
		{"surge-lowest", 25400 * ms, 100, 2},
		{"settling", 65500 * ms, 100, 30},
		{"down", 67300 * ms, 100, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			var have strings.Builder
			for _, line := range Render(modelAt(c.now), c.now, c.width, c.height) {
				fmt.Fprintf(&have, "%s%s\n", [...]string{"  ", "b ", "f ", "! "}[line.Style], line.Text)
			}
			file := filepath.Join("testdata", "frames", c.name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(have.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if have.String() != string(want) {
				t.Errorf("the frame is\n%swant\n%s", &have, want)
			}
		})
	}
}

// Whatever the terminal's size: no line reaches its last column, and the cursor below
// the frame has a line.
func TestFramesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Duration(rapid.Int64Range(0, int64(70*time.Second)).Draw(t, "now"))
		width, height := rapid.IntRange(1, 200).Draw(t, "width"), rapid.IntRange(1, 60).Draw(t, "height")
		m := modelAt(now)
		m.scenario = rapid.String().Draw(t, "scenario")
		m.faults = append(m.faults, fault{name: "f", detail: m.words(rapid.String().Draw(t, "detail"))})
		lines := Render(m, now, width, height)
		if len(lines) > max(1, height-1) {
			t.Fatalf("%d lines on a terminal of %d", len(lines), height)
		}
		for _, line := range lines {
			if n := columns(line.Text); n > max(1, width-1) {
				t.Fatalf("%d columns of %d: %q", n, width, line.Text)
			}
			if strings.ContainsAny(line.Text, "\x1b\n\r\t\x00") {
				t.Fatalf("%q moves the cursor", line.Text)
			}
		}
	})
}

func TestTextsAreCutBetweenRunes(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"surge", 5, "surge"}, {"surges", 5, "surg…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"e\u0301tude", 5, "e\u0301tude"}, {"e\u0301tudes", 5, "e\u0301tud…"}, {"a b c", 3, "a…"}, {"🚀🚀", 3, "🚀…"}, {"x", 0, ""},
	} {
		if have := cut(c.text, c.most); have != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.text, c.most, have, c.want)
		}
	}
}

// The words of an action that scales are those that the model reads.
func TestScalingIsReadFromTheActionsWords(t *testing.T) {
	a := scenarios.PlannedAction{Scale: &scenarios.Scale{Service: "api", To: 3}}
	if to, ok := scaledTo(journal.ActionStarted{Service: "api", Action: a.Kind(), Detail: a.String()}); !ok || to != 3 {
		t.Errorf("%q is read as %d, %v", a, to, ok)
	}
}

func TestInstancesAreCounted(t *testing.T) {
	m := NewModel(launch(), nil)
	step := func(body journal.Body, wanted, started, ready int) {
		t.Helper()
		m.Fold(journal.Event{T: time.Second, Body: body})
		if s := *m.services["api"]; s != (service{wanted, started, ready}) {
			t.Errorf("after %+v: %+v", body, s)
		}
	}
	step(journal.InstanceStarted{Service: "api", Instance: "api-1"}, 2, 1, 0)
	step(journal.EndpointAdded{Service: "api", Instance: "api-1"}, 2, 1, 1)
	step(journal.EndpointAdded{Service: "api", Instance: "api-1"}, 2, 1, 1)
	step(journal.ScaleDecision{Service: "api", Autoscaler: "hpa", Desired: 5, Held: "frozen"}, 2, 1, 1)
	step(journal.ScaleDecision{Service: "api", Autoscaler: "proactive", Desired: 9}, 2, 1, 1)
	step(journal.ScaleDecision{Service: "api", Autoscaler: "hpa", Desired: 5}, 5, 1, 1)
	step(journal.EndpointRemoved{Service: "api", Instance: "api-1"}, 5, 1, 0)
	step(journal.InstanceExited{Service: "api", Instance: "api-1"}, 5, 0, 0)
	step(journal.InstanceExited{Service: "api", Instance: "api-1"}, 5, 0, 0)
	step(journal.InstanceStarted{Service: "backfill", Instance: "backfill-1", Job: true}, 5, 0, 0)
}

// What did not come off is not as old as the last second that the driver told of.
func TestFiguresGoStale(t *testing.T) {
	m := modelAt(25 * time.Second)
	if intended, answered, _, p99 := m.rates(25 * time.Second); intended != 200 || answered != 197 || p99 != 1400*ms {
		t.Errorf("%g intended, %g answered, p99 %s", intended, answered, p99)
	}
	if intended, _, _, _ := m.rates(40 * time.Second); intended != 0 || m.lastWrong(40*time.Second) != 0 {
		t.Errorf("%g intended a quarter of a minute later", intended)
	}
}

func BenchmarkRender(b *testing.B) {
	m := modelAt(25 * time.Second)
	for b.Loop() {
		Render(m, 25*time.Second, 120, 40)
	}
}

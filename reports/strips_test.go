package reports

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// using is a run of an instance's readings: CPU seconds and MiB at each second.
func using(service, instance string, limitMiB int64, readings ...[2]float64) (events []journal.Event) {
	for i, r := range readings {
		events = append(events, journal.Event{T: time.Duration(i+1) * second, Body: journal.Usage{
			Service: service, Instance: instance, CPU: time.Duration(r[0] * 1e9), Memory: int64(r[1]) << 20, Limit: limitMiB << 20}})
	}
	return events
}

func limitedRun(events []journal.Event) Run {
	run := Run{Record: &journal.Record{Events: events}}
	run.Intent.Plan = &scenarios.Plan{Services: map[string]scenarios.PlannedService{
		"api": {Limits: scenarios.ResourceClass{CPUs: .5}},
		"web": {},
	}}
	return run
}

func TestStripsAreSharesOfTheLimit(t *testing.T) {
	w := window{to: 10 * second, silent: 10 * second}
	events := using("api", "api-1", 100, [2]float64{0, 20}, [2]float64{.1, 30}, [2]float64{.5, 60})
	events = append(events, using("api", "api-2", 100, [2]float64{5, 10}, [2]float64{5.1, 10}, [2]float64{0.05, 10})...) // began anew
	events = append(events, using("web", "web-1", 0, [2]float64{0, 50}, [2]float64{2, 50})...)
	cpu := stripsOf(limitedRun(events), w, cpuUse)
	if len(cpu) != 2 || cpu[0].service != "api" || !cpu[0].limited || cpu[1].limited {
		t.Fatalf("strips %+v: want api with its limit, then web without", cpu)
	}
	if got := cpu[0]; round(got.peak, 3) != .8 || got.who != "api-1" || got.at != 3*second {
		t.Errorf("api used %v of its limit at %v on %s; want .8 at 3 s on api-1", got.peak, got.at, got.who)
	}
	if got := cpu[1]; round(got.peak, 3) != 2 {
		t.Errorf("web used %v cores, want 2", got.peak)
	}
	memory := stripsOf(limitedRun(events), w, memoryUse)
	if got := memory[0]; got.service != "api" || round(got.peak, 3) != .6 {
		t.Errorf("memory of %s came to %v of its limit, want .6 of api's", got.service, got.peak)
	}
	if c := memory[0].used; c[usageColumns-1] >= 0 || c[usageColumns/4] < 0 {
		t.Errorf("a figure where nothing was measured, or none where something was: %v", c)
	}
}

func TestStripsFollowAResize(t *testing.T) {
	events := using("api", "api-1", 0, [2]float64{0, 1}, [2]float64{.5, 1})
	events = append(events, journal.Event{T: 2500 * ms, Body: journal.Resized{Service: "api", Instance: "api-1", CPUs: 4}})
	events = append(events, journal.Event{T: 3 * second, Body: journal.Usage{Service: "api", Instance: "api-1", CPU: 2500 * ms}})
	got := stripsOf(limitedRun(events), window{to: 5 * second}, cpuUse)
	if len(got) != 1 || got[0].peak != 1 || got[0].at != 2*second {
		t.Errorf("%+v: half a core of half a core is all, two of four are half", got)
	}
}

// Kills come first and are named, and what is killed in the tear-down is none.
func TestStripsShowWhatRanOutOfMemory(t *testing.T) {
	events := using("api", "api-1", 100, [2]float64{0, 90})
	events = append(events, using("web", "web-1", 100, [2]float64{0, 10})...)
	events = append(events,
		journal.Event{T: 2 * second, Body: journal.InstanceExited{Service: "web", Instance: "web-1", OOM: true}},
		journal.Event{T: 3 * second, Body: journal.RunEnded{}},
		journal.Event{T: 4 * second, Body: journal.InstanceExited{Service: "api", Instance: "api-1", OOM: true}})
	all := stripsOf(limitedRun(events), window{to: 5 * second}, memoryUse)
	if all[0].service != "web" || len(all[0].kills) != 1 || len(all[1].kills) != 0 {
		t.Fatalf("%+v", all)
	}
	panel := string(stripPanel(&scene{window: window{to: 5 * second}}, "memory", "Memory", "", all, size))
	for _, want := range []string{"web-1 out of memory", `class="oom"`, "10 %", "90 %"} {
		if !strings.Contains(panel, want) {
			t.Errorf("the picture does not hold %q", want)
		}
	}
}

// Many services make few pictures.
func TestManyServicesAreFolded(t *testing.T) {
	var events []journal.Event
	for n := range 10 {
		name := fmt.Sprintf("service-%d", n)
		events = append(events, using(name, name+"-1", 100, [2]float64{0, float64(10 * n)}, [2]float64{float64(n), 10})...)
	}
	panels := usagePanels(&scene{window: window{to: 5 * second}}, limitedRun(events))
	if len(panels) != 4 {
		t.Fatalf("%d panels, want two in sight and two folded", len(panels))
	}
	for _, n := range []int{1, 3} {
		if !strings.HasPrefix(string(panels[n]), "<details") || !strings.Contains(string(panels[n]), "6 more services") {
			t.Errorf("panel %d hides nothing: %.120s", n, panels[n])
		}
	}
	if !strings.Contains(string(panels[0]), "service-9") || strings.Contains(string(panels[0]), "service-1<") {
		t.Errorf("the busiest are not in sight")
	}
}

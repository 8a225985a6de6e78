package reports

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// auditedRun is a run with traffic from 10 s to 40 s in which api is scaled.
func auditedRun(events ...journal.Event) Run {
	plan := &scenarios.Plan{
		Scenario: "audit", Seed: 1, Tempo: 1, Multiple: 1, Duration: scenarios.Duration(30 * second),
		Services: map[string]scenarios.PlannedService{"api": {Port: 8080, Replicas: 2, Autoscale: &scenarios.PlannedAutoscale{Min: 2, Max: 6}}},
	}
	all := []journal.Event{
		at(1*second, journal.InstanceStarted{Service: "api", Instance: "api-1", Cause: "initial replica 1 of 2"}),
		at(1*second, journal.InstanceStarted{Service: "api", Instance: "api-2", Cause: "initial replica 2 of 2"}),
		at(2*second, journal.EndpointAdded{Service: "api", Instance: "api-1"}), at(2*second, journal.EndpointAdded{Service: "api", Instance: "api-2"}),
		at(10*second, journal.TrafficStarted{}),
	}
	all = append(all, events...)
	all = append(all, at(40*second, journal.TrafficEnded{}), at(41*second, journal.RunEnded{Reason: "completed"}),
		at(42*second, journal.InstanceTerminating{Service: "api", Instance: "api-1", Cause: "end of the run"}),
		at(43*second, journal.InstanceExited{Service: "api", Instance: "api-1", Wanted: true}))
	return Run{Intent: rundir.Intent{Plan: plan}, Record: &journal.Record{Events: all}}
}

// Every instance that comes or goes has a row with the metric, the threshold, what
// was proposed and applied, and its moments; whoever was the cause.
func TestEveryInstanceThatComesOrGoesIsAudited(t *testing.T) {
	value := 104.
	five := 5
	out, in := journal.DecisionCause(7, "scale api to 3"), journal.DecisionCause(8, "scale api to 2")
	metric := []journal.ScaleMetric{{Name: "memory", Target: 1}, {Name: "cpu", Value: &value, Target: 60, Unit: "%", Proposed: &five}}
	run := auditedRun(
		at(11*second, journal.ScaleDecision{ID: 7, Service: "api", Autoscaler: "hpa", Current: 2, Wanted: 5, Desired: 4, Metrics: metric, Reason: "SucceededRescale"}),
		at(11*second+ms, journal.ScaleApplied{ID: 7, Service: "api", Started: []string{"api-3", "api-4"}}),
		at(12*second, journal.InstanceStarted{Service: "api", Instance: "api-3", Cause: out}),
		at(13*second, journal.Operation{Op: "instance.create", Subject: "api-4", Cause: out, Error: "no such image"}),
		at(14*second, journal.EndpointAdded{Service: "api", Instance: "api-3"}),
		at(15*second, journal.EndpointRemoved{Service: "api", Instance: "api-3", Reason: "unready"}), // flaps: no row
		at(16*second, journal.EndpointAdded{Service: "api", Instance: "api-3"}),
		at(20*second, journal.InstanceStarted{Service: "api", Instance: "api-9", Cause: "scale api to 4"}), // by a person
		at(21*second, journal.EndpointAdded{Service: "api", Instance: "api-9"}),
		at(22*second, journal.InstanceExited{Service: "api", Instance: "api-2", Code: 137, OOM: true}),
		at(22*second, journal.EndpointRemoved{Service: "api", Instance: "api-2", Reason: "gone"}),
		at(25*second, journal.InstanceStarted{Service: "job", Instance: "job-1", Job: true}),
		at(26*second, journal.InstanceStarted{Service: "web", Instance: "web-7", Cause: "restart web"}), // nothing scales it
		at(30*second, journal.ScaleDecision{ID: 8, Service: "api", Autoscaler: "hpa", Current: 3, Wanted: 2, Desired: 2, Metrics: metric[1:], Reason: "SucceededRescale"}),
		at(30*second+ms, journal.ScaleApplied{ID: 8, Service: "api", Stopping: []string{"api-3"}}),
		at(31*second, journal.InstanceTerminating{Service: "api", Instance: "api-3", Cause: in}),
		at(32*second, journal.EndpointRemoved{Service: "api", Instance: "api-3", Reason: "terminating"}),
		at(33*second, journal.InstanceExited{Service: "api", Instance: "api-3", Wanted: true}),
	)
	var have []string
	for _, c := range changesOf(run, windowOf(run.events())) {
		have = append(have, strings.Join(c.cells(), " | "))
	}
	want := []string{
		"11.00 s | api-3 | added | hpa | cpu 104 % of 60 % | SucceededRescale | 2 → 5 | 2 → 4 | 1 s | 3 s | –",
		"11.00 s | api-4 | added | hpa | cpu 104 % of 60 % | SucceededRescale, went wrong: instance.create api-4: no such image | 2 → 5 | 2 → 4 | never | never | –",
		"20.00 s | api-9 | added | – | – | scale api to 4 | – | – | at once | 1 s | –",
		"22.00 s | api-2 | lost | – | – | out of memory | – | – | – | at once | –",
		"30.00 s | api-3 | removed | hpa | cpu 104 % of 60 % | SucceededRescale | 3 → 2 | 3 → 2 | 1 s | 3 s | –",
	}
	if !slices.Equal(have, want) {
		t.Errorf("have\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

// Whether a change was in time is said against what the load needed.
func TestChangesAreHeldAgainstTheNeed(t *testing.T) {
	needed := levels{}.to(10*second, 2).to(20*second, 4).to(30*second, 2).to(40*second, 5)
	d := demandLevels{needed: map[string]levels{"api": needed}, within: map[string]time.Duration{"api": 3 * second}, end: 60 * second}
	for _, test := range []struct {
		name               string
		n                  int
		decided, since, at time.Duration
		want               string
		late               bool
	}{
		{"soon", 3, 21 * second, 0, 22 * second, "2 s after need, 3 s allowed", false},
		{"late", 4, 22 * second, 0, 24 * second, "4 s after need, more than 3 s", true},
		{"in the place of one that was lost", 4, 26 * second, 26 * second, 28 * second, "2 s after need, 3 s allowed", false},
		{"when it was over", 4, 25 * second, 0, 31 * second, "too late", true},
		{"ahead", 5, 32 * second, 0, 35 * second, "5 s ahead of need", false},
		{"never", 6, 32 * second, 0, 35 * second, "never needed", false},
		{"after the plan", 5, 61 * second, 0, 62 * second, "–", false},
		{"before the traffic", 2, 1 * second, 0, 2 * second, "–", false},
	} {
		need := d.ofJoining("api", test.n, test.decided, test.since, test.at)
		if need.words() != test.want || need.late() != test.late {
			t.Errorf("%s: %q, late %v, want %q, %v", test.name, need.words(), need.late(), test.want, test.late)
		}
	}
	for at, want := range map[time.Duration]string{25 * second: "still needed", 36 * second: "spare for 6 s", 5 * second: "–"} {
		if need := d.ofLeaving("api", 4, at); need.words() != want {
			t.Errorf("removed at %v: %q, want %q", at, need.words(), want)
		}
	}
	if d.ofJoining("worker", 1, 0, 0, 20*second) != nil {
		t.Error("a need of a service of which none is known")
	}
}

// scaleEventMembers are what lines of scale-events.ndjson have at least, by their
// type: a contract with whoever reads them. None may go.
var scaleEventMembers = map[string]string{
	"decision": "t_ns id service autoscaler current wanted desired change metrics reason message conditions held took_ns applied_ns started stopping resized error",
	"instance": "t_ns service instance event decision autoscaler cause metric reason current wanted desired applied_ns started_ns ready_ns told_ns unlisted_ns exited_ns need error",
	"resize":   "t_ns decision service instance class from_cpus from_memory cpus memory cause took_ns created error",
	"claim":    "t_ns decision service account state instance via waited_ns answered reason",

	"interruption": "t_ns service instances notice_ns",
}

// The log is a documented contract: each line has the members that are
// promised for its type, and SCALE-EVENTS.md names every type and member.
func TestScaleEventsAreADocumentedContract(t *testing.T) {
	page, err := os.ReadFile("SCALE-EVENTS.md")
	must(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(render(t, scalingRun(), ScaleEvents)) {
		var members map[string]any
		must(t, json.Unmarshal([]byte(line), &members))
		kind, _ := members["type"].(string)
		seen[kind] = true
		names := strings.Fields(scaleEventMembers[kind])
		for _, name := range names {
			if _, ok := members[name]; !ok {
				t.Errorf("%s has no %s: %s", kind, name, line)
			}
		}
		if len(members) != len(names)+1 {
			t.Errorf("%s has %d members, %d are promised: add the new one here and to SCALE-EVENTS.md", kind, len(members), len(names)+1)
		}
	}
	for kind, names := range scaleEventMembers {
		if !seen[kind] {
			t.Errorf("no line of type %s", kind)
		}
		for _, name := range append(strings.Fields(names), kind) {
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("SCALE-EVENTS.md does not name `%s` of %s", name, kind)
			}
		}
	}
}

// What the engine would not do stands in every format, with its words.
func TestRefusedResizesAreShown(t *testing.T) {
	for _, f := range formats() {
		if f.name == "junit" {
			continue // it has verdicts only
		}
		text := strings.Join(strings.Fields(render(t, scalingRun(), f.render)), " ")
		if !strings.Contains(text, "unable to set memory limit to 201326592") {
			t.Errorf("%s does not tell of the refused resize", f.name)
		}
	}
}

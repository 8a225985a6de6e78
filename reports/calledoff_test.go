package reports

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// calledOffRun is faultsRun in which ada has called off, at 12 s of the run, the fault that
// never began.
func calledOffRun() Run {
	run := faultsRun()
	record := *run.Record
	record.Events = nil
	said := false
	for _, e := range run.Record.Events {
		if e.T >= 12*second && !said {
			said = true
			record.Events = append(record.Events,
				journal.Event{T: 12 * second, Body: journal.Steered{By: "ada", Verb: "revert", Detail: "call off never: not today"}},
				journal.Event{T: 12 * second, Body: journal.FaultEnded{Fault: "never", Targets: []string{}, Planned: 30 * second, By: journal.FaultCalledOff}})
		}
		record.Events = append(record.Events, e)
	}
	run.Record = &record
	return run
}

func TestAFaultThatWasCalledOff(t *testing.T) {
	run := calledOffRun()
	var r FaultRun
	for _, f := range faultsOf(run).Faults {
		if f.ID == "never" {
			r = f
		}
	}
	if have := strings.Join(r.cells(), "; "); have != "–; never; never; api-1; called off; called off by hand at 12.00 s, before it began" || r.sound() {
		t.Errorf("%q, sound %v", have, r.sound())
	}
	for _, s := range faultSpansOf(faultsOf(run), windowOf(run.events())) {
		if s.id == "never" {
			t.Error("what never began counts as having been in force")
		}
	}
	for _, i := range impactsOf(run) {
		if strings.Contains(i.what, "never") {
			t.Errorf("what never began has an impact: %+v", i)
		}
	}
}

// Who reads any of the reports finds it.
func TestReportsTellOfWhatWasCalledOff(t *testing.T) {
	run := calledOffRun()
	_, timeline, _ := strings.Cut(render(t, run, Writeup), "## Timeline")
	timeline, _, _ = strings.Cut(timeline, "\n## ")
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"page":     {render(t, run, HTML), []string{"never on api-1: called off, at 12.00 s", ">never (called off)<", "called off by hand at 12.00 s, before it began"}},
		"markdown": {render(t, run, Markdown), []string{"| never | api-1 | called off | called off by hand at 12.00 s, before it began |"}},
		"timeline": {timeline, []string{"| ada | call off never: not today |", "| fault | never | ▲ called off by hand before it began |"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.text, want) {
				t.Errorf("%s: no %q", name, want)
			}
		}
		if strings.Contains(c.text, "reverted, by called off") || strings.Contains(c.text, "while never was in force") {
			t.Errorf("%s: what never began was reverted", name)
		}
	}
}

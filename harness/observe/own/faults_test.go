package own

import (
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

func TestAFaultIsActiveWhileItIsInForceOnATarget(t *testing.T) {
	state := func(target, state string) journal.FaultState {
		return journal.FaultState{Fault: "slow", Target: target, State: state}
	}
	over := journal.FaultEnded{Fault: "slow", Targets: []string{"api-1", "api-2"}, By: "schedule"}
	partly := begun
	partly.Error = "api-2: no such interface"
	for name, c := range map[string]struct {
		bodies   []journal.Body
		one, two float64 // on api-1 and api-2
	}{
		"begun":                                {[]journal.Body{begun}, 1, 1},
		"over":                                 {[]journal.Body{begun, over}, 0, 0},
		"over and reverted":                    {[]journal.Body{begun, over, state("api-1", journal.FaultReverted)}, 0, 0},
		"in force without effect":              {[]journal.Body{begun, state("api-1", journal.FaultNoEffect)}, 1, 1},
		"lost on one":                          {[]journal.Body{begun, state("api-1", journal.FaultLost)}, 0, 1},
		"not done to one":                      {[]journal.Body{partly, state("api-2", journal.FaultNoEffect)}, 1, 0},
		"not done to one, and applied to both": {[]journal.Body{partly, state("api-2", journal.FaultApplied), state("api-2", journal.FaultNoEffect)}, 1, 1},
		"stuck on one, then over":              {[]journal.Body{begun, state("api-2", journal.FaultStuck), over}, 0, 1},
		"over, then stuck on one":              {[]journal.Body{begun, over, state("api-2", journal.FaultStuck)}, 0, 1},
		"came later, and over":                 {[]journal.Body{begun, state("api-9", journal.FaultApplied), over}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := New(atelier())
			for _, e := range events(c.bodies...) {
				m.Observe(e)
			}
			p := gathered(t, m)
			for target, want := range map[string]float64{"api-1": c.one, "api-2": c.two, "api-9": 0} {
				if got := p.sum("shakedown_fault_active", `fault="slow"`, `kind="latency"`, `target="`+target+`"`); got != want {
					t.Errorf("active on %s: %v, want %v", target, got, want)
				}
			}
		})
	}
}

func TestAlertsAreCountedByState(t *testing.T) {
	change := func(from, to string) journal.AlertChanged {
		return journal.AlertChanged{Group: "g", Alert: "A", From: from, To: to}
	}
	m := New(nil)
	for _, e := range events(
		journal.RulesLoaded{Rules: []journal.Rule{{Group: "g", Alert: "A"}}},
		change(journal.AlertInactive, journal.AlertPending), change(journal.AlertInactive, journal.AlertPending), // two instances of it
		change(journal.AlertPending, journal.AlertFiring), change(journal.AlertFiring, journal.AlertInactive),
	) {
		m.Observe(e)
	}
	p := gathered(t, m)
	for series, want := range (page{
		`shakedown_alerts{alert="A",group="g",state="pending"}`:               1,
		`shakedown_alerts{alert="A",group="g",state="firing"}`:                0,
		`shakedown_alert_changes_total{alert="A",group="g",state="inactive"}`: 1,
		`shakedown_alert_changes_total{alert="A",group="g",state="pending"}`:  2,
		`shakedown_rule_failures_total{group="g",rule="A"}`:                   0,
	}) {
		if got, there := p[series]; !there || got != want {
			t.Errorf("%s is %v (there: %v), want %v", series, got, there, want)
		}
	}
}

package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// alerts is what alert rules say. Prometheus' own ALERTS has their labels; this is
// for pages and collectors that do not evaluate rules.
type alerts struct{ rules, current, changes, failures *family }

func newAlerts(c *catalogue) *alerts {
	return &alerts{
		rules: c.gauge("shakedown_rules",
			"Rules that are evaluated, by type: alert or record.", "type"),
		current: c.gauge("shakedown_alerts",
			"Alerts that are pending or firing, by rule.", "group", "alert", "state"),
		changes: c.counter("shakedown_alert_changes_total",
			"Times that an alert of a rule went into a state.", "group", "alert", "state"),
		failures: c.counter("shakedown_rule_failures_total",
			"Different messages with which the evaluation of a rule failed.", "group", "rule"),
	}
}

func (a *alerts) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.RulesLoaded:
		a.loaded(t, b)
	case journal.AlertChanged:
		a.move(-1, b.Group, b.Alert, b.From)
		a.move(1, b.Group, b.Alert, b.To)
		a.changes.add(1, b.Group, b.Alert, b.To)
	case journal.RuleFailed:
		a.failures.add(1, b.Group, b.Rule)
	}
}

func (a *alerts) loaded(t time.Duration, b journal.RulesLoaded) {
	alerting, recording := 0, 0
	for _, rule := range b.Rules {
		name := rule.Alert + rule.Record // one of them is ""
		a.failures.expect(rule.Group, name)
		if rule.Alert == "" {
			recording++
			continue
		}
		alerting++
		for _, state := range []string{journal.AlertPending, journal.AlertFiring} {
			a.current.expect(rule.Group, name, state)
			a.changes.expect(rule.Group, name, state)
		}
		a.changes.expect(rule.Group, name, journal.AlertInactive)
	}
	a.rules.set(t, float64(alerting), "alert")
	a.rules.set(t, float64(recording), "record")
}

// move counts an alert into a state or out of it; those that are inactive are none.
func (a *alerts) move(n float64, group, alert, state string) {
	if state == journal.AlertPending || state == journal.AlertFiring {
		a.current.shift(n, group, alert, state)
	}
}

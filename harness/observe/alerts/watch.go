package alerts

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// mostFailures is how many different messages of one rule are journaled: a message with
// a number in it that changes must not fill the journal.
const mostFailures = 10

// A watch compares a rule after each evaluation with what it was before, and journals
// the difference.
type watch struct {
	group, name string
	rule        rules.Rule
	alert       *rules.AlertingRule // nil for a recording rule
	active      map[string]rules.Alert
	failures    map[string]bool
}

func newWatch(g group, r rule, made rules.Rule) *watch {
	w := &watch{group: g.name, name: r.alert + r.record, rule: made, active: map[string]rules.Alert{}, failures: map[string]bool{}}
	w.alert, _ = made.(*rules.AlertingRule)
	return w
}

// look journals what an evaluation has changed.
func (w *watch) look(ctx context.Context, when time.Time, c Config) {
	if err := w.rule.LastError(); err != nil && ctx.Err() == nil {
		w.failed(when, err.Error(), c)
	}
	if w.alert == nil {
		return
	}
	now := map[string]rules.Alert{}
	for _, a := range w.alert.ActiveAlerts() {
		now[a.Labels.String()] = *a
	}
	for _, key := range keys(w.active, now) {
		w.changed(when, w.active[key], now, key, c)
	}
	w.active = now
}

// changed journals one alert that is in another state than before. One that is gone
// keeps its last value and annotations.
func (w *watch) changed(when time.Time, before rules.Alert, now map[string]rules.Alert, key string, c Config) {
	after, active := now[key]
	if before.State == after.State {
		return
	}
	shown := after
	if !active {
		shown = before
	}
	c.Emit(when, journal.AlertChanged{
		Group: w.group, Alert: w.name, Labels: withoutName(shown.Labels),
		From: word(before.State), To: word(after.State),
		ActiveAt: shown.ActiveAt.Sub(c.Start), Value: finite(shown.Value), Annotations: shown.Annotations.Map(),
	})
	if active {
		w.templates(when, after, c)
	}
}

// templates journals templates that could not be expanded: Prometheus puts the reason
// where the text should be.
func (w *watch) templates(when time.Time, a rules.Alert, c Config) {
	check := func(what string) func(labels.Label) {
		return func(l labels.Label) {
			if _, reason, ok := strings.Cut(l.Value, "<error expanding template: "); ok {
				w.failed(when, what+" "+l.Name+": the template cannot be expanded: "+
					withoutPreamble(strings.TrimSuffix(reason, ">"), w.name), c)
			}
		}
	}
	a.Labels.Range(check("label"))
	a.Annotations.Range(check("annotation"))
}

// failed journals a message that has not been before.
func (w *watch) failed(when time.Time, message string, c Config) {
	if w.failures[message] || len(w.failures) == mostFailures {
		return
	}
	w.failures[message] = true
	c.Emit(when, journal.RuleFailed{Group: w.group, Rule: w.name, Error: message})
}

// keys are those of two sets, in order.
func keys(a, b map[string]rules.Alert) []string {
	var out []string
	for k := range a {
		out = append(out, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

// word is a state in the journal's words; an alert that is not there is inactive.
func word(s rules.AlertState) string {
	switch s {
	case rules.StatePending:
		return journal.AlertPending
	case rules.StateFiring:
		return journal.AlertFiring
	default:
		return journal.AlertInactive
	}
}

// finite is a value that JSON can carry: for an infinite one, such as a ratio to nothing,
// the largest there is, and 0 for NaN.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(-math.MaxFloat64, min(v, math.MaxFloat64))
}

// withoutName are the labels of an alert without its name.
func withoutName(l labels.Labels) map[string]string {
	out := l.Map()
	delete(out, labels.AlertName)
	return out
}

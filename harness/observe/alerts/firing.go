package alerts

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/rules"
)

// An Alert is one that fires. Times are offsets from the start of the run.
type Alert struct {
	Group, Name string
	Labels      map[string]string // without alertname
	Annotations map[string]string // expanded
	ActiveAt    time.Duration     // when its expression became true
	FiredAt     time.Duration     // when it began to fire
	Value       float64           // of its expression at the last evaluation
}

// Firing is what fires as of the last evaluation, in the order of the rules and by
// labels within one. It does not wait for an evaluation that goes on; the answer is the
// caller's own.
func (e *Evaluator) Firing() []Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := slices.Clone(e.firing)
	for i := range out {
		out[i].Labels, out[i].Annotations = maps.Clone(out[i].Labels), maps.Clone(out[i].Annotations)
	}
	return out
}

// firing is what fires of one rule.
func (w *watch) firing(start time.Time) []Alert {
	var out []Alert
	for _, key := range keys(w.active, nil) {
		if a := w.active[key]; a.State == rules.StateFiring {
			out = append(out, Alert{
				Group: w.group, Name: w.name, Labels: withoutName(a.Labels), Annotations: a.Annotations.Map(),
				ActiveAt: a.ActiveAt.Sub(start), FiredAt: a.FiredAt.Sub(start), Value: finite(a.Value),
			})
		}
	}
	return out
}

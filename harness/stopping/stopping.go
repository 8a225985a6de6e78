// Package stopping watches the stop conditions of a plan while a run lasts: a
// pure function of the seconds of traffic, and of the readings of metrics, that the
// journal gets.
package stopping

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Watch evaluates stop conditions. It is for one goroutine at a time.
type Watch struct {
	conditions []*condition
	metrics    []*metric
	at         time.Duration // of the second that is being collected
}

// New watches conditions with their defaults filled in. Without any it is nil,
// on which Observe works.
func New(stops []scenarios.StopCondition) *Watch {
	if len(stops) == 0 {
		return nil
	}
	w := &Watch{}
	for _, s := range stops {
		if s.Service != "" {
			w.metrics = append(w.metrics, newMetric(s))
			continue
		}
		w.conditions = append(w.conditions, newConditions(s)...)
	}
	return w
}

// Observe takes in an event and tells which condition has come true with it,
// once for each; nil for none. A second of traffic counts once the driver's own
// figures for it are there, or an event of a later one.
func (w *Watch) Observe(e journal.Event) (triggered *journal.StopTriggered) {
	if w == nil {
		return nil
	}
	switch body := e.Body.(type) {
	case journal.Traffic:
		if e.T > w.at {
			triggered = w.close()
			w.at = e.T
		}
		for _, c := range w.conditions {
			if body.Journey == c.journey && body.Step != "" && (c.step == "" || c.step == body.Step) {
				c.second.add(body)
			}
		}
	case journal.Generator, journal.TrafficEnded:
		triggered = w.close()
	case journal.Measured:
		for _, m := range w.metrics {
			if t := m.take(e.T, body); t != nil && triggered == nil {
				triggered = t
			}
		}
	}
	return triggered
}

// close ends the second that is being collected.
func (w *Watch) close() (triggered *journal.StopTriggered) {
	for _, c := range w.conditions {
		s := c.second
		c.second = second{}
		if s.requests() == 0 || c.triggered {
			continue // nothing was asked: that neither breaks nor mends anything
		}
		measured, missed := c.judge(s)
		if missed < c.patience {
			continue
		}
		c.triggered = true
		if triggered == nil {
			triggered = &journal.StopTriggered{Condition: c.words, Measured: measured, For: missed}
		}
	}
	return triggered
}

// A condition is one objective of a stop condition.
type condition struct {
	journey, step string
	words         string
	patience      time.Duration
	judge         func(second) (measured string, missed time.Duration)
	second        second
	triggered     bool
}

// newConditions takes a stop condition apart.
func newConditions(s scenarios.StopCondition) (conditions []*condition) {
	of := s.Journey
	if s.Step != "" {
		of += "/" + s.Step
	}
	add := func(words string, judge func(second) (string, time.Duration)) {
		conditions = append(conditions, &condition{
			journey: s.Journey, step: s.Step, patience: s.For.Std(), judge: judge,
			words: fmt.Sprintf("%s: %s for %s", of, words, s.For),
		})
	}
	if s.P50 != nil {
		add("p50 > "+s.P50.String(), slower("p50", 0.5, s.P50.Std()))
	}
	if s.P95 != nil {
		add("p95 > "+s.P95.String(), slower("p95", 0.95, s.P95.Std()))
	}
	if s.P99 != nil {
		add("p99 > "+s.P99.String(), slower("p99", 0.99, s.P99.Std()))
	}
	if s.Availability != nil {
		add("availability < "+s.Availability.String(), unavailable(float64(*s.Availability)/100, s.For.Std()))
	}
	return conditions
}

// slower tells for how long, second after second, a percentile has been over a
// limit. Requests without a right answer are slower than any.
func slower(name string, share float64, limit time.Duration) func(second) (string, time.Duration) {
	var missed, worst time.Duration
	unanswered := false
	return func(s second) (string, time.Duration) {
		value, answered := s.quantile(share)
		switch {
		case answered && value <= limit:
			missed, worst, unanswered = 0, 0, false
			return "", 0
		case answered:
			worst = max(worst, value)
		default:
			unanswered = true
		}
		missed += s.length
		if unanswered {
			return fmt.Sprintf("%s without a right answer", name), missed
		}
		return fmt.Sprintf("%s up to %s", name, worst.Round(100*time.Microsecond)), missed
	}
}

// unavailable tells for how long a window has been below a share, once there are
// as many seconds with requests as the window is long.
func unavailable(wanted float64, window time.Duration) func(second) (string, time.Duration) {
	var seconds []second
	var length time.Duration
	var ok, lost int
	return func(s second) (string, time.Duration) {
		seconds = append(seconds, s)
		length, ok, lost = length+s.length, ok+s.ok, lost+s.lost
		for length-seconds[0].length >= window {
			length, ok, lost = length-seconds[0].length, ok-seconds[0].ok, lost-seconds[0].lost
			seconds = seconds[1:]
		}
		if length < window || float64(ok) >= wanted*float64(ok+lost)-1e-9 {
			return "", 0
		}
		return fmt.Sprintf("%d of %d succeeded (%.4g%%)", ok, ok+lost, 100*float64(ok)/float64(ok+lost)), length
	}
}

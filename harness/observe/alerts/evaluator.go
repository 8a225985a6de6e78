package alerts

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Config is what rules are evaluated on. All of it is needed.
type Config struct {
	// Start is the start of the run: groups are evaluated at whole multiples of their
	// interval after it, and offsets of the journal count from it.
	Start time.Time
	// Engine and Queryable answer the expressions of rules.
	Engine    promql.QueryEngine
	Queryable storage.Queryable
	// Appendable takes the results: the series of recording rules, ALERTS and
	// ALERTS_FOR_STATE. Samples carry the time of the evaluation and must keep it.
	Appendable storage.Appendable
	// Emit journals; at is the time of the evaluation. It is called from Eval.
	Emit func(at time.Time, body journal.Body)
}

// An Evaluator evaluates rules with the groups of Prometheus itself, on the clock that
// its caller has. It is safe for concurrent use.
type Evaluator struct {
	config Config
	groups []*slotted
	eval   sync.Mutex // held while groups are evaluated

	mu     sync.Mutex // guards what follows
	firing []Alert
	counts Counts
}

// Counts are of evaluations of groups.
type Counts struct {
	Evaluated int
	Skipped   int // slots that had passed when Eval was called for a later one
}

// slotted is a group with the number of the slot that it was evaluated for last. The
// first slot is one interval after the start: before, there is nothing to look at.
type slotted struct {
	group    *rules.Group
	interval time.Duration
	slot     int64
	watches  []*watch
}

// NewEvaluator returns an evaluator that has evaluated nothing yet.
func NewEvaluator(loaded *Rules, c Config) *Evaluator {
	e := &Evaluator{config: c}
	options := &rules.ManagerOptions{
		ExternalURL: &url.URL{},
		QueryFunc:   rules.EngineQueryFunc(c.Engine, c.Queryable),
		NotifyFunc:  func(context.Context, string, ...*rules.Alert) {}, // what changes is read from the rules
		Appendable:  c.Appendable,
		Queryable:   c.Queryable,
		Logger:      slog.New(slog.DiscardHandler), // failures are read from the rules
		Metrics:     rules.NewGroupMetrics(nil),
	}
	for _, g := range loaded.groups {
		e.groups = append(e.groups, newSlotted(g, options))
	}
	return e
}

func newSlotted(g group, options *rules.ManagerOptions) *slotted {
	s := &slotted{interval: g.interval}
	var list []rules.Rule
	for _, r := range g.rules {
		made := newRule(r, options.Logger)
		list = append(list, made)
		s.watches = append(s.watches, newWatch(g, r, made))
	}
	s.group = rules.NewGroup(rules.GroupOptions{
		Name: g.name, File: g.file, Interval: g.interval, QueryOffset: g.offset, Limit: g.limit,
		Rules: list, Opts: options,
	})
	return s
}

// newRule is a rule of Prometheus. An alert counts as restored: there is no life before
// the run that its state could come from.
func newRule(r rule, logger *slog.Logger) rules.Rule {
	if r.alert == "" {
		return rules.NewRecordingRule(r.record, r.expr, r.labels)
	}
	const restored = true
	return rules.NewAlertingRule(r.alert, r.expr, r.hold, r.keep, r.labels, r.annotations,
		labels.EmptyLabels(), "", restored, logger)
}

// Eval evaluates every group with a slot at or before a time that it has not been
// evaluated for: once, for the latest of them and as of its time, however late the call
// is. Slots in between are skipped, as Prometheus does, and counted. Groups are evaluated
// one after the other in the order of the files, so that one finds what another has
// recorded in the same moment. What ctx cuts off is not a failure of a rule.
func (e *Evaluator) Eval(ctx context.Context, at time.Time) {
	e.eval.Lock()
	defer e.eval.Unlock()
	for _, g := range e.groups {
		slot := int64(at.Sub(e.config.Start) / g.interval)
		if slot <= g.slot || ctx.Err() != nil {
			continue
		}
		skipped := slot - g.slot - 1
		g.slot = slot
		when := e.config.Start.Add(time.Duration(slot) * g.interval)
		g.group.Eval(ctx, when)
		for _, w := range g.watches {
			w.look(ctx, when, e.config)
		}
		e.publish(int(skipped))
	}
}

// publish lets others see what has come of one evaluation.
func (e *Evaluator) publish(skipped int) {
	var firing []Alert
	for _, g := range e.groups {
		for _, w := range g.watches {
			firing = append(firing, w.firing(e.config.Start)...)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.firing = firing
	e.counts.Evaluated++
	e.counts.Skipped += skipped
}

// Counts says how often groups were evaluated.
func (e *Evaluator) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts
}

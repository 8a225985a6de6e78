package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// behind is by how much evaluations come after the readings that are due at the
// same moment.
const behind = 100 * time.Millisecond

// watch replaces what breaks down and asks the autoscaler, one thing at a time:
// while the stack has a change of the service wait for its turn, nothing is
// evaluated, and nothing is made up for.
func (s *service) watch(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(behind):
	}
	looks := time.NewTicker(leastEvery)
	defer looks.Stop()
	var evaluations <-chan time.Time
	if s.planned.Autoscale != nil {
		ticker := time.NewTicker(s.every())
		defer ticker.Stop()
		evaluations = ticker.C
	}
	for {
		evaluate := false
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-looks.C:
		case <-evaluations:
			evaluate = true
		}
		if s.busy.is() || ctx.Err() != nil {
			continue
		}
		s.replace(ctx)
		if evaluate {
			s.evaluate(ctx)
			select {
			case <-evaluations: // it took longer than a period: the next comes with the next
			default:
			}
		}
	}
}

// evaluate asks the autoscaler once and applies what it decides.
func (s *service) evaluate(ctx context.Context) {
	v := s.look()
	d, next := s.recommend(v)
	d.Service, d.Autoscaler, d.Current = s.name, s.planned.Autoscale.Kind(), v.current()
	recommended := d.Desired
	d = scaling.Floor(s.planned.Autoscale.Floors, v.at-s.c.cfg.Start, v.state, d)
	changes := d.Desired != d.Current
	switch {
	case changes && s.c.frozen:
		d.Held = heldFrozen
	case changes && s.paused(v.at):
		d.Held = heldPaused
	}
	s.tell(d)
	id := s.c.decide(d)
	done := !changes || d.Held == "" && s.bring(ctx, v, id, d) == nil
	if !done || d.Desired != recommended { // what a schedule brings about is no change of the recommender's
		next = next.unapplied(s.history)
	}
	s.history = next
}

// tell notes when the autoscaler has to do without a metric, and when it has all
// of them again: what it leaves undone meanwhile looks as if nothing were to be
// done.
func (s *service) tell(d scaling.Decision) {
	i := slices.IndexFunc(d.Metrics, func(m journal.ScaleMetric) bool { return m.Value == nil && m.Error != "" })
	switch {
	case i >= 0:
		if s.blind++; s.blind == blindLooks {
			s.c.note("warning", "the autoscaler of %s has done without %s %d times in a row, and removes nothing until it is back: %s",
				s.name, d.Metrics[i].Name, blindLooks, d.Metrics[i].Error)
		}
		return
	case s.blind >= blindLooks:
		s.c.note("info", "the autoscaler of %s has all of its metrics again", s.name)
	}
	s.blind = 0
}

// blindLooks is how many decisions in a row have to lack a metric before that is
// told: at first a rate has but one reading.
const blindLooks = 3

// Why nothing is applied: the control of that name, or the scenario's paused_in.
const (
	heldFrozen = "frozen"
	heldPaused = "paused"
)

// paused tells whether the autoscaler is not to act at a moment of the run's clock.
// What takes the place of an instance that broke down is nobody's decision, and goes on.
func (s *service) paused(at time.Duration) bool {
	return s.c.cfg.Plan.Paused(s.name, scenarios.Duration(at-s.c.cfg.Start))
}

// bring has the stack bring the service to what was decided. What is owed counts
// as there, so that it comes when its back-off is over; a smaller number takes from
// that first.
func (s *service) bring(ctx context.Context, v view, id int, d scaling.Decision) error {
	owed := min(len(s.broken.owed), max(0, d.Desired-v.live))
	started, err := s.adjust(ctx, id, d.Desired-owed, fmt.Sprintf("%s, from %d to %d: %s", d.Autoscaler, d.Current, d.Desired, d.Reason))
	if err == nil {
		s.broken.forgive(owed)
		s.broken.madeUp(s.c.cfg.Cluster.Unborn(s.name), started)
	}
	return err
}

// adjust has the stack bring the service to a number of running instances, and
// journals what came of it.
func (s *service) adjust(ctx context.Context, id, to int, words string) (started []string, err error) {
	started, stopping, err := s.c.cfg.Cluster.Adjust(ctx, s.name, to, journal.DecisionCause(id, words))
	s.broken.keep() // the stack has removed what has exited
	applied := journal.ScaleApplied{ID: id, Service: s.name, Started: started, Stopping: stopping}
	if err != nil {
		applied.Error = s.c.words(ctx, err)
	}
	s.c.cfg.Emit(applied)
	return started, err
}

// words are those of an error of the stack; where the run was over before it was
// done, they say that.
func (c *Controller) words(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return "given up because the run's last phase is over: " + oneLine(err)
	}
	return oneLine(err)
}

// oneLine is an error in one line, as the record has it.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

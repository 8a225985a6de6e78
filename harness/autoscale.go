package harness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/scaling/control"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// autoscaling is the controller of a run once traffic has started; before that,
// and where nothing is scaled nor measured, there is none. It is safe for
// concurrent use.
type autoscaling struct {
	controller atomic.Pointer[control.Controller]
}

// observe shows an event to the controller.
func (a *autoscaling) observe(event journal.Event) {
	if c := a.controller.Load(); c != nil {
		c.Observe(event)
	}
}

// session answers what the application announces.
func (a *autoscaling) session(ctx context.Context, signal journal.SessionSignal) gateway.Answer {
	if c := a.controller.Load(); c != nil {
		return c.Session(ctx, signal)
	}
	return gateway.Answer{State: "rejected", Reason: "traffic has not started yet"}
}

// begin runs the controller from the start of traffic on, until ctx is done; the
// function it returns waits for the end of it, and, unless the run is interrupted,
// until the instances that it has begun to start or to stop are there or gone:
// what is cut off proves nothing. It waits no longer than until hard is done.
func (a *autoscaling) begin(ctx context.Context, r *run, start time.Duration) (wait func(ctx, hard context.Context) error) {
	c := control.New(control.Config{Plan: r.Loaded.Plan, Cluster: r.stack, Clock: r.clock, Start: start, Emit: r.emit})
	if c == nil {
		return func(context.Context, context.Context) error { return nil }
	}
	a.controller.Store(c)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	return func(ctx, hard context.Context) error {
		if err := scaled(hard, ended); err != nil {
			return err
		}
		r.settle(ctx)
		return nil
	}
}

// settle waits for instances that come or go. Those that take longer than any
// action may are left to the tear-down, with a warning.
func (r *run) settle(ctx context.Context) {
	within := patience(r.Loaded.Plan)
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if r.stack.Settle(limited) != nil && ctx.Err() == nil {
		r.emit(journal.Note{Level: "warning", Text: fmt.Sprintf("instances that autoscalers start or stop are not there or gone %v after the end of traffic", within)})
	}
}

// scaled waits for the end of a controller.
func scaled(hard context.Context, ended <-chan error) error {
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("scale: %w", err)
		}
		return nil
	case <-hard.Done():
		return context.Cause(hard)
	}
}

// lint tells before the run what its settings alone make certain.
func (r *run) lint() {
	for _, note := range lintNotes(r.Loaded.Plan) {
		r.emit(note)
	}
}

// lintNotes are the remarks on a plan for the record, and one line for people that
// says which there are: whoever starts the same run again and again knows them, and
// they are no part of what it shows. There are none where nothing is remarked on.
func lintNotes(plan *scenarios.Plan) (notes []journal.Note) {
	if len(plan.Lint) == 0 {
		return nil
	}
	level, warnings, about := "info", 0, []string{}
	for _, remark := range plan.Lint {
		words := remark.Rule + " of " + remark.Service
		if remark.Level == "warning" {
			level = "warning"
			warnings++
			about = append(about, words)
		}
		notes = append(notes, journal.Note{Level: "detail", Text: "lint " + words + ": " + remark.Text})
	}
	text := "1 remark on the plan"
	if n := len(plan.Lint); n > 1 {
		text = fmt.Sprintf("%d remarks on the plan", n)
	}
	if warnings > 0 {
		if more := len(about) - mostAbout; more > 0 {
			about = append(about[:mostAbout], fmt.Sprintf("%d more", more))
		}
		text += ", with warnings (" + strings.Join(about, ", ") + ")"
	}
	return append(notes, journal.Note{Level: level, Text: text + "; see shakedown plan"})
}

// mostAbout is how many warnings about a plan are named in a run of it.
const mostAbout = 4

// resizable tells, before anything is made, whether a platform can change the
// resources of instances, where a plan wants that: a platform that cannot would
// leave every check of it unproven. Each service is a problem of its own.
func resizable(loaded *Loaded, on platform.Platform) error {
	refused := scenarios.Problems{}
	for _, name := range slices.Sorted(maps.Keys(loaded.Plan.Services)) {
		prescale := loaded.Plan.Services[name].Prescale
		if prescale == nil || prescale.Policy == scenarios.OffPolicy {
			continue
		}
		for _, feature := range []platform.Feature{platform.MemoryLimits, platform.CPULimits} {
			if err := on.Supports(feature); err != nil {
				refused = append(refused, loaded.Document.ServiceProblem(name, "prescale",
					fmt.Sprintf("prescale of %s%s cannot be rehearsed: %v", name, andChecks(loaded.Plan, name), err),
					"run it on containers, or without: --set stack.services."+name+".prescale.policy=off"))
				break
			}
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return refused
}

// andChecks names the checks that would have nothing to judge without the
// prescaling of a service.
func andChecks(plan *scenarios.Plan, service string) string {
	var ids []string
	for _, check := range plan.Checks {
		if check.Prescale != nil && check.Prescale.Service == service {
			ids = append(ids, "prescale of journey "+check.Prescale.Journey)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return ", and with it the check " + strings.Join(ids, " and ") + ","
}

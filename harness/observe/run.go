package observe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/own"
)

const (
	// usageEvery is how often it is sampled what instances use, and usageLimit how
	// long one may take to tell.
	usageEvery = time.Second
	usageLimit = 2 * time.Second
	// behind is by how much rules are evaluated after their moment, so that what was
	// scraped at it is there.
	behind = 20 * time.Millisecond
)

// Find finds the Prometheus that is to be asked in place of the run's own, if the plan
// names one; it is called when the stack is up and before Run. Without it nothing that
// depends on metrics could be judged, so that a run need not begin.
func (o *Observer) Find(ctx context.Context) (err error) {
	if o.cfg.Plan.Metrics.From == "" {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	o.there, err = newExisting(limited, o)
	return err
}

// Run reads pages, samples use and evaluates rules until ctx is done. What cannot be
// read stands in the record; an error is about the run's own means.
func (o *Observer) Run(ctx context.Context) (err error) {
	planned := o.cfg.Plan.Metrics
	ending, exported := o.export(ctx)
	defer func() { err = errors.Join(err, ending(), exported()) }()
	pages, err := o.scraper()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pages.Close()) }()
	every := planned.Every.Std()
	tick := time.NewTimer(0)
	defer tick.Stop()
	var used time.Duration
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := o.cfg.Clock.Now()
		pages.Update(o.targets())
		if now-used >= usageEvery-behind {
			used = now
			o.sample(ctx)
		}
		switch {
		case o.there != nil:
			o.there.look(ctx)
		case o.eval != nil:
			o.eval.Eval(ctx, o.now())
		}
		now = o.cfg.Clock.Now()
		tick.Reset((now - behind).Truncate(every) + every + behind - now)
	}
}

// export lets others have the run's own metrics while it lasts. What goes wrong with
// that is a remark, and nothing that a run fails for.
func (o *Observer) export(ctx context.Context) (served, sent func() error) {
	served, sent = func() error { return nil }, func() error { return nil }
	planned := o.cfg.Plan.Metrics
	if planned.Listen != "" {
		bound, wait, err := o.own.Serve(ctx, planned.Listen)
		if err != nil {
			o.remark(fmt.Errorf("serve the run's metrics: %w", err))
		} else {
			o.emit(journal.Note{Level: "info", Text: "the run's own metrics are at http://" + bound + "/metrics"})
			served = wait
		}
	}
	if planned.OTLP != "" {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := own.Export(ctx, own.Config{
				Endpoint: planned.OTLP, Every: planned.Every.Std(), Gatherer: o.own,
				Run: o.cfg.Run, Scenario: o.cfg.Plan.Scenario,
			}); err != nil {
				o.remark(err)
			}
		}()
		sent = func() error { <-ended; return nil }
	}
	return served, sent
}

func (o *Observer) remark(err error) {
	o.emit(journal.Note{Level: "warning", Text: err.Error()})
}

// sample journals what all instances use, each by itself, so that one that does not
// answer holds up no other. What cannot be read is missing in the record.
func (o *Observer) sample(ctx context.Context) {
	for service := range o.cfg.Plan.Services {
		for _, name := range o.cfg.Cluster.Running(service) {
			o.using.Go(func() {
				limited, cancel := context.WithTimeout(ctx, usageLimit)
				defer cancel()
				if stats, err := o.cfg.Cluster.Usage(limited, name); err == nil {
					o.emit(journal.Usage{Service: service, Instance: name, CPU: stats.CPU, Memory: stats.Memory, Limit: stats.Limit})
				}
			})
		}
	}
}

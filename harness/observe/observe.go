// Package observe measures what goes on in a run, with Prometheus' own engine: it
// scrapes the instances, keeps what the run itself knows beside that, evaluates the
// alert rules of the scenario on both, and answers what the checks want to know.
// Nothing outside of this folder imports Prometheus, so that an upgrade touches nothing
// else.
package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/alerts"
	"github.com/shakedown-dev/shakedown/harness/observe/own"
	"github.com/shakedown-dev/shakedown/harness/observe/scrape"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Cluster is the stack, as far as it is measured. Its methods are called concurrently.
type Cluster interface {
	// Running are the instances of a service whose process runs.
	Running(service string) []string
	// Fetch gets a page of an instance; port 0 is the service's own.
	Fetch(ctx context.Context, instance string, port int, path string) ([]byte, error)
	// Usage samples what an instance uses now.
	Usage(ctx context.Context, instance string) (platform.Stats, error)
	// Targets are the addresses of services, host:port on loopback.
	Targets() map[string]string
}

// Config says what to measure. All of it is needed.
type Config struct {
	Plan    *scenarios.Plan // with Metrics
	Dir     string          // where the metrics are kept; it need not exist
	Run     string          // id
	Started time.Time       // wall-clock time of offset 0
	Clock   clock.Clock
	Cluster Cluster
	Emit    func(journal.Event)
}

// An Observer measures one run. Observe may be called from any goroutine at any time;
// Find, Run, Answer and Close are called once each, in this order.
type Observer struct {
	cfg   Config
	own   *own.Metrics
	store *store.Store
	rules *alerts.Rules // nil without rules of its own
	eval  *alerts.Evaluator
	there *existing // a Prometheus that is asked instead; nil: none

	traffic atomic.Int64           // T of its start, 0 before
	phase   atomic.Pointer[string] // that is on
	using   sync.WaitGroup         // samples of use under way
}

// New opens the store and loads the rules; nothing is read yet.
func New(cfg Config) (*Observer, error) {
	o := &Observer{cfg: cfg, own: own.New(cfg.Plan)}
	none := ""
	o.phase.Store(&none)
	planned := cfg.Plan.Metrics
	if len(planned.Rules) > 0 {
		rules, problems := alerts.Load(planned.Rules, planned.RuleScale, alerts.Every(planned.Every.Std()))
		if len(problems) > 0 {
			return nil, fmt.Errorf("load the rules: %w", problems[0])
		}
		o.rules = rules
	}
	var err error
	if o.store, err = store.Create(cfg.Dir, store.Options{Every: planned.Every.Std()}); err != nil {
		return nil, err
	}
	if o.rules != nil {
		loaded := o.rules.Describe()
		loaded.Source = Embedded
		cfg.Emit(journal.Event{T: cfg.Clock.Now(), Body: loaded})
		o.eval = alerts.NewEvaluator(o.rules, alerts.Config{
			Start: cfg.Started, Engine: o.store.Engine(), Queryable: o.store.WithoutPhase(), Appendable: o.store, Emit: o.emitAt,
		})
	}
	return o, nil
}

// Embedded is the source of alerts that the run evaluates itself.
const Embedded = "embedded"

// Observe takes an event of the run into its own metrics.
func (o *Observer) Observe(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.TrafficStarted:
		o.traffic.Store(int64(e.T))
	case journal.PhaseStarted:
		o.phase.Store(&b.Phase)
	case journal.TrafficEnded:
		none := ""
		o.phase.Store(&none)
	}
	o.own.Observe(e)
}

// wall is the time of an offset, as the store has it.
func (o *Observer) wall(t time.Duration) time.Time { return o.cfg.Started.Add(t) }

// now is the time on the run's clock: a wall clock that is set meanwhile does not
// change it.
func (o *Observer) now() time.Time { return o.wall(o.cfg.Clock.Now()) }

func (o *Observer) emit(body journal.Body) {
	o.cfg.Emit(journal.Event{T: o.cfg.Clock.Now(), Body: body})
}

func (o *Observer) emitAt(at time.Time, body journal.Body) {
	o.cfg.Emit(journal.Event{T: at.Sub(o.cfg.Started), Body: body})
}

// Close writes what is in memory, so that it can be asked afterwards.
func (o *Observer) Close() error {
	o.using.Wait()
	return o.store.Close()
}

// scraper begins to read pages.
func (o *Observer) scraper() (*scrape.Scraper, error) {
	return scrape.New(scrape.Options{
		Every: o.cfg.Plan.Metrics.Every.Std(), MaxSeries: o.cfg.Plan.Metrics.MaxSeries, Fetch: o.cfg.Cluster.Fetch,
		Store: o.store.Appendable(o.now), Phase: func() string { return *o.phase.Load() },
		Emit: func(changed journal.ScrapeChanged) { o.emit(changed) }, Own: o.own,
	})
}

// targets are the pages there are now.
func (o *Observer) targets() (all []scrape.Target) {
	if o.there != nil {
		return nil
	}
	for service, page := range o.cfg.Plan.Metrics.Pages {
		for _, name := range o.cfg.Cluster.Running(service) {
			all = append(all, scrape.Target{Service: service, Instance: name, Port: page.Port, Path: page.Path, Assumed: page.Assumed})
		}
	}
	return all
}

var errNoTraffic = errors.New("no traffic was driven, so that there is nothing to ask for")

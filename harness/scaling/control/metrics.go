package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	defaultMetricEvery = time.Second
	leastMetricLimit   = time.Second     // a source may take that long at least,
	mostMetricLimit    = 5 * time.Second // and that at most
)

// found is what a source told: of the service, and of single instances where it
// knows them.
type found struct {
	value float64
	each  map[string]float64
}

// errNoRateYet is the error of a rate that was read for the first time.
var errNoRateYet = errors.New("a rate takes two readings, and there was one")

// A series is a metric of a service, reading by reading. It is safe for
// concurrent use.
type series struct {
	c       *Controller
	service string
	name    string
	every   time.Duration // real time

	mu    sync.Mutex
	known bool // there was a value
	value float64
	at    time.Duration // on the run's clock
	each  map[string]moment
	fail  error // of the last reading
}

// A moment is the value of an instance, and when that was, on the run's clock.
type moment struct {
	value float64
	at    time.Duration
}

func newSeries(c *Controller, service, name string, source scenarios.MetricSource) *series {
	return &series{c: c, service: service, name: name, every: orDefault(source.Every, defaultMetricEvery), each: map[string]moment{}}
}

// limit is how long a source may take.
func (s *series) limit() time.Duration {
	return min(max(s.every, leastMetricLimit), mostMetricLimit)
}

// take takes in a reading and journals it. What instances told counts even where
// the value of the service could not be told; what is not about an instance of the
// service, because another service tells it, is not.
func (s *series) take(f found, err error) {
	now, members := s.c.now(), s.c.running(s.service)
	if err == nil && !finite(f.value) {
		err = fmt.Errorf("its value is %v, which is no number: the source does not know it", f.value)
	}
	s.mu.Lock()
	s.fail = err
	if err == nil {
		s.known, s.value, s.at = true, f.value, now
	}
	for name, value := range f.each {
		if finite(value) && slices.ContainsFunc(members, func(m stack.Member) bool { return m.Name == name }) {
			s.each[name] = moment{value, now}
		}
	}
	maps.DeleteFunc(s.each, func(_ string, m moment) bool { return s.stale(m.at, now) })
	s.mu.Unlock()
	switch {
	case err == nil:
		s.c.cfg.Emit(journal.Measured{Service: s.service, Metric: s.name, Value: f.value})
	case !errors.Is(err, errNoRateYet):
		s.c.cfg.Emit(journal.Measured{Service: s.service, Metric: s.name, Error: oneLine(err)})
	}
}

func (s *series) stale(at, now time.Duration) bool { return now-at > staleAfter(s.every) }

// reading is the last good one, as long as it is not stale.
func (s *series) reading(now time.Duration) scaling.Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := scaling.Reading{Value: s.value, At: s.c.time.at(s.at)}
	switch {
	case !s.known && s.fail != nil:
		r = scaling.Reading{Err: s.fail}
	case !s.known:
		r = scaling.Reading{Err: fmt.Errorf("%s has not been read yet", s.name)}
	case s.stale(s.at, now):
		r = scaling.Reading{Err: s.late(now)}
	}
	for name, m := range s.each {
		if s.stale(m.at, now) {
			continue
		}
		if r.Each == nil {
			r.Each = map[string]float64{}
		}
		r.Each[name] = m.value
	}
	return r
}

// late says since when a metric has not been read, and why.
func (s *series) late(now time.Duration) error {
	age := (now - s.at).Round(100 * time.Millisecond)
	if s.fail == nil {
		return fmt.Errorf("it was read last %v ago", age)
	}
	return fmt.Errorf("it was read last %v ago, since then: %w", age, s.fail)
}

// A poll is a source that is asked by itself.
type poll struct {
	*series
	read func(ctx context.Context, targets map[string]string) (found, error)
}

// pass reads once.
func (p *poll) pass(ctx context.Context, targets map[string]string) {
	late := fmt.Errorf("no answer within %v", p.limit())
	limited, cancel := context.WithTimeoutCause(ctx, p.limit(), late)
	defer cancel()
	f, err := p.read(limited, targets)
	if ctx.Err() == nil {
		p.take(f, err)
	}
}

// addSources makes the sources of all metrics. Those on the same page of the same
// instances are read together.
func (c *Controller) addSources() {
	pages := map[page]*scrape{}
	for _, s := range c.services {
		for _, name := range slices.Sorted(maps.Keys(s.planned.Metrics)) {
			source := s.planned.Metrics[name]
			one := newSeries(c, s.name, name, source)
			s.series[name] = one
			switch {
			case source.Exposition != nil:
				e := newExposed(one, *source.Exposition)
				at := c.pageOf(s.name, *source.Exposition, one.every)
				if pages[at] == nil {
					pages[at] = &scrape{c: c, page: at}
					c.scrapes = append(c.scrapes, pages[at])
				}
				pages[at].metrics = append(pages[at].metrics, e)
			case source.HTTP != nil:
				c.polls = append(c.polls, &poll{one, newHTTPMetric(*source.HTTP)})
			case source.PromQL != nil:
				c.polls = append(c.polls, &poll{one, newPromQL(*source.PromQL, c.cfg.Plan.Targets)})
			}
		}
	}
}

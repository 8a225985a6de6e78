package control

import (
	"fmt"
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// reading is a metric of the service at a moment: one of its own, or one that
// every service has.
func (s *service) reading(name string, v view) scaling.Reading {
	if own := s.series[name]; own != nil {
		return own.reading(v.at)
	}
	r := scaling.Reading{At: v.state.Now}
	switch name {
	case scenarios.RequestsPerInstance:
		r.Value, r.Each, r.Err = s.traffic.perInstance(v.at, v.members, requests)
	case scenarios.InFlightPerInstance:
		r.Value, r.Each, r.Err = s.traffic.perInstance(v.at, v.members, inFlight)
	case scenarios.P95Metric:
		r.Value, r.Err = s.traffic.p95(v.at)
	case scenarios.CPUMetric:
		r.Value, r.Each, r.Err = s.utilization(v, float64(s.planned.Requests.CPUs), "cpus", func(u rate) float64 { return u.cores })
	case scenarios.MemoryMetric:
		r.Value, r.Each, r.Err = s.utilization(v, float64(s.planned.Requests.Memory), "memory", func(u rate) float64 { return float64(u.memory) })
	default:
		r.Err = fmt.Errorf("%s has no metric %s; name its source under metrics", s.name, name)
	}
	return r
}

// utilization is a share of what instances request, in percent: of each that is
// known, and their mean. While that of one that has been ready for a while is not
// known, there is no value for the service.
func (s *service) utilization(v view, request float64, what string, of func(rate) float64) (value float64, each map[string]float64, err error) {
	if request <= 0 {
		return 0, nil, fmt.Errorf("%s requests no %s that use could be a share of; give autoscale.requests.%s", s.name, what, what)
	}
	each = map[string]float64{}
	sum := 0.0
	for _, m := range v.members {
		if m.Exited || m.Started == 0 {
			continue
		}
		use, failed := s.usage.rate(m.Name, v.at)
		if failed == nil {
			each[m.Name] = 100 * of(use) / request
			sum += each[m.Name]
		} else if m.Ready && s.settled(m, v.at) {
			err = fmt.Errorf("%s: %w", m.Name, failed)
		}
	}
	if err == nil && len(each) == 0 {
		err = s.unread()
	}
	if err != nil {
		return 0, each, err
	}
	return sum / float64(len(each)), each, nil
}

// settled tells whether an instance has been ready for so long that its use
// should be known.
func (s *service) settled(m stack.Member, now time.Duration) bool {
	return now-max(m.Changed, m.Started) > staleAfter(s.usage.every)
}

// unread is why nothing is known of the use of any instance.
func (s *service) unread() error {
	if err := s.usage.failed(); err != nil {
		return err
	}
	return fmt.Errorf("the use of no instance of %s has been read yet", s.name)
}

// finite tells whether a number can be reckoned with.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

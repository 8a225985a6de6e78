package verify

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultTimeToReady is the limit from start to ready when the check does not
// say.
const defaultTimeToReady = 30 * time.Second

// everyOne is how many instances there must be before one in 20 of them may be
// slower than the limit: of fewer, the 95th percentile is the slowest.
const everyOne = 20

// never is the time to ready of an instance that had its time and was not ready.
const never = time.Duration(math.MaxInt64)

// timeToReady is R3: 95 instances in 100 are ready within a limit from their
// start.
func (h *history) timeToReady(c scenarios.ReadinessCheck) Finding {
	limit := defaultTimeToReady
	if c.TimeToReady != nil {
		limit = c.TimeToReady.Std()
	}
	f := readinessFinding(c.Service, "R3-time-to-ready", "ready within "+latency(limit)+" of its start")
	var s startups
	late := ""
	for _, i := range h.of(c.Service) {
		if i.started == nil || *i.started > h.window.to {
			continue
		}
		if took, ok := i.took(); ok {
			s.add(took, i.name)
			f.Evidence = append(f.Evidence, Evidence{Text: "ready " + offset(took) + " after its start", Instance: i.name, From: *i.started, To: *i.started + took})
			if took > limit {
				late = join(late, i.name+": ready only "+offset(took)+" after its start")
			}
		} else if why, e := i.neverReady(h.window, limit); why != "" {
			s.add(never, i.name)
			f.Evidence = append(f.Evidence, e)
			late = join(late, i.name+": "+why)
		}
	}
	if len(s.times) >= everyOne {
		f.Wanted = "95 in 100 instances ready within " + latency(limit) + " of their start"
	}
	f.Measured = s.measured()
	switch {
	case len(s.times) == 0:
		f.Verdict, f.Reason = Inconclusive, "no instance of "+c.Service+" became ready, and none had the time to"
	case s.p95() > limit:
		f.Verdict, f.Reason = Fail, late
	}
	return f
}

// startups are the times to ready of the instances of a service.
type startups struct {
	times   []time.Duration
	ready   int
	slowest time.Duration // of those that were ready
	name    string
}

func (s *startups) add(took time.Duration, name string) {
	s.times = append(s.times, took)
	if took == never {
		return
	}
	if s.ready == 0 || took > s.slowest {
		s.slowest, s.name = took, name
	}
	s.ready++
}

// p95 is the 95th percentile by nearest rank, so that it is the time of an
// instance.
func (s startups) p95() time.Duration {
	sorted := slices.Sorted(slices.Values(s.times))
	return sorted[(len(sorted)*95+99)/100-1]
}

// measured is the table cell.
func (s startups) measured() string {
	switch {
	case s.ready == 0:
		return "no instance became ready"
	case len(s.times) < everyOne:
		return fmt.Sprintf("slowest %s (%s) of %s", offset(s.slowest), s.name, plural(s.ready, "instance"))
	}
	p95, unready := offset(s.p95()), ""
	if s.p95() == never {
		p95 = "never"
	}
	if n := len(s.times) - s.ready; n > 0 {
		unready = fmt.Sprintf(", %s never ready", count(n))
	}
	return fmt.Sprintf("p95 %s, slowest %s (%s) of %s%s", p95, offset(s.slowest), s.name, plural(len(s.times), "instance"), unready)
}

// took is the time from start to the first probe that passed, or to the endpoint
// list where the record has no probes: a blue-green release keeps an instance that
// is ready out of the list until all are. The two are told by different processes,
// so it may come out slightly below zero.
func (i *instance) took() (time.Duration, bool) {
	passes := slices.IndexFunc(i.probes, func(p timed[journal.ProbeChanged]) bool { return p.body.Ready })
	switch {
	case passes >= 0:
		return max(0, i.probes[passes].at-*i.started), true
	case len(i.added) == 0 || i.blind:
		return 0, false
	}
	return max(0, i.added[0].at-*i.started), true
}

// neverReady judges an instance that was started and never was ready: it had its time, or it exited on its own. One that was told to
// stop before its time was up is nobody's fault.
func (i *instance) neverReady(w window, limit time.Duration) (string, Evidence) {
	end := w.to
	if i.terminating != nil {
		end = min(end, i.terminating.at)
	}
	if e := i.exited; e != nil && e.at <= end {
		if i.taken != nil {
			return "", Evidence{}
		}
		text := fmt.Sprintf("exited with code %d before it was ready", e.body.Code)
		return text, Evidence{Text: text, Instance: i.name, From: *i.started, To: e.at}
	}
	if had := end - *i.started; had > limit {
		text := "not ready " + offset(had) + " after its start"
		return text, Evidence{Text: text, Instance: i.name, From: *i.started, To: end}
	}
	return "", Evidence{}
}

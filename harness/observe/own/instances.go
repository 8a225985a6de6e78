package own

import (
	"strconv"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// keepExited is how long counters of an instance that has exited stay: longer than
// the ranges that rules of a rehearsal usually look back over.
const keepExited = 5 * time.Minute

// The states of an instance.
const (
	starting    = "starting"
	ready       = "ready"
	unready     = "unready"
	terminating = "terminating"
)

var states = []string{starting, ready, unready, terminating}

// member is an instance of a service.
type member struct{ service, instance string }

// instances is who is there, how they stand, and what became of them.
type instances struct {
	plan  *scenarios.Plan
	there map[member]*standing
	gone  map[member]time.Duration // when they exited, until they are forgotten
	left  []member                 // the keys of gone, in the order in which they were told of

	count, starts, signals, exits, crashes *family
	initialized, probes, interrupted       *family
	terminations                           *family
}

// standing is how an instance stands.
type standing struct {
	started, terminating bool
	probed, ready        bool // probed: it was ready once
}

func newInstances(c *catalogue, plan *scenarios.Plan) *instances {
	i := &instances{
		plan: plan, there: map[member]*standing{}, gone: map[member]time.Duration{},
		count: c.gauge("shakedown_instances",
			"Instances that run, by state: starting until the first readiness probe succeeds, then ready or unready by the probe, terminating from the start of the termination sequence. Without a gateway there is no probe, and they are ready from their start.", "service", "state"),
		starts: c.counter("shakedown_instance_starts_total",
			"Instances whose main process was started; of a job, service is its name.", "service"),
		terminations: c.counter("shakedown_instance_terminations_total",
			"Instances whose termination sequence began.", "service"),
		signals: c.counter("shakedown_instance_signals_total",
			"Signals that the run sent to instances.", "service", "signal"),
		exits: c.counter("shakedown_instance_exits_total",
			"Instances whose main process exited, by exit code (128 and the number of the signal that killed it) and whether the kernel killed it for want of memory.", "service", "code", "oom"),
		crashes: c.counter("shakedown_instance_crashes_total",
			"Instances that exited although the run had not asked for it.", "service"),
		initialized: c.counter("shakedown_instance_initializations_total",
			"Instances that declared their initialization complete.", "service"),
		probes: c.counter("shakedown_probe_changes_total",
			"Times that the result of a readiness probe turned, by what it turned to: ready or unready.", "service", "state"),
		interrupted: c.counter("shakedown_instance_interruptions_total",
			"Instances that were given notice before they are killed.", "service"),
	}
	for name, service := range plan.Services {
		i.expect(name)
		if service.Port != 0 {
			i.probes.expect(name, ready)
			i.probes.expect(name, unready)
		}
	}
	return i
}

// expect begins the series of a service: how instances usually exit is known.
func (i *instances) expect(service string) {
	for _, state := range states {
		i.count.expect(service, state)
	}
	i.starts.expect(service)
	i.terminations.expect(service)
	i.crashes.expect(service)
	for _, code := range []string{"0", "1", "137", "143"} {
		i.exits.expect(service, code, "false")
	}
	i.exits.expect(service, "137", "true")
}

func (i *instances) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.InstanceStarted:
		i.starts.add(1, b.Service)
		if !b.Job {
			i.expect(b.Service)
			i.start(t, member{b.Service, b.Instance})
		}
	case journal.InstanceTerminating:
		i.terminations.add(1, b.Service)
		i.change(member{b.Service, b.Instance}, func(s *standing) { s.terminating = true })
	case journal.InstanceSignalled:
		i.signals.add(1, b.Service, b.Signal)
	case journal.InstanceExited:
		i.exits.add(1, b.Service, strconv.Itoa(b.Code), strconv.FormatBool(b.OOM))
		unasked := 0.0
		if !b.Wanted {
			unasked = 1
		}
		i.crashes.add(unasked, b.Service)
		i.exit(t, member{b.Service, b.Instance})
	case journal.ProbeChanged:
		i.probes.add(1, b.Service, readiness(b.Ready))
		i.change(member{b.Service, b.Instance}, func(s *standing) { s.ready, s.probed = b.Ready, s.probed || b.Ready })
	case journal.InitializationDone:
		i.initialized.add(1, b.Service)
	case journal.Interrupted:
		i.interrupted.add(float64(len(b.Instances)), b.Service)
	}
}

func readiness(isReady bool) string {
	if isReady {
		return ready
	}
	return unready
}

// start takes in an instance; one of the same name that exited later is not back.
func (i *instances) start(t time.Duration, who member) {
	if exited, gone := i.gone[who]; gone {
		if t <= exited {
			return
		}
		delete(i.gone, who)
	}
	i.change(who, func(s *standing) {
		s.started = true
		if i.plan.Services[who.service].Port == 0 {
			s.probed, s.ready = true, true
		}
	})
}

// change changes how an instance stands, unless it is gone. A probe may be told of
// before the start; until then the instance counts for nothing.
func (i *instances) change(who member, how func(*standing)) {
	if i.hasExited(who) {
		return
	}
	s := i.there[who]
	if s == nil {
		s = &standing{}
		i.there[who] = s
	}
	i.counted(who.service, s, -1)
	how(s)
	i.counted(who.service, s, 1)
}

func (i *instances) counted(service string, s *standing, n float64) {
	if s.started {
		i.count.shift(n, service, s.state())
	}
}

func (s *standing) state() string {
	switch {
	case s.terminating:
		return terminating
	case s.ready:
		return ready
	case s.probed:
		return unready
	}
	return starting
}

func (i *instances) exit(t time.Duration, who member) {
	if s := i.there[who]; s != nil {
		i.counted(who.service, s, -1)
		delete(i.there, who)
	}
	if !i.hasExited(who) {
		i.left = append(i.left, who)
	}
	i.gone[who] = t
}

// hasExited tells that there is nothing to measure of an instance any more: what
// still comes of it was measured before.
func (i *instances) hasExited(who member) bool {
	_, gone := i.gone[who]
	return gone
}

// forgotten are the instances whose counters have stayed long enough at t; each is
// told once.
func (i *instances) forgotten(t time.Duration) (all []member) {
	for len(i.left) > 0 {
		who := i.left[0]
		exited, gone := i.gone[who]
		if gone && t-exited < keepExited {
			break
		}
		i.left = i.left[1:]
		if gone {
			delete(i.gone, who)
			all = append(all, who)
		}
	}
	return all
}

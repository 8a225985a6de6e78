package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// usage is what instances use of what they may.
type usage struct {
	plan *scenarios.Plan
	who  *instances

	cpu, memory           *family
	memoryLimit, cpuLimit *family
	resizes               *family
	scrapeUp, scrapeTurns *family
}

func newUsage(c *catalogue, plan *scenarios.Plan, who *instances) *usage {
	u := &usage{
		plan: plan, who: who,
		cpu: c.counter("shakedown_cpu_seconds_total",
			"CPU time that an instance used since its start, on all cores.", "service", "instance"),
		memory: c.gauge("shakedown_memory_bytes",
			"Memory that an instance uses.", "service", "instance"),
		memoryLimit: c.gauge("shakedown_memory_limit_bytes",
			"Memory that an instance may use. Absent where there is no limit.", "service", "instance"),
		cpuLimit: c.gauge("shakedown_cpu_limit_cores",
			"Cores that an instance may use. Absent where there is no limit.", "service", "instance"),
		resizes: c.counter("shakedown_instance_resizes_total",
			"Changes of the limits of a running instance, by outcome: ok or error.", "service", "outcome"),
		scrapeUp: c.gauge("shakedown_scrape_up",
			"Whether the metrics page of an instance can be read: 1 or 0.", "service", "instance"),
		scrapeTurns: c.counter("shakedown_scrape_changes_total",
			"Times that the metrics page of an instance could be read again (up is true), or not any more.", "service", "up"),
	}
	for name, service := range plan.Services {
		if service.Prescale != nil {
			u.resizes.expect(name, ok)
			u.resizes.expect(name, failed)
		}
	}
	if plan.Metrics != nil {
		for name := range plan.Metrics.Pages {
			u.scrapeTurns.expect(name, "true")
			u.scrapeTurns.expect(name, "false")
		}
	}
	return u
}

func (u *usage) observe(t time.Duration, b journal.Body) {
	switch b := b.(type) {
	case journal.InstanceStarted:
		if limits := u.plan.Services[b.Service].Limits; !b.Job {
			u.limits(t, member{b.Service, b.Instance}, float64(limits.CPUs), int64(limits.Memory))
		}
	case journal.Usage:
		u.used(t, b)
	case journal.Resized:
		u.resizes.add(1, b.Service, outcome(b.Error))
		if b.Error == "" {
			u.limits(t, member{b.Service, b.Instance}, b.CPUs, b.Memory)
		}
	case journal.ScrapeChanged:
		u.scraped(t, b)
	case journal.InstanceExited:
		for _, gauge := range []*family{u.memory, u.memoryLimit, u.cpuLimit, u.scrapeUp} {
			gauge.drop(b.Service, b.Instance)
		}
	}
}

func (u *usage) used(t time.Duration, b journal.Usage) {
	u.cpu.set(t, b.CPU.Seconds(), b.Service, b.Instance)
	if u.who.hasExited(member{b.Service, b.Instance}) {
		return
	}
	u.memory.set(t, float64(b.Memory), b.Service, b.Instance)
	if b.Limit > 0 {
		u.memoryLimit.set(t, float64(b.Limit), b.Service, b.Instance)
	}
}

// limits sets the limits of an instance; there is none where it is 0.
func (u *usage) limits(t time.Duration, who member, cpus float64, memory int64) {
	if u.who.hasExited(who) {
		return
	}
	limit(u.cpuLimit, t, cpus, who)
	limit(u.memoryLimit, t, float64(memory), who)
}

func limit(gauge *family, t time.Duration, most float64, who member) {
	if most > 0 {
		gauge.set(t, most, who.service, who.instance)
		return
	}
	gauge.drop(who.service, who.instance)
}

func (u *usage) scraped(t time.Duration, b journal.ScrapeChanged) {
	up, turned := 0.0, "false"
	if b.Up {
		up, turned = 1, "true"
	}
	u.scrapeTurns.add(1, b.Service, turned)
	if !u.who.hasExited(member{b.Service, b.Instance}) {
		u.scrapeUp.set(t, up, b.Service, b.Instance)
	}
}

// forget takes away the counters of an instance.
func (u *usage) forget(who member) { u.cpu.drop(who.service, who.instance) }

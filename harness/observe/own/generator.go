package own

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// generator is what the driver says of itself.
type generator struct {
	inFlight, sessions, queued           *family
	area, sojourn                        *family
	cpu, thread, cpus, busy, steal       *family
	files, fileLimit, connections, dials *family
	exhausted, memory                    *family
}

func newGenerator(c *catalogue) *generator {
	return &generator{
		inFlight:    c.gauge("shakedown_generator_in_flight", "Requests that the driver has under way."),
		sessions:    c.gauge("shakedown_generator_sessions", "Sessions that the driver has under way."),
		queued:      c.gauge("shakedown_generator_queued", "Requests under way that wait for a connection."),
		area:        c.counter("shakedown_generator_request_seconds_total", "Integral of the requests under way over time."),
		sojourn:     c.counter("shakedown_generator_sojourn_seconds_total", "Sum of the times that requests which ended had been under way; by Little's law the same in the end as the integral."),
		cpu:         c.counter("shakedown_generator_cpu_seconds_total", "CPU time that the process of the driver used."),
		thread:      c.counter("shakedown_generator_thread_cpu_seconds_total", "CPU time that the driver's own thread used, of which there is one."),
		cpus:        c.gauge("shakedown_generator_cpu_limit_cores", "Cores that the process of the driver may use."),
		busy:        c.gauge("shakedown_machine_cpu_busy_ratio", "Share of the machine's CPU time that was used by anybody, 0 to 1."),
		steal:       c.gauge("shakedown_machine_cpu_steal_ratio", "Share of the machine's CPU time that the hypervisor gave to others, 0 to 1."),
		files:       c.gauge("shakedown_generator_open_files", "Open descriptors of the process of the driver."),
		fileLimit:   c.gauge("shakedown_generator_open_files_limit", "Open descriptors that the process of the driver may have."),
		connections: c.gauge("shakedown_generator_connections", "Open connections of the driver."),
		dials:       c.counter("shakedown_generator_connections_opened_total", "Connections that the driver opened."),
		exhausted:   c.counter("shakedown_generator_exhausted_total", "Requests that were not sent, by what was missing: ports, files, memory.", "what"),
		memory:      c.gauge("shakedown_generator_memory_bytes", "Memory that the process of the driver has from the system."),
	}
}

func (g *generator) observe(t time.Duration, b journal.Body) {
	own, is := b.(journal.Generator)
	if !is {
		return
	}
	g.area.add(own.Area)
	g.sojourn.add(own.Sojourn)
	g.cpu.add(own.CPU.Seconds())
	g.thread.add(own.Thread.Seconds())
	g.dials.add(float64(own.Dialled))
	for _, what := range []string{"ports", "files", "memory"} {
		g.exhausted.expect(what)
	}
	for what, n := range own.Exhausted {
		g.exhausted.add(float64(n), what)
	}
	for _, of := range []struct {
		gauge *family
		value float64
	}{
		{g.inFlight, float64(own.InFlight)}, {g.sessions, float64(own.Sessions)}, {g.queued, float64(own.Queued)},
		{g.cpus, own.CPUs}, {g.busy, own.Busy}, {g.steal, own.Steal},
		{g.files, float64(own.Files)}, {g.fileLimit, float64(own.FileLimit)},
		{g.connections, float64(own.Connections)}, {g.memory, float64(own.Memory)},
	} {
		if of.value < 0 { // it cannot be known here
			of.gauge.drop()
			continue
		}
		of.gauge.set(t, of.value)
	}
}

package measure

import (
	"runtime/metrics"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// unknown is what cannot be read here. Nothing of the machine that cannot be
// read ends a run: it is said to be unknown.
const unknown = -1

// usage is the CPU time that was used up to a moment, unknown if negative, by
// the process and by the thread that asked.
type usage struct {
	process, thread cpuTime
	id              int // of the thread
}

type cpuTime time.Duration

func (c cpuTime) since(before cpuTime) time.Duration {
	if c < 0 || before < 0 {
		return unknown
	}
	return time.Duration(max(c-before, 0))
}

// threadSince is unknown across threads.
func (u usage) threadSince(before usage) time.Duration {
	if u.id != before.id {
		return unknown
	}
	return u.thread.since(before.thread)
}

// A machine tells how this process and the machine it is on are doing. It is
// for one goroutine.
type machine struct {
	readings
	memory []metrics.Sample
}

func newMachine() *machine {
	return &machine{
		readings: newReadings(),
		memory:   []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}},
	}
}

// complete adds to an event what any thread can tell.
func (m *machine) complete(g *journal.Generator) {
	g.CPUs = m.cpus()
	g.Busy, g.Steal = m.shares()
	g.Files, g.FileLimit = openFiles(), fileLimit()
	metrics.Read(m.memory)
	if total, released := m.memory[0].Value, m.memory[1].Value; total.Kind() == metrics.KindUint64 && released.Kind() == metrics.KindUint64 {
		g.Memory = int64(total.Uint64() - released.Uint64())
	}
}

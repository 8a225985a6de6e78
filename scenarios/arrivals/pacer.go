package arrivals

import (
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Pacer drives vegeta's own attacker with the arrivals of a load, of any
// shape. vegeta's pacers would not do: its LinearPacer takes a start at 0/s
// for an infinite rate and extrapolates each wait from the rate at its
// beginning, so a ramp arrives in clumps; its ConstantPacer knows only rates
// that are a whole number per unit and cuts the interval off to nanoseconds;
// its SinePacer refuses a wave that touches zero; none knows Poisson arrivals.
//
// What a Pacer answers depends on elapsed and hits alone. Asked in order, as
// vegeta does, it costs what the Stream costs; asked for an earlier hit it
// begins anew. It is safe for concurrent use.
type Pacer struct {
	load scenarios.PlannedLoad
	make func() *Stream

	mutex  sync.Mutex
	stream *Stream
}

var _ vegeta.Pacer = (*Pacer)(nil)

// NewPacer makes the Pacer of a load; its parameters are those of New.
func NewPacer(load scenarios.PlannedLoad, index int, seed int64, recorded []time.Duration) *Pacer {
	again := func() *Stream { return New(load, index, seed, recorded) }
	return &Pacer{load: load, make: again, stream: again()}
}

// Pace implements vegeta.Pacer: how long to wait, elapsed after the start of
// traffic, for the arrival that follows the first hits ones; 0 when it is
// overdue, stop when there is none. Callers that want to stop promptly cap the
// wait and ask again.
func (p *Pacer) Pace(elapsed time.Duration, hits uint64) (wait time.Duration, stop bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if hits < p.stream.Ordinal() {
		p.stream = p.make()
	}
	at, ok := p.stream.Peek()
	for ok && p.stream.Ordinal() < hits {
		p.stream.Take()
		at, ok = p.stream.Peek()
	}
	if !ok {
		return 0, true
	}
	return max(at-elapsed, 0), false
}

// Rate implements vegeta.Pacer: sessions a second at an offset.
func (p *Pacer) Rate(elapsed time.Duration) float64 { return Rate(p.load, elapsed) }

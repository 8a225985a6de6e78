package traffic

import (
	"math"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
)

// A session walks its journey: a state machine that the loop calls when its
// time has come (wake), when an exchange is over (done) and when an answer has
// been judged (judged). Sessions that have ended are used again, with what they
// have allocated. Offsets count from the start of traffic, but those of the
// exchange, which are on the run's clock.
type session struct {
	*driver
	variables
	place   int // among the active sessions
	load    int // index into the plan's
	ordinal uint64
	at      time.Duration // intended start
	whole   *measure.Meter
	user    *user // of a closed loop, nil in an open one
	cookies jar

	state    state
	program  *program
	pc       int           // the instruction that comes next
	counters []int32       // of the repetitions it is in
	homes    []instance    // by the slots of its steps' homes
	ended    time.Duration // of the step before; at first the intended start
	answered bool          // the system has said something

	asked request
	timer loop.Timer
	x     exchange.Exchange
}

// A state is what a session waits for.
type state uint8

const (
	walking  state = iota // for its turn
	thinking              // for the intended time of its request
	asking                // for the end of its exchange
	judging               // for the verdict on its answer
)

// begin starts a session at its intended time, now or a little earlier.
func (d *driver) begin(load int, ordinal uint64, at time.Duration, u *user) {
	s := d.fresh()
	s.load, s.ordinal, s.at, s.ended, s.user = load, ordinal, at, at, u
	s.program = d.programs[load]
	s.variables = variables{
		load: &d.plan.Load[load], draws: d.source.Session(load, ordinal, at), values: s.values[:0],
	}
	s.cookies = jar{on: s.variables.load.Cookies, all: s.cookies.all[:0]}
	for len(s.counters) < s.program.slots {
		s.counters = append(s.counters, 0)
	}
	s.homes = s.homes[:0]
	for len(s.homes) < s.program.homes {
		s.homes = append(s.homes, 0)
	}
	now := d.now()
	d.recorder.Begun(now, at)
	s.whole = d.recorder.Row(load, at).Session
	s.whole.Intend()
	s.whole.Lag(max(now-at, 0)) // undiluted by the steps that follow an answer
	s.whole.Sent()
	s.walk()
}

// fresh makes a session active: one that has ended, or a new one.
func (d *driver) fresh() *session {
	var s *session
	if last := len(d.free) - 1; last >= 0 {
		s, d.free = d.free[last], d.free[:last]
	} else {
		s = &session{driver: d}
		s.timer.Fire, s.x.Done = s.wake, s.done
	}
	s.place = len(d.active)
	d.active = append(d.active, s)
	return s
}

// maxFree is how many ended sessions are kept for later ones.
const maxFree = 1 << 14

// retire takes a session that has ended out of the active ones.
func (d *driver) retire(s *session) {
	last := len(d.active) - 1
	d.active[s.place] = d.active[last]
	d.active[s.place].place = s.place
	d.active[last] = nil
	d.active = d.active[:last]
	clear(s.values)
	clear(s.cookies.all)
	s.state, s.pc, s.answered, s.asked, s.whole, s.user = walking, 0, false, request{}, nil, nil
	s.x.Reset()
	if len(d.free) < maxFree {
		d.free = append(d.free, s)
	}
}

// turnsAtOnce is how many instructions without a request a session may carry
// out before the others have their turn: a repetition may have millions.
const turnsAtOnce = 1000

// walk goes on to the next request of the journey, or ends the session.
func (s *session) walk() {
	s.state = walking
	for range turnsAtOnce {
		if s.pc == len(s.program.code) {
			s.end(ok, s.ended)
			return
		}
		i := &s.program.code[s.pc]
		s.pc++
		if i.op == opRequest {
			s.arrange(i.step)
			return
		}
		s.turn(i)
	}
	s.loop.Set(&s.timer, s.clock.Now())
}

// turn carries out an instruction that makes no request.
func (s *session) turn(i *instruction) {
	switch i.op {
	case opChoose:
		s.pc = i.ways[s.draws.Choose(i.weights)]
	case opRepeat:
		if s.counters[i.slot] = int32(min(s.draws.Times(*i.times), math.MaxInt32)); s.counters[i.slot] <= 0 {
			s.pc = i.to
		}
	case opAgain:
		if s.counters[i.slot]--; s.counters[i.slot] > 0 {
			s.pc = i.to
		}
	case opJump:
		s.pc = i.to
	}
}

// arrange has the request of a step made when its time has come: one pause
// after the end of the step before.
func (s *session) arrange(st *step) {
	intended := s.ended
	if st.think != nil {
		intended += s.draws.Think(st.think)
	}
	s.asked = request{step: st, intended: intended, first: intended}
	s.await()
}

// await waits for the intended time of the request.
func (s *session) await() {
	switch {
	case s.stopped:
		s.end(unknown, s.now())
	case s.asked.intended > s.now():
		s.state = thinking
		s.loop.Set(&s.timer, s.origin+s.asked.intended)
	default:
		s.send()
	}
}

// wake is called when the timer is due.
func (s *session) wake() {
	if s.state == thinking {
		s.send()
		return
	}
	s.walk()
}

// giveUp ends the session because the run is over. What is on its way is
// abandoned only if hard is set; what is being judged is left to its verdict.
func (s *session) giveUp(hard bool) {
	switch s.state {
	case walking, thinking:
		s.loop.Unset(&s.timer)
		s.end(unknown, s.now())
	case asking:
		if hard {
			s.asked.carrier.engine.Abandon(&s.x)
		}
	case judging:
	}
}

// end counts the session as a whole and is the last that happens in it.
func (s *session) end(result measure.Outcome, ended time.Duration) {
	s.whole.End(result, ended-s.at, 0, "")
	d, u, answered := s.driver, s.user, s.answered
	d.retire(s)
	if u != nil {
		u.again(ended, answered)
	}
	d.settle()
}

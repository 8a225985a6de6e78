package traffic

import (
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
)

// A request is the one that a session makes now. Offsets count from the start
// of traffic.
type request struct {
	step     *step
	target   *target
	carrier  *carrier // whose engine has the exchange
	meter    *measure.Meter
	number   string
	trace    string        // of TraceHeader, "" where the step has its own
	instance instance      // that answered
	intended time.Duration // send time
	first    time.Duration // the same of the first request of a polling
	ready    time.Duration // the driver got to it
	begun    time.Duration // the first byte of the first request of a polling was sent, on the run's clock; 0 if none was
	logged   logged
}

// send makes the request and counts it under its intended time.
func (s *session) send() {
	r := &s.asked
	st := r.step
	r.ready = s.now()
	r.meter = s.recorder.Row(s.load, r.intended).Steps[st.index]
	r.meter.Intend()
	r.meter.Lag(max(r.ready-r.intended, 0))
	s.number()
	s.nextRequest()
	r.number, r.trace, r.instance, r.target = s.numbers.next(), "", 0, st.target
	if !st.traced {
		r.trace = s.traces.next()
	}
	if st.replay != nil {
		r.target = st.replay.target(s.ordinal)
	}
	if err := s.fill(st); err != nil {
		s.unsent(err.Error())
		return
	}
	carrier, err := r.target.carrier(&s.x.Request)
	if err != nil {
		s.abort(err)
		s.unsent("no engine could be made for it")
		return
	}
	r.carrier = carrier
	s.x.Deadline = s.origin + r.ready + st.timeout
	s.state = asking
	s.inFlight++
	s.recorder.Under(r.ready, 1)
	if st.home != nil {
		s.moves.begin(r.ready)
	}
	carrier.begin(&s.x)
}

// unsent ends a request that could not be made.
func (s *session) unsent(message string) {
	s.settled(&trouble{outcome: fail, message: message, sample: "not sent"}, s.asked.ready, 0)
}

// done is called when the exchange is over.
func (s *session) done(x *exchange.Exchange) {
	s.state = judging
	s.inFlight--
	ended := x.Ended - s.origin
	s.recorder.Under(ended, -1) // not now: how late Done comes is no time of the request's
	s.recorder.Sojourn(ended - s.asked.ready)
	if attempted(x) {
		s.asked.meter.Sent()
	}
	if s.asked.begun == 0 {
		s.asked.begun = x.Sent
	}
	if err := s.asked.target.heard(x); err != nil {
		s.abort(err)
	}
	if x.Err != nil {
		if s.asked.target.heldBack(x) {
			x.Own = "dials"
		}
		if x.Own != "" {
			s.asked.meter.Own()
			s.recorder.Exhausted(x.Own)
		}
		if s.asked.step.home != nil {
			s.moves.end(s.asked.ready)
		}
		s.settled(broken(x, s.asked.step.timeout), ended, 0)
		return
	}
	s.answered = true
	s.asked.instance = s.instances.of(x.Head)
	s.hear(x)
	s.cookies.take(x.Head, s.asked.target, x.Ended)
	a := answerOf(x)
	s.judge(&a)
}

// attempted tells whether a connection was there or tried: whatever became of
// it then was not the generator's doing.
func attempted(x *exchange.Exchange) bool {
	switch {
	case x.Sent > 0:
		return true
	case x.Own != "" || x.Err == nil:
		return false
	}
	return x.Err.Failure != journal.Timeout && x.Err.Failure != journal.ClientGone // those waited for one
}

// judged goes on with what a step made of its answer. The exchange still tells
// when it was; its head and body may be gone.
func (s *session) judged(v verdict) {
	ended, service := s.x.Ended-s.origin, s.x.Ended-s.x.Sent
	for _, b := range v.found {
		s.set(b.name, b.value)
	}
	if s.asked.step.home != nil {
		s.follow(v.trouble)
	}
	if p := s.asked.step.poll; p != nil && v.trouble == nil {
		limit := s.asked.first + p.within
		next := ended + p.every
		switch {
		case v.again != "" && next < limit:
			s.count(ok, "", ended, service)
			s.asked.intended = next
			s.await()
			return
		case v.again == "" && ended <= limit:
			s.recorder.Row(s.load, s.asked.first).Steps[s.asked.step.index].Waited(ended - s.asked.first)
		case v.again == "":
			v.again = "the answer that was came too late"
			fallthrough
		default:
			v.trouble = &trouble{outcome: fail, message: fmt.Sprintf("not as awaited within %v: %s", p.within, v.again), sample: v.sample}
		}
	}
	s.settled(v.trouble, ended, service)
}

// settled counts the request and takes the next step, or ends the session if
// there was trouble.
func (s *session) settled(t *trouble, ended, service time.Duration) {
	s.ended = ended
	if t == nil {
		s.pass(ok, ended)
		s.count(ok, "", ended, service)
		s.acknowledge()
		s.walk()
		return
	}
	s.pass(t.outcome, ended)
	s.count(t.outcome, t.message, ended, service)
	s.report(t)
	s.end(t.outcome, ended)
}

// count counts a request that has ended; message is what was wrong, "" if
// nothing was.
func (s *session) count(o measure.Outcome, message string, ended, service time.Duration) {
	s.asked.meter.End(o, ended-s.asked.intended, service, s.instances.name(s.asked.instance))
	s.asked.step.extremes.consider(extreme{
		outcome: o, intended: s.asked.intended, took: ended - s.asked.intended, status: s.x.Status,
		instance: s.asked.instance, trace: traceOf(s.asked.trace),
	})
	s.log(message, ended)
}

// report puts a trouble on record.
func (s *session) report(t *trouble) {
	key := measure.Key{Journey: s.variables.load.Journey, Step: s.asked.step.name, Message: t.message, Outcome: t.outcome}
	s.recorder.Trouble(s.origin+s.ended, key, func() string {
		method, path := s.asked.step.method, s.asked.step.path.template.String()
		if s.asked.step.replay != nil {
			method, path = s.x.Request.Method, capped(s.x.Request.Path, 100)
		}
		path, _, _ = strings.Cut(path, "?") // a query may hold what is nobody's business
		trace := ""
		if id := traceOf(s.asked.trace); id != "" {
			trace = ", trace " + id
		}
		return fmt.Sprintf("session %d, request %s%s, %s %s: %s", s.draws.Number(), s.asked.number, trace, method, path, t.sample)
	})
}

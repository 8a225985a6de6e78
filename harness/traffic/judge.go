package traffic

// A verdict is what a step makes of an answer.
type verdict struct {
	trouble *trouble  // nil: the answer is right
	again   string    // of a step that polls: why it must go on, "" if it is over
	sample  string    // what came back, of a step that polls
	found   []binding // the variables that were extracted
}

// A binding is a variable and its value.
type binding struct {
	name  string
	value variable
}

// conditions are what the answer to one request is held against; until and
// unless are nil for a step that does not poll.
type conditions struct{ expect, until, unless *expectation }

// conditions fills the variables of a session into a step's expectations.
func (s *step) conditions(v *variables) (c conditions, err error) {
	if c.expect, err = s.expect.filled(v); err != nil || s.poll == nil {
		return c, err
	}
	if c.until, err = s.poll.until.filled(v); err != nil {
		return c, err
	}
	c.unless, err = s.poll.unless.filled(v)
	return c, err
}

// judge holds an answer against a step's expectations, then, if it polls,
// against what it waits for, and extracts its variables. It touches nothing but
// the answer and the conditions, so that it may run anywhere.
func (s *step) judge(a *answer, c conditions) verdict {
	if message := c.expect.missed(a); message != "" {
		return wrong(message, a)
	}
	if s.poll != nil {
		if c.unless != nil && c.unless.missed(a) == "" {
			return wrong("the answer is one that ends the polling", a)
		}
		if why := c.until.missed(a); why != "" {
			return verdict{again: why, sample: a.sample()}
		}
	}
	var v verdict
	if s.poll != nil {
		v.sample = a.sample()
	}
	for i := range s.extract {
		e := &s.extract[i]
		value, reason := e.from(a)
		if reason != "" {
			return wrong("extract "+e.variable+": "+reason, a)
		}
		v.found = append(v.found, binding{e.variable, value})
	}
	return v
}

func wrong(message string, a *answer) verdict {
	return verdict{trouble: &trouble{outcome: fail, message: message, sample: a.sample()}}
}

const (
	// lightAnswer is how large an answer may be, in bytes, and still be judged
	// on the loop if that takes JSON or regular expressions: some 100 µs.
	lightAnswer = 16 << 10
	// maxJudging is how many answers may be judged elsewhere at a time. Each is a
	// copy: beyond, the loop does it itself, and what that delays shows as lag.
	maxJudging = 64
)

// judge has a session's answer judged and goes on with the verdict: at once,
// or later where that would hold the loop up.
func (s *session) judge(a *answer) {
	st := s.asked.step
	c, err := st.conditions(&s.variables)
	if err != nil {
		s.judged(wrong("expect: "+err.Error(), a))
		return
	}
	if !st.heavy || len(a.body) <= lightAnswer || s.elsewhere >= maxJudging {
		s.judged(st.judge(a, c))
		return
	}
	whole := a.clone()
	s.elsewhere++
	go func() {
		v := st.judge(whole, c)
		s.loop.Post(func() {
			s.elsewhere--
			s.judged(v)
		})
	}()
}

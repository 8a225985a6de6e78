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

// judge holds an answer against a step's expectations, then, if it polls,
// against what it waits for, and extracts its variables. It touches nothing but
// the answer, so that it may run anywhere.
func (s *step) judge(a *answer) verdict {
	if message := s.expect.missed(a); message != "" {
		return wrong(message, a)
	}
	if s.poll != nil {
		if s.poll.unless != nil && s.poll.unless.missed(a) == "" {
			return wrong("the answer is one that ends the polling", a)
		}
		if why := s.poll.until.missed(a); why != "" {
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
	if !st.heavy || len(a.body) <= lightAnswer || s.elsewhere >= maxJudging {
		s.judged(st.judge(a))
		return
	}
	whole := a.clone()
	s.elsewhere++
	go func() {
		v := st.judge(whole)
		s.loop.Post(func() {
			s.elsewhere--
			s.judged(v)
		})
	}()
}

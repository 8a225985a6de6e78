package traffic

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/results"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// RequestHeader carries the number of a request, unique in the run, to the
	// gateway, which records it and takes it off.
	RequestHeader = "X-Shakedown-Request"
	// InstanceHeader is how a gateway says in an answer which instance it came
	// from.
	InstanceHeader = "X-Shakedown-Instance"
)

// A step is one request of a journey, ready to be filled in and sent.
type step struct {
	name      string
	index     int    // among the requests of the journey
	attack    string // journey/step, its name in results
	sequence  results.Sequence
	keys      []ledgerKey // of the ledgers that its success is for
	extremes  extremes
	traced    bool  // it sets TraceHeader itself
	home      *home // nil: nobody wants to know which instances answer
	milestone bool  // a check wants to know its moments
	method    string
	target    *target
	path      text
	host      text
	// fields are the header without the request's number; those in varying have
	// a value to be filled in.
	fields  []exchange.Field
	varying []varyingField
	body    body

	think   *scenarios.Think
	timeout time.Duration
	expect  expectation
	extract []extraction
	poll    *poll
	keep    int  // how much of the answer's body is looked at, in bytes
	heavy   bool // judging takes JSON or regular expressions

	replay *replayed // of the one step of a replay, whose requests are recorded; then much of the above is empty
}

// A varyingField is the value of a header field with variables in it.
type varyingField struct {
	index int // into fields
	value text
}

// A poll is how a step waits for an answer.
type poll struct {
	until         expectation
	unless        *expectation
	every, within time.Duration
}

// How much of a body is kept: enough for a sample, or for what looks into it.
const (
	keepSample = 1 << 10
	keepBody   = 1 << 20
)

// What plans that leave it out mean.
const (
	defaultTimeout = 10 * time.Second
	defaultEvery   = time.Second
	defaultWithin  = time.Minute
)

// compileStep prepares a step. The compiler of plans has checked all this with
// line numbers; plans from elsewhere are checked here.
func compileStep(planned scenarios.PlannedStep, t *target, agent string) (*step, error) {
	s := &step{
		name: planned.Name, method: planned.Method, target: t,
		think: planned.Think, timeout: planned.Timeout.Std(),
	}
	if s.method == "" {
		s.method = http.MethodGet
	}
	if !isToken(s.method) {
		return nil, fmt.Errorf("%q is not a method", s.method)
	}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	var err error
	if s.path, err = compileText(planned.Path); err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if err := s.compileHeaders(planned.Headers, agent, planned.Gzip); err != nil {
		return nil, err
	}
	json := slices.ContainsFunc(s.fields, func(f exchange.Field) bool {
		return f.Name == "Content-Type" && strings.Contains(strings.ToLower(f.Value), "json")
	})
	if s.body, err = compileBody(&planned, json); err != nil {
		return nil, err
	}
	return s, s.compileAnswer(planned)
}

// compileHeaders makes fields of headers. A template in one of them stands in
// its field until it is filled in.
func (s *step) compileHeaders(planned map[string]string, agent string, compressed bool) error {
	values := map[string]string{"User-Agent": agent}
	if compressed {
		values["Content-Encoding"] = "gzip"
	}
	for name, value := range planned {
		values[http.CanonicalHeaderKey(name)] = value
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value, err := compileText(values[name])
		s.traced = s.traced || name == TraceHeader
		switch {
		case err != nil:
			return fmt.Errorf("header %s: %w", name, err)
		case !isToken(name):
			return fmt.Errorf("%q is not the name of a header", name)
		case name == RequestHeader || frames(name):
			return fmt.Errorf("header %s: the driver sets it itself", name)
		case value.fixed && !safeValue(value.constant):
			return fmt.Errorf("header %s: a line break or another control character cannot stand in it", name)
		case name == "Host":
			s.host = value
			continue
		case !value.fixed:
			s.varying = append(s.varying, varyingField{len(s.fields), value})
			s.fields = append(s.fields, exchange.Field{Name: name, Value: values[name]})
			continue
		}
		s.fields = append(s.fields, exchange.Field{Name: name, Value: value.constant})
	}
	return nil
}

// compileAnswer prepares what the answer is held against.
func (s *step) compileAnswer(planned scenarios.PlannedStep) (err error) {
	if s.expect, err = compileExpectation(planned.Expect); err != nil {
		return fmt.Errorf("expect: %w", err)
	}
	if s.extract, err = compileExtractions(planned.Extract); err != nil {
		return err
	}
	all := []*expectation{&s.expect}
	if planned.Poll != nil {
		if s.poll, err = compilePoll(planned.Poll); err != nil {
			return fmt.Errorf("poll: %w", err)
		}
		all = append(all, &s.poll.until)
		if s.poll.unless != nil {
			all = append(all, s.poll.unless)
		}
	}
	s.heavy = slices.ContainsFunc(s.extract, func(e extraction) bool { return e.header == "" })
	reads := s.heavy
	for _, e := range all {
		s.heavy = s.heavy || e.heavy()
		reads = reads || e.readsBody()
	}
	s.keep = keepSample
	if reads {
		s.keep = keepBody
	}
	return nil
}

func compilePoll(planned *scenarios.Poll) (*poll, error) {
	p := &poll{every: planned.Every.Std(), within: planned.Within.Std()}
	if p.every <= 0 {
		p.every = defaultEvery
	}
	if p.within <= 0 {
		p.within = defaultWithin
	}
	var err error
	if p.until, err = compileExpectation(planned.Until); err != nil {
		return nil, fmt.Errorf("until: %w", err)
	}
	if planned.Unless != nil {
		unless, err := compileExpectation(*planned.Unless)
		if err != nil {
			return nil, fmt.Errorf("unless: %w", err)
		}
		p.unless = &unless
	}
	return p, nil
}

// frames tells whether a header says where the message ends or what becomes of
// the connection, which only the engine knows.
func frames(name string) bool {
	switch name {
	case "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Upgrade":
		return true
	}
	return false
}

// isToken tells whether text can be a method or the name of a header.
func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return text != ""
}

// safeValue tells whether a header can have this value: it must not become
// another header, and engines refuse all control characters but the tab.
func safeValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// safePath tells whether a path can stand in a request line: nothing in it may
// end the line or look like the name of another host.
func safePath(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return false
	}
	for i := range len(path) {
		if path[i] <= ' ' || path[i] == 0x7f {
			return false
		}
	}
	return true
}

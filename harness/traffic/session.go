package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/wire"
)

// A session walks its journey in a goroutine of its own. All offsets here count
// from the start of traffic.
type session struct {
	*driver
	arrival
	steps     []step
	variables *variables
	request   uint64 // number of the last one
}

// walk takes the steps one after the other and counts the session as a whole.
func (s *session) walk() {
	whole := s.meters.at(s.load, s.at)[0]
	whole.intend()
	whole.lagged(s.now() - s.at) // undiluted by the steps that follow an answer
	whole.send()
	result, intended := ok, s.at
	for i := range s.steps {
		if s.steps[i].think > 0 {
			intended += s.steps[i].think
			if !s.pause(intended) {
				result = unknown
				break
			}
		}
		if s.ctx.Err() != nil && i > 0 {
			result = unknown
			break
		}
		var ended time.Duration
		if result, ended = s.take(i, intended); result != ok {
			break
		}
		intended = ended
	}
	whole.end(result, s.now()-s.at, 0)
}

// pause waits for an offset; false means that the run ended first.
func (s *session) pause(until time.Duration) bool {
	select {
	case <-s.pacer.alarms.add(until):
		return true
	case <-s.ctx.Done():
	case <-s.hard.Done():
	}
	return false
}

// take makes one request whose intended send time is given and counts it under
// that time.
func (s *session) take(i int, intended time.Duration) (outcome, time.Duration) {
	st := &s.steps[i]
	m := s.meters.at(s.load, intended)[i+1]
	m.intend()
	m.lagged(s.now() - intended)
	s.variables.nextRequest()
	s.request = s.requests.Add(1)
	served, t := s.exchange(st, m)
	ended := s.now()
	result := ok
	if t != nil {
		result = t.outcome
		s.troubles.add(s.start+ended, groupKey{journey: m.tag.Journey, step: st.name, outcome: t.outcome, message: t.message}, func() string {
			path, _, _ := strings.Cut(st.path.String(), "?") // a query may hold what is nobody's business
			return fmt.Sprintf("session %d, request %d, %s %s: %s", s.number, s.request, st.method, path, t.sample)
		})
	}
	m.end(result, ended-intended, served)
	return result, ended
}

// exchange sends one request and judges the answer. served is the service time.
func (s *session) exchange(st *step, m *meter) (served time.Duration, t *trouble) {
	req, err := s.fill(st)
	if err != nil {
		return 0, &trouble{outcome: fail, message: err.Error(), sample: "not sent"}
	}
	ctx, cancel := context.WithTimeout(s.hard, st.timeout)
	defer cancel()
	if err := st.target.acquire(ctx); err != nil {
		return 0, broken(wire.Classify(err), false, st.timeout, err)
	}
	defer st.target.release()
	m.send()
	buffer := buffers.Get().(*[]byte)
	defer recycle(buffer)
	a, x, err := st.target.do(ctx, req, buffer, st.keep)
	if gone := st.target.heard(err); gone != nil {
		s.abort(gone)
	}
	if err != nil {
		return 0, broken(wire.Classify(err), !x.sent.IsZero(), st.timeout, err)
	}
	served = time.Since(x.sent)
	return served, st.judge(a, s.variables)
}

// fill makes the request of a step from its templates.
func (s *session) fill(st *step) (*http.Request, error) {
	path, err := s.variables.expand(st.path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if !safePath(path) {
		return nil, errors.New("path: a variable in it holds what cannot stand in a path")
	}
	req := &http.Request{
		Method: st.method,
		URL:    &url.URL{Opaque: path}, // sent as it stands
		Host:   st.target.addr,
		Header: make(http.Header, len(st.headers)+2),
	}
	req.Header.Set("User-Agent", s.agent)
	for _, h := range st.headers {
		value, err := s.variables.expand(h.value)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", h.name, err)
		}
		if strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("header %s: a variable in it holds a line break", h.name)
		}
		if h.name == "Host" {
			req.Host = value
			continue
		}
		req.Header[h.name] = []string{value}
	}
	req.Header.Set(RequestHeader, strconv.FormatUint(s.request, 10))
	return req, s.fillBody(st, req)
}

func (s *session) fillBody(st *step, req *http.Request) error {
	expand := s.variables.expand
	if st.escape {
		expand = s.variables.expandJSON
	}
	body, err := expand(st.body)
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if body != "" {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
	return nil
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

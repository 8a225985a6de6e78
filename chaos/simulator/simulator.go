// Package simulator answers in the place of somebody else's API: routes with
// templated answers that take their time, work that is done once however often
// it is asked for, and a ledger of what was done. What goes wrong with it, and
// who called when, is the matter of the proxy that it stands behind.
package simulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/draw"
	"github.com/shakedown-dev/shakedown/chaos/order"
)

const (
	// EffectHeader marks the answer to a call that did something. It is for the
	// proxy, which takes it out.
	EffectHeader = "X-Shakedown-Effect"
	// Prefix is of the paths that are the run's own: no calls of the API.
	Prefix = "/.shakedown/"
	// maxBody is how much of a request's body is read, in bytes.
	maxBody = 1 << 20
)

// A Simulator is the API. It is safe for concurrent use.
type Simulator struct {
	mux       *http.ServeMux
	keyHeader string
	seed      uint64
	latency   *order.Latency
	calls     atomic.Uint64
	ledger    ledger
	answered  answered
}

// New makes one. Its errors name the route that is wrong.
func New(spec order.ThirdParty, keyHeader string, seed uint64) (*Simulator, error) {
	s := &Simulator{
		mux: http.NewServeMux(), keyHeader: keyHeader, seed: seed, latency: spec.Latency,
		ledger: ledger{effects: map[string][]effect{}}, answered: answered{first: map[string]*answer{}},
	}
	for _, r := range spec.Routes {
		if err := s.add(r); err != nil {
			return nil, fmt.Errorf("route %s %s: %w", r.Method, r.Path, err)
		}
		if r.Effect != "" {
			s.ledger.open(r.Effect)
		}
	}
	s.mux.HandleFunc("GET "+Prefix+"effects/{name}", s.ledger.serve)
	return s, nil
}

// add registers a route.
func (s *Simulator) add(spec order.Route) (err error) {
	r, err := compile(spec)
	if err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil { // how the mux says that a pattern is wrong or there is another like it
			err = fmt.Errorf("%v", p)
		}
	}()
	s.mux.HandleFunc(spec.Method+" "+spec.Path, func(w http.ResponseWriter, request *http.Request) { s.serve(w, request, r) })
	return nil
}

// ServeHTTP implements http.Handler.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// serve answers one call. The work of a call goes on when its caller has hung
// up, as that of a bank does.
func (s *Simulator) serve(w http.ResponseWriter, request *http.Request, r *route) {
	c, status, err := s.read(request, r)
	if err != nil {
		refuse(w, status, err.Error())
		return
	}
	if !r.spec.Idempotent {
		s.work(c, r).write(w)
		return
	}
	key := r.spec.Method + " " + request.URL.Path + " " + c.key
	a, mine := s.answered.enter(key)
	if mine {
		*a.of = *s.work(c, r)
		if a.of.refused { // nothing was begun under this key
			s.answered.forget(key)
		}
		close(a.done)
	} else if a.wait(request.Context()) != nil {
		return // the caller is gone
	}
	again := *a.of
	if !mine {
		again.effect = false // it was the first call that did something
		again.replayed = true
	}
	again.write(w)
}

// read takes a request apart.
func (s *Simulator) read(request *http.Request, r *route) (c *call, status int, err error) {
	c = &call{n: s.calls.Add(1), key: request.Header.Get(s.keyHeader), request: request, now: time.Now()}
	if r.spec.Idempotent && c.key == "" {
		return nil, http.StatusBadRequest, fmt.Errorf("the header %s is missing: without one this could be done twice", s.keyHeader)
	}
	body, err := io.ReadAll(io.LimitReader(request.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, http.StatusBadRequest, fmt.Errorf("read the body: %w", err)
	case len(body) > maxBody:
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body has more than %d bytes", maxBody)
	case len(body) > 0 && r.readsJSON:
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber() // amounts stay as they were written
		if err := decoder.Decode(&c.json); err != nil {
			return nil, http.StatusBadRequest, fmt.Errorf("the body is not JSON: %w", err)
		}
	}
	return c, 0, nil
}

// work takes its time, does what is asked for, and makes the answer.
func (s *Simulator) work(c *call, r *route) *response {
	latency := s.latency
	if r.spec.Latency != nil {
		latency = r.spec.Latency
	}
	if latency != nil {
		time.Sleep(draw.Latency(*latency, s.seed, c.n))
	}
	c.id = draw.ID(s.seed, c.n)
	answer := r.answer(c)
	if r.spec.Effect == "" || answer.status >= 400 {
		return answer
	}
	of, err := r.expand(c, r.of)
	if err != nil {
		return mistake(err)
	}
	s.ledger.write(r.spec.Effect, effect{Key: c.key, Of: of, At: time.Now().UTC()})
	answer.effect = true
	return answer
}

// answered holds the first answers to calls with a key.
type answered struct {
	mu    sync.Mutex
	first map[string]*answer
}

// answer is one of them; of is set when done is closed.
type answer struct {
	done chan struct{}
	of   *response
}

// enter tells whether the caller is the first with that key, who has to answer.
func (a *answered) enter(key string) (*answer, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if there := a.first[key]; there != nil {
		return there, false
	}
	made := &answer{done: make(chan struct{}), of: &response{}}
	a.first[key] = made
	return made, true
}

// forget lets the next call under a key begin anew; those that wait have theirs.
func (a *answered) forget(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.first, key)
}

func (a *answer) wait(ctx context.Context) error {
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

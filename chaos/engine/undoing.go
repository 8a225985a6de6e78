package engine

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/undo"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// helper is the process that undoes what the run cannot undo any more.
type helper interface {
	// Register writes a step down and hands it over, before what it undoes is done.
	Register(step Undo) (id int, err error)
	// Done takes it back, after it was undone.
	Done(id int) error
	// Gone is closed when it has ended, Err says why.
	Gone() <-chan struct{}
	Err() error
	Close() error
}

// safety is the helper of a run; without steps to take there is none.
type safety struct {
	e      *Engine
	start  func(command []string, journal string, lease time.Duration) (helper, error)
	mu     sync.Mutex
	helper helper
	warned bool
	closed chan struct{} // when it is to end
}

// begin starts the helper if a fault of the plan needs one, or one that is added may.
func (s *safety) begin() error {
	needed := s.e.cfg.Live // nobody knows what will be added
	for _, r := range s.e.faults {
		needed = needed || r.way.revert == ByAPI
	}
	if !needed {
		return nil
	}
	start := s.start
	if start == nil {
		start = startHelper
	}
	h, err := start(s.e.cfg.Helper, s.e.cfg.Journal, s.e.cfg.Lease)
	if err != nil {
		return err
	}
	closed := make(chan struct{})
	s.mu.Lock()
	s.helper, s.closed = h, closed
	s.mu.Unlock()
	s.e.rest.Go(func() { s.watch(h, closed) })
	return nil
}

// watch has faults reverted that only the helper could undo when it ends unasked:
// either it has undone them, since this process had hung, or nobody would if
// this process died.
func (s *safety) watch(h helper, closed <-chan struct{}) {
	select {
	case <-closed:
		return
	case <-h.Gone():
	}
	select {
	case <-closed:
		return
	default:
	}
	by, why := "error", h.Err()
	if why == nil {
		why = errors.New("the undo helper ended unasked")
	}
	if errors.Is(why, undo.ErrLease) {
		by = "lease"
	}
	s.warn(why)
	for _, r := range s.e.running() {
		if r.way.revert == ByAPI {
			r.inbox.put(func() { r.withdraw(by, why) })
		}
	}
}

// register hands a step over. Without its word nothing is done that only it could
// undo.
func (s *safety) register(step Undo) (done func(), err error) {
	s.mu.Lock()
	h := s.helper
	s.mu.Unlock()
	if step == (Undo{}) {
		return nil, errors.New("the platform does not tell how it would be undone, and nothing is done that could not be")
	}
	if h == nil {
		return nil, errors.New("the undo helper does not run, and nothing is done that could not be undone")
	}
	id, err := h.Register(step)
	if err != nil {
		return nil, fmt.Errorf("the undo helper did not take its step, and nothing is done that could not be undone: %w", err)
	}
	return func() {
		if err := h.Done(id); err != nil {
			s.warn(err)
		}
	}, nil
}

// warn tells once that the helper is gone.
func (s *safety) warn(err error) {
	s.mu.Lock()
	first := !s.warned
	s.warned = true
	s.mu.Unlock()
	if first {
		s.e.emit(s.e.now(), journal.Note{Level: "warning", Text: fmt.Sprintf("the undo helper: %v", err)})
	}
}

func (s *safety) close() error {
	s.mu.Lock()
	h := s.helper
	s.helper = nil
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	s.asked()
	if err := h.Close(); err != nil {
		return fmt.Errorf("end the undo helper: %w", err)
	}
	return nil
}

// asked tells that the end of the helper is no surprise.
func (s *safety) asked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		close(s.closed)
		s.closed = nil
	}
}

// registrar is the real helper.
type registrar struct{ *undo.Helper }

// Register implements helper.
func (r registrar) Register(step Undo) (id int, err error) { return r.Helper.Register(undo.Step(step)) }

func startHelper(command []string, journal string, lease time.Duration) (helper, error) {
	h, err := undo.Start(command, journal, lease)
	if err != nil {
		return nil, err
	}
	return registrar{h}, nil
}

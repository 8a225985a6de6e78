package stack

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
)

// An instance is one thing that was created on the platform: a replica of a
// service, or a gateway.
type instance struct {
	name    string
	of      *service
	number  int    // 0 is the gateway, a proxy or an agent
	seated  int    // number whose address it has, 0 for its own
	agent   bool   // of faults, beside another instance
	version string // of the service, "" if the plan does not release it
	cause   string
	tail    *tail
	running signal // its main process runs
	exited  signal // its main process is gone; exit is set
	added   signal // the gateway routes to it for the first time
	removed signal // the gateway has taken it from its list because it terminates
	logged  signal // its output has ended
	// rising tells that it is brought in beside everything else; raised is fired
	// when the calls for that are over. It is set before anybody else knows it.
	rising bool
	raised signal
	// replaces is the instance whose place it takes after a notice, "" for none. It
	// is set before anybody else knows it.
	replaces string
	// resizing is held by what changes its limits.
	resizing turn

	mu        sync.Mutex
	createdAt time.Duration // when its creation began
	startedAt time.Duration // 0 before
	exitedAt  time.Duration // 0 before
	class     resourceClass // its resources
	host      string        // under which others reach it, "" before somebody asked
	exit      platform.Exit
	wanted    bool               // the run asked for its exit
	passed    since              // by its readiness probe
	serving   since              // the gateway lists it; without one, it runs and is healthy
	aside     bool               // the gateway has switched to others and holds it
	published string             // of a gateway or proxy: host:port for the harness; guarded by Stack.mu
	conn      io.ReadWriteCloser // of a gateway or proxy between attach and connect
}

// since says whether something holds, and from when on, on the run's clock.
type since struct {
	is bool
	at time.Duration
}

// set takes in that it holds or does not hold any more.
func (s *since) set(is bool, at time.Duration) {
	if s.is != is {
		s.is, s.at = is, at
	}
}

// signal is something that happens once.
type signal struct {
	once sync.Once
	done chan struct{}
}

func newSignal() signal { return signal{done: make(chan struct{})} }

// fire says that it happened; true for the first time.
func (s *signal) fire() (first bool) {
	s.once.Do(func() {
		first = true
		close(s.done)
	})
	return first
}

func (s *signal) fired() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func newInstance(name string, of *service, number int, cause string) *instance {
	return &instance{
		name: name, of: of, number: number, cause: cause, tail: &tail{},
		running: newSignal(), exited: newSignal(), added: newSignal(), removed: newSignal(), logged: newSignal(),
		raised: newSignal(), resizing: make(turn, 1),
	}
}

// service is the name under which the journal knows its service: none for a
// gateway, which is the harness's own.
func (i *instance) service() string {
	if i.number == 0 {
		return ""
	}
	return i.of.name
}

// want notes that the run asks for the exit.
func (i *instance) want() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wanted = true
}

func (i *instance) isWanted() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.wanted
}

// serves says whether an instance takes work, and since when. One that has
// exited does not, whatever the gateway has been told of it.
func (i *instance) serves() since {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.exited.fired() {
		return since{}
	}
	return i.serving
}

// served says whether it ever took work.
func (i *instance) served() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.added.fired() || i.serving.is
}

// passes says whether its readiness probe passes, and since when.
func (i *instance) passes() since {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.exited.fired() {
		return since{}
	}
	return i.passed
}

// putAside takes in whether the gateway holds it because it has switched away.
func (i *instance) putAside(is bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.aside = is
}

func (i *instance) isAside() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.aside
}

// startPump begins to read the platform's events.
func (s *Stack) startPump() {
	s.pumping.Do(func() {
		s.background.Go(func() {
			defer close(s.pumped)
			for {
				select {
				case event, open := <-s.cfg.Platform.Events():
					if !open {
						return
					}
					s.happened(event)
				case <-s.logs.Done(): // the platform did not close its events after TearDown
					return
				}
			}
		})
	})
}

// happened takes in one event of the platform.
func (s *Stack) happened(event platform.Event) {
	i := s.instance(event.Name)
	if i == nil {
		return // removed already, or created by a call that returned an error
	}
	switch event.Kind {
	case platform.Started:
		s.started(i, event.At)
	case platform.OOM:
		s.note("warning", fmt.Sprintf("the kernel killed a process in %s for want of memory", i.name))
	case platform.Exited:
		s.started(i, event.At)
		s.exited(i, event)
	}
}

// started journals the start of an instance, which both the platform's event
// and the return of its call can tell first.
func (s *Stack) started(i *instance, at time.Time) {
	if i.running.fire() && i.number > 0 {
		since := s.cfg.Clock.At(at)
		i.mu.Lock()
		i.startedAt = since
		i.mu.Unlock()
		s.cfg.Emit(journal.Event{T: since, Body: journal.InstanceStarted{
			Service: i.service(), Instance: i.name, Version: i.version, Job: i.of.job != "", Cause: i.cause,
		}})
		s.introduce(i)
		if i.of.job == "" {
			s.createdIn(i)
		}
		if i.of.job == "" && !i.of.gatewayed() {
			s.inspect(i)
		}
	}
}

func (s *Stack) exited(i *instance, event platform.Event) {
	if i.exited.fired() {
		return
	}
	i.mu.Lock()
	i.exit, i.exitedAt = event.Exit, s.cfg.Clock.At(event.At)
	if i.of.completes && i.number > 0 && event.Exit.Code == 0 {
		i.wanted = true
	}
	wanted := i.wanted
	i.mu.Unlock()
	if i.number > 0 || !wanted { // journaled before anybody acts on it
		s.cfg.Emit(journal.Event{T: s.cfg.Clock.At(event.At), Body: journal.InstanceExited{
			Service: i.service(), Instance: i.name, Code: event.Exit.Code, OOM: event.Exit.OOM, Wanted: wanted,
		}})
	}
	i.exited.fire()
	s.tellExit(i)
	s.relieve(i)
	s.touch()
	if !wanted && (event.Exit.Code != 0 || i.of.gatewayed()) {
		s.failedUp(i)
	}
}

// tellExit tells the gateway in front of an instance that it is gone. One that
// the gateway does not know, or no more, is no matter.
func (s *Stack) tellExit(i *instance) {
	gateway := s.link(i.of.name)
	if gateway == nil || i.number == 0 {
		return
	}
	s.background.Go(func() { _ = gateway.Exited(i.name) })
}

// failedUp ends a bring-up under way because an instance exited, unless nothing
// requires its service: what waits for that goes on with a warning.
func (s *Stack) failedUp(i *instance) {
	if i.of.optional && i.number > 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if fail := s.failUp; fail != nil {
		s.background.Go(func() { fail(fmt.Errorf("start %s: %w", i.name, s.exitError(i))) })
	}
}

// exitError says how an instance exited and what it said last.
func (s *Stack) exitError(i *instance) error {
	reason := s.exitReason(i)
	return fmt.Errorf("%s%s", reason, s.lastWords(i))
}

// exitReason says how an instance exited; its last words have arrived then.
func (s *Stack) exitReason(i *instance) string {
	patience, cancel := context.WithTimeout(s.logs, time.Second)
	defer cancel()
	await(patience, i.logged.done) // its last words may still be on their way
	i.mu.Lock()
	exit := i.exit
	i.mu.Unlock()
	reason := fmt.Sprintf("%s exited with code %d", i.name, exit.Code)
	switch {
	case exit.OOM:
		reason += " (the kernel killed it for want of memory; raise its limit)"
	case exit.Code > 128:
		reason += fmt.Sprintf(" (killed by signal %d)", exit.Code-128)
	}
	return reason
}

// lastWords are the last log lines of an instance, redacted, for an error.
func (s *Stack) lastWords(i *instance) string {
	lines := i.tail.lines()
	if len(lines) == 0 {
		return "; it wrote no log"
	}
	text := strings.Join(lines, "\n")
	if s.cfg.Redact != nil {
		text = s.cfg.Redact(text)
	}
	var b strings.Builder
	b.WriteString("; its last log lines:")
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > tailWidth {
			line = strings.ToValidUTF8(line[:tailWidth], "") + "…"
		}
		b.WriteString("\n  " + line)
	}
	return b.String()
}

func (s *Stack) instance(name string) *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances[name]
}

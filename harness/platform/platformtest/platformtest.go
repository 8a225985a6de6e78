// Package platformtest is what every implementation of platform.Platform has to
// do, as tests. An implementation calls Main from its TestMain and Run from a
// test.
package platformtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

// Open makes a platform for a run.
type Open func(run, owner string) (platform.Platform, error)

// Fixture is the implementation under test.
type Fixture struct {
	Open    Open
	Cleaner platform.Cleaner
	GOOS    string // system of the instances; default: that of the tests
	// Left lists what there is of a run, found without the code under test.
	Left func(run string) ([]string, error)
	// Orphaned, if set, checks what a run is like after its harness was killed
	// and before anything is cleaned.
	Orphaned func(t *testing.T, run string)
}

// patience bounds everything that a test waits for. It is no measure of how
// long things take.
const patience = 30 * time.Second

// Run runs the suite. The fixture is asked for once; it skips the test where
// the implementation cannot work.
func Run(t *testing.T, fixture func(t *testing.T) Fixture) {
	f := fixture(t)
	f.GOOS = cmp.Or(f.GOOS, runtime.GOOS)
	t.Setenv(leak, "leaked")
	w := open(t, f)
	t.Run("One", func(t *testing.T) {
		for name, test := range instanceTests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, w.in(t))
			})
		}
	})
	t.Run("PortTaken", func(t *testing.T) { portTaken(t, w.in(t)) })
	t.Run("TwoRuns", func(t *testing.T) { twoRuns(t, f) })
	t.Run("TearDown", func(t *testing.T) { tearDown(t, f) })
	t.Run("KilledHarness", func(t *testing.T) { killedHarness(t, f) })
}

// instanceTests are those that go on side by side on one platform; each has
// instances of its own.
var instanceTests = map[string]func(*testing.T, *world){
	"ServesAndStops":         servesAndStops,
	"ExitsAtOnce":            exitsAtOnce,
	"IsKilledAfterGrace":     isKilledAfterGrace,
	"GetsSignals":            getsSignals,
	"StartsAgain":            startsAgain,
	"IsRemovedWhileRunning":  isRemovedWhileRunning,
	"GoneIsNoError":          goneIsNoError,
	"UnknownIsNotFound":      unknownIsNotFound,
	"ProgramMissing":         programMissing,
	"Environment":            environment,
	"LogsFollow":             logsFollow,
	"LogsFollowCancelled":    logsFollowCancelled,
	"Attach":                 attach,
	"AttachCloses":           attachCloses,
	"Stats":                  stats,
	"Resize":                 resize,
	"ResizeBelowUse":         resizeBelowUse,
	"ResizeOfNothing":        resizeOfNothing,
	"Size":                   size,
	"OutOfMemory":            outOfMemory,
	"OutOfMemoryWhenResized": outOfMemoryWhenResized,
	"Endpoints":              endpoints,
	"Volume":                 volume,
	"NoHealthcheck":          noHealthcheck,
	"WaitCancelled":          waitCancelled,
	"ManyAtOnce":             manyAtOnce,
	"MainProcess":            mainProcess,
	"Pauses":                 pauses,
	"PausedIsKilled":         pausedIsKilled,
	"Throttled":              throttled,
	"Addresses":              addresses,
	"Beside":                 beside,
	"Within":                 within,
	"WithinWhatGoes":         withinWhatGoes,
	"Mounts":                 mounts,
	"Files":                  files,
}

// leak is a variable of the harness that no instance may see.
const leak = "SHAKEDOWN_TEST_LEAK"

// world is one platform with its events and helpers around it.
type world struct {
	platform.Platform
	t       *testing.T
	fixture Fixture
	run     string
	program string
	seen    *record
}

// record collects the events of a run.
type record struct {
	mu     sync.Mutex
	events []platform.Event
	change chan struct{} // closed and replaced at each event
	closed chan struct{} // closed with the channel of the platform
}

// runID is a run of this test alone.
func runID() string { return "test-" + strings.ToLower(rand.Text()[:10]) }

// open makes a platform that is torn down when the test ends.
func open(t *testing.T, f Fixture) *world {
	t.Helper()
	run := runID()
	p, err := f.Open(run, owner.Self())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	w := &world{Platform: p, t: t, fixture: f, run: run, program: Program(t, f.GOOS)}
	w.seen = &record{change: make(chan struct{}), closed: make(chan struct{})}
	go w.seen.collect(p.Events())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.TearDown(ctx); err != nil {
			t.Errorf("tear down: %v", err)
		}
		<-w.seen.closed
	})
	if err := p.CreateNetwork(t.Context(), "default", types.NetworkConfig{}); err != nil {
		t.Fatalf("create network: %v", err)
	}
	return w
}

// in is the same platform for a subtest.
func (w *world) in(t *testing.T) *world {
	c := *w
	c.t = t
	return &c
}

func (r *record) collect(events <-chan platform.Event) {
	defer close(r.closed)
	for e := range events {
		r.mu.Lock()
		r.events = append(r.events, e)
		close(r.change)
		r.change = make(chan struct{})
		r.mu.Unlock()
	}
}

// of lists what happened to an instance.
func (r *record) of(name string) (events []platform.Event, change <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Name == name {
			events = append(events, e)
		}
	}
	return events, r.change
}

// event waits for the nth event of a kind, counted from 1, and returns it.
func (w *world) event(name string, kind platform.EventKind, nth int) platform.Event {
	w.t.Helper()
	expired := time.After(patience)
	for {
		events, change := w.seen.of(name)
		count := 0
		for _, e := range events {
			if e.Kind == kind {
				if count++; count == nth {
					return e
				}
			}
		}
		select {
		case <-change:
		case <-expired:
			w.t.Fatalf("no %s event %d of %s; events: %+v", kind, nth, name, events)
		}
	}
}

// spec is an instance that runs the test program.
func (w *world) spec(name string, arguments ...string) platform.Spec {
	spec := platform.Spec{Name: name, Service: "test", Program: w.program}
	spec.Config.Command = arguments
	spec.Config.Networks = map[string]*types.ServiceNetworkConfig{"default": nil}
	if a, ok := w.Platform.(platform.Addresser); ok {
		spec.Address = a.Address(name, 1)
	}
	return spec
}

// create makes an instance that is removed when the test ends.
func (w *world) create(spec platform.Spec) {
	w.t.Helper()
	w.must(w.Create(w.t.Context(), spec))
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.Remove(ctx, spec.Name); err != nil {
			w.t.Errorf("remove %s: %v", spec.Name, err)
		}
	})
}

// start creates and starts an instance.
func (w *world) start(name string, arguments ...string) {
	w.t.Helper()
	w.create(w.spec(name, arguments...))
	w.must(w.Start(w.t.Context(), name))
}

// wait waits for an instance's exit.
func (w *world) wait(name string) platform.Exit {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	exit, err := w.Wait(ctx, name)
	if err != nil {
		w.t.Fatalf("wait for %s: %v\n%s", name, err, w.logs(name))
	}
	return exit
}

// logs is an instance's output up to now.
func (w *world) logs(name string) string {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.Logs(w.t.Context(), name, false, &b); err != nil {
		return "no logs: " + err.Error()
	}
	return b.String()
}

// says waits until an instance has written a line.
func (w *world) says(name, line string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	seen := &waiter{want: line + "\n", found: cancel}
	err := w.Logs(ctx, name, true, seen)
	if !seen.has() {
		w.t.Fatalf("%s did not say %q (%v); it said:\n%s", name, line, err, seen.text())
	}
}

// waiter calls found when what is written to it contains want.
type waiter struct {
	want  string
	found func()
	mu    sync.Mutex
	got   bytes.Buffer
}

// Write takes output.
func (s *waiter) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got.Write(b)
	if strings.Contains(s.got.String(), s.want) {
		s.found()
	}
	return len(b), nil
}

func (s *waiter) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

func (s *waiter) has() bool { return strings.Contains(s.text(), s.want) }

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// needsLimits skips what an implementation without limits refuses, after checking
// that it says why.
func (w *world) needsLimits() {
	w.t.Helper()
	for _, feature := range []platform.Feature{platform.MemoryLimits, platform.CPULimits} {
		err := w.Supports(feature)
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), w.Name()) || !strings.Contains(err.Error(), string(feature)) {
			w.t.Errorf("refusal names platform and feature? %v", err)
		}
		w.t.Skipf("refused: %v", err)
	}
}

var builds struct {
	sync.Mutex
	dir  string
	made map[string]string // by system
}

// Program is the path of the test program, built for a system.
func Program(t testing.TB, goos string) string {
	t.Helper()
	path, err := build(goos)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func build(goos string) (string, error) {
	builds.Lock()
	defer builds.Unlock()
	if path, ok := builds.made[goos]; ok {
		return path, nil
	}
	if builds.dir == "" {
		dir, err := os.MkdirTemp("", "platformtest-")
		if err != nil {
			return "", err
		}
		builds.dir, builds.made = dir, map[string]string{}
	}
	path := filepath.Join(builds.dir, "program-"+goos)
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", path,
		"github.com/shakedown-dev/shakedown/harness/platform/platformtest/program")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", err
	}
	builds.made[goos] = path
	return path, nil
}

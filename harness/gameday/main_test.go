package gameday

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRun is a run that does what it is asked by writing it down.
type fakeRun struct {
	mutex  sync.Mutex
	state  steer.State
	asked  []steer.Command
	events func(journal.Event) // where it journals
	clock  func() time.Duration
}

var kinds = []steer.Kind{
	{Name: "kill", Group: "instances", Does: "kills an instance", Example: "target: api\nkill: {}\n"},
	{Name: "latency", Group: "network", Does: "delays packets", Example: "target: api\nlatency: {delay: 100ms}\n"},
	{Name: "clock", Group: "system", Does: "shifts the clock", Example: "target: api\n", Not: "the platform process has no clocks of its own"},
}

func (r *fakeRun) Plan() *scenarios.Plan { return plan }

func (r *fakeRun) State() steer.State {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	state := r.state
	state.Faults = append([]steer.Fault{}, r.state.Faults...)
	state.Kinds = kinds
	state.Services = []steer.Service{{Name: "api", Replicas: 3}, {Name: "worker", Replicas: 1}}
	return state
}

func (r *fakeRun) Steer(_ context.Context, c steer.Command) (steer.Reply, error) {
	r.mutex.Lock()
	r.asked = append(r.asked, c)
	t := r.clock()
	reply, err := steer.Reply{Text: "done " + string(c.Verb)}, error(nil)
	var more []journal.Body
	switch c.Verb {
	case steer.Pause:
		r.state.Paused = true
		more = append(more, journal.LoadSteered{Multiple: 0})
	case steer.Inject:
		reply = steer.Reply{Text: "by-hand-1 is in force on api-1", ID: "by-hand-1"}
		r.state.Faults = append(r.state.Faults, steer.Fault{ID: "by-hand-1", Kind: "kill", Targets: []string{"api-1"}, State: "applied", Live: true})
		more = append(more, journal.FaultStarted{Fault: "by-hand-1", FaultKind: "kill", Targets: []string{"api-1"}, Detail: "kill api-1"},
			journal.FaultState{Fault: "by-hand-1", Target: "api-1", State: journal.FaultApplied, Reason: "it is gone"})
	case steer.Revert:
		if len(r.state.Faults) == 0 {
			err = errors.New("there is no such fault; status lists those in force")
			break
		}
		if f := &r.state.Faults[0]; f.ID == c.Fault && f.State == "planned" {
			f.State = journal.FaultCalledOff
			more = append(more, journal.FaultEnded{Fault: c.Fault, Targets: []string{}, By: journal.FaultCalledOff})
			break
		}
		r.state.Faults = nil
		more = append(more, journal.FaultEnded{Fault: c.Fault, Targets: []string{"api-1"}, By: "person"})
	}
	r.mutex.Unlock()
	steered := journal.Steered{By: c.By, Verb: string(c.Verb), Detail: detail(c)}
	if err != nil {
		steered.Error = err.Error()
	}
	for _, body := range append(more, steered) {
		r.events(journal.Event{T: t, Body: body})
	}
	return reply, err
}

// plan has a fault to come.
func (r *fakeRun) plan(f steer.Fault) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.state.Faults = []steer.Fault{f}
}

func detail(c steer.Command) string {
	if c.Verb == steer.Note {
		return c.Text
	}
	return strings.TrimSpace(string(c.Verb) + " " + c.Fault)
}

func (r *fakeRun) commands() []steer.Command {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]steer.Command{}, r.asked...)
}

var plan = &scenarios.Plan{
	Scenario: "friday", Summary: "What if the bank slows down?", Hypotheses: []string{"Nobody who browses notices that the bank is slow."},
	Services: map[string]scenarios.PlannedService{"api": {}, "worker": {}},
}

// begun is a server with a page over a fake run, closed at the end of the test.
func begun(t testing.TB, change func(*Config)) (*Server, *fakeRun) {
	t.Helper()
	config := Config{Dir: rundir.Dir(t.TempDir()), Run: "8f3a", Plan: plan, Page: true}
	if change != nil {
		change(&config)
	}
	s, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close("pass"); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	run := &fakeRun{state: steer.State{Multiple: 1}, clock: func() time.Duration { return 30 * time.Second }}
	var one sync.Mutex
	run.events = func(e journal.Event) {
		one.Lock()
		defer one.Unlock()
		s.Observe(e)
	}
	return s, run
}

// drive lets traffic begin at 10 s and flow for so many seconds.
func drive(s *Server, run *fakeRun, from, seconds int) {
	at := func(n int) time.Duration { return time.Duration(n) * time.Second }
	if from == 0 {
		run.events(journal.Event{T: at(5), Body: journal.InstanceStarted{Service: "api", Instance: "api-1"}})
		run.events(journal.Event{T: at(6), Body: journal.EndpointAdded{Service: "api", Instance: "api-1"}})
		run.events(journal.Event{T: at(10), Body: journal.TrafficStarted{}})
		run.events(journal.Event{T: at(10), Body: journal.PhaseStarted{Phase: "steady", For: time.Minute}})
		s.Live(run)
	}
	for n := from; n < from+seconds; n++ {
		run.events(journal.Event{T: at(11 + n), Body: journal.Traffic{
			Journey: "order", Step: "pay", For: time.Second, Intended: 50, Sent: 48, OK: 45, Failed: 3, P50: 20 * time.Millisecond, P99: 90 * time.Millisecond}})
	}
}

func post(t testing.TB, s *Server, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	base, _, _ := strings.Cut(s.URL(), "?")
	r, err := http.NewRequest(http.MethodPost, base+"command", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.token)
	if change != nil {
		change(r)
	}
	return do(t, r)
}

func do(t testing.TB, r *http.Request) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var b bytes.Buffer
	_, _ = b.ReadFrom(response.Body)
	return response.StatusCode, b.String()
}

// files are those in the run directory that the server made.
func files(t *testing.T, dir rundir.Dir) string {
	t.Helper()
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(string(dir), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %o", e.Name(), info.Mode().Perm()))
	}
	return strings.Join(list, ", ")
}

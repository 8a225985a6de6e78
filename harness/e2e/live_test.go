package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// binVariable tells a process of the tests that is the undo helper of a run where the
// built programs are.
const binVariable = "SHAKEDOWN_E2E_BIN"

// A run in this process starts this very program as its undo helper.
func init() {
	if dir := os.Getenv(binVariable); dir != "" && slices.Equal(os.Args[1:], []string{harness.UndoVerb}) {
		panic(syscall.Exec(filepath.Join(dir, "shakedown"), []string{"shakedown", harness.UndoVerb}, os.Environ()))
	}
}

const steeredScenario = `
name: steered
stack: {compose: [compose.yaml], services: {shop: {port: 8080, replicas: 2, ready: /readyz}}}
traffic:
  phases: [{name: steady, for: 300s}]
  cohorts: [{name: all, journey: look, arrivals: {constant: 40/s}}]
  journeys:
    look: [{name: charges, request: GET shop/v1/charges}]
faults: [{name: planned, at: steady + 250s, for: 5s, target: shop, http_abort: {}}]
checks: [{slo: {journey: look, availability: 1%}}]
`

// hand is somebody who steers a run.
type hand struct {
	t      *testing.T
	run    steer.Run
	mu     sync.Mutex
	events []journal.Event
	more   chan struct{} // closed when there is another event
}

func (h *hand) observe(e journal.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	close(h.more)
	h.more = make(chan struct{})
}

// await returns when an event of the run, from number after on, is as wanted, with the number
// of the one that follows.
func (h *hand) await(what string, after int, wanted func(journal.Body) bool) (next int) {
	h.t.Helper()
	limit := time.After(2 * time.Minute)
	for n := after; ; {
		h.mu.Lock()
		events, more := h.events, h.more
		h.mu.Unlock()
		for ; n < len(events); n++ {
			if wanted(events[n].Body) {
				return n + 1
			}
		}
		select {
		case <-more:
		case <-limit:
			h.t.Fatalf("never came: %s", what)
		}
	}
}

func (h *hand) now() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.events)
}

// seconds lets the run go on for some seconds of its own.
func (h *hand) seconds(n int) {
	h.t.Helper()
	at := h.now()
	for range n {
		at = h.await("another second", at, func(b journal.Body) bool { _, is := b.(journal.Generator); return is })
	}
}

// does steers, and wants no error.
func (h *hand) does(c steer.Command) steer.Reply {
	h.t.Helper()
	c.By = "ann"
	reply, err := h.run.Steer(h.t.Context(), c)
	if err != nil {
		h.t.Fatalf("%s: %v", c.Verb, err)
	}
	return reply
}

// cannot steers, and wants to be refused with some words.
func (h *hand) cannot(c steer.Command, because string) {
	h.t.Helper()
	if _, err := h.run.Steer(h.t.Context(), c); err == nil || !strings.Contains(err.Error(), because) {
		h.t.Errorf("%+v: %v, want %q", c, err, because)
	}
}

// steeredRun plays the scenario in this process and has somebody steer it.
func steeredRun(t *testing.T, platform string, by func(h *hand)) (dir string, result verify.Result) {
	t.Helper()
	files := t.TempDir()
	for name, content := range map[string]string{"scenario.yaml": steeredScenario, "compose.yaml": fmt.Sprintf(shop, "atelier:dev", "payments", "payments")} {
		if err := os.WriteFile(filepath.Join(files, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := harness.Load(t.Context(), filepath.Join(files, "scenario.yaml"), harness.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir = keptDir(t)
	opts, err := harness.Prepare(t.Context(), loaded, harness.Request{Out: dir, Platform: platform})
	if err != nil {
		t.Fatal(err)
	}
	h := &hand{t: t, more: make(chan struct{})}
	steering := make(chan struct{})
	opts.Observe = h.observe
	opts.Live = func(r steer.Run) {
		defer close(steering)
		h.run = r
		by(h)
	}
	result, err = harness.Run(t.Context(), t.Context(), opts)
	if err != nil {
		t.Fatalf("the run: %v", err)
	}
	<-steering
	h.cannot(steer.Command{Verb: steer.Pause}, steer.ErrOver.Error())
	left, err := harness.Leftovers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range left {
		if l.Run == opts.Run {
			t.Errorf("the run has left %v", l.Items)
		}
	}
	return dir, result
}

// recordOf are the events of a stored run.
func recordOf(t *testing.T, dir string) []journal.Event {
	t.Helper()
	record, err := journal.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return record.Events
}

func saidOf(result verify.Result, id string) verify.Finding {
	for _, f := range result.Checks {
		if f.ID == id {
			return f
		}
	}
	return verify.Finding{}
}

func TestPeopleSteerARun(t *testing.T) {
	onEachPlatform(t, heavy, func(t *testing.T, platform string) {
		var aborting, healed time.Duration
		dir, result := steeredRun(t, platform, func(h *hand) {
			h.seconds(2)
			h.does(steer.Command{Verb: steer.Pause})
			h.cannot(steer.Command{Verb: steer.Pause}, "paused already")
			h.seconds(3)
			h.does(steer.Command{Verb: steer.Resume})
			h.seconds(4)
			h.does(steer.Command{Verb: steer.Load, Multiple: 2, Text: "twice as many"})
			h.seconds(5)
			h.does(steer.Command{Verb: steer.Load, Multiple: 1})
			breakByHand(h, platform)
			h.refusals(platform)
			h.callOff("planned")
			h.does(steer.Command{Verb: steer.Note, Text: "the bell\x1b rang\n"})
			at := h.now()
			for _, text := range []string{"{target: shop, http_errors: {}}", "{target: shop, kill: {}}"} {
				id := h.does(steer.Command{Verb: steer.Inject, Fault: text}).ID
				h.await(id+" takes effect", at, func(b journal.Body) bool {
					s, is := b.(journal.FaultState)
					return is && s.Fault == id && s.State == journal.FaultApplied
				})
			}
			began := time.Now()
			h.does(steer.Command{Verb: steer.Abort, Text: "enough"})
			healed = time.Since(began)
			h.cannot(steer.Command{Verb: steer.Note, Text: "late"}, steer.ErrOver.Error())
		})
		events := recordOf(t, dir)
		last := time.Duration(0)
		for _, e := range events {
			switch b := e.Body.(type) {
			case journal.Steered:
				if b.Verb == "abort" {
					aborting = e.T
				}
			case journal.FaultEnded:
				last = e.T
			case journal.RunEnded:
				if b.Reason != "aborted" {
					t.Errorf("the run ended %+v", b)
				}
			}
		}
		t.Logf("healed %v after the abort, and said so after %v", last-aborting, healed)
		if last-aborting > time.Second {
			t.Errorf("healed %v after the abort", last-aborting)
		}
		loadFollows(t, events)
		if aborted, steered := saidOf(result, "run/aborted"), saidOf(result, "run/steered"); !strings.Contains(aborted.Reason, "by ann") || steered.Verdict != verify.Inconclusive {
			t.Errorf("findings %+v, %+v", aborted, steered)
		}
		if result.Verdict == verify.Pass {
			t.Error("a run that was steered and aborted passes")
		}
	}, &inProcess)
}

// breakByHand injects a fault, and takes it back.
func breakByHand(h *hand, platform string) {
	at := h.now()
	slow := h.does(steer.Command{Verb: steer.Inject, Fault: "target: shop\nhttp_latency: {p50: 200ms}"}).ID
	h.await("the fault takes effect", at, func(b journal.Body) bool {
		s, is := b.(journal.FaultState)
		return is && s.Fault == slow && s.State == journal.FaultApplied
	})
	h.cannot(steer.Command{Verb: steer.Inject, Fault: "target: shop\nhttp_latency: {p50: 200ms}"}, "contradicts")
	if state := h.run.State(); len(state.Faults) != 2 || state.Faults[1].ID != slow || !state.Faults[1].Live || state.Faults[1].State != "applied" || state.Multiple != 1 || state.Paused {
		h.t.Errorf("state %+v", state)
	}
	h.does(steer.Command{Verb: steer.Revert, Fault: slow})
	h.await("its end", at, func(b journal.Body) bool {
		e, is := b.(journal.FaultEnded)
		return is && e.Fault == slow && e.By == "hand" && e.Error == ""
	})
	h.cannot(steer.Command{Verb: steer.Revert, Fault: slow}, "over already")
	if platform == "docker" { // an agent comes while the run is under way
		at = h.now()
		late := h.does(steer.Command{Verb: steer.Inject, Fault: "{target: shop, delay: {latency: 50ms}}"}).ID
		h.await("packets are held up", at, func(b journal.Body) bool {
			s, is := b.(journal.FaultState)
			return is && s.Fault == late && s.State == journal.FaultApplied
		})
		h.does(steer.Command{Verb: steer.Revert, Fault: late})
	}
	at = h.now()
	h.does(steer.Command{Verb: steer.Scale, Service: "shop", Replicas: 3})
	h.await("the third instance", at, func(b journal.Body) bool { a, is := b.(journal.ActionEnded); return is && a.Error == "" })
}

// callOff takes a fault off the plan before its moment.
func (h *hand) callOff(fault string) {
	at := h.now()
	h.does(steer.Command{Verb: steer.Revert, Fault: fault})
	h.await(fault+" is called off", at, func(b journal.Body) bool {
		e, is := b.(journal.FaultEnded)
		return is && e.Fault == fault && e.By == journal.FaultCalledOff
	})
	h.cannot(steer.Command{Verb: steer.Revert, Fault: fault}, "called off already")
}

func (h *hand) refusals(platform string) {
	h.cannot(steer.Command{Verb: steer.Note, Text: " \n"}, "empty")
	h.cannot(steer.Command{Verb: steer.Load, Multiple: 101}, "out of range")
	h.cannot(steer.Command{Verb: steer.Revert, Fault: "nobody"}, "no fault")
	h.cannot(steer.Command{Verb: steer.Scale, Service: "nobody", Replicas: 1}, "no service")
	h.cannot(steer.Command{Verb: steer.Inject, Fault: "{target: shpo, kill: {}}"}, "shop")
	h.cannot(steer.Command{Verb: "dance"}, "no verb")
	h.cannot(steer.Command{Verb: steer.Resume}, "not paused")
	if platform == "process" {
		h.cannot(steer.Command{Verb: steer.Inject, Fault: "{target: shop, delay: {latency: 50ms}}"}, "containers")
	}
	for _, k := range h.run.State().Kinds {
		can := map[string]bool{"kill": true, "http_latency": true, "delay": platform == "docker", "disk_fill": false}
		if want, listed := can[k.Name]; listed && want != (k.Not == "") {
			h.t.Errorf("kind %+v", k)
		}
	}
}

// loadFollows checks that as many sessions began as people wanted, as the record has it.
func loadFollows(t *testing.T, events []journal.Event) {
	t.Helper()
	type stretch struct {
		from     time.Duration
		multiple float64
	}
	stretches := []stretch{{0, 1}}
	var refused, verbs []string
	for _, e := range events {
		switch b := e.Body.(type) {
		case journal.LoadSteered:
			stretches = append(stretches, stretch{e.T, b.Multiple})
		case journal.Steered:
			if b.Error != "" {
				refused = append(refused, b.Verb)
			} else if verbs = append(verbs, b.Verb); b.By != "ann" {
				t.Errorf("by %q: %+v", b.By, b)
			}
			if b.Verb == "note" && b.Error == "" && b.Detail != "the bell rang" {
				t.Errorf("the note is %q", b.Detail)
			}
		}
	}
	if len(stretches) != 5 || len(refused) < 9 || verbs[0] != "pause" || verbs[len(verbs)-1] != "abort" {
		t.Fatalf("load %v, refused %v, done %v", stretches, refused, verbs)
	}
	for _, n := range []int{1, 3} { // paused, and doubled
		from, to := stretches[n].from, stretches[n+1].from
		sessions, took := 0, time.Duration(0)
		for _, e := range events {
			if b, is := e.Body.(journal.Traffic); is && b.Step == "" && e.T-b.For >= from && e.T <= to {
				sessions, took = sessions+b.Intended, took+b.For
			}
		}
		if n == 3 && took < 2*time.Second {
			t.Errorf("only %v of the doubled load are on record", took)
		}
		want := 40 * stretches[n].multiple * took.Seconds()
		if got := float64(sessions); got < 0.8*want || got > 1.2*want {
			t.Errorf("%d sessions in %v at %gx, want %.0f", sessions, took, stretches[n].multiple, want)
		}
	}
}

package harness

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestClipped(t *testing.T) {
	for text, want := range map[string]string{
		"\ttwo\nlines\x1b[31m":    "two lines [31m",
		"\xff\xfebroken":          "broken",
		"":                        "",
		strings.Repeat("ä", 2001): strings.Repeat("ä", 1999) + "…",
		strings.Repeat("ä", 2000): strings.Repeat("ä", 2000),
	} {
		if got := clipped(text, mostNote); got != want {
			t.Errorf("%.20q is %.20q (%d characters), want %.20q", text, got, len([]rune(got)), want)
		}
	}
}

// The record of a refused fault holds nothing of its text.
func TestBriefErrorsKeepTextBack(t *testing.T) {
	err := scenarios.Problems{{File: "fault", Line: 1, Path: "kill", Message: "no", Excerpt: "1 | token: s3cret\n"}, {Message: "why"}}
	if got := brief(err); got != "kill: no; why" {
		t.Errorf("%q", got)
	}
}

// Each kind has an example to begin with.
func TestExamplesOfAllKinds(t *testing.T) {
	for _, k := range engine.Catalogue() {
		if examples[k.Name] == "" {
			t.Errorf("no example of %s", k.Name)
		}
	}
	if len(examples) != len(engine.Catalogue()) {
		t.Errorf("%d examples of %d kinds", len(examples), len(engine.Catalogue()))
	}
}

func TestFaultBook(t *testing.T) {
	book := newFaultBook([]scenarios.PlannedFault{{ID: "planned", Kind: "kill", Services: []string{"api"}}})
	refused := func(id, want string) {
		t.Helper()
		err := book.revertible(id)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("revert %s: %v, want %q", id, err, want)
		}
	}
	refused("planned", "")
	refused("nobody", "in force: none; planned: planned")
	book.add(scenarios.PlannedFault{ID: "mine", Kind: "delay", Services: []string{"db"}})
	book.take(journal.FaultStarted{Fault: "mine", Targets: []string{"db-1"}})
	refused("nobody", "in force: mine; planned: planned")
	book.take(journal.FaultState{Fault: "mine", Target: "db-1", State: journal.FaultApplied})
	if all := book.present(); len(all) != 2 || all[0].Live || !all[1].Live || all[1].State != "applied" || all[1].Targets[0] != "db-1" {
		t.Errorf("%+v", all)
	}
	refused("mine", "")
	over := book.over()
	book.reverting("mine")
	book.take(journal.FaultState{Fault: "mine", Target: "db-1", State: journal.FaultApplied})
	if all := book.present(); all[1].State != "reverting" {
		t.Errorf("%+v", all)
	}
	book.take(journal.FaultEnded{Fault: "mine"})
	refused("mine", "over already")
	if over("mine") || !book.over()("mine") || len(book.present()) != 1 || len(book.plans()) != 2 {
		t.Error("what was asked for before changes with the book, or what is over is not")
	}
	book.take(journal.FaultState{Fault: "unknown"}) // of nobody's plan
	book.reverting("mine")
	book.take(journal.FaultEnded{Fault: "planned", By: journal.FaultCalledOff})
	refused("planned", "called off already")
	refused("nobody", "in force: none; planned: none")
	if all := book.present(); len(all) != 1 || all[0].ID != "planned" || all[0].State != "called off" || !book.over()("planned") {
		t.Errorf("%+v", all)
	}
}

// One that begins while a person ends it is being reverted until it is over.
func TestFaultBookOfWhatBeginsMeanwhile(t *testing.T) {
	book := newFaultBook([]scenarios.PlannedFault{{ID: "slow", Kind: "delay", Services: []string{"api"}}})
	book.reverting("slow")
	book.take(journal.FaultStarted{Fault: "slow", Targets: []string{"api-1"}})
	if all := book.present(); len(all) != 1 || all[0].State != "reverting" || all[0].Targets[0] != "api-1" || book.waits("slow") {
		t.Errorf("%+v", all)
	}
}

// steeredByHand is a run without a stack, begun, with the verbs that its record has.
func steeredByHand(t *testing.T) (l *live, over, ended func(), verbs func() []string) {
	t.Helper()
	dir := t.TempDir()
	writer, err := journal.Create(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{clock: clock.Start(), journal: writer}
	r.Live = func(steer.Run) {}
	l = &live{r: r, turn: make(chan struct{}, 1), over: make(chan struct{}), ended: make(chan struct{}), known: newFaultBook(nil)}
	_, over, ended = l.begin(r.clock.Now())
	return l, over, ended, func() (all []string) {
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		record, err := journal.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range record.Events {
			if b, is := e.Body.(journal.Steered); is {
				all = append(all, b.Verb)
			}
		}
		return all
	}
}

// After the end of traffic something may be slow to revert: abort is heard until nothing
// is played any more, and nothing else is.
func TestAbortIsHeardAfterTraffic(t *testing.T) {
	l, over, ended, verbs := steeredByHand(t)
	play, stop := context.WithCancelCause(t.Context())
	l.r.faults.stops(stop)
	ask := func(v steer.Verb, want error) {
		t.Helper()
		if _, err := l.Steer(t.Context(), steer.Command{Verb: v, By: "ann", Text: "why"}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", v, err, want)
		}
	}
	ask(steer.Note, nil)
	over()
	ask(steer.Note, steer.ErrOver)
	ask(steer.Abort, nil)
	if !errors.Is(context.Cause(play), errAborted) {
		t.Errorf("the play goes on: %v", context.Cause(play))
	}
	ask(steer.Abort, steer.ErrOver)
	ended()
	if got := verbs(); !slices.Equal(got, []string{"note", "abort"}) {
		t.Errorf("the record has %v", got)
	}
}

func TestNothingIsHeardAfterTheRun(t *testing.T) {
	l, _, ended, verbs := steeredByHand(t)
	ended()
	for _, v := range steer.Verbs() {
		if _, err := l.Steer(t.Context(), steer.Command{Verb: v}); !errors.Is(err, steer.ErrOver) {
			t.Errorf("%s: %v", v, err)
		}
	}
	if got := verbs(); len(got) > 0 {
		t.Errorf("the record has %v", got)
	}
}

// A fault that comes into force after the time of who asked is up can still be reverted.
func TestFaultsThatMayYetBegin(t *testing.T) {
	l, _, ended, _ := steeredByHand(t)
	defer ended()
	l.known.add(scenarios.PlannedFault{ID: "slow", Kind: "delay"})
	l.known.add(scenarios.PlannedFault{ID: "broken", Kind: "delay"})
	late, cancel := context.WithCancelCause(t.Context())
	up := errors.New("no end after 2m")
	cancel(up)
	if err := l.notBegun(late, "slow", up); !errors.Is(err, up) || !strings.Contains(err.Error(), "not known yet") {
		t.Error(err)
	}
	broken := errors.New("it was done to nothing")
	if err := l.notBegun(late, "broken", broken); !errors.Is(err, broken) {
		t.Error(err)
	}
	l.known.take(journal.FaultStarted{Fault: "slow"})
	if err := l.known.revertible("slow"); err != nil {
		t.Errorf("it is in force, and cannot be reverted: %v", err)
	}
	if err := l.known.revertible("broken"); err == nil {
		t.Error("what is in force nowhere can be reverted")
	}
}

// Who aborts a run whose stack is still being brought up stands in the record too.
func TestEarlyAbortsAreOnRecord(t *testing.T) {
	l, _, ended, verbs := steeredByHand(t)
	ended()
	l.r.abortedEarly(t.Context())
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	l.r.abortedEarly(interrupted)
	aborted, abort := context.WithCancelCause(t.Context())
	abort(&steer.EarlyAbort{By: "ann\n", Text: "wrong stack"})
	var told []journal.Body
	l.r.Observe = func(e journal.Event) { told = append(told, e.Body) }
	l.r.abortedEarly(aborted)
	want := journal.Steered{By: "ann", Verb: "abort", Detail: "abort before traffic: wrong stack"}
	if got := verbs(); !slices.Equal(got, []string{"abort"}) || len(told) != 1 || told[0] != want {
		t.Errorf("the record has %v, %+v", got, told)
	}
}

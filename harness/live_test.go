package harness

import (
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/harness/journal"
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
	refused("planned", "not begun")
	refused("nobody", "in force: none")
	book.add(scenarios.PlannedFault{ID: "mine", Kind: "delay", Services: []string{"db"}})
	book.take(journal.FaultStarted{Fault: "mine", Targets: []string{"db-1"}})
	refused("nobody", "in force: mine")
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
}

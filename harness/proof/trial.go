package proof

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Outcome is what a trial came to.
type Outcome string

// The outcomes of a trial of a defect are caught and missed, those of a healthy
// one passed, alarmed and inconclusive; both can be broken and not run.
const (
	Caught       Outcome = "caught"       // the check meant failed
	Missed       Outcome = "missed"       // it did not
	Passed       Outcome = "passed"       // nothing failed
	Alarmed      Outcome = "false_alarm"  // a check failed on a healthy stack
	Inconclusive Outcome = "inconclusive" // nothing failed, and something is not known, twice
	Broken       Outcome = "broken"       // there is no verdict
	NotRun       Outcome = "not_run"      // the experiment was interrupted before its end
)

// A Trial is a defect, or a healthy stack, on a platform.
type Trial struct {
	// Name is unique in an experiment: "drain-ignored-docker", "healthy-3-process".
	Name     string           `json:"name"`
	Defect   defects.Defect   `json:"defect,omitempty"` // "": healthy
	Platform string           `json:"platform"`
	Scenario string           `json:"scenario"`
	Meant    string           `json:"meant,omitempty"` // in words: "drain D1, D2 or D5"
	Outcome  Outcome          `json:"outcome"`
	CaughtBy []string         `json:"caught_by,omitempty"`    // findings of the check meant that failed
	AlsoFell []string         `json:"also_fell,omitempty"`    // findings that failed and may
	Alarms   []verify.Finding `json:"false_alarms,omitempty"` // findings that failed and may not
	// Silent are the findings of the check meant when none of them failed.
	Silent []verify.Finding `json:"silent,omitempty"`
	// Unclear are the findings that were inconclusive, of a healthy stack.
	Unclear []verify.Finding `json:"unclear,omitempty"`
	Broken  string           `json:"broken,omitempty"` // why there is no verdict
	Runs    int              `json:"runs"`
	Took    time.Duration    `json:"took_ns"` // of all its runs
	Dir     string           `json:"dir"`     // of its last run

	row Row
}

// try makes all trials, Jobs at a time. What proved nothing is made once more, with
// nothing else under way: others that took the machine's time may have been why.
func (e Experiment) try(ctx, hard context.Context, trials []Trial) {
	tell := e.teller(len(trials))
	e.each(len(trials), func(i int) {
		trials[i] = e.run(ctx, hard, trials[i])
		if t := trials[i]; t.provedNothing() {
			tell.repeated(fmt.Sprintf("%s proved nothing and is repeated at the end, alone: %s", t.Name, t.doubt()))
			return
		}
		tell.tried(trials[i])
	})
	for i, t := range trials {
		if t.provedNothing() {
			trials[i] = e.run(ctx, hard, t)
			tell.tried(trials[i])
		}
	}
}

// run makes the next run of a trial.
func (e Experiment) run(ctx, hard context.Context, t Trial) Trial {
	t.Runs++
	run := Run{Name: t.Name, Scenario: t.Scenario, Platform: t.Platform}
	if t.Runs > 1 {
		run.Name += "-again"
	}
	for _, override := range t.row.Set {
		run.Args = append(run.Args, "--set", override)
	}
	if t.Defect != "" && len(t.row.Set) == 0 {
		run.Environment = []string{defects.Env + "=" + string(t.Defect)}
	}
	run.Dir = filepath.Join(e.Dir, run.Name)
	t.Dir = relative(run.Dir)
	ended := e.Runner.Run(ctx, hard, run)
	t.Took += ended.Took
	return t.judge(ended)
}

// judge sorts the findings of a run.
func (t Trial) judge(ended Ended) Trial {
	t.CaughtBy, t.AlsoFell, t.Alarms, t.Silent, t.Unclear = nil, nil, nil, nil, nil
	switch {
	case ended.Interrupted:
		t.Outcome = NotRun
		return t
	case ended.Broken != "":
		t.Outcome, t.Broken = Broken, ended.Broken
		return t
	case t.Defect == "":
		return t.judgeHealthy(ended.Result.Checks)
	}
	return t.judgeDefect(ended.Result.Checks)
}

func (t Trial) judgeHealthy(findings []verify.Finding) Trial {
	t.Outcome = Passed
	for _, f := range findings {
		switch f.Verdict {
		case verify.Fail:
			t.Alarms = append(t.Alarms, f)
		case verify.Inconclusive:
			t.Unclear = append(t.Unclear, f)
		}
	}
	switch {
	case len(t.Alarms) > 0:
		t.Outcome = Alarmed
	case len(t.Unclear) > 0 || len(findings) == 0:
		t.Outcome = Inconclusive
	}
	return t
}

func (t Trial) judgeDefect(findings []verify.Finding) Trial {
	for _, f := range findings {
		failed, meant := f.Verdict == verify.Fail, t.row.Meant.Matches(f)
		switch {
		case failed && meant:
			t.CaughtBy = append(t.CaughtBy, f.ID)
		case failed && t.row.may(f):
			t.AlsoFell = append(t.AlsoFell, f.ID)
		case failed:
			t.Alarms = append(t.Alarms, f)
		case meant:
			t.Silent = append(t.Silent, f)
		}
	}
	if t.Outcome = Missed; len(t.CaughtBy) > 0 {
		t.Outcome, t.Silent = Caught, nil
	}
	return t
}

// provedNothing tells whether a trial is worth another run: the generator was
// late, say, and so nobody knows.
func (t Trial) provedNothing() bool {
	switch t.Outcome {
	case Inconclusive:
		return true
	case Missed:
		return len(t.Alarms) == 0 && len(firstUnclear(t.Silent)) > 0
	}
	return false
}

// doubt is why nothing was proved.
func (t Trial) doubt() string {
	for _, f := range append(firstUnclear(t.Silent), t.Unclear...) {
		return f.ID + ": " + f.Reason
	}
	return "the run has no checks"
}

// firstUnclear is the first finding that is inconclusive, if there is one.
func firstUnclear(findings []verify.Finding) []verify.Finding {
	for _, f := range findings {
		if f.Verdict == verify.Inconclusive {
			return []verify.Finding{f}
		}
	}
	return nil
}

// line says in one line how the trial ended.
func (t Trial) line() string {
	text := fmt.Sprintf("%s: %s", t.Name, words(t.Outcome))
	switch t.Outcome {
	case Caught:
		text += " by " + short(t.CaughtBy)
	case Missed:
		text += " by " + t.Meant
	case Broken:
		text += ": " + t.Broken
	}
	if len(t.Alarms) > 0 {
		text += "; FALSE ALARM: " + short(ids(t.Alarms))
	}
	return fmt.Sprintf("%s (%s)", text, t.Took.Round(time.Second))
}

func words(o Outcome) string {
	switch o {
	case Alarmed:
		return "not passed"
	case NotRun:
		return "not run"
	}
	return string(o)
}

func ids(findings []verify.Finding) []string {
	var list []string
	for _, f := range findings {
		list = append(list, f.ID)
	}
	return list
}

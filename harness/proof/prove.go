package proof

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// ProvePlan says which gates to prove, and how to run their scenario.
type ProvePlan struct {
	Scenario string // name or file, as run takes it
	Compiled *scenarios.Plan
	Only     []scenarios.Control // empty: all that concern the scenario
	Platform string
	Args     []string // further flags of run
}

// A Gate is what one control did to one check.
type Gate struct {
	Control scenarios.Control `json:"control"`
	Does    string            `json:"does"`
	// Check is the check that is meant, "drain/api"; "" for a control that does
	// not concern the scenario.
	Check string `json:"check,omitempty"`
	// Verdict is that of the check in the run with the control.
	Verdict verify.Verdict `json:"verdict,omitempty"`
	// Outcome is red (caught), green (missed), broken, not_run, or not_applicable.
	Outcome Outcome `json:"outcome"`
	// Finding and Reason are of the finding that tells the most.
	Finding string `json:"finding,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Dir     string `json:"dir,omitempty"`
}

// The outcomes of a gate, beside Broken and NotRun.
const (
	Red           Outcome = "red"            // the check meant did not pass
	Green         Outcome = "green"          // it passed a run that was spoilt for it
	NotApplicable Outcome = "not_applicable" // the scenario has no such check
)

// Proof is what came of proving a scenario. Its JSON is a contract, as that of
// Defects is.
type Proof struct {
	Version  int    `json:"version"` // 1
	Kind     string `json:"kind"`    // "proof"
	Scenario string `json:"scenario"`
	// Baseline is the verdict on the scenario as it is; without a pass nothing
	// else was run.
	Baseline verify.Verdict `json:"baseline,omitempty"`
	// Verdict is passed, missed (a check stayed green), inconclusive or
	// false_alarm (the scenario did not pass as it is), broken or not_run.
	Verdict Outcome       `json:"verdict"`
	Summary string        `json:"summary"`
	Dir     string        `json:"dir"`
	Gates   []Gate        `json:"gates"`
	Broken  string        `json:"broken,omitempty"` // why the scenario as it is has no verdict
	Took    time.Duration `json:"took_ns"`
}

// asItIs names the run without a control.
const asItIs = "as-it-is"

// Prove runs a scenario as it is and, if it passes, once with each control; where
// none concerns it nothing is run. As with RunDefects, its only errors are about
// files of its own.
func (e Experiment) Prove(ctx, hard context.Context, plan ProvePlan) (Proof, error) {
	gates := Gates(plan.Compiled, plan.Only)
	spoilt := controlsOf(gates)
	tell := e.teller(1 + len(spoilt))
	result := Proof{Version: 1, Kind: "proof", Scenario: plan.Compiled.Scenario, Dir: relative(e.Dir), Gates: gates}

	if len(spoilt) > 0 {
		first := e.Runner.Run(ctx, hard, plan.run(e.Dir, scenarios.NoControl))
		result.Took = first.Took
		result.baseline(first)
		tell.ended(fmt.Sprintf("%s: %s (%s)", asItIs, result.baselineWords(first), first.Took.Round(time.Second)))
	}
	if result.Baseline == verify.Pass {
		e.each(len(spoilt), func(i int) {
			ended := e.Runner.Run(ctx, hard, plan.run(e.Dir, spoilt[i]))
			mine := judgeGates(gates, spoilt[i], ended, relative(filepath.Join(e.Dir, string(spoilt[i]))))
			tell.ended(fmt.Sprintf("%s: %s (%s)", spoilt[i], mine, ended.Took.Round(time.Second)))
		})
	}
	if result.Verdict == "" {
		result.Verdict = gatesVerdict(gates)
	}
	result.Summary = result.summary()
	content, err := render(result)
	if err != nil {
		return result, fmt.Errorf("render the result: %w", err)
	}
	return result, rundir.WriteFile(filepath.Join(e.Dir, "proof.json"), content)
}

// run is a run of the scenario with a control.
func (p ProvePlan) run(dir string, control scenarios.Control) Run {
	run := Run{Name: asItIs, Scenario: p.Scenario, Platform: p.Platform, Args: slices.Clone(p.Args)}
	if control != scenarios.NoControl {
		run.Name = string(control)
		run.Args = append(run.Args, "--control", string(control))
	}
	run.Dir = filepath.Join(dir, run.Name)
	return run
}

// baseline takes in the run without a control. Unless it passed it decides.
func (p *Proof) baseline(ended Ended) {
	switch {
	case ended.Interrupted:
		p.Verdict = NotRun
	case ended.Broken != "":
		p.Verdict, p.Broken = Broken, ended.Broken
	default:
		p.Baseline = ended.Result.Verdict
		switch p.Baseline {
		case verify.Fail:
			p.Verdict = Alarmed
		case verify.Inconclusive:
			p.Verdict = Inconclusive
		}
	}
}

func (p *Proof) baselineWords(ended Ended) string {
	switch {
	case ended.Interrupted:
		return "interrupted"
	case ended.Broken != "":
		return "broken: " + ended.Broken
	}
	return string(p.Baseline)
}

// controlsOf are the controls of gates that apply, each once, in their order.
func controlsOf(gates []Gate) (list []scenarios.Control) {
	for _, g := range gates {
		if g.Outcome != NotApplicable && !slices.Contains(list, g.Control) {
			list = append(list, g.Control)
		}
	}
	return list
}

// judgeGates fills in what a run with a control did to the checks it is meant
// for, and says it in a few words.
func judgeGates(gates []Gate, control scenarios.Control, ended Ended, dir string) string {
	var said []string
	for i := range gates {
		g := &gates[i]
		if g.Control != control || g.Outcome == NotApplicable {
			continue
		}
		g.Dir = dir
		switch {
		case ended.Interrupted:
			g.Outcome = NotRun
		case ended.Broken != "":
			g.Outcome, g.Reason = Broken, ended.Broken
		default:
			g.judge(ended.Result.Checks)
		}
		said = append(said, strings.TrimSpace(g.Check+" "+words(g.Outcome)))
	}
	return strings.Join(said, ", ")
}

// judge looks at the findings of the check. A frozen run need not fail: that
// nothing happened is seen as "nobody knows".
func (g *Gate) judge(findings []verify.Finding) {
	var mine []verify.Finding
	for _, f := range findings {
		if kind, service, _ := strings.Cut(g.Check, "/"); f.Kind == kind && f.Service == service {
			mine = append(mine, f)
		}
	}
	g.Verdict, g.Outcome = verify.Combine(mine), Green
	if g.Verdict == verify.Fail || g.Verdict != verify.Pass && g.Control == scenarios.ControlFrozen {
		g.Outcome = Red
	}
	if f, ok := worst(mine); ok {
		g.Finding, g.Reason = f.ID, f.Reason
	}
	if len(mine) == 0 {
		g.Outcome, g.Reason = Green, "the check gave no finding at all"
	}
}

// worst is the finding that decided a verdict other than pass.
func worst(findings []verify.Finding) (verify.Finding, bool) {
	for _, verdict := range []verify.Verdict{verify.Fail, verify.Inconclusive} {
		for _, f := range findings {
			if f.Verdict == verdict {
				return f, true
			}
		}
	}
	return verify.Finding{}, false
}

func gatesVerdict(gates []Gate) Outcome {
	has := func(o Outcome) bool { return slices.ContainsFunc(gates, func(g Gate) bool { return g.Outcome == o }) }
	switch {
	case has(NotRun):
		return NotRun
	case has(Broken):
		return Broken
	case has(Green):
		return Missed
	case !has(Red):
		return Inconclusive // there was nothing to prove
	}
	return Passed
}

// summary is the result in one sentence.
func (p Proof) summary() string {
	switch {
	case p.Verdict == NotRun:
		return "interrupted"
	case len(controlsOf(p.Gates)) == 0:
		return p.nothing()
	case p.Broken != "":
		return "the scenario broke as it is, so that nothing can be shown: " + p.Broken
	case p.Baseline != verify.Pass:
		return fmt.Sprintf("the scenario %s as it is: a gate that does not pass proves nothing by failing; see %s",
			map[verify.Verdict]string{verify.Fail: "fails", verify.Inconclusive: "is inconclusive"}[p.Baseline], filepath.Join(p.Dir, asItIs))
	}
	var red, green, broken, kinds []string
	for _, control := range controlsOf(p.Gates) {
		state := Red
		for _, g := range p.Gates {
			switch {
			case g.Control != control || g.Outcome == Red:
			case g.Outcome == Broken:
				state = Broken
			default:
				state = Green
				green = append(green, fmt.Sprintf("%s under %s (%s)", g.Check, control, dash(string(g.Verdict))))
			}
		}
		switch state {
		case Red:
			red = append(red, string(control))
		case Broken:
			broken = append(broken, string(control))
		}
	}
	for _, g := range p.Gates {
		if kind, _, _ := strings.Cut(g.Check, "/"); g.Outcome == Red && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	text := outOf(len(red), len(controlsOf(p.Gates)), "control") + " turned red"
	switch {
	case len(green) > 0:
		return text + "; not red: " + strings.Join(green, ", ")
	case len(broken) > 0:
		return text + "; broken: " + strings.Join(broken, ", ")
	case len(kinds) == 1:
		return text + "; " + kinds[0] + " is a gate that can fail"
	}
	slices.Sort(kinds)
	return text + "; " + strings.Join(kinds, ", ") + " are gates that can fail"
}

// nothing says why there was nothing to prove.
func (p Proof) nothing() string {
	var why []string
	for _, g := range p.Gates {
		if !slices.Contains(why, g.Reason) {
			why = append(why, g.Reason)
		}
	}
	return "no control concerns this scenario: " + strings.Join(why, "; ")
}

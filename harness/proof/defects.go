package proof

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/harness/rundir"
)

// DefectsPlan says which part of the matrix to run.
type DefectsPlan struct {
	Only      []defects.Defect // empty: all
	Platforms []string         // at least one
	Healthy   int              // runs without a defect on each platform
}

// Defects is what came of the matrix. Its JSON is a contract: members are
// added, never renamed, and Version changes when one means something else.
type Defects struct {
	Version int     `json:"version"` // 1
	Kind    string  `json:"kind"`    // "defects"
	Verdict Outcome `json:"verdict"` // passed, missed (or a false alarm), inconclusive, broken, not_run
	Summary string  `json:"summary"`
	Dir     string  `json:"dir"`
	Trials  []Trial `json:"defects"`
	Healthy []Trial `json:"healthy"`
}

// RunDefects runs the matrix. Its only errors are about files of its own;
// whatever comes of the runs is in the result, which is stored in Dir too.
func (e Experiment) RunDefects(ctx, hard context.Context, plan DefectsPlan) (Defects, error) {
	trials := plan.trials()
	e.try(ctx, hard, trials)
	result := Defects{Version: 1, Kind: "defects", Dir: relative(e.Dir), Trials: []Trial{}, Healthy: []Trial{}}
	for _, t := range trials {
		if t.Defect == "" {
			result.Healthy = append(result.Healthy, t)
		} else {
			result.Trials = append(result.Trials, t)
		}
	}
	result.Verdict, result.Summary = result.verdict(), result.summary()
	content, err := render(result)
	if err != nil {
		return result, fmt.Errorf("render the result: %w", err)
	}
	return result, rundir.WriteFile(filepath.Join(e.Dir, "defects.json"), content)
}

// trials lists the trials in the order in which they begin: defect by defect
// on each platform, then the healthy ones, for which the scenarios take turns.
func (p DefectsPlan) trials() []Trial {
	var list []Trial
	scenarios := map[string][]string{} // by platform
	for _, row := range Matrix() {
		if len(p.Only) > 0 && !slices.Contains(p.Only, row.Defect) {
			continue
		}
		for _, platform := range p.Platforms {
			if row.Platform != "" && row.Platform != platform {
				continue
			}
			if !slices.Contains(scenarios[platform], row.Scenario) {
				scenarios[platform] = append(scenarios[platform], row.Scenario)
			}
			list = append(list, Trial{Name: string(row.Defect) + "-" + platform, Defect: row.Defect, Platform: platform,
				Scenario: row.Scenario, Meant: row.Meant.String(), row: row})
		}
	}
	for i := range p.Healthy {
		for _, platform := range p.Platforms {
			if of := scenarios[platform]; len(of) > 0 {
				list = append(list, Trial{Name: fmt.Sprintf("healthy-%d-%s", i+1, platform), Platform: platform, Scenario: of[i%len(of)]})
			}
		}
	}
	return list
}

// count is how many trials came to an outcome.
func count(trials []Trial, outcome Outcome) (n int) {
	for _, t := range trials {
		if t.Outcome == outcome {
			n++
		}
	}
	return n
}

// alarms counts the trials with a false alarm.
func alarms(trials []Trial) (n int) {
	for _, t := range trials {
		if len(t.Alarms) > 0 {
			n++
		}
	}
	return n
}

func (d Defects) verdict() Outcome {
	all := slices.Concat(d.Trials, d.Healthy)
	switch {
	case count(all, NotRun) > 0:
		return NotRun
	case count(all, Broken) > 0:
		return Broken
	case count(all, Missed) > 0, alarms(all) > 0:
		return Missed
	case len(d.Healthy) > 0 && count(d.Healthy, Passed) == 0:
		return Inconclusive // silence of checks that said nothing is no proof
	}
	return Passed
}

// summary is the result in one line: "30 of 30 defects caught, 0 missed, 0
// false alarms in 20 healthy runs".
func (d Defects) summary() string {
	parts := []string{
		fmt.Sprintf("%s caught", outOf(count(d.Trials, Caught), len(d.Trials), "defect")),
		fmt.Sprintf("%d missed", count(d.Trials, Missed)),
		fmt.Sprintf("%s in %s", counted(alarms(d.Healthy), "false alarm"), counted(count(d.Healthy, Passed)+count(d.Healthy, Alarmed), "healthy run")),
	}
	for _, more := range []struct {
		n    int
		text string
	}{
		{alarms(d.Trials), "%d with a false alarm beside a defect"},
		{count(d.Healthy, Inconclusive), "%d healthy inconclusive twice"},
		{count(d.Trials, Broken) + count(d.Healthy, Broken), "%d broken"},
		{count(d.Trials, NotRun) + count(d.Healthy, NotRun), "%d not run"},
	} {
		if more.n > 0 {
			parts = append(parts, fmt.Sprintf(more.text, more.n))
		}
	}
	return strings.Join(parts, ", ")
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/baseline"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The flags that the baseline commands share.
var (
	baselinesFlag = &cli.StringFlag{
		Name: "baselines", EnvVars: []string{"SHAKEDOWN_BASELINES"}, Value: baseline.DefaultDir,
		Usage: "directory `DIR` of baselines, to be committed or kept in a cache of CI",
	}
	baselineNameFlag = &cli.StringFlag{Name: "name", Value: scenarios.DefaultBaseline, Usage: "`NAME` of the baseline, for scenarios that have several"}
)

func baselineCommand() *cli.Command {
	command := &cli.Command{
		Name:  "baseline",
		Usage: "keep figures of runs, and hold later runs to them",
		Description: "A baseline is the figures of the last runs of a scenario on a class of machine: operating system, architecture, CPUs and\n" +
			"platform. The check regression of a scenario holds its run to one; baseline check does the same to a stored run.",
		Subcommands: []*cli.Command{
			{
				Name: "save", Usage: "add runs to their baseline", ArgsUsage: "RUN...", Action: saveBaseline,
				Flags: []cli.Flag{baselinesFlag, baselineNameFlag,
					&cli.IntFlag{Name: "keep", Value: baseline.DefaultKeep, Usage: "keep the last `K` runs"},
					&cli.BoolFlag{Name: "force", Usage: "take runs that did not pass as well"}},
			},
			{
				Name: "show", Usage: "show baselines: medians, spread, history and where it changed", ArgsUsage: "[SCENARIO]", Action: showBaselines,
				Flags: []cli.Flag{baselinesFlag, jsonFlag},
			},
			{
				Name: "check", Usage: "hold a stored run to its baseline", ArgsUsage: "RUN", Action: checkBaseline,
				Description: "Judges by the regression checks of the run's scenario, or by one with the defaults.\n" +
					"Exit code: 0 no worse, 99 worse, 3 not to be told.",
				Flags: []cli.Flag{baselinesFlag, baselineNameFlag, jsonFlag},
			},
		},
		Action: func(c *cli.Context) error {
			return usagef("there is no %q; choose save, show or check", "baseline "+c.Args().First())
		},
	}
	for _, sub := range command.Subcommands {
		sub.OnUsageError = onUsageError
	}
	return command
}

// baselinesOf is the directory of baselines: a variable that is set to nothing says nothing.
func baselinesOf(c *cli.Context) string {
	return cmp.Or(c.String(baselinesFlag.Name), baseline.DefaultDir)
}

// saveBaseline adds runs to the baselines that they belong to.
func saveBaseline(c *cli.Context) error {
	if !c.Args().Present() {
		return usagef("baseline save wants run directories; got none")
	}
	if keep := c.Int("keep"); keep < 1 || keep > mostRepeats {
		return usagef("--keep %d: give a number from 1 to %d", keep, mostRepeats)
	}
	var order []baseline.Key
	kept, words := map[baseline.Key][]baseline.Run{}, map[baseline.Key]string{}
	for _, dir := range expanded(c.Args().Slice()) {
		run, err := reports.Read(dir)
		if err != nil {
			return fmt.Errorf("read run %s: %w", dir, err)
		}
		if err := worthKeeping(run, c.Bool("force")); err != nil {
			return err
		}
		key := baseline.KeyOf(run.Intent, c.String("name"))
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
		kept[key] = append(kept[key], baseline.RunOf(run.Intent, run.Record, run.Result))
		words[key] = baseline.Words(run.Intent)
	}
	store := baseline.Store(baselinesOf(c))
	for _, key := range order {
		file, err := store.Save(key, words[key], kept[key], c.Int("keep"))
		if err != nil {
			return fmt.Errorf("save the baseline: %w", err)
		}
		fmt.Fprintf(c.App.Writer, "%s: %d of %d runs are new\n  %s\n  %s\n", key.Scenario+" "+key.Name, distinctRuns(kept[key]), len(file.Runs), file.Machine, store.Path(key))
	}
	return nil
}

// distinctRuns is how many runs there are: one that is named twice is kept once.
func distinctRuns(runs []baseline.Run) int {
	ids := map[string]bool{}
	for _, r := range runs {
		ids[r.Run] = true
	}
	return len(ids)
}

// worthKeeping refuses runs that no later one should be held to.
func worthKeeping(run reports.Run, force bool) error {
	switch {
	case run.Intent.Plan == nil:
		return usagef("%s has no figures: its run.json holds no plan; save a run that is whole", run.Dir)
	case run.Intent.Plan.Control != "":
		return usagef("%s was spoiled on purpose (--control %s): it is no baseline", run.Dir, run.Intent.Plan.Control)
	case len(verify.Figures(run.Record, run.Intent.Plan)) == 0:
		return usagef("%s has no figures: no requests were recorded", run.Dir)
	case run.Result.Verdict != verify.Pass && !onlyItsBaseline(run.Result) && !force:
		return usagef("the verdict of %s is %s: later runs would be held to what was not right; fix that first, or use --force", run.Dir, run.Result.Verdict)
	}
	return nil
}

// onlyItsBaseline tells that nothing was wanting but runs to be held to: without it a
// scenario with a regression check could never get its first ones.
func onlyItsBaseline(result verify.Result) bool {
	others := slices.DeleteFunc(slices.Clone(result.Checks), func(f verify.Finding) bool {
		return f.Kind == "regression" && f.Verdict == verify.Inconclusive
	})
	return len(others) < len(result.Checks) && (len(others) == 0 || verify.Combine(others) == verify.Pass)
}

// showBaselines prints what is kept.
func showBaselines(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("baseline show wants one scenario or none; got %d", c.NArg())
	}
	store := baseline.Store(baselinesOf(c))
	files, err := store.List(c.Args().First())
	if len(files) == 0 && err == nil && !c.Bool("json") {
		fmt.Fprintf(c.App.Writer, "there is no baseline in %s; make one: shakedown run SCENARIO --repeat 5 --out DIR, then shakedown baseline save DIR\n", store)
	}
	histories := reports.Histories(files)
	if c.Bool("json") {
		return errors.Join(histories.JSON(c.App.Writer), err)
	}
	return errors.Join(histories.Text(c.App.Writer, reports.TextOptions{Color: color(c), Width: width(c)}), err)
}

// checkBaseline holds a stored run to its baseline as it is now.
func checkBaseline(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("baseline check wants one run directory; got %d", c.NArg())
	}
	run, err := reports.Read(rundir.Dir(c.Args().First()))
	if err != nil {
		return fmt.Errorf("read run %s: %w", c.Args().First(), err)
	}
	if run.Intent.Plan == nil || run.Record == nil {
		return fmt.Errorf("hold the run to its baseline: there is no plan or no record of %s; shakedown report %s says what is left of it", run.Dir, run.Dir)
	}
	plan := *run.Intent.Plan
	plan.Checks = regressionChecks(c, plan.Checks)
	plan.Faults = nil // what they came to is not asked here
	rec := *run.Record
	for _, check := range plan.Checks {
		name := check.Regression.Planned().Baseline
		key := baseline.KeyOf(run.Intent, name)
		file, err := baseline.Store(baselinesOf(c)).Load(key)
		if err != nil {
			return fmt.Errorf("hold the run to its baseline: %w", err)
		}
		read, left := file.Read(baseline.Traffic(run.Intent.Plan), run.Intent.Run)
		if left > 0 {
			fmt.Fprintf(c.App.ErrWriter, "shakedown: %d runs of baseline %s are left out: their traffic was planned differently\n", left, name)
		}
		rec.Events = append(slices.Clone(rec.Events), journal.Event{Body: read})
	}
	result := verify.Judge(&rec, &plan)
	result.Checks = slices.DeleteFunc(result.Checks, func(f verify.Finding) bool { return f.Kind != "regression" })
	result.Verdict = verify.Combine(result.Checks)
	if err := printFindings(c, result); err != nil {
		return err
	}
	if result.Verdict != verify.Pass {
		return verdictError{verdict: result.Verdict}
	}
	return nil
}

// regressionChecks are those of a scenario, or one with the defaults; --name chooses
// another baseline.
func regressionChecks(c *cli.Context, checks []scenarios.Check) []scenarios.Check {
	own := slices.DeleteFunc(slices.Clone(checks), func(check scenarios.Check) bool { return check.Regression == nil })
	if len(own) > 0 && !c.IsSet("name") {
		return own
	}
	regression := scenarios.RegressionCheck{}
	if len(own) > 0 {
		regression = *own[0].Regression
	}
	regression.Baseline = c.String("name")
	return []scenarios.Check{{Regression: &regression}}
}

// printFindings prints findings that are no run's verdict.
func printFindings(c *cli.Context, result verify.Result) error {
	if c.Bool("json") {
		b, err := rundir.RenderResult(result)
		if err != nil {
			return err
		}
		_, err = c.App.Writer.Write(b)
		return err
	}
	return reports.Findings(c.App.Writer, result, reports.TextOptions{Color: color(c), Width: width(c)})
}

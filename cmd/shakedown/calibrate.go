package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func calibrateCommand() *cli.Command {
	return &cli.Command{
		Name:      "calibrate",
		Usage:     "measure what one instance of a service carries",
		ArgsUsage: "NAME|FILE",
		Description: "Runs the scenario with control frozen: nothing adds, removes, replaces or resizes instances. The highest load that was\n" +
			"carried while the scenario's slo checks held, divided by the instances, is the capacity that scaling and cost checks\n" +
			"count with; it is printed as a line for autoscale.capacity.\n" +
			"Exit code: 0 a figure was found, 3 only that it is more (nothing broke) or that this run does not tell, 4 invalid\n" +
			"scenario, 2 usage, 130 interrupted, 1 anything else.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "service", Aliases: []string{"s"}, Usage: "the service `NAME` to measure"},
			&cli.StringFlag{Name: "out", EnvVars: []string{"SHAKEDOWN_OUT"}, Usage: "run directory `DIR` (default: runs/<time>-<scenario>)"},
			variantFlag, seedFlag, loadFlag, platformFlag, progressFlag, jsonFlag, setFlag, buildFlag, startTimeoutFlag,
		},
		Action: calibrate,
	}
}

func calibrate(c *cli.Context) error {
	mode, err := progressMode(c)
	if err != nil {
		return err
	}
	service := c.String("service")
	if service == "" {
		return usagef("calibrate wants the service to measure: --service NAME")
	}
	loaded, err := load(c)
	if err != nil {
		return err
	}
	planned, known := loaded.Plan.Services[service]
	switch {
	case !known:
		return usagef("--service: the scenario has no service %q; there are %s", service, strings.Join(slices.Sorted(maps.Keys(loaded.Plan.Services)), ", "))
	case planned.Port == 0:
		return usagef("--service: %s has no port, so that no request shows what it carries; give autoscale.capacity in jobs a second", service)
	}
	loaded.Plan.Control = scenarios.ControlFrozen
	soft, hard, release := interrupts(c.Context, c.App.ErrWriter, "stopping in order; interrupt again to tear down at once")
	defer release()
	var dir rundir.Dir
	err = play(soft, hard, c, mode, loaded, request(c), func(c *cli.Context, judged rundir.Dir) error {
		dir = judged
		return store(c, judged)
	})
	if !isVerdict(err) { // that of a frozen run is no news
		return err
	}
	record, err := journal.Open(string(dir))
	if err != nil {
		return fmt.Errorf("read the run back: %w", err)
	}
	found, err := verify.Calibrate(record, loaded.Plan, service)
	if err != nil {
		fmt.Fprintf(c.App.ErrWriter, "shakedown: %v\n", err)
		return verdictError{verify.Inconclusive}
	}
	if err := printCalibration(c, found, dir); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if found.AtLeast {
		return verdictError{verify.Inconclusive}
	}
	return nil
}

// printCalibration prints what was found and the line that the scenario takes.
func printCalibration(c *cli.Context, found verify.Calibration, dir rundir.Dir) error {
	if c.Bool("json") {
		out := json.NewEncoder(c.App.Writer)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		return out.Encode(struct {
			verify.Calibration
			Dir string `json:"dir"`
		}{found, string(dir)})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", found)
	line := func(label, text string) { fmt.Fprintf(&b, "  %-10s  %s\n", label, text) }
	line("instances", fmt.Sprint(found.Instances))
	for i, objective := range found.Objectives {
		line(map[bool]string{true: "objectives"}[i == 0], objective)
	}
	line("held", levelWords(found.Held))
	if found.Broke != nil {
		line("broke", levelWords(*found.Broke))
	}
	for i, remark := range found.Remarks {
		line(map[bool]string{true: "remarks"}[i == 0], remark)
	}
	line("run", string(dir))
	fmt.Fprintf(&b, "\nfor stack.services.%s.autoscale:\n  capacity: %s\n", found.Service, capacity(found.Capacity))
	_, err := fmt.Fprint(c.App.Writer, b.String())
	return err
}

// levelWords are a stretch with its load, and what did not hold in it.
func levelWords(l verify.LoadLevel) string {
	text := fmt.Sprintf("%.4g/s in all, from %.1f s to %.1f s", l.Rate, l.From.Seconds(), l.To.Seconds())
	if len(l.Missed) > 0 {
		text += ": " + strings.Join(l.Missed, "; ")
	}
	return text
}

// capacity is a rate as a scenario takes it, rounded down to three digits: what
// was measured was carried, what is more was not.
func capacity(perSecond float64) scenarios.Rate {
	if perSecond <= 0 {
		return 0
	}
	step := math.Pow(10, math.Floor(math.Log10(perSecond))-2)
	return scenarios.Rate(math.Round(math.Floor(perSecond/step+1e-9)*step*1e6) / 1e6)
}

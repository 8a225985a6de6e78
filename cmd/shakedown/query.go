package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/api/stored"
)

func queryCommand() *cli.Command {
	return &cli.Command{
		Name:      "query",
		Usage:     "ask the metrics of a stored run, in PromQL",
		ArgsUsage: "RUN 'PROMQL'",
		Description: "Evaluates an expression at one moment, the end of traffic unless --at says otherwise. With --from, --to or --step\n" +
			"it is evaluated once in every step instead, and each series is drawn as a line. Moments are offsets from the start of\n" +
			"traffic (90s), end, a phase, or an offset into one (surge + 5s). With --json the answer is that of Prometheus' API.\n" +
			"The names of all metrics: shakedown query RUN 'group by (__name__) ({__name__!=\"\"})'",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "at", Usage: "evaluate at `MOMENT`; a phase is its end (default: end)"},
			&cli.StringFlag{Name: "from", Usage: "evaluate from `MOMENT` on; a phase is its start (default: the start of traffic)"},
			&cli.StringFlag{Name: "to", Usage: "evaluate up to `MOMENT`; a phase is its end (default: end)"},
			&cli.DurationFlag{Name: "step", Usage: "evaluate once in `TIME` (default: as often as instances were scraped)"},
			jsonFlag,
		},
		Action: queryRun,
	}
}

func queryRun(c *cli.Context) (err error) {
	if c.NArg() != 2 {
		return usagef("query wants a run directory and an expression in quotes, as in runs/latest 'sum(up)'; got %d arguments", c.NArg())
	}
	ranged := c.IsSet("from") || c.IsSet("to") || c.IsSet("step")
	if ranged && c.IsSet("at") {
		return usagef("--at is one moment, and --from, --to and --step are many: choose one")
	}
	run, err := stored.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	expr := c.Args().Get(1)
	ask := askOnce
	if ranged {
		ask = askRange
	}
	answer, where, err := ask(c, run, expr)
	if wrong := (api.BadQuery{}); errors.As(err, &wrong) {
		return usagef("%s is no PromQL: %v", expr, err)
	}
	if err != nil {
		return err
	}
	for _, remark := range append(answer.Warnings, answer.Infos...) {
		fmt.Fprintln(c.App.ErrWriter, remark)
	}
	if c.Bool("json") {
		out := json.NewEncoder(c.App.Writer)
		out.SetIndent("", "  ")
		return out.Encode(answer)
	}
	fmt.Fprintln(c.App.ErrWriter, where)
	return answerTable{answer: answer, run: c.Args().First()}.print(c.App.Writer, c.App.ErrWriter)
}

// askOnce evaluates at one moment, and says which.
func askOnce(c *cli.Context, run *stored.Run, expr string) (api.Answer, string, error) {
	at, err := moment(c, "at", run.End, run.At)
	if err != nil {
		return api.Answer{}, "", err
	}
	answer, err := run.Instant(c.Context, expr, at)
	return answer, fmt.Sprintf("at %s (%s)", offsetText(run.Offset(at)), at.Format(time.RFC3339)), err
}

// askRange evaluates at many moments, and says at which.
func askRange(c *cli.Context, run *stored.Run, expr string) (api.Answer, string, error) {
	from, err := moment(c, "from", run.Traffic, run.From)
	if err != nil {
		return api.Answer{}, "", err
	}
	to, err := moment(c, "to", run.End, run.At)
	if err != nil {
		return api.Answer{}, "", err
	}
	step := run.Every
	if c.IsSet("step") {
		step = c.Duration("step")
	}
	switch {
	case to.Before(from):
		return api.Answer{}, "", usagef("--from is %s and --to is %s: the end has to be behind the start", offsetText(run.Offset(from)), offsetText(run.Offset(to)))
	case step < time.Millisecond:
		return api.Answer{}, "", usagef("--step %s: the shortest is 1ms", step)
	}
	answer, err := run.Range(c.Context, expr, from, to, step)
	where := fmt.Sprintf("from %s to %s, every %s (%s to %s)", offsetText(run.Offset(from)), offsetText(run.Offset(to)), step,
		from.Format(time.RFC3339), to.Format(time.RFC3339))
	return answer, where, err
}

// moment is what a flag says, or what it is by default.
func moment(c *cli.Context, flag string, otherwise time.Time, read func(string) (time.Time, error)) (time.Time, error) {
	if !c.IsSet(flag) {
		return otherwise, nil
	}
	at, err := read(c.String(flag))
	if err != nil {
		return at, usagef("--%s: %v", flag, err)
	}
	return at, nil
}

func offsetText(offset time.Duration) string { return offset.Round(time.Millisecond).String() }

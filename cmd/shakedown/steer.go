package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness/gameday"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func steerCommand() *cli.Command {
	steering := &cli.Command{
		Name:  "steer",
		Usage: "steer a game day that is under way",
		Description: "Acts on the game day below runs/, or on that of --run; where several are under way it lists them, and does nothing. A command returns when it has taken effect,\n" +
			"and says what came of it; all are journaled with who and when.\n" +
			"Exit code: 0 done, 1 not done, 2 usage.",
		Subcommands: []*cli.Command{
			{Name: "status", Usage: "say how the run stands and what can be chosen", Action: steerStatus},
			verb(steer.Pause, "", "let no session arrive any more; those under way go on", nil),
			verb(steer.Resume, "", "let sessions arrive again, as planned from now on", nil),
			verb(steer.Load, "FACTOR", "let FACTOR times as many sessions arrive as planned, as 2x", steerLoad),
			verb(steer.Inject, "FAULT", "begin a fault: in the scenario language without at, as '{target: api, kill: {}}'", steerInject),
			verb(steer.Revert, "ID", "end a fault now; call one off that is planned", steerRevert),
			verb(steer.Scale, "SERVICE N", "give a service N instances", steerScale),
			verb(steer.Note, "TEXT", "add a remark to the record", steerNote),
			verb(steer.Abort, "", "heal everything at once and end the run with a report", nil),
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usagef("steer has no command %q; shakedown steer --help lists them", c.Args().First())
			}
			return usagef("say what to do; shakedown steer --help lists the commands")
		},
	}
	for _, sub := range steering.Subcommands {
		if sub.Name == string(steer.Inject) {
			sub.Flags = []cli.Flag{fileFlag}
		}
		sub.OnUsageError = onUsageError
		sub.Flags = append(sub.Flags, steeringFlags()...)
		sub.HideHelpCommand = true
	}
	return steering
}

// steeringFlags are those of every command that steers.
func steeringFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "run", Usage: "run directory `DIR` of the game day (default: the only one that is under way below runs/)"},
		&cli.StringFlag{Name: "by", EnvVars: []string{"SHAKEDOWN_BY"}, Usage: "`NAME` of who asks, for the record (default: the user of the system)"},
		&cli.StringFlag{Name: "why", Usage: "`TEXT` for the record"},
		jsonFlag,
	}
}

// fileFlag is of inject.
var fileFlag = &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "read the fault from `FILE`; - is standard input"}

// verb is the command for a verb; fill reads its arguments, nil for one that has none.
func verb(v steer.Verb, args, usage string, fill func(*cli.Context, *steer.Command) error) *cli.Command {
	return &cli.Command{Name: string(v), ArgsUsage: args, Usage: usage, Action: func(c *cli.Context) error {
		command := steer.Command{Verb: v, By: asker(c), Text: c.String("why")}
		switch {
		case fill == nil && c.Args().Present():
			return usagef("steer %s takes no arguments; got %q (a reason goes with --why)", v, c.Args().First())
		case fill != nil:
			if err := fill(c, &command); err != nil {
				return err
			}
		}
		if err := gameday.Check(command); err != nil {
			return usagef("%v", err)
		}
		return steerRun(c, command)
	}}
}

// asker is who asks: the user of the system by default.
func asker(c *cli.Context) string {
	if name := c.String("by"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return os.Getenv("USER")
}

func steerLoad(c *cli.Context, command *steer.Command) error {
	if c.NArg() != 1 {
		return usagef("steer load wants one factor, as 2x or 0.5x")
	}
	text := c.Args().First()
	if text == "0" || text == "0x" { // no factor of a scenario, but a load
		return nil
	}
	multiple, err := scenarios.ParseFactor(text)
	if err != nil {
		return usagef("steer load: %v", err)
	}
	command.Multiple = float64(multiple)
	return nil
}

func steerInject(c *cli.Context, command *steer.Command) error {
	name := c.String("file")
	switch {
	case (name == "") == (c.NArg() == 0) || c.NArg() > 1:
		return usagef("steer inject wants one fault, in quotes or with --file; shakedown faults lists the catalogue")
	case name == "":
		command.Fault = c.Args().First()
		return nil
	}
	source, err := readFault(c, name)
	if err != nil {
		return fmt.Errorf("read the fault: %w", err)
	}
	command.Fault = string(source)
	return nil
}

// maxFault is more than any fault has.
const maxFault = 32 << 10

func readFault(c *cli.Context, name string) ([]byte, error) {
	in := c.App.Reader
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // only read
		in = file
	}
	source, err := io.ReadAll(io.LimitReader(in, maxFault+1))
	if err == nil && len(source) > maxFault {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFault)
	}
	return source, err
}

func steerRevert(c *cli.Context, command *steer.Command) error {
	if c.NArg() != 1 {
		return usagef("steer revert wants the id of one fault; shakedown steer status lists those in force and planned")
	}
	command.Fault = c.Args().First()
	return nil
}

func steerScale(c *cli.Context, command *steer.Command) error {
	replicas, err := strconv.Atoi(c.Args().Get(1))
	if c.NArg() != 2 || err != nil {
		return usagef("steer scale wants a service and how many instances it gets, as: steer scale api 4")
	}
	command.Service, command.Replicas = c.Args().First(), replicas
	return nil
}

func steerNote(c *cli.Context, command *steer.Command) error {
	command.Text = strings.Join(c.Args().Slice(), " ")
	return nil
}

// reach opens the run that is meant.
func reach(c *cli.Context) (*gameday.Client, error) {
	if dir := c.String("run"); dir != "" {
		return gameday.Dial(c.Context, rundir.Dir(dir))
	}
	client, err := gameday.Only(c.Context, rundir.Root)
	if errors.Is(err, gameday.ErrSeveral) {
		return nil, usagef("%v", err)
	}
	return client, err
}

func steerRun(c *cli.Context, command steer.Command) error {
	client, err := reach(c)
	if err != nil {
		return err
	}
	defer client.Close()
	reply, err := client.Steer(context.WithoutCancel(c.Context), command)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", command.Verb, err)
	case c.Bool("json"):
		return json.NewEncoder(c.App.Writer).Encode(reply)
	}
	_, err = fmt.Fprintln(c.App.Writer, reply.Text)
	return err
}

func steerStatus(c *cli.Context) error {
	client, err := reach(c)
	if err != nil {
		return err
	}
	defer client.Close()
	status, err := client.Status(c.Context)
	switch {
	case err != nil:
		return err
	case c.Bool("json"):
		return json.NewEncoder(c.App.Writer).Encode(status)
	}
	return writeStatus(c.App.Writer, status)
}

// writeStatus says how the run stands, a line for each thing that can be chosen.
func writeStatus(w io.Writer, s gameday.Status) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s: %s at %.0f s", s.Scenario, s.Dir, s.Stage, s.Now)
	if s.Phase != "" {
		fmt.Fprintf(&b, ", phase %s", s.Phase)
	}
	fmt.Fprintf(&b, "\nload       %gx the plan's", s.State.Multiple)
	if s.State.Paused {
		b.WriteString(", paused")
	}
	b.WriteString("\n")
	for _, service := range s.State.Services {
		fmt.Fprintf(&b, "service    %s has %d\n", service.Name, service.Replicas)
	}
	for _, fault := range s.State.Faults {
		fmt.Fprintf(&b, "fault      %s (%s on %s) %s\n", fault.ID, fault.Kind, strings.Join(fault.Targets, ", "), fault.State)
	}
	if s.Page != "" {
		fmt.Fprintf(&b, "page       %s (its address with the token: gameday.url in the run directory)\n", s.Page)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

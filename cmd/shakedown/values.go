package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shakedown-dev/shakedown/harness"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/reports/progress"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A rule is what the value of a flag has to be: it says what is wrong with one, or what
// can be chosen, "" if the value will do.
type rule struct {
	flag   string
	says   func(*cli.Context) string
	quotes bool // what it says has the value in it
}

// rules are those of the flags of run that no other part of the program reads, in the
// order of the flags.
var rules = []rule{
	{"repeat", func(c *cli.Context) string {
		if n := c.Int("repeat"); c.IsSet("repeat") && (n < 1 || n > mostRepeats) {
			return fmt.Sprintf("give a number from 1 to %d", mostRepeats)
		}
		return ""
	}, false},
	{"seeds", func(c *cli.Context) string {
		return unlessOneOf(c.String("seeds"), "", "same", "vary")
	}, false},
	{"load", func(c *cli.Context) string {
		if c.String("load") == "" {
			return ""
		}
		_, err := scenarios.ParseFactor(c.String("load"))
		return textOf(err)
	}, true},
	{"platform", func(c *cli.Context) string {
		if c.String("platform") == "" {
			return ""
		}
		return textOf(harness.CheckPlatformName(c.String("platform")))
	}, true},
	{"progress", func(c *cli.Context) string {
		var modes []string
		for _, m := range progress.Modes() {
			modes = append(modes, string(m))
		}
		return unlessOneOf(c.String("progress"), modes...)
	}, false},
	{"start-timeout", func(c *cli.Context) string {
		if c.Duration("start-timeout") < 0 {
			return "give the time that an instance may take to get ready, as in 1m30s"
		}
		return ""
	}, false},
	{deadlineFlag.Name, func(c *cli.Context) string {
		if c.IsSet(deadlineFlag.Name) && c.Duration(deadlineFlag.Name) <= 0 {
			return "give the time that a run may take in all, as in 20m"
		}
		return ""
	}, false},
	{failOnFlag.Name, func(c *cli.Context) string {
		return unlessOneOf(c.String(failOnFlag.Name), string(verify.Fail), string(verify.Inconclusive))
	}, false},
	{"control", func(c *cli.Context) string {
		_, err := scenarios.ParseControl(c.String("control"))
		return textOf(err)
	}, true},
}

// unlessOneOf says what can be chosen, unless the value is among it.
func unlessOneOf(value string, known ...string) string {
	if slices.Contains(known, value) {
		return ""
	}
	known = slices.DeleteFunc(slices.Clone(known), func(name string) bool { return name == "" })
	if len(known) == 2 {
		return "choose " + known[0] + " or " + known[1]
	}
	return "choose one of " + strings.Join(known, " ")
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// checkFlag refuses a value of a flag that no run can have, before anything runs.
func checkFlag(c *cli.Context, name string) error {
	for _, r := range rules {
		if r.flag != name {
			continue
		}
		if says := r.says(c); says != "" {
			return usagef("%s: %s", settingNamed(c, r), says)
		}
	}
	return nil
}

// checkValues refuses everything that a run would, all at once, and says of each value
// where it comes from and what it can be.
func checkValues(c *cli.Context) error {
	var wrong []string
	for _, r := range rules {
		if err := checkFlag(c, r.flag); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	for _, s := range settingsOfSet(c) {
		if path, _, ok := strings.Cut(s.Value, "="); !ok || strings.TrimSpace(path) == "" {
			wrong = append(wrong, fmt.Sprintf("%s: set %q: write path=value, as in traffic.phases[0].for=10s", s.Origin, s.Value))
		}
	}
	if len(wrong) > 0 {
		return usageError{strings.Join(wrong, "\nshakedown: ")}
	}
	return nil
}

// settingNamed is a flag by where its value comes from, a flag, a variable or the
// project's file, with the value unless it is told anyway.
func settingNamed(c *cli.Context, r rule) string {
	value := fmt.Sprint(c.Value(r.flag))
	if _, text := c.Value(r.flag).(string); text {
		value = fmt.Sprintf("%q", value)
	}
	name, between := "--"+r.flag, " "
	for _, flag := range c.Command.Flags {
		if flag.Names()[0] != r.flag {
			continue
		}
		origin := originOf(c, flag)
		if variable, ok := strings.CutPrefix(origin, "environment "); ok {
			name, between = variable, "="
		} else if !strings.HasPrefix(origin, "flag ") && origin != "default" {
			name = origin + ": " + r.flag
		}
	}
	if r.quotes {
		return name
	}
	return name + between + value
}

// notParsed is what the flag package says of a variable that is not of its flag's type.
var notParsed = regexp.MustCompile(`^could not parse "(.*)" as (\w+) value from environment variable "(\w+)" for flag `)

// typeWords are the values that a type of flag has.
var typeWords = map[string]string{
	"int": "give a whole number", "int64": "give a whole number", "bool": "give true or false", "duration": "give a time, as in 90s or 20m",
}

// notParsedWords are the same in words of ours, "" for another error.
func notParsedWords(err error) string {
	m := notParsed.FindStringSubmatch(err.Error())
	if m == nil || typeWords[m[2]] == "" {
		return ""
	}
	return m[3] + "=" + m[1] + ": " + typeWords[m[2]]
}

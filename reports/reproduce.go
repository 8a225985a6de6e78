package reports

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// reproduce is the command that plays the same plan again: the one that was
// given, with its seed spelled out and without the run directory, which is
// taken. Without a recorded command it is made from the scenario's name.
func reproduce(run Run) string {
	args := run.Intent.Command
	if len(args) == 0 {
		args = []string{"shakedown", "run", scenarioName(run)}
	}
	var parts []string
	for _, assignment := range run.Intent.Switches {
		name, value, _ := strings.Cut(assignment, "=")
		parts = append(parts, clean(name)+"="+quoted(clean(value)))
	}
	seeded, skip := false, false
	for i, arg := range args {
		if skip {
			skip = false
			continue
		}
		if i == 0 && filepath.IsAbs(arg) {
			arg = filepath.Base(arg)
		}
		name, _, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && name == "out" {
			skip = !joined
			continue
		}
		seeded = seeded || strings.HasPrefix(arg, "-") && name == "seed"
		parts = append(parts, quoted(clean(arg)))
	}
	if !seeded && run.Intent.Plan != nil {
		at := len(parts)
		if end := slices.Index(parts, "--"); end >= 0 {
			at = end // what follows is no flag any more
		}
		parts = slices.Insert(parts, at, fmt.Sprintf("--seed %d", run.Intent.Plan.Seed))
	}
	return strings.Join(parts, " ")
}

// withheld matches what stands in the record for a secret.
var withheld = regexp.MustCompile(`\[redacted\]|\[env [^\]]+\]`)

// incomplete says of a command that secrets were taken out of it, "" if none was.
func incomplete(command string) string {
	mark := withheld.FindString(command)
	if mark == "" {
		return ""
	}
	return "the command to run it again is not complete: secrets were taken out of it; write them in place of " + mark
}

// quoted makes an argument safe to paste into a shell.
func quoted(arg string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}

// A fact is a labelled value of the section on how the run was made.
type fact struct{ name, value string }

// factsOf lists what identifies the run; what is not known is left out.
func factsOf(run Run) []fact {
	in := run.Intent
	var facts []fact
	add := func(name, value string) {
		if value = clean(value); value != "" {
			facts = append(facts, fact{name, value})
		}
	}
	add("Run", in.Run)
	if !in.Started.IsZero() {
		add("Started", in.Started.Format(time.RFC3339))
	}
	add("Platform", in.Platform)
	if p := in.Plan; p != nil {
		add("Variant", p.Variant)
		add("Seed", fmt.Sprint(p.Seed))
		if p.Tempo != 0 && p.Tempo != 1 {
			add("Tempo", fmt.Sprintf("%gx: phases and control loops were compressed", p.Tempo))
		}
		add("Load", multiple(run))
		add("Scenario digest", p.Digest)
	}
	add("Version", in.Version)
	add("Machine", machine(run))
	add("Run directory", run.Dir)
	return facts
}

// machine describes what the run took place on in a line.
func machine(run Run) string {
	m := run.Intent.Machine
	if m.OS == "" {
		return ""
	}
	text := fmt.Sprintf("%s/%s, %s, %s", m.OS, m.Arch, plural(m.CPUs, "CPU"), m.Go)
	text = after(text, ", kernel ", m.Kernel)
	return after(text, ", engine ", m.Engine)
}

// scenarioName is the scenario as far as anything tells it.
func scenarioName(run Run) string {
	switch {
	case run.Result.Scenario != "":
		return run.Result.Scenario
	case run.Intent.Plan != nil:
		return run.Intent.Plan.Scenario
	}
	return "unknown scenario"
}

// variantOf is the scenario's variant that was run, "" for the scenario as it is.
func variantOf(run Run) string {
	if run.Intent.Plan == nil {
		return ""
	}
	return clean(run.Intent.Plan.Variant)
}

// subtitle names variant, platform, seed, load and length of a run in a line.
func subtitle(run Run, w window) string {
	var parts []string
	if v := variantOf(run); v != "" {
		parts = append(parts, "variant "+v)
	}
	if run.Intent.Platform != "" {
		parts = append(parts, run.Intent.Platform+" platform")
	}
	if p := run.Intent.Plan; p != nil {
		parts = append(parts, fmt.Sprintf("seed %d", p.Seed))
		if p.Tempo != 0 && p.Tempo != 1 {
			parts = append(parts, fmt.Sprintf("tempo %gx", p.Tempo))
		}
	}
	if text := multiple(run); text != "" {
		parts = append(parts, text)
	}
	if len(closedLoops(run)) > 0 {
		parts = append(parts, "closed loop")
	}
	if w.driven() > 0 {
		parts = append(parts, span(w.driven())+" of traffic")
	}
	return clean(strings.Join(parts, " · "))
}

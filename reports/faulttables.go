package reports

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// What text, Markdown and the page say of faults, cell by cell.

// faultHead are the columns of the table of faults.
var faultHead = []string{"time", "lasted", "fault", "done to", "state", "evidence"}

// cells are a fault as a row of that table.
func (r FaultRun) cells() []string {
	return []string{momentOf(r.Began), r.lasted(), r.ID, listed(r.Targets, 4), r.state(), r.evidence()}
}

// brief is how long what is over at once may take for that to be said of it: a
// restart is done at once, but the instance is gone for as long as it takes to start.
const brief = 100 * time.Millisecond

// lasted is how long it was in force.
func (r FaultRun) lasted() string {
	switch {
	case r.Began == nil:
		return "never"
	case r.By == "at once" && (r.Ended == nil || *r.Ended-*r.Began < brief):
		return "at once"
	case r.Permanent:
		return "for good"
	case r.Ended == nil:
		return "no end"
	}
	return span(*r.Ended - *r.Began)
}

// state is the worst of its targets: what it was while it lasted and whether it
// is over.
func (r FaultRun) state() string {
	switch {
	case r.calledOff():
		return journal.FaultCalledOff
	case r.Began == nil:
		return "not done"
	}
	if len(r.On) == 0 {
		return cmp.Or(map[bool]string{true: "went wrong"}[r.Error != ""], "unknown")
	}
	found := map[string]bool{}
	left := false
	for _, t := range r.On {
		in, over := t.last()
		found[in.State] = true
		left = left || over == nil || over.State == journal.FaultStuck
	}
	state := journal.FaultApplied
	for _, s := range []string{journal.FaultLost, journal.FaultNoEffect, journal.FaultPartial} {
		if found[s] {
			state = s
			break
		}
	}
	switch {
	case r.Permanent:
		return state + ", for good"
	case left:
		return state + ", not seen to be over"
	}
	return state + ", reverted"
}

// evidence is what is known of it: the reason of the first target that is not as
// it should be, else of the first.
func (r FaultRun) evidence() string {
	if r.calledOff() {
		return "called off by hand at " + moment(*r.Ended) + ", before it began"
	}
	if r.Error != "" {
		return cut(r.Error, maxLineError)
	}
	var first string
	for _, t := range r.On {
		in, over := t.last()
		if in.State != journal.FaultApplied {
			return in.Reason
		}
		if over != nil && over.State == journal.FaultStuck {
			return over.Reason
		}
		first = cmp.Or(first, in.Reason)
	}
	if done := r.done(); done != "" && countsRequests.MatchString(first) {
		return done
	}
	return cmp.Or(first, r.Detail)
}

// countsRequests is the reason of a state that counts requests.
var countsRequests = regexp.MustCompile(`^done to [0-9,]+ of [0-9,]+ requests?$`)

// done is to how many requests it was done in the end; "" where none were counted.
// The reason of its state is what was known when the first ones were.
func (r FaultRun) done() string {
	sums := r.sums()
	if sums["requests"] == 0 {
		return ""
	}
	return fmt.Sprintf("done to %s of %s", count(int(sums["injected"])), plural(int(sums["requests"]), "request"))
}

// sums are its counters, of all targets together.
func (r FaultRun) sums() map[string]int64 {
	sums := map[string]int64{}
	for _, t := range r.On {
		for name, n := range t.Counters {
			sums[name] += n
		}
	}
	return sums
}

// timing is how exactly it was done and taken back.
func (r FaultRun) timing() string {
	if r.Began == nil {
		return "–"
	}
	text := fmt.Sprintf("in force %s after its moment", length(max(0, r.Late)))
	if r.Ended != nil && r.By == "schedule" {
		text += fmt.Sprintf(", gone %s after its end", length(max(0, r.RevertLate)))
	}
	return text
}

// means are who did it and how it is taken back.
func (r FaultRun) means() string {
	if r.Backend == "" {
		return "–"
	}
	return after(r.Backend, ", revert: ", r.Revert)
}

// counted are its counters, of all targets together.
func (r FaultRun) counted() string {
	sums := r.sums()
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		parts = append(parts, fmt.Sprintf("%s %s", name, count(int(sums[name]))))
	}
	return cmp.Or(strings.Join(parts, ", "), "–")
}

// looks are what probes saw of a target.
func (t FaultTarget) looks() []string {
	var lines []string
	for _, p := range t.Probes {
		lines = append(lines, fmt.Sprintf("%s, %s %s: %s", t.Target, p.Stage, p.What, p.saw()))
	}
	return lines
}

// saw is what a probe saw.
func (p ProbeReading) saw() string {
	if p.Error != "" {
		return after("nothing", ": ", cut(p.Error, maxLineError))
	}
	value := digits(p.Value)
	if p.Unit != "" {
		value += " " + p.Unit
	}
	return after(value, ", ", p.Detail)
}

// line is a service with the calls that its proxy saw, in words.
func (c Called) line() string {
	text := fmt.Sprintf("%s: %s", c.Service, plural(c.Total, "call"))
	if c.Failed > 0 {
		text += fmt.Sprintf(", %s failed", count(c.Failed))
	}
	if c.Injected > 0 {
		text += fmt.Sprintf(", %s with a fault", count(c.Injected))
	}
	if c.Told > 0 {
		text += fmt.Sprintf(", %s told to wait, %s came too early", count(c.Told), count(c.Early))
	}
	return text
}

// line is a stop condition in words.
func (s Stopped) line() string {
	return fmt.Sprintf("at %s the run was ended and everything healed: %s; measured %s", moment(s.T), s.Condition, s.Measured)
}

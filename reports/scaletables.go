package reports

import (
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What text, Markdown and the page say of scaling, cell by cell.

// line is a service with what it had and used, in words.
func (s ScaledService) line() string {
	var how []string
	if s.Autoscaler != "" {
		how = append(how, fmt.Sprintf("%s, %d to %d", s.Autoscaler, s.Min, s.Max))
	}
	if s.Policy != "" {
		how = append(how, "prescaling "+s.Policy)
	}
	name := s.Service
	if len(how) > 0 {
		name += " (" + strings.Join(how, "; ") + ")"
	}
	return clean(name + ": " + strings.Join(s.facts(), ", "))
}

// facts are the figures of a service that say something.
func (s ScaledService) facts() []string {
	facts := []string{plural(s.Most, "instance")}
	if s.Least != s.Most {
		facts[0] = fmt.Sprintf("%d to %s", s.Least, plural(s.Most, "instance"))
	}
	if s.Evaluations > 0 && s.Autoscaler != "" {
		facts = append(facts, fmt.Sprintf("%s in %s", plural(s.Changes, "change"), plural(s.Evaluations, "decision")))
	}
	facts = append(facts, summed(s.ReplicaSeconds)+" replica-seconds")
	if s.CPUSeconds != nil {
		facts = append(facts, summed(*s.CPUSeconds)+" CPU-seconds")
	}
	if s.Policy != "" || s.Resizes > 0 {
		facts = append(facts, plural(s.Resizes, "resize"))
	}
	if s.Refused > 0 {
		facts = append(facts, plural(s.Refused, "claim")+" rejected")
	}
	if s.OOMKills > 0 {
		facts = append(facts, plural(s.OOMKills, "instance")+" out of memory")
	}
	if more := s.Exits - s.OOMKills; more > 0 {
		facts = append(facts, plural(more, "exit")+" unasked")
	}
	return facts
}

// summed is a sum of seconds, whole from 100 on.
func summed(v float64) string {
	if v >= 99.95 {
		return count(int(v + 0.5))
	}
	return digits(v)
}

// decisionHead are the columns of the table of decisions.
var decisionHead = []string{"time", "service", "change", "metric", "reason", "started", "ready", "in time?"}

// decisionCells are a decision as a row of that table.
func (s *Scaling) decisionCells(d Decision) []string {
	return []string{moment(d.T), d.Service, d.changed(), d.metric(), d.Reason, d.startedWords(), d.readyWords(), s.worstNeed(d).brief()}
}

// worstNeed is how the change of a decision that was least in time stands to the
// load; nil where that is not known.
func (s *Scaling) worstNeed(d Decision) (worst *Need) {
	for _, c := range s.Instances {
		if c.Decision == d.ID && c.Decision != 0 && c.Need.worse(worst) {
			worst = c.Need
		}
	}
	return worst
}

// changed is what the decision changes.
func (d Decision) changed() string {
	if !d.instances() {
		return after("resize", " ", listed(d.Resized, 3))
	}
	return fmt.Sprintf("%d → %d", d.Current, d.Desired)
}

// metric is the one that decided, and how many there are besides.
func (d Decision) metric() string {
	m := deciding(d.Metrics)
	if m == nil {
		return "–"
	}
	text := metricWords(*m)
	if more := len(d.Metrics) - 1; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// metrics are all of them, with what each asks for.
func (d Decision) metrics() string {
	var parts []string
	for _, m := range d.Metrics {
		text := metricWords(m)
		if m.Proposed != nil {
			text += fmt.Sprintf(" asks for %d", *m.Proposed)
		}
		parts = append(parts, clean(after(text, ": ", m.Error)))
	}
	return strings.Join(parts, "; ")
}

// why is the reason, with what held the decision back or went wrong.
func (d Decision) why() string { return after(d.Reason, ", ", d.trouble()) }

// trouble is what held the decision back or went wrong, "" for nothing.
func (d Decision) trouble() string {
	switch {
	case d.Error != "":
		return "went wrong: " + cut(d.Error, maxLineError)
	case d.Held != "":
		return "not applied: " + d.Held
	}
	return ""
}

// startedWords and readyWords are how long after the decision the last of its
// instances ran, and took work; or how many of them did.
func (d Decision) startedWords() string {
	return d.came(d.started(), func(b Brought) *time.Duration { return b.Started })
}

func (d Decision) readyWords() string {
	return d.came(d.ready(), func(b Brought) *time.Duration { return b.Ready })
}

func (d Decision) came(last time.Duration, moment func(Brought) *time.Duration) string {
	n := 0
	for _, b := range d.Started {
		if moment(b) != nil {
			n++
		}
	}
	if n == 0 || n == len(d.Started) {
		return span(last)
	}
	return fmt.Sprintf("%d of %d", n, len(d.Started))
}

// shown are the decisions that a table shows: those that accounts lead to stand
// in the table of accounts, unless something went wrong.
func (s *Scaling) shown() (list []Decision) {
	for _, d := range s.Decisions {
		if d.Autoscaler != scenarios.ProactivePolicy || d.Error != "" || d.Held != "" {
			list = append(list, d)
		}
	}
	return list
}

// accountHead are the columns of the table of accounts.
var accountHead = []string{"account", "of", "signal", "claim", "large since", "first byte", "lead", "completed"}

// cells are an account as a row of that table.
func (a Account) cells() []string {
	return []string{a.Account, a.Service, momentOf(a.Signal), a.claim(), momentOf(a.Effective), momentOf(a.FirstByte), a.lead(), a.completed()}
}

// claim is how the account stood.
func (a Account) claim() string {
	switch {
	case a.State == "":
		return "–"
	case a.Waited > 0:
		return a.State + " after " + span(a.Waited)
	}
	return a.State
}

// lead is how long before the work the class was effective.
func (a Account) lead() string {
	switch {
	case a.Lead == nil && a.Late:
		return "never"
	case a.Lead == nil:
		return "–"
	case *a.Lead < 0:
		return span(-*a.Lead) + " late"
	}
	return length(*a.Lead)
}

// completed is how much of the account's work was done.
func (a Account) completed() string {
	if a.Begun == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", a.Completed, a.Begun)
}

func momentOf(t *time.Duration) string {
	if t == nil {
		return "–"
	}
	return moment(*t)
}

// interruption is a notice in words.
func (i Interruption) line() string {
	return moment(i.T) + ": " + NoticeWords(journal.Interrupted{Service: i.Service, Instances: i.Instances, Notice: i.Notice})
}

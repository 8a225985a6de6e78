package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A remark says what the run does not prove.
type remark struct {
	warning bool
	text    string
	finding bool // it stands below its check as well
	headed  bool // it stands above the whole as well: "Not a complete run"
}

// remarksOf collects what a reader must not take for proven, each once: how
// the run ended, closed loops, what a recording was read as, damage to the
// record, the notes of the harness, and the checks without a verdict.
func remarksOf(run Run) []remark {
	c := collector{seen: map[string]bool{}}
	for _, p := range run.Problems {
		c.add(true, p)
	}
	for i := range c.remarks {
		c.remarks[i].headed = true
	}
	c.ending(run)
	for _, l := range closedLoops(run) {
		c.add(true, l.remark())
	}
	for _, r := range replaysOf(run) {
		text, grave := r.remark()
		c.add(grave, text)
	}
	if run.Record != nil {
		for _, p := range run.Record.Problems {
			c.add(true, p)
		}
	}
	for _, e := range run.events() {
		if n, ok := e.Body.(journal.Note); ok && n.Level != "detail" && !labels(run, n) {
			c.add(n.Level == "warning", n.Text)
		}
	}
	for _, n := range run.Intent.Notes {
		c.add(false, n)
	}
	c.add(false, incomplete(reproduce(run)))
	told := len(c.remarks)
	for _, f := range run.Result.Checks {
		if f.Verdict == verify.Inconclusive {
			c.add(true, f.ID+": "+f.Reason)
		}
	}
	for i := range c.remarks[told:] {
		c.remarks[told+i].finding = true
	}
	return c.remarks
}

// labels tells whether a note is the driver's word, said while it runs, on a
// closed loop: the report has its own.
func labels(run Run, n journal.Note) bool {
	return slices.ContainsFunc(closedLoops(run), func(l ClosedLoop) bool {
		return strings.HasPrefix(n.Text, "cohort "+l.Cohort+" is a closed loop of ") && strings.Contains(n.Text, " in phase "+l.Phase+":")
	})
}

type collector struct {
	remarks []remark
	seen    map[string]bool
}

func (c *collector) add(warning bool, text string) {
	text = clean(text)
	if text == "" || c.seen[text] {
		return
	}
	c.seen[text] = true
	c.remarks = append(c.remarks, remark{warning: warning, text: text})
}

func (c *collector) ending(run Run) {
	end := ending(run)
	switch {
	case end == nil && len(run.events()) == 0:
		c.add(true, "There is no record of this run: nothing is proven.")
	case end == nil:
		c.add(true, "The record stops before the end of the run: what came later is unknown.")
	case end.Reason == "stopped":
		c.add(true, "A stop condition ended the run: only what happened until then was judged.")
	case end.Reason == "aborted":
		c.add(true, "The run was aborted by hand: only what happened until then was judged.")
	case end.Reason == "interrupted":
		c.add(true, "The run was interrupted: only what happened until then was judged.")
	case end.Reason != "completed":
		c.add(true, after("The run ended with an error", ": ", end.Error))
	}
}

// ending is how the run ended, nil if the record does not say.
func ending(run Run) *journal.RunEnded {
	events := run.events()
	for i := len(events) - 1; i >= 0; i-- {
		if b, ok := events[i].Body.(journal.RunEnded); ok {
			return &b
		}
	}
	return nil
}

// troubles are why the run as a whole proves nothing or not all, none after one
// that was completed and of which everything is there.
func troubles(run Run) (list []string) {
	if text := endingTrouble(run); text != "" {
		list = append(list, clean(text))
	}
	if run.Record != nil && run.Record.Damaged > 0 {
		list = append(list, plural(run.Record.Damaged, "line")+" of the record cannot be read")
	}
	for _, p := range run.Problems {
		list = append(list, clean(p))
	}
	return list
}

// trouble is all of them in one text, "" without any.
func trouble(run Run) string { return strings.Join(troubles(run), "; ") }

// endingTrouble is how a run ended that was not completed, "" after one that was.
func endingTrouble(run Run) string {
	end := ending(run)
	switch {
	case end == nil:
		return "the record stops before the end of the run"
	case end.Reason == "completed":
		return ""
	}
	return after(fmt.Sprintf("the run ended as %q", end.Reason), ": ", end.Error)
}

// partial is the trouble of a run as a sentence, "" without any.
func partial(run Run) string { return after("", "Not a complete run: ", trouble(run)) }

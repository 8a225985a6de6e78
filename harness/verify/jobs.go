package verify

import (
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// jobOnce is L5: a job that belongs to a release runs once, without an error,
// and what it made stands there once.
func (h *history) jobOnce(c scenarios.ReleaseCheck) Finding {
	name := c.Job.Name
	f := releaseFinding(c.Service, "L5-job", "job "+name+" runs exactly once and ends with code 0")
	f = h.jobRuns(f, name)
	if c.Job.Read == nil {
		return f
	}
	f.Wanted += ", and its work is found once"
	id := "release/" + c.Service + "/" + name
	read := h.compared(Finding{Service: c.Service}, id, "found", false)
	f.Measured = join(f.Measured, read.Measured)
	f.Evidence = append(f.Evidence, read.Evidence...)
	switch l, _ := h.ledger(id); {
	case read.Verdict == Fail && l.Repeated > 0:
		f.Reason = join(f.Reason, fmt.Sprintf("%s did its work more than once%s (%s found in all)", name, named(l.RepeatedKeys, l.Repeated, keysInReason), count(l.Found)))
	case read.Verdict != Pass:
		f.Reason = join(f.Reason, "the work of "+name+": "+read.Reason)
	}
	f.Verdict = worse(f.Verdict, read.Verdict)
	return f
}

// jobRuns counts the runs of a job that the run itself started.
func (h *history) jobRuns(f Finding, name string) Finding {
	runs, ended := 0, 0
	for _, a := range h.actionsStarted {
		if a.body.Action == "job" && a.body.Service == name {
			runs++
		}
	}
	for _, a := range h.actionsEnded {
		if a.body.Action != "job" || a.body.Service != name {
			continue
		}
		ended++
		e := Evidence{Text: a.body.Detail + ": done", From: a.at, To: a.at}
		if a.body.Error != "" {
			f.Verdict, f.Reason = Fail, join(f.Reason, name+" went wrong: "+firstLine(without(a.body.Detail, a.body.Error)))
			e.Text = a.body.Detail + ": " + capped(without(a.body.Detail, a.body.Error))
		}
		f.Evidence = append(f.Evidence, e)
	}
	for _, i := range h.of(name) {
		if !i.job || i.started == nil {
			continue
		}
		e := Evidence{Text: "started", Instance: i.name, From: *i.started, To: *i.started}
		if i.exited != nil {
			e.Text, e.To = fmt.Sprintf("exited with code %d", i.exited.body.Code), i.exited.at
		}
		f.Evidence = append(f.Evidence, e)
	}
	f.Measured = name + " ran " + times(runs)
	if f.Verdict == Fail {
		f.Measured += ", and went wrong"
	}
	switch {
	case runs == 0:
		f.Verdict, f.Measured, f.Reason = Inconclusive, name+" never ran", join(f.Reason, "job "+name+" did not run in this run")
	case runs > 1:
		f.Verdict, f.Reason = Fail, join(f.Reason, fmt.Sprintf("%s ran %s", name, times(runs)))
	case ended < runs && h.window.cut != "" && f.Verdict != Fail:
		f.Verdict, f.Reason = Inconclusive, name+" was under way when the record ends"
	case ended < runs:
		f.Verdict, f.Reason = Fail, join(f.Reason, name+" was still under way when the run ended")
	}
	return f
}

// times is how often something was.
func times(n int) string {
	if n == 1 {
		return "once"
	}
	return plural(n, "time")
}

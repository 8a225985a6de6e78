package verify

import (
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// defaultExitWithin is the share of the grace period, in percent, by which an
// instance must have exited when the check does not say.
const defaultExitWithin = 80

// exits is D5: an instance that was told to stop exits by itself, with code 0,
// and does not use up its grace period. Times count from the start of the
// termination sequence, as the grace period does.
func (h *history) exits(c scenarios.DrainCheck, stopped []*instance) Finding {
	within := float64(defaultExitWithin)
	if c.ExitWithin != nil {
		within = float64(*c.ExitWithin)
	}
	f := drainFinding(c.Service, "D5-exit", "exit code 0 within "+scenarios.Percent(within).String()+" of the grace period")
	if grace := h.plan.Services[c.Service].Drain.Grace.Std(); grace > 0 {
		f.Wanted += " (" + latency(part(grace, within)) + " of " + latency(grace) + ")"
	}
	var all []exit
	for _, i := range stopped {
		e := h.leave(i, part(i.terminating.body.Grace, within))
		all = append(all, e)
		f.Evidence = append(f.Evidence, e.evidence()...)
		if e.verdict != Pass {
			f.Reason = join(f.Reason, i.name+": "+e.text)
		}
		if f.Verdict == Pass || e.verdict == Fail {
			f.Verdict = e.verdict
		}
	}
	f.Measured = measuredExits(all)
	f.Evidence = append(f.Evidence, h.crashes(c.Service)...)
	return f
}

func part(of time.Duration, percent float64) time.Duration {
	return time.Duration(float64(of) * percent / 100)
}

// exit is how one instance left.
type exit struct {
	instance *instance
	after    time.Duration // from the start of its termination; up to now if it is still there
	code     int
	idle     time.Duration // from its last response to its exit; negative if there is none to count from
	cut      bool          // the end of the run ended it
	verdict  Verdict
	text     string // what is wrong, or what was measured
}

// leave judges the exit of one instance that was told to stop.
func (h *history) leave(i *instance, limit time.Duration) exit {
	start := i.terminating.at
	killed, wasKilled := i.kill()
	e := exit{instance: i, verdict: Fail, idle: i.idle()}
	if i.exited == nil {
		return i.stays(e, limit)
	}
	wasKilled = wasKilled && killed <= i.exited.at
	e.after, e.code = i.exited.at-start, i.exited.body.Code
	over := h.window.over
	switch {
	case i.exited.body.Wanted && i.exited.at > over && (!wasKilled || killed > over):
		return i.outlives(e, over, limit)
	case i.exited.body.OOM:
		e.text = fmt.Sprintf("ran out of memory and was killed %s after it was told to stop (code %d)", offset(e.after), e.code)
	case wasKilled && i.killed:
		e.text = killedByControl
	case wasKilled && !i.due(killed, limit):
		e.verdict = Inconclusive
		e.text = fmt.Sprintf("the run killed it %s after it was told to stop, before its time was up", offset(killed-start))
	case wasKilled:
		e.text = fmt.Sprintf("had to be killed (SIGKILL) %s after it was told to stop", offset(killed-start))
	case e.code == 137:
		e.text = fmt.Sprintf("was killed by something outside the run %s after it was told to stop (code 137)", offset(e.after))
	case i.unhandled() != "":
		e.text = fmt.Sprintf("exited with code %d %s after it was told to stop: the default action of %s ended it, it does not handle the signal",
			e.code, offset(e.after), i.unhandled())
	case e.code != 0:
		e.text = fmt.Sprintf("exited with code %d %s after it was told to stop", e.code, offset(e.after))
	case e.after > limit:
		e.text = fmt.Sprintf("exited only %s after it was told to stop; the limit is %s", offset(e.after), offset(limit))
	default:
		e.verdict = Pass
		e.text = fmt.Sprintf("exited with code 0 %s after it was told to stop", offset(e.after))
	}
	return e
}

// outlives judges an instance that was still there when the run was over; how
// it exited then is the tear-down's doing, which kills without a word in the
// record. Only one that had had its time by then did wrong.
func (i *instance) outlives(e exit, over, limit time.Duration) exit {
	e.cut = true
	if had := over - i.terminating.at; had > limit {
		e.text = fmt.Sprintf("was still there %s after it was told to stop, when the run ended; the limit is %s", offset(had), offset(limit))
		return e
	}
	e.verdict, e.text = Inconclusive, "the run ended before it exited"
	return e
}

// stopSignals are the signals that a stop_signal may plausibly name and whose
// default action is to end the process, with their numbers on Linux.
var stopSignals = map[string]int{
	"SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGABRT": 6, "SIGUSR1": 10, "SIGUSR2": 12, "SIGTERM": 15,
}

// unhandled names the stop signal if its default action ended the instance, as
// the exit code tells; "" if not. Without a stop signal SIGTERM is assumed.
func (i *instance) unhandled() string {
	_, name, ok := i.stopSignal()
	if !ok {
		name = "SIGTERM"
	}
	if number := stopSignals[name]; number > 0 && i.exited.body.Code == 128+number {
		return name
	}
	return ""
}

// due tells whether an instance had had its time when it was killed; a kill
// before that is the tear-down's. Timers are taken to fire 50 ms early at most.
func (i *instance) due(killed, limit time.Duration) bool {
	had := killed - i.terminating.at
	return had > limit || had >= i.terminating.body.Grace-50*time.Millisecond
}

// killedByControl is what a run does on purpose to prove that this check can fail.
const killedByControl = "was killed (SIGKILL) by the control of this run in place of being told to stop"

// stays judges an instance of whose exit the record says nothing.
func (i *instance) stays(e exit, limit time.Duration) exit {
	start := i.terminating.at
	killed, ok := i.kill()
	switch {
	case ok && i.killed:
		e.after, e.text = killed-start, killedByControl
		return e
	case ok && i.due(killed, limit):
		e.after = killed - start
		e.text = fmt.Sprintf("had to be killed (SIGKILL) %s after it was told to stop", offset(e.after))
		return e
	}
	e.verdict, e.text = Inconclusive, "the record ends before it exited"
	return e
}

// idle is how long a terminating instance was there after its last response;
// negative if it gave none since the start of its termination, or never exited.
func (i *instance) idle() time.Duration {
	last := time.Duration(-1)
	for _, x := range i.exchanges {
		answered := x.Failure == journal.NoFailure || x.Failure == journal.Status5xx
		if answered && i.exited != nil && x.end >= i.terminating.at && x.end <= i.exited.at {
			last = max(last, x.end)
		}
	}
	if last < 0 {
		return -1
	}
	return i.exited.at - last
}

func (e exit) evidence() []Evidence {
	i := e.instance
	list := []Evidence{{Text: e.text, Instance: i.name, From: i.terminating.at, To: i.terminating.at + e.after}}
	if e.idle >= 0 && !e.cut {
		list = append(list, Evidence{Text: "slept through " + offset(e.idle) + ", from its last response to its exit", Instance: i.name,
			From: i.exited.at - e.idle, To: i.exited.at})
	}
	return list
}

// measuredExits is the table cell: the worst exit if one is bad, else the
// slowest.
func measuredExits(all []exit) string {
	if len(all) == 0 {
		return ""
	}
	good, slowest := 0, all[0]
	for _, e := range all {
		if e.verdict == Pass {
			good++
		}
		if e.after > slowest.after {
			slowest = e
		}
	}
	s := fmt.Sprintf("%d of %d exited as wanted", good, len(all))
	if good == len(all) {
		s += fmt.Sprintf("; slowest after %s (%s)", offset(slowest.after), slowest.instance.name)
		if slowest.idle >= 0 {
			s += ", the last " + offset(slowest.idle) + " slept through"
		}
		return s
	}
	for _, e := range all {
		if e.verdict == Pass {
			continue
		}
		if e.cut {
			return s + fmt.Sprintf("; %s: still there when the run ended", e.instance.name)
		}
		if e.instance.exited == nil {
			return s + fmt.Sprintf("; %s: no exit recorded", e.instance.name)
		}
		return s + fmt.Sprintf("; %s: code %d after %s", e.instance.name, e.code, offset(e.after))
	}
	return s
}

// crashes mentions the instances that exited under traffic although nobody had
// asked them to: whoever looks at a drain wants to know.
func (h *history) crashes(service string) []Evidence {
	var list []Evidence
	for _, i := range h.of(service) {
		if e := i.exited; i.crashed(h.window) {
			list = append(list, Evidence{Text: fmt.Sprintf("exited with code %d although nobody had told it to stop", e.body.Code),
				Instance: i.name, From: e.at, To: e.at})
		}
	}
	return list
}

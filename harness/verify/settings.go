package verify

import (
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// settings is D7: what was set, and what runs, allows an instance to drain at
// all. It is read from plan and record, whether or not an instance was told to
// stop; what is not known is said, and nothing held against it.
func (h *history) settings(service string) Finding {
	f := drainFinding(service, "D7-settings", "pre_stop and drain fit into grace, and the main process gets the stop signal")
	s, known := h.plan.Services[service]
	if known {
		f = graceSuffices(f, s)
	} else {
		f.Measured = "settings not known"
	}
	processes := 0
	for _, i := range h.of(service) {
		if i.main != nil {
			processes++
			f = i.heedsSignals(f)
		}
	}
	if processes == 0 {
		f.Measured = join(f.Measured, "main process not known")
		if !known {
			f.Verdict, f.Reason = Inconclusive, "the plan does not know "+service
		}
	}
	return h.conclude(f, func(*instance) (from, to time.Duration, ok bool) { return 0, 0, false })
}

// graceSuffices holds what has to fit into the grace period against it.
func graceSuffices(f Finding, s scenarios.PlannedService) Finding {
	grace, preStop, takes := s.Drain.Grace.Std(), s.Drain.PreStop.Std(), s.Drain.Takes.Std()
	f.Measured = measuredSettings(s)
	if s.GraceFrom == "default" {
		f.Evidence = append(f.Evidence, Evidence{Text: "nobody chose the grace period: " + latency(grace) +
			" is compose's default, Kubernetes' is 30s; set stop_grace_period to what production has"})
	}
	wrong := func(text string) { f.Verdict, f.Reason = Fail, join(f.Reason, text) }
	switch {
	case grace <= 0: // not known
		return f
	case takes > 0 && preStop+takes > grace:
		wrong("pre_stop " + latency(preStop) + " and a drain that takes " + latency(takes) + " are " + latency(preStop+takes) +
			", longer than the grace period of " + latency(grace))
	case preStop >= grace:
		wrong("pre_stop " + latency(preStop) + " leaves nothing of the grace period of " + latency(grace) + " for the drain")
	}
	if lag := s.Drain.EndpointLag; lag != nil && lag.Std() > grace && s.Port > 0 {
		wrong("requests are routed to an instance for " + latency(lag.Std()) + " (endpoint_lag), longer than the grace period of " +
			latency(grace) + " lets it live")
	}
	return f
}

// measuredSettings is the table cell.
func measuredSettings(s scenarios.PlannedService) string {
	d := s.Drain
	text := "pre_stop " + latency(d.PreStop.Std())
	if d.Takes > 0 {
		text += ", takes " + latency(d.Takes.Std())
	} else {
		text += ", takes not set"
	}
	if d.Grace <= 0 {
		return text + ", grace not known"
	}
	text += ", grace " + latency(d.Grace.Std())
	if s.GraceFrom == "default" {
		text += " (compose's default)"
	}
	return text
}

// heedsSignals wants the main process of an instance to be none that keeps the
// stop signal for itself.
func (i *instance) heedsSignals(f Finding) Finding {
	e := Evidence{Text: "main process: " + i.main.Command, Instance: i.name}
	if i.started != nil {
		e.From, e.To = *i.started, *i.started
	}
	if i.main.Shell {
		e.Text += ", a shell"
		f.Verdict, f.Reason = Fail, join(f.Reason, i.name+": the main process is a shell ("+i.main.Command+
			"), which does not pass the stop signal on; begin its last command with exec, or write command as a list")
	}
	f.Evidence = append(f.Evidence, e)
	return f
}

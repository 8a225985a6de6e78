// Package progress tells on a terminal or in a CI log what a run is doing: a
// fold over the run's events that writes a line when something is worth one.
package progress

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// Mode is how progress is shown.
type Mode string

// The modes. Auto is TTY on a terminal and Plain elsewhere; TTY is the view of
// type Live, and to an Observer the same as Plain.
const (
	Auto  Mode = "auto"
	TTY   Mode = "tty"
	Plain Mode = "plain"
	JSON  Mode = "json"
	Quiet Mode = "quiet"
)

// Modes lists the words that a user may choose from.
func Modes() []Mode { return []Mode{Auto, TTY, Plain, JSON, Quiet} }

// every is the least time between two traffic lines.
const every = 2 * time.Second

// An Observer takes the events of one run, one at a time.
type Observer struct {
	out  io.Writer
	mode Mode
	plan *scenarios.Plan
	tell func(t time.Duration, topic, text string)
	live bool // rates are shown elsewhere

	origin    time.Duration // of traffic, on the run's clock
	driving   bool
	ended     bool
	phase     scenarios.PlannedPhase
	endpoints map[string]map[string]bool // service -> instances in the list
	window    window
	lastLine  time.Duration
	failed    int
	refused   map[string]string // by instance, why its last resize went wrong
}

// window sums what the driver did since the last traffic line.
type window struct {
	intended, ok, failed, unknown int
	p50, p99                      time.Duration // of the slowest second
}

// New returns an observer that writes to out. Auto must have been decided by
// the caller, who knows what out is.
func New(out io.Writer, mode Mode, plan *scenarios.Plan) *Observer {
	o := newObserver(plan, func(t time.Duration, topic, text string) { fmt.Fprintf(out, "%s\n", sentence(t, topic, text)) })
	o.out, o.mode = out, mode
	return o
}

func newObserver(plan *scenarios.Plan, tell func(t time.Duration, topic, text string)) *Observer {
	return &Observer{mode: Plain, plan: plan, tell: tell, endpoints: map[string]map[string]bool{}, refused: map[string]string{}}
}

// sentence is the line that tells what happened at a moment of the run.
func sentence(t time.Duration, topic, text string) string {
	return fmt.Sprintf("%7.1fs  %-9s %s", t.Seconds(), topic, text)
}

// Observe takes the next event. It is not safe for concurrent use.
func (o *Observer) Observe(event journal.Event) {
	switch o.mode {
	case Quiet:
	case JSON:
		o.observeJSON(event)
	default:
		o.observeText(event)
	}
}

// observeJSON writes what the text lines are made of as one object a line.
func (o *Observer) observeJSON(event journal.Event) {
	switch event.Body.(type) {
	case journal.Request, journal.Tally, journal.Usage, journal.Measured, journal.SessionSignal, journal.Milestone:
		return
	}
	line, err := json.Marshal(struct {
		T    time.Duration `json:"t"`
		Type string        `json:"type"`
		Data journal.Body  `json:"data"`
	}{event.T, event.Body.Kind(), event.Body})
	if err == nil {
		fmt.Fprintf(o.out, "%s\n", line)
	}
}

func (o *Observer) observeText(event journal.Event) {
	switch b := event.Body.(type) {
	case journal.Traffic:
		o.traffic(event.T, b)
	case journal.EndpointAdded:
		o.endpoint(b.Service, b.Instance, true)
		o.line(event.T, "instance", "%s ready%s; %s", b.Instance, unlessInitialized(b.Initialized), o.ready())
	case journal.EndpointRemoved:
		o.endpoint(b.Service, b.Instance, false)
		o.line(event.T, "instance", "%s left the endpoint list (%s); %s", b.Instance, removal(b.Reason), o.ready())
	case journal.InstanceTerminating:
		o.line(event.T, "instance", "%s is told to stop (%s)%s", b.Instance, b.Cause, o.following(b))
	case journal.Resized:
		o.resized(event.T, b)
	case journal.PhaseStarted:
		o.startPhase(event.T, b)
	case journal.TrafficStarted:
		o.origin, o.driving, o.lastLine = event.T, true, event.T
	case journal.RunEnded:
		o.ended = true
		o.line(event.T, "run", "%s", strings.TrimSuffix(b.Reason+": "+b.Error, ": "))
	case journal.InstanceExited:
		if !o.ended { // the tear-down kills what is left
			o.line(event.T, "instance", "%s", exited(b))
		}
	case journal.TrafficEnded:
		o.driving = false
		o.line(event.T, "traffic", "ended; %d failed or unknown in all", o.failed)
	default:
		text, topic := describe(event.Body)
		if text == "" {
			text, topic = describeScaling(event.Body)
		}
		if text != "" {
			o.line(event.T, topic, "%s", text)
		}
	}
}

// resized tells of a change of resources. One that goes wrong is tried again and
// again: it is told once, until something else comes of it.
func (o *Observer) resized(t time.Duration, b journal.Resized) {
	again := b.Error != "" && o.refused[b.Instance] == b.Error
	o.refused[b.Instance] = b.Error
	switch {
	case again:
	case b.Error != "":
		o.line(t, "warning", "%s", reports.ResizeWords(b))
	default:
		o.line(t, "scaling", "%s", reports.ResizeWords(b))
	}
}

func unlessInitialized(initialized *bool) string {
	if initialized != nil && !*initialized {
		return " (but it says it is still initializing)"
	}
	return ""
}

// following tells when the endpoint list will know that an instance stops. One
// that is not in it, being of a service without a port or replaced by another
// version, has nothing to leave.
func (o *Observer) following(b journal.InstanceTerminating) string {
	if !o.endpoints[b.Service][b.Instance] {
		return ""
	}
	return fmt.Sprintf("; endpoint list follows after %s", b.Lag.Round(time.Millisecond))
}

// describe words the events that need no state.
func describe(body journal.Body) (text, topic string) {
	switch b := body.(type) {
	case journal.RunStarted:
		return fmt.Sprintf("%s: %s on %s, seed %d", b.Run, b.Scenario, b.Platform, b.Seed), "run"
	case journal.Operation:
		if b.Error != "" {
			return fmt.Sprintf("%s %s: %s", b.Op, b.Subject, b.Error), "stack"
		}
		return fmt.Sprintf("%s %s (%s, %s)", b.Op, b.Subject, b.Took.Round(time.Millisecond), b.Cause), "stack"
	case journal.InstanceSignalled:
		return fmt.Sprintf("%s %s", b.Signal, b.Instance), "instance"
	case journal.ActionStarted:
		return b.Detail, "action"
	case journal.ActionEnded:
		if b.Error != "" {
			return b.Detail + ": " + headline(b.Detail, b.Error), "action"
		}
		return b.Detail + ": done", "action"
	case journal.Steered:
		return strings.TrimSuffix(fmt.Sprintf("%s by %s: %s: %s", b.Verb, b.By, b.Detail, b.Error), ": "), "by hand"
	case journal.LoadSteered:
		return fmt.Sprintf("%gx of the planned load from now on", b.Multiple), "by hand"
	case journal.Note:
		if b.Level == "detail" {
			return "", ""
		}
		return b.Text, b.Level
	}
	return "", ""
}

// describeScaling words what autoscalers do: what changes something, or was to,
// and who gets nothing.
func describeScaling(body journal.Body) (text, topic string) {
	switch b := body.(type) {
	case journal.ScaleDecision:
		if b.Desired != b.Current {
			return reports.DecisionWords(b), "scaling"
		}
	case journal.ScaleApplied:
		if b.Error != "" {
			return fmt.Sprintf("%s: decision %d could not be applied: %s", b.Service, b.ID, b.Error), "warning"
		}
	case journal.Claim:
		if b.State == "rejected" {
			return reports.ClaimWords(b), "scaling"
		}
	case journal.Interrupted:
		return reports.NoticeWords(b), "notice"
	}
	return broken(body)
}

// broken words what is broken on purpose and healed.
func broken(body journal.Body) (text, kind string) {
	switch b := body.(type) {
	case journal.FaultStarted:
		if b.Error != "" {
			return fmt.Sprintf("fault %s: %s", b.Fault, b.Error), "warning"
		}
		return fmt.Sprintf("fault %s: %s, on %s", b.Fault, b.Detail, strings.Join(b.Targets, ", ")), "fault"
	case journal.FaultEnded:
		switch {
		case b.Error != "":
			return fmt.Sprintf("fault %s: not reverted: %s", b.Fault, b.Error), "warning"
		case b.By == journal.FaultCalledOff:
			return fmt.Sprintf("fault %s: called off before it began", b.Fault), "fault"
		}
		return fmt.Sprintf("fault %s: reverted", b.Fault), "fault"
	case journal.FaultState:
		if b.State != journal.FaultApplied && b.State != journal.FaultReverted {
			return fmt.Sprintf("fault %s on %s: %s: %s", b.Fault, b.Target, b.State, b.Reason), "warning"
		}
	case journal.AlertChanged:
		switch b.To {
		case journal.AlertFiring:
			return "alert " + b.Alert + " fires" + labelled(b.Labels), "alert"
		case journal.AlertInactive:
			if b.From == journal.AlertFiring {
				return "alert " + b.Alert + " is over" + labelled(b.Labels), "alert"
			}
		}
	case journal.RuleFailed:
		return fmt.Sprintf("rule %s of %s: %s", b.Rule, b.Group, b.Error), "warning"
	case journal.ScrapeChanged:
		if !b.Up {
			return fmt.Sprintf("the metrics of %s cannot be read: %s", b.Instance, b.Error), "metrics"
		}
	case journal.StopTriggered:
		return fmt.Sprintf("stop condition: %s; measured %s: healing everything", b.Condition, b.Measured), "warning"
	}
	return "", ""
}

// labelled are the labels by which people tell one alert from another.
func labelled(labels map[string]string) string {
	if words := reports.LabelWords(labels); words != "" {
		return " (" + words + ")"
	}
	return ""
}

// headline is the first line of what went wrong with an action, without the
// words that name the action again, and those that announce the lines below it:
// they are a log, and in the report.
func headline(detail, text string) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if again, rest, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(detail, again) {
		line = rest
	}
	if clause := strings.LastIndex(line, "; "); more && clause >= 0 && strings.HasSuffix(line, ":") {
		return line[:clause]
	}
	return line
}

// removal words the reason of a removal from the endpoint list.
func removal(reason string) string {
	if reason == "switched" {
		return "traffic switched over"
	}
	return reason
}

func exited(b journal.InstanceExited) string {
	text := fmt.Sprintf("%s exited with code %d", b.Instance, b.Code)
	if b.OOM {
		text += ", killed by the kernel for want of memory"
	}
	if !b.Wanted {
		text += ", which nobody had asked for"
	}
	return text
}

func (o *Observer) startPhase(t time.Duration, b journal.PhaseStarted) {
	for _, phase := range o.plan.Phases {
		if phase.Name == b.Phase {
			o.phase = phase
		}
	}
	left := o.plan.Duration.Std() - (t - o.origin)
	o.line(t, "phase", "%s for %s; %s of traffic left", b.Phase, b.For, left.Round(time.Second))
}

// traffic sums a second of the driver and writes a line when one is due.
func (o *Observer) traffic(t time.Duration, b journal.Traffic) {
	if b.Step == "" {
		return // the journey counts its steps again
	}
	w := &o.window
	w.intended, w.ok, w.failed, w.unknown = w.intended+b.Intended, w.ok+b.OK, w.failed+b.Failed, w.unknown+b.Unknown
	w.p50, w.p99 = max(w.p50, b.P50), max(w.p99, b.P99)
	o.failed += b.Failed + b.Unknown
	if !o.driving || o.live || t-o.lastLine < every {
		return
	}
	seconds := (t - o.lastLine).Seconds()
	o.line(t, "traffic", "%.0f req/s answered, %d failed, %d unknown; slowest step p50 %s p99 %s; %s; %s has %s left",
		float64(w.ok+w.failed+w.unknown)/seconds, w.failed, w.unknown,
		w.p50.Round(time.Millisecond), w.p99.Round(time.Millisecond), o.ready(),
		o.phase.Name, max(0, o.phase.End.Std()-(t-o.origin)).Round(time.Second))
	o.window, o.lastLine = window{}, t
}

func (o *Observer) endpoint(service, instance string, in bool) {
	if o.endpoints[service] == nil {
		o.endpoints[service] = map[string]bool{}
	}
	if in {
		o.endpoints[service][instance] = true
	} else {
		delete(o.endpoints[service], instance)
	}
}

// ready says how many instances take traffic, service by service.
func (o *Observer) ready() string {
	var parts []string
	for _, service := range slices.Sorted(maps.Keys(o.endpoints)) {
		parts = append(parts, fmt.Sprintf("%s %d", service, len(o.endpoints[service])))
	}
	return "ready: " + strings.Join(parts, ", ")
}

func (o *Observer) line(t time.Duration, topic, format string, args ...any) {
	o.tell(t, topic, fmt.Sprintf(format, args...))
}

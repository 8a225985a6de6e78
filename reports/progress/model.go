package progress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/reports"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A stage is how far a run has come.
type stage int

const (
	comingUp  stage = iota // instances start, no traffic yet
	driven                 // traffic flows
	settling               // traffic is over, something still ends
	goingDown              // the stack is taken away
)

// recent is how many seconds of the driver's reports the load line is of.
const recent = 5

// A Model is what the live view knows of a run: a fold over its events, with no
// clock and no output of its own. Use NewModel; it is not safe for concurrent use.
type Model struct {
	plan                    *scenarios.Plan
	redact                  func(string) string
	run, scenario, platform string
	seed                    int64

	stage    stage
	since    time.Duration // of the stage, on the run's clock
	origin   time.Duration // of traffic
	reason   string        // why the run ended
	multiple float64       // of the planned load

	seconds  []second // the last ones, oldest first
	answered int      // in all
	wrong    int      // of answered: failed or unknown

	services  map[string]*service
	instances []*instance // in the order of their start
	done      int         // operations of the platform
	last      journal.Operation
	faults    []fault
	alerts    []alert
}

// second is what the driver reported at one moment.
type second struct {
	at                        time.Duration
	over                      time.Duration // the length it is about
	intended, answered, wrong int
	p50, p99                  time.Duration // of the slowest step
}

// service counts the instances of a service; wanted is negative as long as nobody said.
type service struct{ wanted, started, ready int }

// instance is one that was started and, while it lives, how it stands.
type instance struct {
	service, name string
	state         string // "starting", "ready", "running", "stopping", "exited"
	since         time.Duration
	listed, job   bool
	took          time.Duration // from its start to ready
}

// fault is one that is in force; until is an offset from the start of the run, 0
// where nobody knows.
type fault struct {
	name, detail string
	until        time.Duration
}

// alert is one that fires.
type alert struct{ key, words string }

// NewModel returns the model of a run of the plan before its first event. Redact is
// applied to everything that systems under test can have a word in; nil changes nothing.
func NewModel(plan *scenarios.Plan, redact func(string) string) *Model {
	if redact == nil {
		redact = func(text string) string { return text }
	}
	m := &Model{plan: plan, redact: redact, scenario: plan.Scenario, seed: plan.Seed, multiple: 1, services: map[string]*service{}}
	for name, planned := range plan.Services {
		m.services[name] = &service{wanted: planned.Replicas}
	}
	return m
}

// Fold takes the next event.
func (m *Model) Fold(event journal.Event) {
	t := event.T
	switch b := event.Body.(type) {
	case journal.RunStarted:
		m.run, m.scenario, m.platform, m.seed = b.Run, b.Scenario, b.Platform, b.Seed
		m.leaveOut()
	case journal.TrafficStarted:
		m.enter(driven, t)
		m.origin = t
	case journal.TrafficEnded:
		m.enter(settling, t)
	case journal.RunEnded:
		m.enter(goingDown, t)
		m.reason = b.Reason
	case journal.Traffic:
		m.traffic(t, b)
	case journal.Operation:
		m.done, m.last = m.done+1, b
	case journal.LoadSteered:
		m.multiple = b.Multiple
	default:
		m.foldStack(t, event.Body)
		m.foldTrouble(event.Body)
	}
}

func (m *Model) enter(s stage, t time.Duration) { m.stage, m.since = s, t }

// leaveOut forgets services that this platform does not run.
func (m *Model) leaveOut() {
	for name, planned := range m.plan.Services {
		if m.platform == "process" && planned.Process != nil && planned.Process.Omit {
			delete(m.services, name)
		}
	}
}

// foldStack keeps count of instances.
func (m *Model) foldStack(t time.Duration, body journal.Body) {
	switch b := body.(type) {
	case journal.InstanceStarted:
		m.instances = append(m.instances, &instance{service: b.Service, name: b.Instance, state: "starting", since: t, job: b.Job})
		if !b.Job {
			m.of(b.Service).started++
		}
	case journal.EndpointAdded:
		m.list(t, b.Service, b.Instance, true)
	case journal.EndpointRemoved:
		m.list(t, b.Service, b.Instance, false)
	case journal.MainProcess:
		if i := m.instance(b.Instance); i != nil && i.state == "starting" && m.plan.Services[i.service].Port == 0 {
			i.become("running", t)
		}
	case journal.InstanceTerminating:
		if i := m.instance(b.Instance); i != nil {
			i.become("stopping", t)
		}
	case journal.InstanceExited:
		m.exit(t, b.Instance)
	case journal.ScaleDecision:
		if b.Held == "" && !resizes(b.Autoscaler) {
			m.of(b.Service).wanted = b.Desired
		}
	case journal.ActionStarted:
		if to, ok := scaledTo(b); ok {
			m.of(b.Service).wanted = to
		}
	}
}

// resizes tells autoscalers that change the resources of instances, not their number.
func resizes(autoscaler string) bool { return autoscaler == "proactive" || autoscaler == "reactive" }

func (m *Model) of(name string) *service {
	if m.services[name] == nil {
		m.services[name] = &service{wanted: -1}
	}
	return m.services[name]
}

// instance is the one of that name that is still there, nil if there is none.
func (m *Model) instance(name string) *instance {
	for _, i := range slices.Backward(m.instances) {
		if i.name == name && i.state != "exited" {
			return i
		}
	}
	return nil
}

func (i *instance) become(state string, t time.Duration) {
	if state == "ready" || state == "running" {
		i.took = t - i.since
	}
	i.state, i.since = state, t
}

// list puts an instance into the endpoint list, or takes it out.
func (m *Model) list(t time.Duration, service, name string, in bool) {
	i := m.instance(name)
	if i == nil || i.listed == in {
		return
	}
	i.listed = in
	if !in {
		m.of(service).ready--
		return
	}
	m.of(service).ready++
	if i.state == "starting" {
		i.become("ready", t)
	}
}

func (m *Model) exit(t time.Duration, name string) {
	i := m.instance(name)
	if i == nil {
		return
	}
	if !i.job {
		m.of(i.service).started--
	}
	if i.listed {
		m.of(i.service).ready--
	}
	i.listed = false
	i.become("exited", t)
	if m.stage != goingDown { // what went while traffic flowed is of no more interest
		m.instances = slices.DeleteFunc(m.instances, func(other *instance) bool { return other == i })
	}
}

// traffic adds what the driver says of a step. What ends at one moment is one second.
func (m *Model) traffic(t time.Duration, b journal.Traffic) {
	if b.Step == "" {
		return // the journey counts its steps again
	}
	if n := len(m.seconds); n == 0 || m.seconds[n-1].at != t {
		m.seconds = append(m.seconds[max(0, n-recent+1):], second{at: t})
	}
	s := &m.seconds[len(m.seconds)-1]
	wrong := b.Failed + b.Unknown
	s.over = max(s.over, b.For)
	s.intended, s.answered, s.wrong = s.intended+b.Intended, s.answered+b.OK+wrong, s.wrong+wrong
	s.p50, s.p99 = max(s.p50, b.P50), max(s.p99, b.P99)
	m.answered, m.wrong = m.answered+b.OK+wrong, m.wrong+wrong
}

// foldTrouble keeps what is broken on purpose, and what has been noticed.
func (m *Model) foldTrouble(body journal.Body) {
	switch b := body.(type) {
	case journal.FaultStarted:
		if b.Error == "" || len(b.Targets) > 0 {
			m.faults = append(m.faults, fault{name: b.Fault, detail: m.words(b.Detail + " on " + strings.Join(b.Targets, ", ")), until: m.until(b.Fault)})
		}
	case journal.FaultEnded:
		m.faults = slices.DeleteFunc(m.faults, func(f fault) bool { return f.name == b.Fault })
	case journal.AlertChanged:
		m.alert(b)
	}
}

// until is when a fault of the plan will be reverted.
func (m *Model) until(id string) time.Duration {
	for _, f := range m.plan.Faults {
		if f.ID == id {
			return m.origin + f.End.Std()
		}
	}
	return 0
}

func (m *Model) alert(b journal.AlertChanged) {
	labels := reports.LabelWords(b.Labels)
	key := b.Group + "\x00" + b.Alert + "\x00" + labels
	m.alerts = slices.DeleteFunc(m.alerts, func(a alert) bool { return a.key == key })
	if b.To != journal.AlertFiring {
		return
	}
	words := b.Alert
	if labels != "" {
		words += " (" + labels + ")"
	}
	m.alerts = append(m.alerts, alert{key: key, words: m.words(words)})
	slices.SortFunc(m.alerts, func(a, b alert) int { return cmp.Compare(a.words, b.words) })
}

// words makes one harmless line of what may have come from a system under test.
func (m *Model) words(text string) string { return printable(m.redact(text)) }

// scaledTo reads the words of an action that scales by hand or by plan.
func scaledTo(b journal.ActionStarted) (to int, ok bool) {
	if b.Action != "scale" {
		return 0, false
	}
	n, err := fmt.Sscanf(b.Detail, "scale "+b.Service+" to %d", &to)
	return to, n == 1 && err == nil
}

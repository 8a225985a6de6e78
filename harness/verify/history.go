package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// history is a record sorted for judging, made once for all checks.
type history struct {
	rec  *journal.Record
	plan *scenarios.Plan

	window    window
	instances []*instance // in order of appearance
	byName    map[string]*instance
	traffic   []timed[journal.Traffic]
	generator []timed[journal.Generator]
	groups    []journal.ErrorGroup

	actionsStarted []timed[journal.ActionStarted] // in order of time
	actionsEnded   []timed[journal.ActionEnded]
	moved          []timed[journal.Moved]
	ledgers        map[string]timed[journal.Ledger] // by ID, the last of each

	turnedAway []exchange             // found no instance ready
	unserved   []timed[journal.Tally] // of those that reached none

	scale  scaleRecord
	faults faultRecord
}

// timed is a body with its T.
type timed[B any] struct {
	at   time.Duration
	body B
}

// instance is everything the record says of one instance. Names are never used
// twice in a run.
type instance struct {
	service, name string

	started     *time.Duration
	version     string // of a release, "" before the first of the service
	job         bool   // a one-off; service is the job's name then
	decision    int    // of an autoscaler that it was started for, 0 for none
	main        *journal.MainProcess
	probes      []timed[journal.ProbeChanged]
	added       []timed[journal.EndpointAdded]
	removed     []timed[journal.EndpointRemoved]
	initialized *time.Duration // when it declared its initialization complete
	terminating *timed[journal.InstanceTerminating]
	signals     []timed[journal.InstanceSignalled]
	calls       []timed[journal.Operation] // by which signals were sent; at is when a call returned
	exited      *timed[journal.InstanceExited]

	// blind tells that it was routed to before its probe had ever passed; passed is
	// when that was then, nil for never.
	blind  bool
	passed *time.Duration
	// killed tells that the run kills it where it would tell it to stop.
	killed bool
	taken  *faultRun // that ended it, nil for none

	exchanges []exchange // in order of their start
	tallies   []timed[journal.Tally]
}

// exchange is a request between gateway and instance.
type exchange struct {
	journal.Request
	end   time.Duration
	fault string // that its failure may be due to
}

// bad tells whether the exchange counts against the instance. When the client
// gave up first, nobody knows what would have come.
func (x exchange) bad() bool {
	return x.Failure != journal.NoFailure && x.Failure != journal.ClientGone
}

func (x exchange) abandoned() bool { return x.Failure == journal.ClientGone }

func newHistory(rec *journal.Record, plan *scenarios.Plan) *history {
	h := &history{rec: rec, plan: plan, byName: map[string]*instance{}, ledgers: map[string]timed[journal.Ledger]{}, faults: newFaultRecord()}
	h.window = windowOf(rec.Events)
	for _, e := range rec.Events {
		h.take(e)
	}
	h.faults.follow(plan, h.window)
	probed := h.probed()
	for _, i := range h.instances {
		slices.SortStableFunc(i.exchanges, compareExchanges)
		i.killed = plan.Control == scenarios.ControlKill
		if probed[i.service] && rec.Damaged == 0 {
			i.lookForProbe()
		}
	}
	h.blame()
	slices.SortStableFunc(h.groups, compareGroups)
	return h
}

// probed are the services of whose probes the record tells: of others it is not
// known how their instances were found to be ready. Where none of a service ever
// was, there is nothing to tell; a run that ignores readiness routes all the same.
func (h *history) probed() map[string]bool {
	services := map[string]bool{}
	for _, i := range h.instances {
		passes := func(p timed[journal.ProbeChanged]) bool { return p.body.Ready }
		if h.plan.Control == scenarios.ControlUnready || slices.ContainsFunc(i.probes, passes) {
			services[i.service] = true
		}
	}
	return services
}

// lookForProbe finds out whether the instance was routed to without a word of
// its probe. The word that makes the gateway list it is written down before that
// it did. Probes begin with a failure, which is no change.
func (i *instance) lookForProbe() {
	if len(i.added) == 0 || len(i.probes) > 0 && !i.probes[0].body.Ready {
		return
	}
	if len(i.probes) == 0 {
		i.blind = true
		return
	}
	i.blind, i.passed = i.probes[0].at > i.added[0].at, moment(i.probes[0].at)
}

// compareExchanges is a total order as far as anyone can tell two apart, so
// that the order of lines with the same T does not show.
func compareExchanges(a, b exchange) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.end, b.end), cmp.Compare(a.Nth, b.Nth),
		cmp.Compare(a.ID, b.ID), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Failure, b.Failure), cmp.Compare(a.Status, b.Status))
}

// compareGroups puts what happened most often first.
func compareGroups(a, b journal.ErrorGroup) int {
	return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.First, b.First), cmp.Compare(a.Journey, b.Journey),
		cmp.Compare(a.Step, b.Step), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Message, b.Message))
}

// take sorts one event in.
func (h *history) take(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.InstanceStarted, journal.InstanceTerminating, journal.InstanceSignalled, journal.InstanceExited, journal.MainProcess:
		h.takeLife(e)
	case journal.EndpointAdded, journal.EndpointRemoved, journal.ProbeChanged, journal.InitializationDone:
		h.takeReadiness(e)
	case journal.Operation:
		h.takeOperation(e.T, b)
	case journal.Request:
		h.takeRequest(e.T, b)
	case journal.Tally:
		h.takeTally(e.T, b)
	case journal.Traffic:
		h.traffic = append(h.traffic, timed[journal.Traffic]{e.T, b})
	case journal.Generator:
		h.generator = append(h.generator, timed[journal.Generator]{e.T, b})
	case journal.ErrorGroup:
		h.groups = append(h.groups, b)
	case journal.ActionStarted:
		h.actionsStarted = append(h.actionsStarted, timed[journal.ActionStarted]{e.T, b})
	case journal.ActionEnded:
		h.actionsEnded = append(h.actionsEnded, timed[journal.ActionEnded]{e.T, b})
	case journal.Moved:
		h.moved = append(h.moved, timed[journal.Moved]{e.T, b})
	case journal.Ledger:
		h.ledgers[b.ID] = timed[journal.Ledger]{e.T, b}
	default:
		h.scale.take(e)
		h.faults.take(e)
	}
}

// takeLife sorts in what happened to the process of an instance.
func (h *history) takeLife(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.InstanceStarted:
		i := h.instance(b.Service, b.Instance)
		i.started, i.version, i.job = moment(e.T), b.Version, b.Job
		i.decision = journal.DecisionOf(b.Cause)
	case journal.InstanceTerminating:
		h.instance(b.Service, b.Instance).terminating = &timed[journal.InstanceTerminating]{e.T, b}
	case journal.InstanceSignalled:
		i := h.instance(b.Service, b.Instance)
		i.signals = append(i.signals, timed[journal.InstanceSignalled]{e.T, b})
	case journal.InstanceExited:
		h.instance(b.Service, b.Instance).exited = &timed[journal.InstanceExited]{e.T, b}
	case journal.MainProcess:
		h.instance(b.Service, b.Instance).main = &b
	}
}

// takeReadiness sorts in what a gateway says of an instance.
func (h *history) takeReadiness(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.EndpointAdded:
		i := h.instance(b.Service, b.Instance)
		i.added = append(i.added, timed[journal.EndpointAdded]{e.T, b})
	case journal.EndpointRemoved:
		i := h.instance(b.Service, b.Instance)
		i.removed = append(i.removed, timed[journal.EndpointRemoved]{e.T, b})
	case journal.ProbeChanged:
		i := h.instance(b.Service, b.Instance)
		i.probes = append(i.probes, timed[journal.ProbeChanged]{e.T, b})
	case journal.InitializationDone:
		h.instance(b.Service, b.Instance).initialized = moment(e.T)
	}
}

func moment(t time.Duration) *time.Duration { return &t }

func (h *history) takeRequest(end time.Duration, r journal.Request) {
	if r.Instance == "" { // the doing of no instance
		if r.Failure == journal.NoEndpoint {
			h.turnedAway = append(h.turnedAway, exchange{Request: r, end: end})
		}
		return
	}
	i := h.instance(r.Service, r.Instance)
	i.exchanges = append(i.exchanges, exchange{Request: r, end: end})
}

// takeOperation keeps the calls by which signals were sent. They are told after
// the signals, so an instance that is not known had none.
func (h *history) takeOperation(at time.Duration, o journal.Operation) {
	if i := h.byName[o.Subject]; i != nil && o.Op == "instance.signal" && o.Error == "" {
		i.calls = append(i.calls, timed[journal.Operation]{at, o})
	}
}

func (h *history) takeTally(at time.Duration, t journal.Tally) {
	if t.Instance == "" {
		h.unserved = append(h.unserved, timed[journal.Tally]{at, t})
		return
	}
	i := h.instance(t.Service, t.Instance)
	i.tallies = append(i.tallies, timed[journal.Tally]{at, t})
}

func (h *history) instance(service, name string) *instance {
	i := h.byName[name]
	if i == nil {
		i = &instance{service: service, name: name}
		h.byName[name] = i
		h.instances = append(h.instances, i)
	}
	return i
}

// of lists the instances of a service in order of name, numbers by value.
func (h *history) of(service string) []*instance {
	var list []*instance
	for _, i := range h.instances {
		if i.service == service {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b *instance) int {
		return cmp.Or(cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	return list
}

// kill is when the instance was first sent a SIGKILL.
func (i *instance) kill() (time.Duration, bool) {
	for _, s := range i.signals {
		if s.body.Signal == "SIGKILL" {
			return s.at, true
		}
	}
	return 0, false
}

// stopSignal is when the signal that asks a terminating instance to stop was
// sent, and its name: that of the service's stop_signal, not the kill. A
// service whose stop_signal is SIGKILL is never asked; where a run kills on
// purpose what it would tell to stop, the kill is what counts.
func (i *instance) stopSignal() (time.Duration, string, bool) {
	if i.terminating == nil {
		return 0, "", false
	}
	for _, s := range i.signals {
		if s.at >= i.terminating.at && (s.body.Signal != "SIGKILL" || i.killed) {
			return s.at, s.body.Signal, true
		}
	}
	return 0, "", false
}

// delivered is when a signal that was sent at a moment had reached the instance
// for certain: the call had returned. An engine may take its time for it.
func (i *instance) delivered(sent time.Duration) time.Duration {
	for _, c := range i.calls {
		if c.at >= sent {
			return c.at
		}
	}
	return sent
}

// crashed tells whether the instance exited under traffic although nobody had
// asked it to, and no fault made it.
func (i *instance) crashed(w window) bool {
	return i.exited != nil && !i.exited.body.Wanted && i.taken == nil && w.holds(i.exited.at)
}

// uninitialized tells whether the instance was put into the endpoint list
// before it declared its initialization complete.
func (i *instance) uninitialized() bool {
	return len(i.added) > 0 && i.added[0].body.Initialized != nil && !*i.added[0].body.Initialized
}

// early tells whether a moment lies before the instance declared its
// initialization complete, or before its probe had ever passed, although it was
// in the endpoint list: what goes wrong then is a matter of readiness alone.
func (i *instance) early(at time.Duration) bool {
	before := func(t *time.Duration) bool { return t == nil || at < *t }
	return i.uninitialized() && before(i.initialized) || i.blind && before(i.passed)
}

// hidden is how many exchanges failed between two moments that the gateway
// counted without writing them down one by one.
func (i *instance) hidden(from, to time.Duration) int {
	n := 0
	for _, t := range i.tallies {
		begin := t.at - t.body.For
		if t.body.Suppressed > 0 && t.at >= from && begin <= to {
			n += i.unseen(t)
		}
	}
	return n
}

// stretch is the part of an instance's life that a check is about; false for
// an instance that it is not about.
type stretch func(*instance) (from, to time.Duration, ok bool)

// doubt says why the record, although it shows nothing wrong, does not prove
// that nothing went wrong with a service; "" when it does.
func (h *history) doubt(service string, about stretch) string {
	switch {
	case h.window.cut != "":
		return h.window.cut + "; until then nothing wrong was recorded"
	case h.rec.Damaged > 0:
		return h.damage()
	}
	if why := h.gatewayDied(service); why != "" {
		return why
	}
	for _, i := range h.of(service) {
		from, to, ok := about(i)
		if !ok {
			continue
		}
		if n := i.hidden(from, to); n > 0 {
			return fmt.Sprintf("%s of %s that failed were counted but not written down one by one, so nobody knows when that was",
				plural(n, "request"), i.name)
		}
	}
	return ""
}

// gatewayDied says that the gateway of a service, which is the harness's own,
// exited under traffic; "" if it did not.
func (h *history) gatewayDied(service string) string {
	g := h.byName["gateway-"+service]
	if g == nil || g.exited == nil || g.exited.body.Wanted || g.exited.at > h.window.to {
		return ""
	}
	return fmt.Sprintf("the gateway of %s stopped by itself at %s; what happened after that is not known", service, offset(g.exited.at))
}

// damage says that a part of the record is missing.
func (h *history) damage() string {
	return plural(h.rec.Damaged, "line") + " of the record could not be read; what stood there may matter"
}

// conclude takes a pass back where the record leaves room for doubt, and says
// of what could not be judged that the run was not whole, if so.
func (h *history) conclude(f Finding, about stretch) Finding {
	switch f.Verdict {
	case Pass:
		if why := h.doubt(f.Service, about); why != "" {
			f.Verdict, f.Reason = Inconclusive, why
		}
	case Inconclusive:
		f.Reason = join(h.window.cut, f.Reason)
	}
	return f
}

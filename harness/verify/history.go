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
	added       []timed[journal.EndpointAdded]
	removed     []timed[journal.EndpointRemoved]
	initialized *time.Duration // when it declared its initialization complete
	terminating *timed[journal.InstanceTerminating]
	signals     []timed[journal.InstanceSignalled]
	exited      *timed[journal.InstanceExited]

	exchanges []exchange // in order of their start
	tallies   []timed[journal.Tally]
}

// exchange is a request between gateway and instance.
type exchange struct {
	journal.Request
	end time.Duration
}

// bad tells whether the exchange counts against the instance. When the client
// gave up first, nobody knows what would have come.
func (x exchange) bad() bool {
	return x.Failure != journal.NoFailure && x.Failure != journal.ClientGone
}

func (x exchange) abandoned() bool { return x.Failure == journal.ClientGone }

func newHistory(rec *journal.Record, plan *scenarios.Plan) *history {
	h := &history{rec: rec, plan: plan, byName: map[string]*instance{}}
	h.window = windowOf(rec.Events)
	for _, e := range rec.Events {
		h.take(e)
	}
	for _, i := range h.instances {
		slices.SortStableFunc(i.exchanges, compareExchanges)
	}
	slices.SortStableFunc(h.groups, compareGroups)
	return h
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
	case journal.InstanceStarted:
		h.instance(b.Service, b.Instance).started = moment(e.T)
	case journal.InstanceTerminating:
		h.instance(b.Service, b.Instance).terminating = &timed[journal.InstanceTerminating]{e.T, b}
	case journal.InstanceSignalled:
		i := h.instance(b.Service, b.Instance)
		i.signals = append(i.signals, timed[journal.InstanceSignalled]{e.T, b})
	case journal.InstanceExited:
		h.instance(b.Service, b.Instance).exited = &timed[journal.InstanceExited]{e.T, b}
	case journal.EndpointAdded:
		i := h.instance(b.Service, b.Instance)
		i.added = append(i.added, timed[journal.EndpointAdded]{e.T, b})
	case journal.EndpointRemoved:
		i := h.instance(b.Service, b.Instance)
		i.removed = append(i.removed, timed[journal.EndpointRemoved]{e.T, b})
	case journal.InitializationDone:
		h.instance(b.Service, b.Instance).initialized = moment(e.T)
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
	}
}

func moment(t time.Duration) *time.Duration { return &t }

func (h *history) takeRequest(end time.Duration, r journal.Request) {
	if r.Instance == "" {
		return // no instance was ready: nobody's doing
	}
	i := h.instance(r.Service, r.Instance)
	i.exchanges = append(i.exchanges, exchange{r, end})
}

func (h *history) takeTally(at time.Duration, t journal.Tally) {
	if t.Instance == "" {
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

// signalled is when a signal was first sent.
func (i *instance) signalled(signal string) (time.Duration, bool) {
	for _, s := range i.signals {
		if s.body.Signal == signal {
			return s.at, true
		}
	}
	return 0, false
}

// stopSignal is when the signal that asks a terminating instance to stop was
// sent, and its name: that of the service's stop_signal, not the kill. A
// service whose stop_signal is SIGKILL is never asked.
func (i *instance) stopSignal() (time.Duration, string, bool) {
	if i.terminating == nil {
		return 0, "", false
	}
	for _, s := range i.signals {
		if s.at >= i.terminating.at && s.body.Signal != "SIGKILL" {
			return s.at, s.body.Signal, true
		}
	}
	return 0, "", false
}

// crashed tells whether the instance exited under traffic although nobody had
// asked it to.
func (i *instance) crashed(w window) bool {
	return i.exited != nil && !i.exited.body.Wanted && w.holds(i.exited.at)
}

// early tells whether a moment lies before the instance declared its
// initialization complete, although it was in the endpoint list: what goes
// wrong then is a matter of readiness alone.
func (i *instance) early(at time.Duration) bool {
	if len(i.added) == 0 {
		return false
	}
	mark := i.added[0].body.Initialized
	return mark != nil && !*mark && (i.initialized == nil || at < *i.initialized)
}

// hidden is how many exchanges failed between two moments that the gateway
// counted without writing them down one by one.
func (i *instance) hidden(from, to time.Duration) int {
	n := 0
	for _, t := range i.tallies {
		begin := t.at - t.body.For
		if t.body.Suppressed == 0 || t.at < from || begin > to {
			continue
		}
		for failure, counted := range t.body.Failed {
			if failure != journal.ClientGone {
				n += counted
			}
		}
		for _, x := range i.exchanges {
			if x.bad() && x.end > begin && x.end <= t.at {
				n--
			}
		}
	}
	return max(0, n)
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

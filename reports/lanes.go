package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A state is what an instance is to the traffic.
type state int

// The states of an instance. The last three tell the race of a termination
// apart: told to stop and still in the endpoint list, out of it, and gone
// while the list still had it.
const (
	absent   state = iota
	running        // runs, and no gateway stands before its service
	starting       // runs, and is not yet in the endpoint list
	early          // in the endpoint list, although it says it is still initializing
	serving        // in the endpoint list
	unready        // taken off the list while nobody asked it to stop
	leaving        // told to stop, still in the list
	draining       // told to stop, off the list
	ghost          // gone, still in the list
)

// stateWords are the names of the states in legends and descriptions.
var stateWords = map[state]string{
	early: "in the list, still initializing", running: "running", starting: "starting", serving: "in the endpoint list",
	unready: "unready, off the list", leaving: "terminating, still in the list",
	draining: "terminating, off the list", ghost: "gone, still in the list",
}

// A stretch is a time in one state.
type stretch struct {
	state    state
	from, to time.Duration
}

// A mark is a moment in an instance's life.
type mark struct {
	at    time.Duration
	kind  string // "term", "kill", "signal", "exit", "bad-exit", "initialized", "up", "down", "bad-resize"
	label string
}

// A lane is the life of one instance.
type lane struct {
	service, instance string
	version           string // where its service had several
	job               bool   // a one-off
	stretches         []stretch
	marks             []mark
	failures          []time.Duration // ends of failed exchanges
	load              []tick          // exchanges a second
	fronted           bool            // a gateway routes to it
	restless          bool            // something happened to it while traffic flowed

	listed, leaving, exited, served, early bool // while folding
}

// A tick is a rate over an interval that ended at a moment.
type tick struct {
	at, length time.Duration
	rate       float64
}

// lanesOf folds the life-cycle events into one lane for each instance, ordered
// by service and by number. What is still there when the run ends lasts to the
// end of the window.
func lanesOf(events []journal.Event, w window) []*lane {
	f := folding{lanes: map[string]*lane{}, window: w, versions: versionsOf(events)}
	for _, e := range events {
		if _, over := e.Body.(journal.RunEnded); over {
			break // how instances end in the tear-down says nothing about them
		}
		f.event(e)
	}
	lanes := make([]*lane, 0, len(f.lanes))
	fronted := map[string]bool{}
	for _, l := range f.lanes {
		l.close(w.to)
		lanes = append(lanes, l)
		fronted[l.service] = fronted[l.service] || l.fronted
	}
	for _, l := range lanes {
		l.settle(fronted[l.service])
	}
	slices.SortFunc(lanes, func(a, b *lane) int {
		return cmp.Or(cmp.Compare(a.service, b.service), compareNumbered(a.instance, b.instance))
	})
	return lanes
}

// folding is lanesOf under way.
type folding struct {
	lanes    map[string]*lane
	window   window
	versions map[string]string
}

func (f *folding) lane(service, instance string) *lane {
	l := f.lanes[instance]
	if l == nil {
		l = &lane{service: service, instance: instance, version: f.versions[instance]}
		f.lanes[instance] = l
	}
	return l
}

func (f *folding) event(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.InstanceStarted:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) {
			l.exited, l.listed, l.leaving, l.served, l.job = false, false, false, false, b.Job
		})
	case journal.EndpointAdded:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) {
			l.listed, l.served, l.fronted = true, true, true
			l.early = b.Initialized != nil && !*b.Initialized
		})
	case journal.EndpointRemoved:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) { l.listed, l.fronted = false, true })
	case journal.InstanceTerminating:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) { l.leaving = true })
	case journal.InstanceSignalled:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) { l.mark(e.T, signalKind(b.Signal), b.Signal) })
	case journal.InstanceExited:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) { l.exit(e.T, b) })
	case journal.InitializationDone:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) {
			l.early = false
			l.mark(e.T, "initialized", "initialized")
		})
	case journal.Resized:
		f.turn(e.T, b.Service, b.Instance, func(l *lane) { l.resized(e.T, b) })
	case journal.ProbeChanged:
		f.lane(b.Service, b.Instance).fronted = true
	case journal.Request:
		f.request(e.T, b)
	case journal.Tally:
		f.tally(e.T, b)
	}
}

// turn applies a change to an instance and starts a new stretch if its state
// is another afterwards.
func (f *folding) turn(t time.Duration, service, instance string, change func(*lane)) {
	l := f.lane(service, instance)
	change(l)
	if t > f.window.traffic && t < f.window.silent {
		l.restless = true
	}
	next := l.state()
	n := len(l.stretches)
	if n > 0 && l.stretches[n-1].state == next {
		return
	}
	l.close(t)
	l.stretches = append(l.stretches, stretch{state: next, from: t, to: -1})
}

func (f *folding) request(t time.Duration, r journal.Request) {
	if r.Instance == "" || r.Failure == journal.NoFailure || r.Failure == journal.ClientGone {
		return
	}
	l := f.lane(r.Service, r.Instance)
	l.failures = append(l.failures, t)
	l.restless = true
}

func (f *folding) tally(t time.Duration, b journal.Tally) {
	if b.Instance == "" || b.For < 50*time.Millisecond {
		return
	}
	l := f.lane(b.Service, b.Instance)
	l.fronted = true
	l.load = append(l.load, tick{at: t, length: b.For, rate: float64(b.Total) / b.For.Seconds()})
}

// state derives the state from what is known of the instance.
func (l *lane) state() state {
	switch {
	case l.exited && l.listed:
		return ghost
	case l.exited:
		return absent
	case l.leaving && l.listed:
		return leaving
	case l.leaving:
		return draining
	case l.listed && l.early:
		return early
	case l.listed:
		return serving
	case l.served:
		return unready
	}
	return starting
}

func (l *lane) mark(t time.Duration, kind, label string) {
	l.marks = append(l.marks, mark{at: t, kind: kind, label: label})
}

func (l *lane) exit(t time.Duration, b journal.InstanceExited) {
	l.exited = true
	b.Wanted = b.Wanted || l.job // it ends by itself, as it should
	kind, label := "exit", "exit "+strconv.Itoa(b.Code)
	if b.Code != 0 || !b.Wanted || b.OOM {
		kind = "bad-exit"
	}
	if b.OOM {
		label += ", out of memory"
	}
	if !b.Wanted {
		label += ", unasked"
	}
	l.mark(t, kind, label)
}

// resized marks a change of resources, unless the instance was created with them.
func (l *lane) resized(t time.Duration, b journal.Resized) {
	switch {
	case b.Created:
	case b.Error != "":
		l.mark(t, "bad-resize", "not "+b.Class)
	case b.Class == largeClass:
		l.mark(t, "up", b.Class)
	default:
		l.mark(t, "down", b.Class)
	}
}

// close ends the last stretch.
func (l *lane) close(t time.Duration) {
	if n := len(l.stretches); n > 0 && l.stretches[n-1].to < 0 {
		l.stretches[n-1].to = max(t, l.stretches[n-1].from)
	}
}

// settle drops the times at which the instance was not there and, without a
// gateway before the service, calls starting what is simply running.
func (l *lane) settle(fronted bool) {
	l.fronted = fronted
	l.stretches = slices.DeleteFunc(l.stretches, func(s stretch) bool { return s.state == absent })
	for i := range l.stretches {
		if !fronted && l.stretches[i].state == starting {
			l.stretches[i].state = running
		}
	}
}

// from is when the instance was first seen; the end of time without a stretch.
func (l *lane) from() time.Duration {
	if len(l.stretches) == 0 {
		return 1<<63 - 1
	}
	return l.stretches[0].from
}

// describe tells the life of the instance in words, for those who do not see
// the chart.
func (l *lane) describe() string {
	parts := make([]string, 0, len(l.stretches)+len(l.marks)+1)
	for _, s := range l.stretches {
		parts = append(parts, fmt.Sprintf("%s from %s to %s", stateWords[s.state], moment(s.from), moment(s.to)))
	}
	for _, m := range l.marks {
		parts = append(parts, m.label+" at "+moment(m.at))
	}
	if n := len(l.failures); n > 0 {
		parts = append(parts, plural(n, "failed request")+" recorded")
	}
	return after(l.instance, ", ", l.tag()) + ": " + listed(parts, 12)
}

// tag is what a lane says under its name: the version where there are several,
// or that it is a job.
func (l *lane) tag() string {
	if l.job {
		return "job"
	}
	return l.version
}

func signalKind(signal string) string {
	switch signal {
	case "SIGTERM", "SIGINT", "SIGQUIT": // what an image may declare to stop it
		return "term"
	case "SIGKILL":
		return "kill"
	}
	return "signal"
}

// compareNumbered orders api-2 before api-10.
func compareNumbered(a, b string) int {
	headA, nA := numbered(a)
	headB, nB := numbered(b)
	return cmp.Or(cmp.Compare(headA, headB), cmp.Compare(nA, nB), cmp.Compare(a, b))
}

func numbered(name string) (head string, n int) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return name, 0
	}
	n, err := strconv.Atoi(name[i+1:])
	if err != nil {
		return name, 0
	}
	return name[:i], n
}

package reports

import (
	"fmt"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A window is the stretch of the run that the charts show: from just before
// the start of traffic to just after the last thing that began while it
// flowed. A run without traffic is shown as a whole. All times are offsets
// from the start of the run.
type window struct {
	from, to        time.Duration
	traffic, silent time.Duration // start and end of traffic; equal without traffic
}

// windowOf finds the window. A journal that was cut off ends with its last event.
func windowOf(events []journal.Event) window {
	var w window
	if len(events) == 0 {
		return window{to: time.Second}
	}
	last := events[len(events)-1].T
	w.traffic, w.silent = -1, -1
	for _, e := range events {
		switch e.Body.(type) {
		case journal.TrafficStarted:
			w.traffic = e.T
		case journal.TrafficEnded:
			w.silent = e.T
		}
	}
	if w.traffic < 0 {
		w.traffic, w.silent = 0, 0
		w.to = max(last, time.Second)
		return w
	}
	if w.silent < w.traffic {
		w.silent = last
	}
	w.to = max(w.silent, drained(events, w.silent))
	w.from = w.traffic
	margin := (w.to - w.from) / 50
	w.from, w.to = max(0, w.from-margin), max(w.to+margin, w.from+time.Second)
	return w
}

// drained is when the last instance was gone that had been told to stop
// before silent, 0 without one.
func drained(events []journal.Event, silent time.Duration) time.Duration {
	var end time.Duration
	leaving := map[string]bool{}
	for _, e := range events {
		switch b := e.Body.(type) {
		case journal.InstanceTerminating:
			leaving[b.Instance] = e.T < silent
		case journal.InstanceExited:
			if leaving[b.Instance] {
				end = max(end, e.T)
			}
		}
	}
	return end
}

// span is the length of the window.
func (w window) span() time.Duration { return w.to - w.from }

// driven is how long traffic flowed.
func (w window) driven() time.Duration { return w.silent - w.traffic }

// A phase is a named stretch of the window.
type phase struct {
	name     string
	from, to time.Duration
}

// phasesOf reads the phases as they were played. One that never ended ends
// with traffic.
func phasesOf(events []journal.Event, w window) []phase {
	var phases []phase
	for _, e := range events {
		switch b := e.Body.(type) {
		case journal.PhaseStarted:
			phases = append(phases, phase{name: b.Phase, from: e.T, to: -1})
		case journal.PhaseEnded:
			i := slices.IndexFunc(phases, func(p phase) bool { return p.name == b.Phase && p.to < 0 })
			if i >= 0 {
				phases[i].to = e.T
			}
		}
	}
	for i := range phases {
		if phases[i].to < 0 {
			phases[i].to = max(w.silent, phases[i].from)
		}
	}
	return phases
}

// An action is something the run did to the stack.
type action struct {
	detail   string
	from, to time.Duration
	err      string
}

// class is the look of the time that the action took.
func (a action) class() string {
	if a.err != "" {
		return "action-span bad"
	}
	return "action-span"
}

// describe tells the action with its begin and its end.
func (a action) describe() string {
	text := fmt.Sprintf("%s from %s to %s", a.detail, moment(a.from), moment(a.to))
	if a.err != "" {
		text += ", went wrong"
	}
	return text
}

// actionsOf reads the actions; one that never ended ends with the window.
func actionsOf(events []journal.Event, w window) []action {
	var actions []action
	for _, e := range events {
		switch b := e.Body.(type) {
		case journal.ActionStarted:
			actions = append(actions, action{detail: b.Detail, from: e.T, to: -1})
		case journal.ActionEnded:
			i := slices.IndexFunc(actions, func(a action) bool { return a.detail == b.Detail && a.to < 0 })
			if i >= 0 {
				actions[i].to, actions[i].err = e.T, b.Error
			}
		}
	}
	for i := range actions {
		if actions[i].to < 0 {
			actions[i].to = max(w.to, actions[i].from)
		}
	}
	return actions
}

package reports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Alerts is what the alert rules of a run did, and what kept them from being told.
// Offsets count from the start of the run.
type Alerts struct {
	Source string   `json:"source"` // "embedded", or the Prometheus that was asked
	Files  []string `json:"files"`
	Rules  int      `json:"rules"` // recording rules too
	// Scale is what times in rules were divided by, 1 where they are as written.
	Scale    float64   `json:"scale"`
	Episodes []Episode `json:"episodes"` // in the order in which they began
	// Silent are the alerts that were never active, by name.
	Silent []string `json:"silent"`
	// Remarks are what of Scale could not be applied.
	Remarks []string `json:"remarks"`
	// Troubles are rules that failed and pages that could not be read.
	Troubles []string `json:"troubles"`
}

// An Episode is an alert with certain labels from when its expression became true
// until it was over.
type Episode struct {
	Group   string            `json:"group"`
	Alert   string            `json:"alert"`
	Labels  map[string]string `json:"labels"`
	Active  time.Duration     `json:"active_ns"`
	Firing  *time.Duration    `json:"firing_ns"` // null: it did not come to that
	Ended   *time.Duration    `json:"ended_ns"`  // null: it was not over at the end of the run
	Value   float64           `json:"value"`     // at the last change
	Summary string            `json:"summary"`   // of its annotations
}

// alertsOf folds what the record says of alerts; nil where no rules were evaluated.
func alertsOf(run Run) *Alerts {
	f := alertFold{open: map[string]int{}, active: map[string]bool{}}
	for _, e := range run.events() {
		f.event(e)
	}
	if f.loaded == nil {
		return nil
	}
	a := f.alerts
	a.Source, a.Scale, a.Files, a.Rules = clean(f.loaded.Source), f.loaded.Scale, cleanAll(f.loaded.Files), len(f.loaded.Rules)
	a.Remarks = cleanAll(f.loaded.Remarks)
	names := map[string]bool{}
	for _, r := range f.loaded.Rules {
		if r.Alert != "" && !f.active[r.Alert] {
			names[clean(r.Alert)] = true
		}
	}
	a.Silent = slices.Sorted(maps.Keys(names))
	if a.Silent == nil {
		a.Silent = []string{}
	}
	slices.SortStableFunc(a.Episodes, func(x, y Episode) int { return cmp.Compare(x.Active, y.Active) })
	return &a
}

// alertFold is alertsOf under way.
type alertFold struct {
	loaded *journal.RulesLoaded
	alerts Alerts
	open   map[string]int // episode by alert and labels
	active map[string]bool
}

func (f *alertFold) event(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.RulesLoaded:
		f.loaded = &b
		f.alerts.Episodes, f.alerts.Troubles = []Episode{}, []string{}
	case journal.AlertChanged:
		f.changed(e.T, b)
	case journal.RuleFailed:
		f.alerts.Troubles = append(f.alerts.Troubles, clean(fmt.Sprintf("rule %s of %s failed at %s: %s", b.Rule, b.Group, moment(e.T), b.Error)))
	case journal.ScrapeChanged:
		if !b.Up {
			f.alerts.Troubles = append(f.alerts.Troubles, clean(fmt.Sprintf("the metrics of %s could not be read from %s on: %s", b.Instance, moment(e.T), b.Error)))
		}
	}
}

func (f *alertFold) changed(t time.Duration, b journal.AlertChanged) {
	key := b.Group + "\x00" + b.Alert + "\x00" + fmt.Sprint(b.Labels) // fmt sorts
	i, open := f.open[key]
	if !open {
		labels := map[string]string{}
		for name, value := range b.Labels {
			labels[clean(name)] = clean(value)
		}
		i = len(f.alerts.Episodes)
		f.open[key], f.active[b.Alert] = i, true
		f.alerts.Episodes = append(f.alerts.Episodes, Episode{Group: clean(b.Group), Alert: clean(b.Alert), Labels: labels, Active: b.ActiveAt})
	}
	e := &f.alerts.Episodes[i]
	if !math.IsNaN(b.Value) && !math.IsInf(b.Value, 0) { // JSON has no word for those
		e.Value = b.Value
	}
	e.Summary = cmp.Or(clean(b.Annotations["summary"]), e.Summary)
	switch b.To {
	case journal.AlertFiring:
		e.Firing = &t
	case journal.AlertInactive:
		e.Ended = &t
		delete(f.open, key)
	}
}

// alertHead are the columns of the table of alerts.
var alertHead = []string{"time", "fired for", "alert", "labels", "state", "says"}

// cells are an episode as a row of that table.
func (e Episode) cells() []string {
	at, lasted := e.Active, "never"
	if e.Firing != nil {
		at, lasted = *e.Firing, "to the end"
		if e.Ended != nil {
			lasted = span(*e.Ended - *e.Firing)
		}
	}
	return []string{moment(at), lasted, e.Alert, LabelWords(e.Labels), e.state(), e.Summary}
}

// state is what became of it.
func (e Episode) state() string {
	switch {
	case e.Firing == nil && e.Ended == nil:
		return "pending at the end"
	case e.Firing == nil:
		return "only pending, for " + span(*e.Ended-e.Active)
	case *e.Firing == e.Active:
		return "fired at once"
	}
	return "fired after " + span(*e.Firing-e.Active) + " pending"
}

// LabelWords are labels in the order of their names, without those that every alert of
// a service has twice.
func LabelWords(labels map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name == "job" && labels["service"] == labels[name] {
			continue
		}
		words = append(words, name+"="+labels[name])
	}
	return listed(words, 6)
}

// line says which rules there were, in a sentence.
func (a Alerts) line() string {
	text := fmt.Sprintf("%s of %s", plural(a.Rules, "rule"), plural(len(a.Files), "file"))
	if a.Source != "embedded" {
		text = fmt.Sprintf("%s, as %s evaluated them", plural(a.Rules, "rule"), a.Source)
	}
	if a.Scale > 1 {
		return text + fmt.Sprintf(", with all of their times divided by %g", a.Scale)
	}
	return text + ", with their times as written"
}

// A SlowRequest is one of the slowest of a step, or one that failed, with the trace to
// look it up by.
type SlowRequest struct {
	Journey  string        `json:"journey"`
	Step     string        `json:"step"`
	Outcome  string        `json:"outcome"`
	Start    time.Duration `json:"start_ns"`
	Took     time.Duration `json:"took_ns"`
	Status   int           `json:"status"` // 0 without an answer
	Instance string        `json:"instance"`
	Trace    string        `json:"trace"`
}

// slowOf are the slowest requests and some that failed, by step.
func slowOf(run Run) []SlowRequest {
	list := []SlowRequest{}
	for _, e := range run.events() {
		if b, is := e.Body.(journal.Slow); is {
			list = append(list, SlowRequest{clean(b.Journey), clean(b.Step), clean(b.Outcome), b.Start, b.Took, b.Status, clean(b.Instance), clean(b.Trace)})
		}
	}
	return list
}

// cells are a request as a row of the table of slow ones.
func (s SlowRequest) cells() []string {
	outcome := s.Outcome
	if s.Status > 0 {
		outcome += fmt.Sprintf(", %d", s.Status)
	}
	return []string{moment(s.Start), span(s.Took), s.Journey + " " + s.Step, outcome, s.Instance, s.Trace}
}

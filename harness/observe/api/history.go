package api

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// History is what the journal of a run says of rules, alerts, targets and metrics. It is
// safe for concurrent use.
type History struct {
	started time.Time

	mu     sync.Mutex
	events []journal.Event // in order of T
}

// NewHistory begins the history of a run that began at a wall time.
func NewHistory(started time.Time) *History { return &History{started: started} }

// Observed are the kinds of events that a history is made of.
func Observed() []string {
	return []string{journal.RulesLoaded{}.Kind(), journal.AlertChanged{}.Kind(), journal.RuleFailed{}.Kind(), journal.ScrapeChanged{}.Kind(), journal.Exported{}.Kind()}
}

// Observe takes in an event; those that do not matter here are dropped.
func (h *History) Observe(e journal.Event) {
	if !slices.Contains(Observed(), e.Body.Kind()) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	after, _ := slices.BinarySearchFunc(h.events, e.T, func(e journal.Event, t time.Duration) int {
		return cmp.Or(cmp.Compare(e.T, t), -1) // behind those of the same time
	})
	h.events = slices.Insert(h.events, after, e)
}

// at is how things were at a wall time.
func (h *History) at(t time.Time) state {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := newState(h.started)
	for _, e := range h.events {
		if _, always := e.Body.(journal.Exported); always || !h.started.Add(e.T).After(t) {
			s.apply(e)
		}
	}
	return s
}

// state is how rules, alerts and targets are at one time.
type state struct {
	started  time.Time
	rules    []journal.Rule
	alerts   map[string]activeAlert // by alertKey
	failures map[ruleKey]string
	targets  map[targetKey]target
	exported []journal.Exported
}

type (
	ruleKey   struct{ group, name string }
	targetKey struct{ service, instance string }
)

// target is what was last heard of the metrics page of an instance.
type target struct {
	journal.ScrapeChanged
	since time.Time
}

// activeAlert is an alert that is pending or firing.
type activeAlert struct {
	journal.AlertChanged
	activeAt time.Time
}

func newState(started time.Time) state {
	return state{started: started, alerts: map[string]activeAlert{}, failures: map[ruleKey]string{}, targets: map[targetKey]target{}}
}

func (s *state) apply(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.RulesLoaded:
		s.rules = b.Rules
	case journal.AlertChanged:
		key := alertKey(b)
		if b.To == journal.AlertInactive {
			delete(s.alerts, key)
			return
		}
		s.alerts[key] = activeAlert{b, s.started.Add(b.ActiveAt).UTC()}
	case journal.RuleFailed:
		s.failures[ruleKey{b.Group, b.Rule}] = b.Error
	case journal.ScrapeChanged:
		s.targets[targetKey{b.Service, b.Instance}] = target{b, s.started.Add(e.T).UTC()}
	case journal.Exported:
		s.exported = append(s.exported, b)
	}
}

// alertKey is the identity of an alert: its rule and its labels.
func alertKey(a journal.AlertChanged) string {
	var b strings.Builder
	b.WriteString(a.Group + "\x00" + a.Alert)
	for _, name := range slices.Sorted(maps.Keys(a.Labels)) {
		b.WriteString("\x00" + name + "\x00" + a.Labels[name])
	}
	return b.String()
}

// of are the alerts of a rule, those that were active first before the others.
func (s *state) of(r journal.Rule) []activeAlert {
	var list []activeAlert
	for _, key := range slices.Sorted(maps.Keys(s.alerts)) {
		if a := s.alerts[key]; a.Group == r.Group && a.Alert == r.Alert && carries(a.Labels, r.Labels) {
			list = append(list, a)
		}
	}
	slices.SortStableFunc(list, func(a, b activeAlert) int { return a.activeAt.Compare(b.activeAt) })
	return list
}

// carries tells whether an alert has the labels that its rule gives it. A group may hold
// several rules of one name, told apart by them: severity, mostly. Labels that are
// templates say nothing here.
func carries(alert, rule map[string]string) bool {
	for name, value := range rule {
		if !strings.Contains(value, "{{") && alert[name] != value {
			return false
		}
	}
	return true
}

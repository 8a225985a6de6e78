package remote

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A Poller turns the rules and alerts of a Prometheus into events, by comparing what it
// finds with what it found before. Changes that come and go between two polls stay
// unseen. It is for one goroutine.
type Poller struct {
	from    *Prometheus
	started time.Time
	emit    func(at time.Time, body journal.Body)

	polled time.Time // the last time
	loaded journal.RulesLoaded
	active map[string]standing
	failed map[journal.RuleFailed]bool
}

// standing is an alert that is not inactive, and its rule.
type standing struct {
	journal.AlertChanged
	rule ruleKey
}

type ruleKey struct{ file, group, name string }

// NewPoller returns a poller for a run that started at a wall time. emit journals; it is
// called from Poll.
func NewPoller(from *Prometheus, started time.Time, emit func(at time.Time, body journal.Body)) *Poller {
	return &Poller{from: from, started: started, emit: emit, active: map[string]standing{}, failed: map[journal.RuleFailed]bool{}}
}

// Poll asks once, at a wall time. Rules are journaled when they are other ones than
// before, alerts when their state is another one; that happened at the last evaluation
// of their rule, if that lies between this poll and the one before, else at this poll.
// An alert that was there before the first poll was inactive until then. After an error
// nothing has changed, and Poll may be called again.
func (p *Poller) Poll(ctx context.Context, at time.Time) error {
	groups, err := p.from.rules(ctx)
	if err != nil {
		return err
	}
	if loaded := p.from.loaded(groups); p.polled.IsZero() || !reflect.DeepEqual(loaded, p.loaded) {
		p.loaded = loaded
		p.emit(at, loaded)
	}
	now := map[string]standing{}
	evaluated := map[ruleKey]time.Time{}
	for _, g := range groups {
		for _, r := range g.Rules {
			key := ruleKey{g.File, g.Name, r.Name}
			evaluated[key] = p.between(r.LastEvaluation, at)
			p.failure(g, r, evaluated[key])
			for _, a := range r.Alerts {
				now[identity(key, a.Labels)] = standing{p.changed(g, r, a), key}
			}
		}
	}
	p.compare(now, func(s standing) time.Time {
		if t, ok := evaluated[s.rule]; ok {
			return t
		}
		return at
	})
	p.polled = at
	return nil
}

// between is when a rule was evaluated, as far as that can be.
func (p *Poller) between(evaluated, at time.Time) time.Time {
	if evaluated.After(at) || !evaluated.After(p.polled) || evaluated.Before(p.started) {
		return at
	}
	return evaluated
}

// failure journals that a rule cannot be evaluated, once for each message.
func (p *Poller) failure(g group, r rule, at time.Time) {
	failed := journal.RuleFailed{Group: g.Name, Rule: r.Name, Error: r.LastError}
	if r.LastError == "" || p.failed[failed] {
		return
	}
	p.failed[failed] = true
	p.emit(at, failed)
}

// changed is an alert in the words of the journal, but for where it comes from.
func (p *Poller) changed(g group, r rule, a alert) journal.AlertChanged {
	labels := maps.Clone(a.Labels)
	delete(labels, "alertname")
	return journal.AlertChanged{
		Group: g.Name, Alert: r.Name, Labels: orNil(labels), To: a.State, ActiveAt: a.ActiveAt.Sub(p.started),
		Value: number(a.Value), Annotations: orNil(a.Annotations),
	}
}

// identity of an alert: its rule and its labels.
func identity(rule ruleKey, labels map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q", rule)
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(&b, " %q=%q", name, labels[name])
	}
	return b.String()
}

// compare journals what is other than before: first what is over, then what began. An
// alert that was over in between and began again, which its ActiveAt tells, does both.
func (p *Poller) compare(now map[string]standing, at func(standing) time.Time) {
	for _, key := range slices.Sorted(maps.Keys(p.active)) {
		before := p.active[key]
		if after, still := now[key]; still && after.ActiveAt == before.ActiveAt {
			continue
		}
		over := before.AlertChanged
		over.From, over.To = before.To, journal.AlertInactive
		p.emit(at(before), over)
		delete(p.active, key)
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		after, from := now[key], journal.AlertInactive
		if before, was := p.active[key]; was {
			from = before.To
		}
		if after.To != from {
			after.From = from
			p.emit(at(after), after.AlertChanged)
		}
	}
	p.active = now
}

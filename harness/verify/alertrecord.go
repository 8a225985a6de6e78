package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// alertRecord is what the record says of rules and of alerts; each list is in order
// of time.
type alertRecord struct {
	loaded   *journal.RulesLoaded // the last; nil: none were evaluated
	episodes []*episode           // in order of their first change
	failed   []timed[journal.RuleFailed]
	scrapes  []timed[journal.ScrapeChanged]
	exported []journal.Exported
	until    time.Duration // rules were evaluated at least up to here
}

// An episode is an alert with certain labels from when its expression was first
// seen to be true until it no longer was.
type episode struct {
	alert   string
	pending time.Duration        // the evaluation that saw it first; when it fired, where that was the same
	fired   *time.Duration       // nil: it never did
	over    time.Duration        // forever: not before the end of the record
	last    journal.AlertChanged // to firing, or to pending where it never fired
	labels  map[string]string    // without the name
}

// alertRecord reads the events of a run once.
func (h *history) alertRecord() alertRecord {
	r := alertRecord{until: max(0, h.window.to)}
	open := map[string]*episode{}
	for _, e := range h.rec.Events {
		switch b := e.Body.(type) {
		case journal.RulesLoaded:
			r.loaded = &b
		case journal.AlertChanged:
			r.change(open, e.T, b)
		case journal.RuleFailed:
			r.failed = append(r.failed, timed[journal.RuleFailed]{e.T, b})
		case journal.ScrapeChanged:
			r.scrapes = append(r.scrapes, timed[journal.ScrapeChanged]{e.T, b})
		case journal.Exported:
			r.exported = append(r.exported, b)
		}
	}
	return r
}

// change takes one change of an alert in.
func (r *alertRecord) change(open map[string]*episode, at time.Duration, b journal.AlertChanged) {
	r.until = max(r.until, at)
	key := b.Group + "\x00" + b.Alert + "\x00" + labelled(b.Labels)
	now := open[key]
	begin := func() {
		now = &episode{alert: b.Alert, pending: at, over: forever, labels: b.Labels}
		open[key] = now
		r.episodes = append(r.episodes, now)
	}
	switch b.To {
	case journal.AlertFiring:
		if now == nil {
			begin()
		}
		if now.fired == nil {
			now.fired, now.last = moment(at), b
		}
	case journal.AlertPending:
		if now != nil && now.fired != nil {
			now.over, now = at, nil
		}
		if now == nil {
			begin()
			now.last = b
		}
	case journal.AlertInactive:
		if now != nil {
			now.over = at
			delete(open, key)
		}
	}
}

// firing tells whether it fired at some moment of a stretch.
func (e *episode) firing(during span) bool {
	return e.fired != nil && *e.fired < during.to && e.over > during.from
}

// has tells whether it has all of some labels, with these values.
func (e *episode) has(wanted map[string]string) bool {
	for name, value := range wanted {
		if have, ok := e.labels[name]; !ok || have != value {
			return false
		}
	}
	return true
}

// firings are the episodes that fired, of one alert or of all where it is "", in
// order of when they did.
func (r alertRecord) firings(alert string) []*episode {
	list := slices.DeleteFunc(slices.Clone(r.episodes), func(e *episode) bool {
		return e.fired == nil || alert != "" && e.alert != alert
	})
	slices.SortStableFunc(list, func(a, b *episode) int {
		return cmp.Or(cmp.Compare(*a.fired, *b.fired), cmp.Compare(a.alert, b.alert), cmp.Compare(labelled(a.labels), labelled(b.labels)))
	})
	return list
}

// evidence is when it was pending and when it fired.
func (e *episode) evidence(until time.Duration) []Evidence {
	name := e.alert + labelled(e.labels)
	end := e.over
	if end == forever {
		end = max(until, e.pending)
	}
	if e.fired == nil {
		return []Evidence{{Text: name + " pending, value " + figure(e.last.Value), From: e.pending, To: end}}
	}
	var list []Evidence
	if e.pending < *e.fired {
		list = append(list, Evidence{Text: name + " pending", From: e.pending, To: *e.fired})
	}
	text := name + " firing, value " + figure(e.last.Value)
	if e.over == forever {
		text += ", to the end"
	}
	if said := cmp.Or(e.last.Annotations["summary"], e.last.Annotations["description"], e.last.Annotations["message"]); said != "" {
		text += ": " + firstLine(said)
	}
	return append(list, Evidence{Text: text, From: *e.fired, To: end})
}

// labelled are labels as Prometheus writes them: {service="api"}; "" for none.
func labelled(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+strconv.Quote(labels[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// unloaded says why nothing is known of alerts at all; "" if something is.
func (r alertRecord) unloaded() string {
	switch {
	case r.loaded == nil:
		return "no alert rules were evaluated in this run: the record names none"
	case len(r.loaded.Rules) == 0:
		return "the rule files hold no rule" + after(": ", strings.Join(r.loaded.Files, ", "))
	}
	return ""
}

// rules are the loaded ones; none where no rules were.
func (r alertRecord) rules() []journal.Rule {
	if r.loaded == nil {
		return nil
	}
	return r.loaded.Rules
}

// named are the alerting rules of a name: several groups may have one each.
func (r alertRecord) named(alert string) []journal.Rule {
	return slices.DeleteFunc(slices.Clone(r.rules()), func(l journal.Rule) bool { return l.Alert == "" || l.Alert != alert })
}

// alerts are the names of all alerts, in order.
func (r alertRecord) alerts() []string {
	names := map[string]bool{}
	for _, l := range r.rules() {
		if l.Alert != "" {
			names[l.Alert] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// recorded are the recording rules that a rule goes by, and those that they go by.
func (r alertRecord) recorded(of journal.Rule) []journal.Rule {
	seen := map[string]bool{of.Record: true}
	var list []journal.Rule
	for next := of.Metrics; len(next) > 0; next = next[1:] {
		if seen[next[0]] {
			continue
		}
		seen[next[0]] = true
		for _, l := range r.rules() {
			if l.Record != "" && l.Record == next[0] {
				list = append(list, l)
				next = slices.Concat(next, l.Metrics)
			}
		}
	}
	return list
}

// failure says that a rule that an alert depends on, or any where it is "", could
// not be evaluated before a moment; "" if all could.
func (r alertRecord) failure(alert string, before time.Duration) string {
	concerned := map[string]bool{alert: true}
	for _, l := range r.named(alert) {
		for _, record := range r.recorded(l) {
			concerned[record.Record] = true
		}
	}
	for _, f := range r.failed {
		if f.at <= before && (alert == "" || concerned[f.body.Rule]) {
			return fmt.Sprintf("rule %s of group %s could not be evaluated at %s: %s", f.body.Rule, f.body.Group, offset(f.at), firstLine(f.body.Error))
		}
	}
	return ""
}

// unread are the pages of metrics that could not be read in a stretch, one line
// each.
func (r alertRecord) unread(during span) []Evidence {
	last := map[string]timed[journal.ScrapeChanged]{}
	var list []Evidence
	add := func(s timed[journal.ScrapeChanged], to time.Duration) {
		if !s.body.Up && s.at < during.to && to > during.from {
			list = append(list, Evidence{Text: "the metrics of " + s.body.Instance + " could not be read" + after(": ", firstLine(s.body.Error)),
				Instance: s.body.Instance, From: s.at, To: min(to, max(s.at, r.until))})
		}
	}
	for _, s := range r.scrapes {
		if before, ok := last[s.body.Instance]; ok {
			add(before, s.at)
		}
		last[s.body.Instance] = s
	}
	for _, instance := range slices.Sorted(maps.Keys(last)) {
		add(last[instance], forever)
	}
	slices.SortStableFunc(list, func(a, b Evidence) int { return cmp.Compare(a.From, b.From) })
	return list[:min(len(list), maxNamed)]
}

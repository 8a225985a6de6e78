package oracle

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// A difference is the first evaluation in which two traces of a case differ.
type difference struct {
	what     string
	i        int
	upstream []step
	ours     []evaluation // up to i
}

// compare runs a recommender beside a trace of upstream's, and tells the first
// difference, as differs sees it; nil without one. Evaluations are told to watch,
// which may be nil.
func compare(c *Case, start time.Time, trace []step, recommend recommender, differs func(step, evaluation) string, watch func(evaluation, step)) *difference {
	var d *difference
	var so []evaluation
	ours(c, start, trace, recommend, func(i int, e evaluation) bool {
		so = append(so, e)
		if what := differs(trace[i], e); what != "" {
			d = &difference{what: what, i: i, upstream: trace, ours: so}
			return false
		}
		if watch != nil {
			watch(e, trace[i])
		}
		return true
	})
	return d
}

// differs says in what an evaluation of ours is not like upstream's, "" if in
// nothing.
func differs(want step, have evaluation) string {
	if what := differInReplicas(want, have); what != "" {
		return what
	}
	d := have.out.Decision
	if d.Current != int(have.before) || d.Desired != int(have.after) && !have.refused {
		return fmt.Sprintf("the decision says %d to %d, but it was %d to %d", d.Current, d.Desired, have.before, have.after)
	}
	if want.proposed != nil && int(max(*want.proposed, 0)) != d.Wanted {
		return fmt.Sprintf("metrics propose %d upstream, %d of hpa", *want.proposed, d.Wanted)
	}
	for _, kind := range slices.Sorted(maps.Keys(want.conditions)) {
		if want.refused && kind == "AbleToScale" {
			continue // a decision is told before it is known that it is refused
		}
		if have, want := have.conditions[kind], want.conditions[kind]; have.comparable() != want.comparable() {
			return fmt.Sprintf("condition %s is\n%+v upstream,\n%+v of hpa", kind, want, have)
		}
	}
	if len(have.conditions) != len(want.conditions) {
		return fmt.Sprintf("conditions are %v upstream, %v of hpa", want.conditions, have.conditions)
	}
	if said := fmt.Sprintf("New size: %d; reason: %s", d.Desired, d.Message); want.event != "" && said != want.event && !strings.HasSuffix(want.event, "reason: ") {
		return fmt.Sprintf("upstream's event is %q, by hpa's decision it were %q", want.event, said)
	}
	// Where upstream has no reason, the decision has the message of a condition, and
	// must not blame a metric.
	if why := want.why; why != nil && (*why != "" && d.Message != *why || *why == "" && strings.HasSuffix(d.Message, " target")) {
		return fmt.Sprintf("the reason of the rescale is %q upstream, %q of hpa", *want.why, d.Message)
	}
	if !want.scaled.Equal(have.scaled) {
		return fmt.Sprintf("the last rescale was at %s upstream, at %s of hpa", want.scaled, have.scaled)
	}
	return differInValues(want, have)
}

func differInReplicas(want step, have evaluation) string {
	switch {
	case want.before != have.before:
		return fmt.Sprintf("the oracle is broken: the plants have %d and %d replicas before the evaluation", want.before, have.before)
	case want.refused != have.refused:
		return fmt.Sprintf("a new size was refused upstream: %t, of hpa: %t", want.refused, have.refused)
	case want.after != have.after:
		return fmt.Sprintf("upstream scales from %d to %d, hpa to %d", want.before, want.after, have.after)
	}
	return ""
}

// differInValues compares the values of metrics. Without pods in the status,
// upstream tells a value for each that is a number divided by zero.
func differInValues(want step, have evaluation) string {
	told := have.out.Decision.Metrics
	if len(want.metrics) != len(told) {
		return fmt.Sprintf("upstream tells %d metrics, hpa %d", len(want.metrics), len(told))
	}
	for i, m := range want.metrics {
		switch {
		case m == nil && told[i].Value == nil, m != nil && have.in.Status == 0:
		case m == nil || told[i].Value == nil:
			return fmt.Sprintf("metric %d has a value upstream or of hpa, and not both", i)
		case told[i].Unit == "%" && float64(*m) != *told[i].Value, told[i].Unit != "%" && float64(*m)/1000 != *told[i].Value:
			return fmt.Sprintf("metric %d is %d (thousandths, or percent) upstream, %v %s of hpa", i, *m, *told[i].Value, told[i].Unit)
		}
	}
	return ""
}

// comparable is a condition without the words of errors: upstream's name
// namespaces, and the first pod of a map.
func (c condition) comparable() condition {
	if strings.HasPrefix(c.reason, "FailedGet") {
		c.message = ""
	}
	return c
}

// tell writes what there is to know about a difference.
func (d *difference) tell(c *Case, again string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nagain: %s\n\n", d.what, again)
	fmt.Fprintf(&b, "%8s  %-52s %s\n", "time", "upstream", "hpa")
	first := d.upstream[0].at.Add(-syncPeriod)
	for i := max(0, d.i-4); i <= min(d.i+2, len(d.upstream)-1); i++ {
		have := "(not run)"
		if i <= d.i {
			have = d.ours[i].String()
		}
		fmt.Fprintf(&b, "%8s  %-52s %s\n", d.upstream[i].at.Sub(first), d.upstream[i], have)
	}
	e := d.ours[d.i]
	fmt.Fprintf(&b, "\nconditions upstream: %v\nconditions of hpa:   %v\n", d.upstream[d.i].conditions, e.conditions)
	fmt.Fprintf(&b, "\nwhat both saw: replicas %d, status %d, pods and readings:\n%s%s", e.in.Replicas, e.in.Status, asYAML(e.in.Pods), asYAML(e.in.Readings))
	fmt.Fprintf(&b, "\nhpa's history before: %+v\nhpa's decision:\n%s", e.in.History, asYAML(e.out.Decision))
	fmt.Fprintf(&b, "\nthe case:\n%s", c)
	return b.String()
}

func asYAML(v any) string {
	text, err := yaml.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%+v\n", v)
	}
	return string(text)
}

// String is the step in short: the replicas, and the reasons of the conditions.
func (s step) String() string {
	var words []string
	for _, kind := range slices.Sorted(maps.Keys(s.conditions)) {
		words = append(words, s.conditions[kind].reason)
	}
	return fmt.Sprintf("%d -> %d %s", s.before, s.after, strings.Join(words, ","))
}

// changes is a trace in short: "3 15s:6 1m30s:7" begins with 3, has 6 from the
// evaluation at 15 s on, and 7 from that at 1 m 30 s on.
func changes(start time.Time, trace []step) string {
	words := []string{fmt.Sprint(trace[0].before)}
	last := trace[0].before
	for _, s := range trace {
		if s.before != last {
			words = append(words, fmt.Sprintf("(%d)", s.before))
		}
		if s.after != s.before {
			words = append(words, fmt.Sprintf("%s:%d", s.at.Sub(start), s.after))
		}
		last = s.after
	}
	return strings.Join(words, " ")
}

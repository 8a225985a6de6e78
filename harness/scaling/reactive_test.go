package scaling

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const mib = 1 << 20

var (
	baseClass = scenarios.ResourceClass{CPUs: 0.5, Memory: 200 * mib}
	reactive  = scenarios.Prescale{Policy: scenarios.ReactivePolicy, Hold: scenarios.Duration(time.Minute)}
)

// using is what an instance uses, in cores and MiB.
func using(name, class string, cores float64, memory int64) Use {
	return Use{Instance: name, Class: class, CPUs: cores, Memory: memory * mib}
}

// An instance is raised by the share of what the base class gives, of either
// resource, and a resource without a limit has no share.
func TestReactiveRaises(t *testing.T) {
	for name, c := range map[string]struct {
		base  scenarios.ResourceClass
		above scenarios.Percent // 0: the default
		use   Use
		large bool
	}{
		"idle":              {baseClass, 0, using("i", BaseClass, 0, 0), false},
		"memory just below": {baseClass, 0, using("i", BaseClass, 0.1, 159), false},
		"memory at it":      {baseClass, 0, using("i", BaseClass, 0.1, 160), true},
		"cpu just below":    {baseClass, 0, using("i", BaseClass, 0.399, 10), false},
		"cpu at it":         {baseClass, 0, using("i", BaseClass, 0.4, 10), true},
		"another limit":     {baseClass, 50, using("i", BaseClass, 0, 100), true},
		"no limits":         {scenarios.ResourceClass{}, 0, using("i", BaseClass, 64, 1<<20), false},
		"nobody knows":      {baseClass, 0, Use{Instance: "i", Class: BaseClass, Err: errors.New("gone")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			spec := reactive
			if c.above > 0 {
				spec.Above = &c.above
			}
			d, next := Reactive(spec, c.base, []Use{c.use}, nil, origin)
			if large := next.Class("i") == LargeClass; large != c.large || (d.Reason == Enlarged) != c.large {
				t.Errorf("large %v, %s: %s", large, d.Reason, d.Message)
			}
			if d.Current != 1 || d.Wanted != 1 || d.Desired != 1 {
				t.Errorf("numbers of instances %d, %d, %d", d.Current, d.Wanted, d.Desired)
			}
		})
	}
}

// It goes back when it was calm for the whole of the hold.
func TestReactiveGivesBack(t *testing.T) {
	history := ReactiveHistory(nil)
	for _, step := range []struct {
		after  time.Duration
		memory int64 // MiB; 80 of 200 are half of 80 %
		err    bool
		large  bool
		reason string
	}{
		{0, 170, false, true, Enlarged},
		{15 * time.Second, 79, false, true, WithinRange},
		{60 * time.Second, 80, false, true, WithinRange}, // not calm: from the beginning
		{75 * time.Second, 79, false, true, WithinRange},
		{134 * time.Second, 10, false, true, WithinRange},
		{134 * time.Second, 10, true, true, MetricUnavailable}, // who knows: from the beginning
		{150 * time.Second, 10, false, true, WithinRange},
		{209 * time.Second, 10, false, true, WithinRange},
		{210 * time.Second, 10, false, false, GivenBack},
		{225 * time.Second, 10, false, false, WithinRange},
	} {
		use := using("i", history.Class("i"), 0.01, step.memory)
		if step.err {
			use.Err = errors.New("no answer")
		}
		before := fmt.Sprint(history)
		d, next := Reactive(reactive, baseClass, []Use{use}, history, origin.Add(step.after))
		if fmt.Sprint(history) != before {
			t.Errorf("after %v: the history that was given has changed", step.after)
		}
		if large := next.Class("i") == LargeClass; large != step.large || d.Reason != step.reason {
			t.Errorf("after %v: large %v, %s: %s", step.after, large, d.Reason, d.Message)
		}
		history = next
	}
}

// What replaces an instance that ran out of memory is large, as is one that is so
// for another reason; who is gone is forgotten.
func TestReactiveTakesIn(t *testing.T) {
	history := ReactiveHistory(nil).Enlarge("new")
	_, next := Reactive(reactive, baseClass, []Use{using("new", LargeClass, 0, 0), using("other", LargeClass, 0, 0), using("third", BaseClass, 0, 0)}, history, origin)
	want := ReactiveHistory{"new": {Calm: origin}, "other": {Calm: origin}}
	if !reflect.DeepEqual(next, want) || !reflect.DeepEqual(history, ReactiveHistory{"new": {}}) {
		t.Errorf("%v, want %v; before %v", next, want, history)
	}
	if _, next = Reactive(reactive, baseClass, nil, next, origin); len(next) != 0 {
		t.Errorf("nobody is there, and it remembers %v", next)
	}
}

func TestReactiveSaysWhy(t *testing.T) {
	uses := []Use{
		using("i-1", BaseClass, 0.1, 190), using("i-2", BaseClass, 0.45, 20), using("i-3", LargeClass, 0, 1),
		{Instance: "i-4", Class: BaseClass, Err: errors.New("no answer")},
	}
	history := ReactiveHistory{"i-3": {Calm: origin.Add(-time.Hour)}}
	d, _ := Reactive(reactive, baseClass, uses, history, origin)
	for _, text := range []string{"95% of memory", "90% of CPU", "the limit is 80%", "to be large: i-1, i-2", "back to base, below half of it for 1m0s: i-3", "not known: i-4: no answer"} {
		if !strings.Contains(d.Message, text) {
			t.Errorf("%q is not in %q", text, d.Message)
		}
	}
	if len(d.Metrics) != 2 || *d.Metrics[0].Value != 95 || *d.Metrics[1].Value != 90 || d.Metrics[0].Target != 80 || d.Metrics[0].Unit != "%" || d.Metrics[0].Missing != 1 {
		t.Errorf("metrics %+v", d.Metrics)
	}
	if d.Reason != Enlarged {
		t.Errorf("reason %s", d.Reason)
	}
}

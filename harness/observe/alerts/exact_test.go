package alerts

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/race"
)

// A moment is what Prometheus has as active after an evaluation of a group, by group,
// alert and labels.
type moment struct {
	group  string
	at     time.Time
	active map[string]rules.Alert
	failed map[string]bool // by group, rule and message
}

func key(group, alert string, l map[string]string) string {
	return fmt.Sprint(group, " ", alert, " ", l)
}

// seen is the moment after an evaluation.
func seen(g *rules.Group, at time.Time) moment {
	m := moment{group: g.Name(), at: at, active: map[string]rules.Alert{}, failed: map[string]bool{}}
	for _, r := range g.Rules() {
		if err := r.LastError(); err != nil {
			m.failed[g.Name()+" "+r.Name()+" "+err.Error()] = true
		}
		if alert, ok := r.(*rules.AlertingRule); ok {
			for _, a := range alert.ActiveAlerts() {
				m.active[key(g.Name(), alert.Name(), withoutName(a.Labels))] = *a
			}
		}
	}
	return m
}

// options are those of Prometheus' own manager on a lab.
func (l *lab) options() *rules.ManagerOptions {
	return &rules.ManagerOptions{
		Context: context.Background(), Queryable: l.store, Appendable: l.store,
		QueryFunc:  rules.EngineQueryFunc(l.engine, l.store),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	}
}

// compare replays a journal and wants, after each evaluation, what Prometheus has.
func compare(start time.Time, events []journal.Event, want []moment) error {
	state := map[string]string{}
	failed := map[string]bool{}
	for _, m := range want {
		at := m.at.Sub(start)
		for len(events) > 0 && events[0].T == at && groupOf(events[0]) == m.group {
			switch b := events[0].Body.(type) {
			case journal.AlertChanged:
				if err := replay(start, b, m, state); err != nil {
					return fmt.Errorf("%v: %w", at, err)
				}
			case journal.RuleFailed:
				k := b.Group + " " + b.Rule + " " + b.Error
				if failed[k] || !m.failed[k] {
					return fmt.Errorf("%v: unexpected failure %s", at, k)
				}
				failed[k] = true
			}
			events = events[1:]
		}
		for k := range m.failed {
			if !failed[k] {
				return fmt.Errorf("%v: the failure %s is missing", at, k)
			}
		}
		if err := same(m, state); err != nil {
			return fmt.Errorf("%v: %w", at, err)
		}
	}
	if len(events) > 0 {
		return fmt.Errorf("these belong to no evaluation: %+v", events)
	}
	return nil
}

func groupOf(e journal.Event) string {
	if f, ok := e.Body.(journal.RuleFailed); ok {
		return f.Group
	}
	return e.Body.(journal.AlertChanged).Group
}

// replay applies one transition, which must begin where the alert is and be as
// Prometheus has it.
func replay(start time.Time, b journal.AlertChanged, m moment, state map[string]string) error {
	k := key(b.Group, b.Alert, b.Labels)
	was := state[k]
	if was == "" {
		was = journal.AlertInactive
	}
	if b.From != was || b.To == was {
		return fmt.Errorf("%+v, but it was %s", b, was)
	}
	delete(state, k)
	if b.To == journal.AlertInactive {
		return nil
	}
	state[k] = b.To
	a := m.active[k]
	if b.ActiveAt != a.ActiveAt.Sub(start) || b.Value != finite(a.Value) || !maps.Equal(b.Annotations, a.Annotations.Map()) {
		return fmt.Errorf("got %+v, want %+v", b, a)
	}
	return nil
}

// same wants the alerts of a moment's group to be in the states that it has.
func same(m moment, state map[string]string) error {
	for k, a := range m.active {
		if state[k] != a.State.String() {
			return fmt.Errorf("%s is %q, want %v", k, state[k], a.State)
		}
	}
	for k, s := range state {
		var of string
		if fmt.Sscan(k, &of); of == m.group && m.active[k].State.String() != s {
			return fmt.Errorf("%s is %q, want %v", k, s, m.active[k].State)
		}
	}
	return nil
}

// cases is how many drawn ones each comparison makes; make oracle makes more.
var cases = flag.Int("cases", race.Less(40, 10), "drawn cases of each comparison with Prometheus")

// drawn runs cases that are drawn by seed, each with labs of its own. In a short test
// they are fewer.
func drawn(t *testing.T, one func(t *testing.T, r *rand.Rand)) {
	n := *cases
	if testing.Short() {
		n = min(n, 10)
	}
	for seed := range uint64(n) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { one(t, rand.New(rand.NewPCG(seed, seed))) })
	}
}

// Groups as Prometheus loads them, evaluated by hand at the slots of each.
func TestTransitionsAreThoseOfPrometheusGroups(t *testing.T) {
	const scrapes = 60
	transitions := 0
	drawn(t, func(t *testing.T, r *rand.Rand) {
		text := drawnRules(r, 1+r.IntN(3), times{1})
		all := drawnSeries(r, scrapes)
		ours, theirs := newLab(t, time.Second), newLab(t, time.Second)
		ours.run(load(t, text, 1), all, scrapes)
		if err := compare(began, ours.events, theirs.evaluated(write(t, text), all, scrapes)); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		transitions += len(ours.changes())
	})
	if transitions < 10**cases && !testing.Short() {
		t.Errorf("only %d transitions: the cases say too little", transitions)
	}
}

// evaluated lets groups of Prometheus evaluate a rule file, once in their intervals.
func (l *lab) evaluated(file string, all []series, scrapes int) []moment {
	l.t.Helper()
	loaded, errs := rules.NewManager(l.options()).LoadGroups(time.Second, labels.EmptyLabels(), "", nil, false, file)
	if len(errs) > 0 {
		l.t.Fatal(errs)
	}
	var out []moment
	for n := range scrapes {
		at := began.Add(time.Duration(n) * time.Second)
		l.scrape(all, n, at)
		for i := range len(loaded) {
			g := loaded[rules.GroupKey(file, fmt.Sprint("group", i))]
			if n > 0 && at.Sub(began)%g.Interval() == 0 {
				g.Eval(context.Background(), at)
				out = append(out, seen(g, at))
			}
		}
	}
	return out
}

// managed lets the unmodified manager evaluate a rule file of one group in virtual
// time, with its own goroutines, tickers and slots.
func managed(t *testing.T, file string, all []series, scrapes int) (start time.Time, interval time.Duration, out []moment) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, time.Second)
		start = time.Now()
		hook := func(ctx context.Context, g *rules.Group, at time.Time) {
			rules.DefaultEvalIterationFunc(ctx, g, at)
			out, interval = append(out, seen(g, at)), g.Interval()
		}
		manager := rules.NewManager(l.options())
		if err := manager.Update(time.Second, []string{file}, labels.EmptyLabels(), "", hook); err != nil {
			t.Fatal(err)
		}
		go manager.Run()
		for n := range scrapes {
			l.scrape(all, n, time.Now())
			time.Sleep(time.Second)
		}
		manager.Stop()
	})
	return start, interval, out
}

// Our evaluator is asked late, by up to an interval, and must not let it show.
func TestTransitionsAreThoseOfTheManagerHoweverLateWeAre(t *testing.T) {
	const scrapes = 60
	drawn(t, func(t *testing.T, r *rand.Rand) {
		text := drawnRules(r, 1, times{1})
		all := drawnSeries(r, scrapes)
		start, interval, want := managed(t, write(t, text), all, scrapes)
		ours := newLab(t, time.Second)
		first := want[0].at.Add(-interval) // their slots, which a hash shifts
		e := NewEvaluator(load(t, text, 1), ours.config(first))
		left := want
		for n := range scrapes + 1 {
			at := start.Add(time.Duration(n) * time.Second)
			for ; len(left) > 0 && left[0].at.Before(at); left = left[1:] {
				late := time.Duration(r.Int64N(int64(interval)))
				e.Eval(context.Background(), left[0].at.Add(late))
			}
			ours.scrape(all, n, at)
		}
		if err := compare(first, ours.events, want); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if c := e.Counts(); c.Evaluated != len(want) || c.Skipped != 0 {
			t.Fatalf("%+v, want %d evaluations", c, len(want))
		}
	})
}

// The same data, ten times as fast: the same transitions, ten times as early.
func TestScaledRulesOnCompressedDataChangeTenTimesAsEarly(t *testing.T) {
	const scrapes, factor = 60, 10
	drawn(t, func(t *testing.T, r *rand.Rand) {
		text := drawnRules(r, 1+r.IntN(2), times{factor})
		all := drawnSeries(r, scrapes)
		slow, fast := newLab(t, factor*time.Second), newLab(t, time.Second)
		written := NewEvaluator(load(t, text, 1, Every(factor*time.Second)), slow.config(began))
		scaled := NewEvaluator(load(t, text, factor), fast.config(began))
		for n := range scrapes {
			offset := time.Duration(n) * time.Second
			slow.scrape(all, n, began.Add(factor*offset))
			written.Eval(context.Background(), began.Add(factor*offset))
			fast.scrape(all, n, began.Add(offset))
			scaled.Eval(context.Background(), began.Add(offset))
		}
		a, b := slow.changes(), fast.changes()
		if len(a) != len(b) {
			t.Fatalf("%d transitions as written, %d scaled\n%s", len(a), len(b), text)
		}
		for i := range a {
			x, y := a[i].Body.(journal.AlertChanged), b[i].Body.(journal.AlertChanged)
			if a[i].T != factor*b[i].T || x.ActiveAt != factor*y.ActiveAt || x.From != y.From || x.To != y.To ||
				key(x.Group, x.Alert, x.Labels) != key(y.Group, y.Alert, y.Labels) || !maps.Equal(x.Annotations, y.Annotations) {
				t.Fatalf("%+v\n%+v\n%s", a[i], b[i], text)
			}
		}
	})
}

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/api"
	"github.com/shakedown-dev/shakedown/harness/observe/remote"
)

var started = second(1000)

// rig is a Prometheus whose rules are what a journal says, and a poller of it.
type rig struct {
	*remote.Poller
	history *api.History
	now     time.Time
	down    bool
	got     []journal.Event
}

// RoundTrip implements http.RoundTripper without a network.
func (r *rig) RoundTrip(request *http.Request) (*http.Response, error) {
	if r.down {
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	api.Handler(api.Source{}, api.Info{Now: func() time.Time { return r.now }, History: r.history}).ServeHTTP(w, request)
	return w.Result(), nil
}

func newRig(t tester) *rig {
	r := &rig{history: api.NewHistory(started), now: started}
	p, err := remote.New("http://prometheus", r)
	if err != nil {
		t.Fatal(err)
	}
	r.Poller = remote.NewPoller(p, started, func(at time.Time, body journal.Body) {
		r.got = append(r.got, journal.Event{T: at.Sub(started), Body: body})
	})
	return r
}

// tester is a test, or one round of a property.
type tester interface{ Fatal(...any) }

// poll polls at an offset of the run and returns what was journaled.
func (r *rig) poll(t tester, at time.Duration) []journal.Event {
	r.now, r.got = started.Add(at), nil
	if err := r.Poll(context.Background(), r.now); err != nil {
		t.Fatal(err)
	}
	return r.got
}

func loaded(rules ...journal.Rule) journal.Event {
	return journal.Event{Body: journal.RulesLoaded{Files: []string{"rules.yml"}, Scale: 1, Source: "http://prometheus", Rules: rules}}
}

func rule(alert string) journal.Rule {
	most := 1.0
	return journal.Rule{
		File: "rules.yml", Group: "g", Interval: time.Second, Alert: alert, Expr: "rate(" + strings.ToLower(alert) + "[5s]) > 1",
		For: 2 * time.Second, KeepFiring: 1500 * time.Millisecond,
		Metrics: []string{strings.ToLower(alert)}, Ranges: []time.Duration{5 * time.Second},
		Threshold: &most, Compare: ">",
	}
}

func TestRulesComeAsTheyAreJournaled(t *testing.T) {
	r := newRig(t)
	with := rule("A")
	with.Labels = map[string]string{"severity": "page"}
	with.Annotations = map[string]string{"summary": "{{ $value }} is too much"}
	record := journal.Rule{File: "rules.yml", Group: "g", Interval: time.Second, Record: "a:b", Expr: "sum(c)", Metrics: []string{"c"}}
	want := loaded(with, record)
	r.history.Observe(want)
	if got := r.poll(t, 0); !reflect.DeepEqual(got, []journal.Event{want}) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
	if got := r.poll(t, time.Second); got != nil {
		t.Errorf("rules that did not change were journaled again: %v", got)
	}
	other := loaded(rule("B"))
	other.T = 2 * time.Second
	r.history.Observe(other)
	if got := r.poll(t, 2*time.Second); !reflect.DeepEqual(got, []journal.Event{other}) {
		t.Errorf("\n got %+v\nwant %+v", got, other)
	}
}

func TestNoRulesAreJournaledToo(t *testing.T) {
	r := newRig(t)
	want := []journal.Event{{Body: journal.RulesLoaded{Scale: 1, Source: "http://prometheus"}}}
	if got := r.poll(t, 0); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// Whatever alerts do from second to second, polling once a second finds just that.
func TestChangesOfAlertsComeAsTheyAreJournaled(t *testing.T) {
	states := []string{journal.AlertInactive, journal.AlertPending, journal.AlertFiring}
	rapid.Check(t, func(t *rapid.T) {
		r := newRig(t)
		r.history.Observe(loaded(rule("A"), rule("B")))
		r.poll(t, 0)
		before := map[string]journal.AlertChanged{}
		for n := range rapid.IntRange(1, 12).Draw(t, "seconds") {
			at := time.Duration(n+1) * time.Second
			var want []journal.Event
			for _, alert := range []string{"A", "B"} {
				for _, service := range []string{"x", "y"} {
					key := alert + service
					was, ok := before[key]
					if !ok {
						was = journal.AlertChanged{To: journal.AlertInactive}
					}
					next := journal.AlertChanged{
						Group: "g", Alert: alert, Labels: map[string]string{"service": service},
						From: was.To, To: rapid.SampledFrom(states).Draw(t, key), ActiveAt: was.ActiveAt,
						Value: float64(n), Annotations: map[string]string{"summary": fmt.Sprint(n)},
					}
					switch {
					case next.To == was.To:
						continue
					case was.To == journal.AlertInactive:
						next.ActiveAt = at
					case next.To == journal.AlertInactive: // what was last known stays so
						next.Value, next.Annotations = was.Value, was.Annotations
					}
					before[key] = next
					want = append(want, journal.Event{T: at, Body: next})
				}
			}
			for _, e := range want {
				r.history.Observe(e)
			}
			if got := r.poll(t, at); !reflect.DeepEqual(ordered(got), ordered(want)) {
				t.Fatalf("at %s\n got %+v\nwant %+v", at, got, want)
			}
		}
	})
}

func ordered(events []journal.Event) []journal.Event {
	slices.SortFunc(events, func(a, b journal.Event) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return events
}

func firing(alert string, at, since time.Duration) journal.Event {
	return journal.Event{T: at, Body: journal.AlertChanged{
		Group: "g", Alert: alert, From: journal.AlertInactive, To: journal.AlertFiring, ActiveAt: since, Value: 3,
	}}
}

func TestAnAlertFromBeforeTheRunWasActiveBefore(t *testing.T) {
	r := newRig(t)
	r.history.Observe(loaded(rule("A")))
	r.history.Observe(firing("A", -time.Minute, -time.Minute))
	got := r.poll(t, 0)
	if want := firing("A", 0, -time.Minute); len(got) != 2 || !reflect.DeepEqual(got[1], want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestAnAlertThatEndedAndBeganBetweenTwoPollsDidBoth(t *testing.T) {
	r := newRig(t)
	r.history.Observe(loaded(rule("A")))
	r.history.Observe(firing("A", time.Second, time.Second))
	r.poll(t, time.Second)
	r.history.Observe(firing("A", 4*time.Second, 3*time.Second))
	got := r.poll(t, 5*time.Second)
	if len(got) != 2 || got[0].Body.(journal.AlertChanged).To != journal.AlertInactive || got[1].Body.(journal.AlertChanged).ActiveAt != 3*time.Second {
		t.Errorf("%+v", got)
	}
}

func TestARuleThatFailsIsJournaledOnceForEachMessage(t *testing.T) {
	r := newRig(t)
	r.history.Observe(loaded(rule("A")))
	failed := journal.RuleFailed{Group: "g", Rule: "A", Error: "many-to-many"}
	r.history.Observe(journal.Event{T: time.Second, Body: failed})
	r.poll(t, 0)
	if got := r.poll(t, time.Second); !reflect.DeepEqual(got, []journal.Event{{T: time.Second, Body: failed}}) {
		t.Errorf("%+v", got)
	}
	if got := r.poll(t, 2*time.Second); got != nil {
		t.Errorf("again: %+v", got)
	}
}

func TestAPollThatFailsChangesNothing(t *testing.T) {
	r := newRig(t)
	r.history.Observe(loaded(rule("A")))
	r.history.Observe(firing("A", time.Second, time.Second))
	r.poll(t, time.Second)
	r.down, r.got = true, nil
	if err := r.Poll(context.Background(), second(1002)); err == nil || r.got != nil {
		t.Errorf("%v, %+v", err, r.got)
	}
	r.down = false
	if got := r.poll(t, 3*time.Second); got != nil {
		t.Errorf("the alert that fires all along was journaled: %+v", got)
	}
}

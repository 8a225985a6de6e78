package measure

import (
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// planOf has so many loads, phases of a second, and steps a journey.
func planOf(loads, phases, steps int) *scenarios.Plan {
	plan := &scenarios.Plan{Journeys: map[string][]scenarios.PlannedStep{}}
	for i := range phases {
		plan.Phases = append(plan.Phases, scenarios.PlannedPhase{
			Name: "phase " + name(i), Start: scenarios.Duration(time.Duration(i) * time.Second),
		})
	}
	for i := range steps {
		plan.Journeys["shop"] = append(plan.Journeys["shop"], scenarios.PlannedStep{Name: "step " + name(i), Service: "api"})
	}
	for i := range loads {
		plan.Load = append(plan.Load, scenarios.PlannedLoad{Cohort: "cohort " + name(i), Tier: "gold", Journey: "shop"})
	}
	return plan
}

func name(i int) string {
	return string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
}

// book is a Sink that keeps what it is told; with err it fails.
type book struct {
	t          testing.TB
	traffic    []journal.Traffic
	generators []journal.Generator
	groups     []journal.ErrorGroup
	times      map[journal.Tag]*hdrhistogram.Histogram
	spans      map[journal.Tag][][2]time.Duration
	calls      int
	err        error

	// Of the Traffic event before: its histograms follow.
	last      *journal.Traffic
	responses *hdrhistogram.Histogram
}

func newBook(t testing.TB) *book {
	return &book{t: t, times: map[journal.Tag]*hdrhistogram.Histogram{}, spans: map[journal.Tag][][2]time.Duration{}}
}

func (b *book) Append(e journal.Event) error {
	b.calls++
	b.compare()
	switch body := e.Body.(type) {
	case journal.Traffic:
		b.traffic = append(b.traffic, body)
		b.last, b.responses = &b.traffic[len(b.traffic)-1], journal.NewHistogram()
	case journal.Generator:
		b.generators = append(b.generators, body)
	case journal.ErrorGroup:
		b.groups = append(b.groups, body)
	}
	return b.err
}

func (b *book) Latency(i journal.Interval) error {
	b.calls++
	if b.times[i.Tag] == nil {
		b.times[i.Tag] = journal.NewHistogram()
	}
	i.AddTo(b.times[i.Tag])
	b.spans[i.Tag] = append(b.spans[i.Tag], [2]time.Duration{i.From, i.To})
	if i.Tag.Measure == journal.Response && b.last != nil {
		i.AddTo(b.responses)
	}
	if i.Count() == 0 {
		b.t.Errorf("an empty histogram of %v", i.Tag)
	}
	return b.err
}

// compare holds the quantiles of the Traffic event before against the
// histograms that came with it.
func (b *book) compare() {
	if b.last == nil {
		return
	}
	h := b.responses
	want := [4]time.Duration{at(h, 50), at(h, 95), at(h, 99), time.Duration(h.Max()) * time.Microsecond}
	if got := [4]time.Duration{b.last.P50, b.last.P95, b.last.P99, b.last.Max}; got != want {
		b.t.Errorf("quantiles of %+v are %v, want %v", *b.last, got, want)
	}
	b.last = nil
}

func at(h *hdrhistogram.Histogram, percent float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(percent)) * time.Microsecond
}

// sum adds up the events of a step by cohort and phase.
func (b *book) sums() map[journal.Tag]counts {
	sums := map[journal.Tag]counts{}
	for _, e := range b.traffic {
		tag := journal.Tag{Phase: e.Phase, Cohort: e.Cohort, Tier: e.Tier, Journey: e.Journey, Step: e.Step}
		c := sums[tag]
		sums[tag] = counts{c.intended + e.Intended, c.sent + e.Sent, c.ok + e.OK, c.failed + e.Failed, c.unknown + e.Unknown, c.own + e.Own}
	}
	return sums
}

// write cuts and writes at once.
func write(t testing.TB, r *Recorder, sink journal.Sink, now time.Duration) {
	t.Helper()
	b := r.Cut(now, Gauges{})
	if b == nil {
		t.Fatal("no batch although the one before is written")
	}
	if err := b.Write(sink); err != nil {
		t.Fatal(err)
	}
}

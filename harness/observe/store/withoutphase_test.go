package store_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

var stale = math.Float64frombits(value.StaleNaN)

func second(n int) time.Time { return began.Add(time.Duration(n) * time.Second) }

// evaluated is an expression at every half second up to a moment, as series in order.
func evaluated(ctx context.Context, r *rapid.T, s *store.Store, of storage.Queryable, expr string, to time.Time) promql.Matrix {
	query, err := s.Engine().NewRangeQuery(ctx, of, nil, expr, began, to, 500*time.Millisecond)
	if err != nil {
		r.Fatal(err)
	}
	result := query.Exec(ctx)
	if result.Err != nil {
		r.Fatal(expr, result.Err)
	}
	all := result.Value.(promql.Matrix)
	slices.SortFunc(all, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
	return all
}

// described is a matrix in which sums do not depend on the order of what they are of.
func described(all promql.Matrix) string {
	var b strings.Builder
	for _, s := range all {
		b.WriteString(s.Metric.String())
		for _, p := range s.Floats {
			fmt.Fprintf(&b, " %d:%.7g", p.T-timestamp.FromTime(began), p.F)
		}
		for _, p := range s.Histograms {
			fmt.Fprintf(&b, " %d:%.7g/%.7g", p.T-timestamp.FromTime(began), p.H.Count, p.H.Sum)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// sees holds the view without phases to what it shows of an expression at one moment.
func sees(t *testing.T, s *store.Store, expr string, at time.Time, want string) {
	t.Helper()
	query, err := s.Engine().NewInstantQuery(t.Context(), s.WithoutPhase(), nil, expr, at)
	if err != nil {
		t.Fatal(err)
	}
	result := query.Exec(t.Context())
	if result.Err != nil {
		t.Fatal(expr, result.Err)
	}
	all := result.Value.(promql.Vector)
	slices.SortFunc(all, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
	lines := []string{}
	for _, one := range all {
		lines = append(lines, fmt.Sprintf("%s %g", one.Metric, one.F))
	}
	if got := strings.Join(lines, "; "); got != want {
		t.Errorf("%s is %s, want %s", expr, got, want)
	}
}

// surge writes a counter that grows by one a second, warm up to second 9, in a surge
// from second 10 on, and warm again from second 20 to 30.
func surge(t testing.TB, s *store.Store, named ...string) {
	t.Helper()
	in := func(phase string) labels.Labels {
		return labels.FromStrings(append([]string{"job", "orders", "phase", phase}, named...)...)
	}
	for i := range 31 {
		now, before := in("warm"), in("surge")
		if i >= 10 && i < 20 {
			now, before = before, now
		}
		app := s.Appendable(func() time.Time { return second(i) }).AppenderV2(t.Context())
		write := func(ls labels.Labels, v float64) {
			if _, err := app.Append(0, ls, 0, 0, v, nil, nil, storage.AppendV2Options{}); err != nil {
				t.Fatal(err)
			}
		}
		write(now, float64(i))
		if i == 10 || i == 20 {
			write(before, stale)
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARateGoesOnOverAChangeOfPhase(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	surge(t, s, "__name__", "requests_total")
	for _, at := range []int{9, 10, 11, 15, 20, 21, 25, 30} {
		sees(t, s, "rate(requests_total[5s])", second(at), `{job="orders"} 1`)
		sees(t, s, "requests_total", second(at), fmt.Sprintf(`{__name__="requests_total", job="orders"} %d`, at))
	}
	sees(t, s, "count_over_time(requests_total[31s])", second(30), `{job="orders"} 31`)
}

// TestAHistogramIsComparedWithTheOneBeforeInAnyPhase: what the store has noted about a
// reset is against the histogram before in the same phase.
func TestAHistogramIsComparedWithTheOneBeforeInAnyPhase(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	for i, one := range []struct {
		phase  string
		events int
	}{{"warm", 10}, {"surge", 20}, {"warm", 12}} {
		app := s.Appendable(func() time.Time { return second(i) }).AppenderV2(t.Context())
		ls := labels.FromStrings("__name__", "took", "job", "orders", "phase", one.phase)
		if _, err := app.Append(0, ls, 0, 0, 0, spread(one.events), nil, storage.AppendV2Options{}); err != nil {
			t.Fatal(err)
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	sees(t, s, "resets(took[10s])", second(2), `{job="orders"} 1`)
}

func TestAMatcherOnPhaseSelectsThatOfTheRun(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	surge(t, s, "__name__", "requests_total")
	for _, c := range []struct {
		by   string
		at   int
		want string
	}{
		{`phase="surge"`, 9, ""},
		{`phase="surge"`, 10, `{__name__="requests_total", job="orders"} 10`},
		{`phase="surge"`, 20, ""}, // the end of the phase is the end of the series
		{`phase!="surge"`, 20, `{__name__="requests_total", job="orders"} 20`},
		{`phase=~"surge|warm"`, 20, `{__name__="requests_total", job="orders"} 20`},
		{`phase=""`, 20, ""},
	} {
		sees(t, s, "requests_total{"+c.by+"}", second(c.at), c.want)
	}
	sees(t, s, `count_over_time(requests_total{phase="warm"}[31s])`, second(30), `{job="orders"} 21`)
	sees(t, s, `count_over_time(requests_total{phase=~"surge|warm"}[31s])`, second(30), `{job="orders"} 31`)
}

func TestWhatTheRunAndRulesHaveWrittenKeepsItsPhase(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	put(t, s, began, 1, labels.FromStrings("__name__", "shakedown_phase", "job", "shakedown", "phase", "warm"))
	put(t, s, began, 2, labels.FromStrings("__name__", "load", "job", "orders", "phase", "warm"))
	rule := s.Appender(t.Context())
	at := began.UnixMilli()
	recorded := labels.FromStrings("__name__", "phase:load", "job", "orders", "phase", "warm")
	if _, err := rule.Append(0, recorded, at, 3); err != nil {
		t.Fatal(err)
	}
	spread := labels.FromStrings("__name__", "phase:took", "job", "orders", "phase", "warm")
	if _, err := rule.AppendHistogram(0, spread, at, nil, &histogram.FloatHistogram{Count: 4, ZeroCount: 4}); err != nil {
		t.Fatal(err)
	}
	if err := rule.Commit(); err != nil {
		t.Fatal(err)
	}
	sees(t, s, "shakedown_phase", began, `{__name__="shakedown_phase", job="shakedown", phase="warm"} 1`)
	sees(t, s, "load", began, `{__name__="load", job="orders"} 2`)
	sees(t, s, `{__name__="phase:load"}`, began, `{__name__="phase:load", job="orders", phase="warm"} 3`)
	sees(t, s, `histogram_count({__name__="phase:took"})`, began, `{job="orders", phase="warm"} 4`)
}

func TestLabelsWithoutPhaseAreThoseThatSelectionsHave(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	put(t, s, began, 1, labels.FromStrings("__name__", "shakedown_phase", "job", "shakedown", "phase", "calm"),
		labels.FromStrings("__name__", "shakedown_phase", "job", "shakedown", "phase", "busy"),
		labels.FromStrings("__name__", "load", "job", "orders", "phase", "warm"))
	q, err := s.WithoutPhase().Querier(began.UnixMilli(), began.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, q)
	scraped := labels.MustNewMatcher(labels.MatchEqual, "job", "orders")
	one := &storage.LabelHints{Limit: 1}
	for _, c := range []struct {
		name  string
		hints *storage.LabelHints
		by    []*labels.Matcher
		want  []string
	}{
		{"", nil, nil, []string{"__name__", "job", "phase"}},
		{"", nil, []*labels.Matcher{scraped}, []string{"__name__", "job"}},
		{"phase", nil, nil, []string{"busy", "calm"}},
		{"phase", one, nil, []string{"busy"}},
		{"phase", nil, []*labels.Matcher{scraped}, nil},
		{"job", nil, nil, []string{"orders", "shakedown"}},
	} {
		var got []string
		if c.name == "" {
			got, _, err = q.LabelNames(t.Context(), c.hints, c.by...)
		} else {
			got, _, err = q.LabelValues(t.Context(), c.name, c.hints, c.by...)
		}
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got, c.want)
	}
}

func TestSeriesWithoutPhaseAreInOrderWhereThatIsAskedFor(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	for i := range 30 { // by phase, which would come before the instance
		put(t, s, began, 1, labels.FromStrings("__name__", "load", "phase", fmt.Sprint("p", 10+i), "z", fmt.Sprint(40-i)))
	}
	q, err := s.WithoutPhase().Querier(began.UnixMilli(), began.UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, q)
	set := q.Select(t.Context(), true, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", "load"))
	var got []string
	for set.Next() {
		got = append(got, set.At().Labels().Get("z"))
	}
	if err := set.Err(); err != nil || len(got) != 30 || !slices.IsSorted(got) {
		t.Errorf("got %v, %v", got, err)
	}
}

// asked by rules, of what is written below.
var rules = []string{
	"rate(requests_total[10s])",
	"increase(requests_total[7s])",
	"irate(requests_total[10s])",
	"resets(requests_total[20s])",
	"changes(load[15s])",
	"avg_over_time(load[10s])",
	"count_over_time(load[10s])",
	"sum by (service) (rate(requests_total[10s]))",
	"sum without (instance) (load)",
	"up == 0",
	"count(up)",
	"count by (service) (load)",
	"absent(up)",
	"absent_over_time(load[4s])",
	"timestamp(load)",
	"requests_total offset 3s",
	"max_over_time(rate(requests_total[5s])[10s:1s])",
	"rate(requests_total[10s]) / on (instance) load",
	"histogram_count(rate(took[10s]))",
	"histogram_quantile(0.9, sum(rate(took[10s])))",
	"increase(took[6s])",
	"took",
	"histogram_sum(took)",
	"label_replace(load, \"phase\", \"x\", \"\", \"\")",
}

// TestRulesSeeWhatTheyWouldWithoutPhases: every expression has the same value at every
// moment as on a store that never heard of phases.
func TestRulesSeeWhatTheyWouldWithoutPhases(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		const length = 40
		phased, plain := newFed(t, r), newFed(t, r)
		course := drawCourse(r, length)
		for i, now := range course {
			phased.write(i, now, now.phase)
			plain.write(i, now, "")
		}
		for _, expr := range rules {
			end := second(length + 6)
			got := described(evaluated(t.Context(), r, phased.store, phased.store.WithoutPhase(), expr, end))
			want := described(evaluated(t.Context(), r, plain.store, plain.store.Queryable(), expr, end))
			if got != want {
				r.Errorf("%s is\n%swithout phases it is\n%s", expr, got, want)
			}
		}
		closed(t, phased.store)
		closed(t, plain.store)
	})
}

// moment is what scrapes find at one time: nil for an instance that is not there.
type moment struct {
	phase     string
	instances [3]*found
}

type found struct {
	up       bool
	requests float64
	load     float64
	took     *histogram.Histogram // nil: not on the page
}

func drawCourse(r *rapid.T, length int) []moment {
	course := make([]moment, length)
	phase := ""
	change := rapid.IntRange(0, 9)
	for i := range course {
		if change.Draw(r, "phase") == 0 {
			phase = rapid.SampledFrom([]string{"", "warm", "surge", "calm"}).Draw(r, "to")
		}
		course[i].phase = phase
	}
	for n := range course[0].instances {
		there, requests, events := rapid.Bool().Draw(r, "there"), 0.0, 0
		for i := range course {
			if change.Draw(r, "comes or goes") == 0 {
				there = !there
			}
			if change.Draw(r, "reset") == 0 {
				requests, events = 0, 0
			}
			if !there {
				continue
			}
			requests += float64(rapid.IntRange(0, 4).Draw(r, "more"))
			events += rapid.IntRange(0, 3).Draw(r, "events")
			one := &found{up: change.Draw(r, "down") > 0, requests: requests, load: float64(i*n + 1)}
			if change.Draw(r, "no histogram") > 0 {
				one.took = spread(events)
			}
			course[i].instances[n] = one
		}
	}
	return course
}

// spread is a histogram of as many events, half of them in each of two buckets.
func spread(events int) *histogram.Histogram {
	low := int64(events / 2)
	high := int64(events) - low
	return &histogram.Histogram{
		Count: uint64(events), Sum: float64(3 * events), Schema: 0,
		PositiveSpans: []histogram.Span{{Offset: 0, Length: 2}}, PositiveBuckets: []int64{low, high - low},
	}
}

// fed is a store with what counts in it, by labels without a phase.
type fed struct {
	t      *testing.T
	store  *store.Store
	counts map[string]labels.Labels // as stored
}

func newFed(t *testing.T, r *rapid.T) *fed {
	s, err := store.Create(t.TempDir(), store.Options{})
	if err != nil {
		r.Fatal(err)
	}
	return &fed{t: t, store: s, counts: map[string]labels.Labels{}}
}

// write does what a scrape does: what is not found any more, or in another phase, ends
// in the transaction of what is found.
func (f *fed) write(i int, now moment, phase string) {
	app := f.store.Appendable(func() time.Time { return second(i) }).AppenderV2(f.t.Context())
	put := func(ls labels.Labels, v float64, h *histogram.Histogram) {
		if _, err := app.Append(0, ls, 0, 0, v, h, nil, storage.AppendV2Options{}); err != nil {
			f.t.Fatal(ls, err)
		}
	}
	seen := map[string]bool{}
	sample := func(name string, n int, v float64, h *histogram.Histogram) {
		bare := labels.FromStrings("__name__", name, "job", "orders", "service", "orders", "instance", fmt.Sprint("orders-", n))
		b := labels.NewBuilder(bare)
		if phase != "" {
			b.Set("phase", phase)
		}
		key, stored := bare.String(), b.Labels()
		if was, ok := f.counts[key]; ok && !labels.Equal(was, stored) {
			put(was, stale, nil)
		}
		put(stored, v, h)
		f.counts[key], seen[key] = stored, true
	}
	for n, one := range now.instances {
		switch {
		case one == nil:
			continue
		case !one.up:
			sample("up", n, 0, nil)
			continue
		}
		sample("up", n, 1, nil)
		sample("requests_total", n, one.requests, nil)
		sample("load", n, one.load, nil)
		if one.took != nil {
			sample("took", n, 0, one.took)
		}
	}
	for key, stored := range f.counts {
		if !seen[key] {
			put(stored, stale, nil)
			delete(f.counts, key)
		}
	}
	if err := app.Commit(); err != nil {
		f.t.Fatal(err)
	}
}

// TestSamplesOfPhasesAreReadInOrderHoweverTheyAreRead: any mixture of Next and Seek
// finds the samples that reading one after the other does.
func TestSamplesOfPhasesAreReadInOrderHoweverTheyAreRead(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	surge(t, s, "__name__", "requests_total")
	q, err := s.WithoutPhase().Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, q)
	set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchEqual, "__name__", "requests_total"))
	if !set.Next() {
		t.Fatal("there is no series", set.Err())
	}
	one := set.At()
	if set.Next() {
		t.Error("there is another series")
	}
	rapid.Check(t, func(r *rapid.T) {
		var it chunkenc.Iterator
		for range 2 { // the second time with the memory of the first
			it = one.Iterator(it)
			at := -1 // number of the current sample
			for at < 31 {
				var is chunkenc.ValueType
				if rapid.Bool().Draw(r, "next") {
					is = it.Next()
					at++
				} else {
					to := rapid.IntRange(0, 31).Draw(r, "to")
					is = it.Seek(second(to).UnixMilli())
					at = max(at, to)
				}
				if at > 30 {
					if is != chunkenc.ValNone || it.Next() != chunkenc.ValNone || it.Seek(0) != chunkenc.ValNone {
						r.Fatal("there is more than there is")
					}
					break
				}
				if is != chunkenc.ValFloat {
					r.Fatalf("sample %d is %s", at, is)
				}
				if ms, v := it.At(); ms != second(at).UnixMilli() || it.AtT() != ms || v != float64(at) {
					r.Fatalf("sample %d is %g at %d", at, v, ms)
				}
			}
			if err := it.Err(); err != nil {
				r.Fatal(err)
			}
		}
	})
}

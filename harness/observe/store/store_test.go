package store_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/metadata"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func created(t testing.TB) (*store.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "metrics")
	s, err := store.Create(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func closed(t testing.TB, s interface{ Close() error }) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// put appends one sample of each series at the time of the clock.
func put(t testing.TB, s *store.Store, at time.Time, v float64, series ...labels.Labels) {
	t.Helper()
	app := s.Appendable(func() time.Time { return at }).AppenderV2(t.Context())
	for _, ls := range series {
		if _, err := app.Append(0, ls, 0, 0, v, nil, nil, storage.AppendV2Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

type asked interface {
	Query(ctx context.Context, expr string, at time.Time) ([]store.Series, error)
	Range(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]store.Series, error)
}

// values are those of an expression that has one series at most.
func values(t testing.TB, s asked, expr string, from, to time.Time) []float64 {
	t.Helper()
	all, err := s.Range(t.Context(), expr, from, to, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0].Values
	}
	t.Fatalf("%s has %d series", expr, len(all))
	return nil
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSamplesHaveTheTimeOfTheRunsClockWhateverTimeTheyComeWith(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	now := began
	to := s.Appendable(func() time.Time { return now })
	ls := labels.FromStrings("__name__", "m")
	wall := []time.Duration{0, time.Hour, -time.Hour, 2 * time.Minute} // as it jumps about
	for i, jump := range wall {
		now = began.Add(time.Duration(i) * time.Second)
		app := to.AppenderV2(t.Context())
		now = now.Add(700 * time.Millisecond) // it takes a while until the page is there
		if _, err := app.Append(0, ls, 0, now.Add(jump).UnixMilli(), float64(i), nil, nil, storage.AppendV2Options{}); err != nil {
			t.Fatal(err)
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, values(t, s, "m", began, began.Add(3*time.Second)), []float64{0, 1, 2, 3})
	equal(t, values(t, s, "timestamp(m) - "+fmt.Sprint(began.Unix()), began, began.Add(3*time.Second)), []float64{0, 1, 2, 3})

	now = began.Add(4 * time.Second)
	app := to.AppenderV2(t.Context())
	if _, err := app.Append(0, ls, 0, began.UnixMilli(), math.Float64frombits(value.StaleNaN), nil, nil,
		storage.AppendV2Options{RejectOutOfOrder: true}); err != nil {
		t.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	equal(t, values(t, s, "m", began, began.Add(8*time.Second)), []float64{0, 1, 2, 3})
}

func TestResultsOfRulesKeepTheirTimes(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	app := s.Appender(t.Context())
	at := began.Add(17 * time.Second)
	if _, err := app.Append(0, labels.FromStrings("__name__", "job:errors"), at.UnixMilli(), 5); err != nil {
		t.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	got, err := s.Query(t.Context(), "timestamp({__name__='job:errors'})", at)
	if err != nil || len(got) != 1 || got[0].Values[0] != float64(at.Unix()) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestASeriesCountsForFiveScrapesAndForFiveSecondsAtLeast(t *testing.T) {
	for _, c := range []struct{ every, counts time.Duration }{
		{0, 5 * time.Second}, {100 * time.Millisecond, 5 * time.Second}, {10 * time.Second, 50 * time.Second},
	} {
		s, err := store.Create(t.TempDir(), store.Options{Every: c.every})
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, began, 1, labels.FromStrings("__name__", "m"))
		last := began.Add(c.counts)
		equal(t, len(values(t, s, "m", last.Add(-time.Second), last.Add(-time.Second))), 1)
		equal(t, len(values(t, s, "m", last, last)), 0)
		closed(t, s)
	}
}

// fill writes a counter of two instances, ten seconds long.
func fill(t testing.TB, s *store.Store) {
	t.Helper()
	for i := range 11 {
		put(t, s, began.Add(time.Duration(i)*time.Second), float64(10*i),
			labels.FromStrings("__name__", "requests_total", "service", "orders", "instance", "orders-1"),
			labels.FromStrings("__name__", "requests_total", "service", "orders", "instance", "orders-2"))
	}
}

// answers holds a store to what fill has written.
func answers(t *testing.T, s interface {
	asked
	Series(ctx context.Context, selectors []string, from, to time.Time) ([]labels.Labels, error)
}) {
	t.Helper()
	got, err := s.Query(t.Context(), "sum by (service) (rate(requests_total[5s]))", began.Add(10*time.Second))
	want := []store.Series{{
		Labels: map[string]string{"service": "orders"},
		Times:  []time.Time{began.Add(10 * time.Second).Local()}, Values: []float64{20},
	}}
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		for j := range got[i].Times {
			got[i].Times[j] = got[i].Times[j].Local()
		}
	}
	equal(t, got, want)
	equal(t, values(t, s, "count(requests_total)", began, began.Add(2*time.Second)), []float64{2, 2, 2})
	series, err := s.Series(t.Context(), []string{`{instance="orders-2"}`, "requests_total"}, began, began.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, len(series), 2)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestAClosedStoreIsOneBlockThatAnswersTheSame(t *testing.T) {
	s, dir := created(t)
	fill(t, s)
	answers(t, s)
	closed(t, s)
	before := names(t, dir)
	if len(before) != 1 {
		t.Errorf("there is %v, rather than one block", before)
	}
	for range 2 { // it can be opened again
		r, err := store.Open(dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		answers(t, r)
		closed(t, r)
	}
	equal(t, names(t, dir), before)
}

// crashed is a copy of a directory of a store that goes on.
func crashed(t *testing.T, dir string) string {
	t.Helper()
	there := filepath.Join(t.TempDir(), "metrics")
	if err := os.CopyFS(there, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return there
}

func TestAStoreThatWasNeverClosedOpensAndStaysAsItIs(t *testing.T) {
	s, dir := created(t)
	defer closed(t, s)
	fill(t, s)
	there := crashed(t, dir)
	before := names(t, there)
	for range 2 {
		r, err := store.Open(there, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		answers(t, r)
		closed(t, r)
	}
	equal(t, names(t, there), before)

	r, err := store.Open(dir, store.Options{}) // another process is at it
	if err != nil {
		t.Fatal(err)
	}
	answers(t, r)
	closed(t, r)
}

func TestALogThatIsCutOffInTheMiddleGivesWhatIsBefore(t *testing.T) {
	s, dir := created(t)
	defer closed(t, s)
	fill(t, s)
	there := crashed(t, dir)
	segments, err := filepath.Glob(filepath.Join(there, "wal", "0*"))
	if err != nil || len(segments) == 0 {
		t.Fatal("no log", err)
	}
	last := segments[len(segments)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(last, info.Size()-5); err != nil {
		t.Fatal(err)
	}
	r, err := store.Open(there, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, r)
	equal(t, values(t, r, "sum(requests_total)", began.Add(8*time.Second), began.Add(9*time.Second)), []float64{160, 180})
}

func TestABlockAndALogOfTheSameSamplesHaveThemOnce(t *testing.T) {
	s, dir := created(t)
	fill(t, s)
	log := crashed(t, dir)
	closed(t, s)
	if err := os.Rename(filepath.Join(log, "wal"), filepath.Join(dir, "wal")); err != nil { // it died in Close
		t.Fatal(err)
	}
	r, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, r)
	answers(t, r)
	equal(t, values(t, r, `count_over_time(requests_total{instance="orders-1"}[5s])`, began.Add(9*time.Second), began.Add(9*time.Second)), []float64{5})
}

func TestARunWithoutASampleOpens(t *testing.T) {
	s, dir := created(t)
	closed(t, s)
	r, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, r)
	equal(t, values(t, r, "up", began, began), []float64(nil))
}

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	_, err := store.Open(filepath.Join(t.TempDir(), "none"), store.Options{})
	mentions(t, err, "open the metrics of the run", "none")
	s, dir := created(t)
	fill(t, s)
	closed(t, s)
	_, err = store.Create(dir, store.Options{})
	mentions(t, err, "create the store of metrics", "empty directory")
	if err := os.WriteFile(filepath.Join(dir, names(t, dir)[0], "index"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(dir, store.Options{})
	mentions(t, err, "open block", names(t, dir)[0])
}

func mentions(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Error("there is no error")
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not mention %q", err, word)
		}
	}
}

func TestAnExpressionThatHasNoAnswerIsAnErrorWithItsPlace(t *testing.T) {
	s, err := store.Create(t.TempDir(), store.Options{MaxSamples: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	fill(t, s)
	end := began.Add(10 * time.Second)
	for _, c := range []struct {
		expr  string
		words []string
	}{
		{"sum(rate(requests_total[5s])", []string{"evaluate sum(rate(", "1:29", "unclosed left parenthesis"}},
		{"rate(requests_total)", []string{"1:6", "range vector"}},
		{"", []string{"no expression found"}},
		{"rate(requests_total[10s])", []string{"too many samples", "ask for fewer series"}},
		{"requests_total * on(service) requests_total", []string{"duplicate series"}},
		{`label_replace(requests_total, "a", "b", "c", "(")`, []string{"invalid regular expression"}},
		{`"text"`, []string{"type string", "numbers"}},
	} {
		_, err := s.Query(t.Context(), c.expr, end)
		mentions(t, err, c.words...)
	}
	_, err = s.Range(t.Context(), "up", began, end, 0)
	mentions(t, err, "step", "1ms")
	_, err = s.Range(t.Context(), "up", end, began, time.Second)
	mentions(t, err, "before its start")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Query(ctx, "requests_total", end)
	mentions(t, err, "evaluate requests_total", "canceled")
}

func TestAQueryThatTakesTooLongEnds(t *testing.T) {
	s, err := store.Create(t.TempDir(), store.Options{Timeout: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	fill(t, s)
	_, err = s.Query(t.Context(), "requests_total", began)
	mentions(t, err, "timed out", "a shorter time")
}

func TestNamesAndValuesOfLabels(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	fill(t, s)
	put(t, s, began, 1, labels.FromStrings("__name__", "other", "colour", "blue"))
	end := began.Add(time.Minute)
	all, _, err := s.LabelNames(t.Context(), nil, began, end)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, all, []string{"__name__", "colour", "instance", "service"})
	some, _, err := s.LabelNames(t.Context(), []string{"requests_total", "requests_total"}, began, end)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, some, []string{"__name__", "instance", "service"})
	is, _, err := s.LabelValues(t.Context(), "instance", []string{"requests_total"}, began, end)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, is, []string{"orders-1", "orders-2"})
	_, _, err = s.LabelValues(t.Context(), "instance", []string{"{"}, began, end)
	mentions(t, err, "list values of label instance", "1:2")
	_, err = s.Series(t.Context(), nil, began, end)
	mentions(t, err, "selector")
}

func TestExportedAreTheMetricsOfServicesInFamilies(t *testing.T) {
	s, _ := created(t)
	defer closed(t, s)
	to := s.Appendable(func() time.Time { return began })
	app := to.AppenderV2(t.Context())
	scraped := func(typ model.MetricType, ls ...string) {
		_, err := app.Append(0, labels.FromStrings(append(ls, "job", "orders", "service", "orders")...), 0, 0, 1, nil, nil,
			storage.AppendV2Options{Metadata: metadata.Metadata{Type: typ}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, phase := range []string{"a", "b"} { // which is no other series
		scraped("histogram", "__name__", "took_bucket", "le", "1", "route", "/", "phase", phase)
		scraped("histogram", "__name__", "took_bucket", "le", "+Inf", "route", "/", "phase", phase)
		scraped("histogram", "__name__", "took_sum", "route", "/", "phase", phase)
		scraped("histogram", "__name__", "took_count", "route", "/", "phase", phase)
		scraped("summary", "__name__", "gc_count", "phase", phase)
		scraped("gauge", "__name__", "queue_count", "phase", phase, "instance", "orders-1")
		scraped("unknown", "__name__", "plain", "phase", phase)
		scraped("gauge", "__name__", "up", "phase", phase)
	}
	if _, err := app.Append(0, labels.FromStrings("__name__", "shakedown_endpoints", "job", "shakedown", "service", "orders"),
		0, 0, 1, nil, nil, storage.AppendV2Options{Metadata: metadata.Metadata{Type: "gauge"}}); err != nil {
		t.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	gone := to.AppenderV2(t.Context())
	if _, err := gone.Append(0, labels.FromStrings("__name__", "never", "service", "orders"), 0, 0, 1, nil, nil, storage.AppendV2Options{}); err != nil {
		t.Fatal(err)
	}
	if err := gone.Rollback(); err != nil {
		t.Fatal(err)
	}
	rule := s.Appender(t.Context())
	if _, err := rule.Append(0, labels.FromStrings("__name__", "orders:errors", "service", "orders"), began.UnixMilli(), 1); err != nil {
		t.Fatal(err)
	}
	if err := rule.Commit(); err != nil {
		t.Fatal(err)
	}
	got, err := s.Exported(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, got, []journal.Exported{
		{Metric: "shakedown_endpoints", Type: "gauge", Labels: []string{"service"}, Series: 1},
		{Service: "orders", Metric: "gc", Type: "summary", Series: 1},
		{Service: "orders", Metric: "plain", Series: 1},
		{Service: "orders", Metric: "queue_count", Type: "gauge", Series: 1},
		{Service: "orders", Metric: "took", Type: "histogram", Labels: []string{"le", "route"}, Series: 4},
	})
}

// TestWhatIsWrittenIsRead: any samples, in any number of transactions, are the same
// before and after closing, and after a crash.
func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "run")
		if err != nil {
			r.Fatal(err)
		}
		s, err := store.Create(filepath.Join(dir, "metrics"), store.Options{})
		if err != nil {
			r.Fatal(err)
		}
		count := rapid.IntRange(1, 300).Draw(r, "samples")
		want := make([]float64, count)
		for i := range want {
			want[i] = float64(rapid.IntRange(-5, 5).Draw(r, "value"))
			put(t, s, began.Add(time.Duration(i)*time.Second), want[i], labels.FromStrings("__name__", "m"))
		}
		end := began.Add(time.Duration(count-1) * time.Second)
		held := func(of asked) {
			if got := values(t, of, "m", began, end); !reflect.DeepEqual(got, want) {
				r.Errorf("got %v, want %v", got, want)
			}
		}
		held(s)
		log, err := store.Open(filepath.Join(dir, "metrics"), store.Options{})
		if err != nil {
			r.Fatal(err)
		}
		held(log)
		closed(t, log)
		closed(t, s)
		block, err := store.Open(filepath.Join(dir, "metrics"), store.Options{})
		if err != nil {
			r.Fatal(err)
		}
		held(block)
		closed(t, block)
	})
}

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

// BenchmarkAnHour is a range query over an hour of 50 instances with 500 series each,
// once a second, and opening it.
func BenchmarkAnHour(b *testing.B) {
	s, dir := created(b)
	series := make([]labels.Labels, 0, 25_000)
	for i := range 50 {
		for j := range 500 {
			series = append(series, labels.FromStrings("__name__", fmt.Sprintf("requests_%d_total", j/10), "job", fmt.Sprint("service-", i%10),
				"service", fmt.Sprint("service-", i%10), "instance", fmt.Sprint("instance-", i), "phase", "surge", "route", fmt.Sprint("/orders/", j%10)))
		}
	}
	refs := make([]storage.SeriesRef, len(series))
	for second := range 3600 {
		at := began.Add(time.Duration(second) * time.Second)
		app := s.Appendable(func() time.Time { return at }).AppenderV2(b.Context())
		for i, ls := range series {
			ref, err := app.Append(refs[i], ls, 0, 0, float64(second*(i%7)), nil, nil, storage.AppendV2Options{})
			if err != nil {
				b.Fatal(err)
			}
			refs[i] = ref
		}
		if err := app.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	queries := []struct{ name, expr string }{
		{"rate of 500 series by service", "sum by (service) (rate(requests_7_total[30s]))"},
		{"50 series", `requests_7_total{service="service-3"}`},
	}
	for _, q := range queries {
		b.Run("running/"+q.name, func(b *testing.B) { ask(b, s, q.expr) })
	}
	start := time.Now()
	closed(b, s)
	b.Logf("closing took %s", time.Since(start))
	r, err := store.Open(dir, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer closed(b, r)
	for _, q := range queries {
		b.Run("over/"+q.name, func(b *testing.B) { ask(b, r, q.expr) })
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			r, err := store.Open(dir, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			closed(b, r)
		}
	})
}

// ask is what a dashboard asks: an hour in steps of 15 seconds.
func ask(b *testing.B, of asked, expr string) {
	for b.Loop() {
		all, err := of.Range(b.Context(), expr, began, began.Add(time.Hour), 15*time.Second)
		if err != nil || len(all) == 0 {
			b.Fatal(len(all), err)
		}
	}
}

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// BenchmarkARuleWithoutPhases is what a rule costs at one moment: a rate over five
// minutes of 500 series that have been in five phases, beside the same on a store where
// each of them is one series.
func BenchmarkARuleWithoutPhases(b *testing.B) {
	const length = 300
	for _, phases := range []int{5, 1} {
		s, _ := created(b)
		for second := range length {
			at := began.Add(time.Duration(second) * time.Second)
			app := s.Appendable(func() time.Time { return at }).AppenderV2(b.Context())
			for i := range 500 {
				ls := labels.FromStrings("__name__", "requests_total", "job", "orders", "service", "orders",
					"instance", fmt.Sprint("orders-", i), "phase", fmt.Sprint("phase-", second*phases/length))
				if _, err := app.Append(0, ls, 0, 0, float64(second*i), nil, nil, storage.AppendV2Options{}); err != nil {
					b.Fatal(err)
				}
			}
			if err := app.Commit(); err != nil {
				b.Fatal(err)
			}
		}
		for name, of := range map[string]storage.Queryable{"as stored": s.Queryable(), "without phase": s.WithoutPhase()} {
			b.Run(fmt.Sprintf("%d phases/%s", phases, name), func(b *testing.B) {
				for b.Loop() {
					query, err := s.Engine().NewInstantQuery(b.Context(), of, nil,
						"sum by (service) (rate(requests_total[5m]))", began.Add((length-1)*time.Second))
					if err != nil {
						b.Fatal(err)
					}
					if result := query.Exec(b.Context()); result.Err != nil || result.String() == "" {
						b.Fatal(result)
					}
					query.Close()
				}
			})
		}
		closed(b, s)
	}
}

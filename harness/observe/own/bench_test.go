package own

import (
	"fmt"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

func BenchmarkObserve(b *testing.B) {
	for name, body := range map[string]journal.Body{
		"traffic": sent, "tally": tally, "milestone": journal.Milestone{Journey: "order", Step: "pay", Cohort: "buyers", Outcome: "ok"},
		"request": journal.Request{Service: "api"}, "usage": used,
	} {
		b.Run(name, func(b *testing.B) {
			m := New(atelier())
			e := journal.Event{Body: body}
			b.ReportAllocs()
			for b.Loop() {
				e.T++
				m.Observe(e)
			}
		})
	}
	b.Run("milestones of many goroutines", func(b *testing.B) {
		m := New(atelier())
		e := journal.Event{T: time.Second, Body: journal.Milestone{Journey: "order", Step: "pay", Cohort: "buyers", Outcome: "ok"}}
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.Observe(e)
			}
		})
	})
}

func BenchmarkGather(b *testing.B) {
	for _, instances := range []int{5, 50} {
		b.Run(fmt.Sprintf("%d instances", instances), func(b *testing.B) {
			m := full()
			for i := range instances {
				s, u, c := started, used, tally
				s.Instance = fmt.Sprintf("api-%d", i)
				u.Instance, c.Instance = s.Instance, s.Instance
				for _, body := range []journal.Body{s, u, c} {
					m.Observe(journal.Event{T: 1 << 41, Body: body})
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Gather(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(gathered(b, m))), "series")
		})
	}
}

package measure

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// One request with three times, cuts and writes of every 170,000 in it.
func BenchmarkRequest(b *testing.B) {
	for _, steps := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d steps", steps), func(b *testing.B) {
			r := New(planOf(1, 1, steps), 0)
			row := r.Row(0, 0)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				m := row.Steps[i%steps]
				now := time.Duration(i) * 6 * time.Microsecond
				m.Intend()
				r.Under(now, 1)
				m.Lag(30 * time.Microsecond)
				m.Sent()
				m.End(OK, 2*time.Millisecond, time.Millisecond, "api-1")
				r.Under(now, -1)
				r.Sojourn(time.Millisecond)
				if i++; i%170_000 == 0 {
					if err := r.Cut(now, Gauges{}).Write(discard{}); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// What a request costs when nobody can write.
func BenchmarkRequestOfAnEndlessInterval(b *testing.B) {
	r := New(planOf(1, 1, 100), 0)
	random := rand.New(rand.NewPCG(1, 1))
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		m := r.Row(0, 0).Steps[i%100]
		m.Lag(30 * time.Microsecond)
		m.End(OK, time.Duration(2e6+random.NormFloat64()*4e5), time.Millisecond, "api-1")
		i++
	}
}

func BenchmarkCutOf1000Meters(b *testing.B) {
	r := New(planOf(10, 10, 9), 0)
	for b.Loop() {
		batch := r.Cut(0, Gauges{})
		r.writing.Store(false)
		batch.samples.reset()
	}
}

// 10,000 requests a second over 166 steps: 500 tags.
func BenchmarkWrite500Tags(b *testing.B) {
	sinks := map[string]func() journal.Sink{
		"nothing": func() journal.Sink { return discard{} },
		"journal": func() journal.Sink {
			w, err := journal.Create(b.TempDir(), nil)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = w.Close() })
			return w
		},
	}
	for name, make := range sinks {
		b.Run(name, func(b *testing.B) {
			r, sink := New(planOf(1, 1, 166), 0), make()
			random := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for i := range 10_000 {
					m := r.meters[1+i%166]
					m.Lag(time.Duration(random.ExpFloat64() * 5e4))
					m.End(OK, time.Duration(2e6+random.ExpFloat64()*1e6), time.Duration(1e6+random.ExpFloat64()*1e6), "api-1")
				}
				batch := r.Cut(0, Gauges{})
				b.StartTimer()
				if err := batch.Write(sink); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

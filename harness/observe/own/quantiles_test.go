package own

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

const median = `shakedown_request_duration_seconds{journey="order",quantile="0.5",step="pay"}`

func TestQuantilesAreThoseOfTheLastCompleteInterval(t *testing.T) {
	first, second, idle := sent, sent, sent
	second.P50 = 150 * time.Millisecond
	idle.OK, idle.P50 = 0, 0
	closed := func(t time.Duration) journal.Event { return journal.Event{T: t, Body: journal.Generator{}} }
	for name, c := range map[string]struct {
		events []journal.Event
		want   float64 // 0: absent
	}{
		"one that is not closed":          {[]journal.Event{{T: 1, Body: first}}, 0},
		"one that is closed":              {[]journal.Event{{T: 1, Body: first}, closed(1)}, 0.1},
		"one, and the next not closed":    {[]journal.Event{{T: 1, Body: first}, closed(1), {T: 2, Body: second}}, 0.1},
		"two":                             {[]journal.Event{{T: 1, Body: first}, closed(1), {T: 2, Body: second}, closed(2)}, 0.15},
		"two without anybody closing one": {[]journal.Event{{T: 1, Body: first}, {T: 2, Body: second}}, 0.1},
		"one, then nothing":               {[]journal.Event{{T: 1, Body: first}, closed(1), closed(2)}, 0},
		"one, then no answers":            {[]journal.Event{{T: 1, Body: first}, closed(1), {T: 2, Body: idle}, closed(2)}, 0},
		"one, then the end of traffic":    {[]journal.Event{{T: 1, Body: first}, closed(1), {T: 2, Body: journal.TrafficEnded{}}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := New(nil)
			for _, e := range c.events {
				m.Observe(e)
			}
			if got, there := gathered(t, m)[median]; got != c.want || there != (c.want > 0) {
				t.Errorf("the median is %v (there: %v), want %v", got, there, c.want)
			}
		})
	}
}

// uniform is the figures of answers that took from 0 to most, evenly spread.
func uniform(answers int, most time.Duration) journal.Traffic {
	return journal.Traffic{
		Journey: "order", Step: "pay", OK: answers,
		P50: most / 2, P95: most * 95 / 100, P99: most * 99 / 100, Max: most,
	}
}

func TestQuantilesOfSeveralCohortsAreThoseOfAllTheirAnswers(t *testing.T) {
	// 100 answers up to 1 s and 100 up to 2 s: 1.5 d of them took up to d below 1 s,
	// beyond it 100 + 50 d.
	parts := []journal.Traffic{uniform(100, time.Second), uniform(100, 2*time.Second)}
	for share, want := range map[float64]time.Duration{
		0.5: time.Second * 2 / 3, 0.95: 1800 * time.Millisecond, 0.99: 1960 * time.Millisecond,
	} {
		if got := quantile(parts, share); got < want-2*time.Microsecond || got > want+2*time.Microsecond {
			t.Errorf("the quantile %v is %v, want %v", share, got, want)
		}
	}
}

func TestAQuantileOfSeveralPartsIsBetweenThoseOfTheParts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) journal.Traffic {
			step := rapid.Int64Range(0, int64(time.Minute))
			p := journal.Traffic{OK: rapid.IntRange(1, 1000).Draw(rt, "answers")}
			p.P50 = time.Duration(step.Draw(rt, "p50"))
			p.P95 = p.P50 + time.Duration(step.Draw(rt, "p95"))
			p.P99 = p.P95 + time.Duration(step.Draw(rt, "p99"))
			p.Max = p.P99 + time.Duration(step.Draw(rt, "max"))
			return p
		}), 1, 6).Draw(rt, "parts")
		before := time.Duration(0)
		for _, q := range quantiles {
			low, high := known(parts[0], q.share), known(parts[0], q.share)
			for _, p := range parts {
				low, high = min(low, known(p, q.share)), max(high, known(p, q.share))
			}
			got := quantile(parts, q.share)
			if got < low || got > high {
				rt.Fatalf("the quantile %s is %v, those of the parts are from %v to %v", q.label, got, low, high)
			}
			if got < before-2*time.Microsecond {
				rt.Fatalf("the quantile %s is %v, the one below it %v", q.label, got, before)
			}
			before = got
		}
	})
}

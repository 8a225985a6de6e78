package verify

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// The windows of a pair hold what a sum over each of its seconds gives.
func TestWindowsSumTheirSeconds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole := span{3 * time.Second, 0}
		b := budget{allowed: 0.01, burn: 14.4}
		b.noun = "request"
		for n, bad := range rapid.SliceOfN(rapid.IntRange(0, 100), 20, 60).Draw(rt, "bad") {
			from := whole.from + time.Duration(n)*time.Second
			b.spells = append(b.spells, spell{span{from, from + time.Second}, float64(1000 - bad), float64(bad)})
			whole.to = from + time.Second
		}
		b.stretches = []span{whole}
		p := pair{name: "p", long: 12 * time.Second, short: time.Second, limit: rapid.Float64Range(1, 8).Draw(rt, "limit")}
		have := b.evaluate(p)

		worst, breaches := 0.0, 0
		for last := range b.spells {
			long := 0.0
			for _, s := range b.spells[max(0, last-11) : last+1] {
				long += s.bad
			}
			rate := min(long/12_000, b.spells[last].bad/1000) / 0.01 // what lies before the run counts as good
			worst = max(worst, rate)
			if rate > p.limit*(1+tiny) {
				breaches++
			}
		}
		if have.unfit != "" || math.Abs(have.worst.both()-worst) > 1e-9 || len(have.breaches) != breaches {
			rt.Fatalf("%q worst %v in %d breaches, want %v in %d", have.unfit, have.worst, len(have.breaches), worst, breaches)
		}
	})
}

// The burn rate of a check takes the place of the highest of the usual ones, and none
// is above it; windows are divided by the tempo.
func TestPairsOfWindows(t *testing.T) {
	for _, c := range []struct {
		burn   float64
		limits [4]float64
	}{
		{14.4, [4]float64{14.4, 6, 3, 1}},
		{20, [4]float64{20, 6, 3, 1}},
		{2, [4]float64{2, 2, 2, 1}},
	} {
		b := budget{allowed: 0.001, burn: c.burn, stretches: []span{{0, time.Minute}}}
		for n, p := range b.windows(60) {
			if p.limit != c.limits[n] || p.long*60 != usualPairs[n].long || p.short*60 != usualPairs[n].short {
				t.Errorf("burn %v: pair %s is %s/%s with %v, want %v", c.burn, p.name, p.long, p.short, p.limit, c.limits[n])
			}
		}
	}
}

// A run that spends as fast as allowed for the whole window spends the budget.
func TestSpentIsRateTimesPart(t *testing.T) {
	b := budget{allowed: 0.001, real: 3 * time.Hour}
	b.slo = scenarios.PlannedSLO{Window: scenarios.Duration(30 * time.Hour)}
	b.stretches, b.noun = []span{{0, time.Minute}}, "request"
	b.spells = []spell{{span{0, time.Minute}, 99_800, 200}}
	if f := b.spent(); f.Measured != "20% spent: 200 of 100,000 requests (0.2%) bad" {
		t.Errorf("twice as fast as allowed for a tenth of the window: %s", f.Measured)
	}
}

func TestTimeWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * 24 * time.Hour: "30d", 36 * time.Hour: "36h", time.Hour: "1h", 90 * time.Minute: "1h30m",
		100 * time.Second: "1m40s", 10 * time.Minute: "10m", 5 * time.Second: "5s", 83 * time.Millisecond: "83ms",
		time.Hour + 5*time.Second: "1h0m5s",
	} {
		if have := timeWords(d); have != want {
			t.Errorf("%v: %s, want %s", d, have, want)
		}
	}
}

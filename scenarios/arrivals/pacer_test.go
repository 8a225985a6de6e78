package arrivals

import (
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestPaceIsAPureFunctionOfElapsedAndHits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := drawRandomLoad(t)
		all := collect(New(load, 2, 5, nil), math.MaxInt)
		p := NewPacer(load, 2, 5, nil)
		for range 4 { // in any order
			hits := rapid.IntRange(0, len(all)).Draw(t, "hits")
			elapsed := time.Duration(rapid.Int64Range(0, int64(30*time.Second)).Draw(t, "elapsed"))
			wait, stop := p.Pace(elapsed, uint64(hits))
			if hits == len(all) {
				if !stop {
					t.Error("no stop after the last arrival")
				}
				continue
			}
			if stop || wait != max(all[hits]-elapsed, 0) {
				t.Errorf("at %v the arrival at %v is %v away, stop %t", elapsed, all[hits], wait, stop)
			}
		}
	})
}

// agree plays two pacers, asked all the time: at no moment may one have sent
// more than one arrival more or less than the other.
func agree(t *rapid.T, ours, theirs vegeta.Pacer, length time.Duration) {
	var sent, arrived uint64
	for now := time.Duration(0); now < length; now += time.Millisecond {
		for wait, _ := theirs.Pace(now, sent); wait <= 0; wait, _ = theirs.Pace(now, sent) {
			sent++
		}
		for wait, stop := ours.Pace(now, arrived); wait <= 0 && !stop; wait, stop = ours.Pace(now, arrived) {
			arrived++
		}
		if sent > arrived+1 || arrived > sent+1 {
			t.Fatalf("at %v vegeta has sent %d, we %d", now, sent, arrived)
		}
		if got, want := ours.Rate(now), theirs.Rate(now); math.Abs(got-want) > 1e-6*(1+want) {
			t.Fatalf("at %v the rate is %v, vegeta's %v", now, got, want)
		}
	}
}

// vegeta's LinearPacer, asked all the time, is the oracle for ramps.
func TestRampAgreesWithVegeta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := rapid.IntRange(1, 200).Draw(t, "from"), rapid.IntRange(0, 200).Draw(t, "to")
		length := time.Duration(rapid.IntRange(1, 8).Draw(t, "seconds")) * time.Second
		load := loadOf(ramp(0, length.Seconds()*1000, scenarios.Rate(from), scenarios.Rate(to)))
		agree(t, NewPacer(load, 0, 1, nil), vegeta.LinearPacer{
			StartAt: vegeta.Rate{Freq: from, Per: time.Second},
			Slope:   float64(to-from) / length.Seconds(),
		}, length)
	})
}

// Its SinePacer is the one for waves.
func TestWaveAgreesWithVegeta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := rapid.IntRange(2, 200).Draw(t, "mean")
		amplitude := rapid.IntRange(1, mean-1).Draw(t, "amplitude")
		period := time.Duration(rapid.IntRange(1, 8).Draw(t, "seconds")) * time.Second
		load := loadOf(sine(0, 8000, scenarios.Rate(mean), scenarios.Rate(amplitude), period.Seconds()*1000, 0))
		agree(t, NewPacer(load, 0, 1, nil), vegeta.SinePacer{
			Period: period, StartAt: vegeta.Peak,
			Mean: vegeta.Rate{Freq: mean, Per: time.Second},
			Amp:  vegeta.Rate{Freq: amplitude, Per: time.Second},
		}, 8*time.Second)
	})
}

// Why LinearPacer is the oracle and not the engine: waiting as long as it says,
// which is how vegeta uses it, a rising ramp arrives in clumps. Ours does not.
func TestRampDoesNotClump(t *testing.T) {
	clump := func(p vegeta.Pacer) (largest int) {
		elapsed, together := time.Duration(0), 1
		for hits := uint64(0); hits < 500; hits++ {
			wait, stop := p.Pace(elapsed, hits)
			if stop {
				break
			}
			if elapsed += wait; wait > 0 {
				together = 0
			}
			together++
			largest = max(largest, together)
		}
		return largest
	}
	theirs := clump(vegeta.LinearPacer{StartAt: vegeta.Rate{Freq: 1, Per: time.Second}, Slope: 9.9})
	ours := clump(NewPacer(loadOf(ramp(0, 10_000, 1, 100)), 0, 1, nil))
	if ours != 1 {
		t.Errorf("%d arrivals at one moment, want 1", ours)
	}
	if theirs <= 1 {
		t.Error("vegeta's LinearPacer does not clump any more: the reason for a Pacer of our own is gone")
	}
}

// vegeta's attacker sends what the load has, and then stops by itself.
func TestVegetaAttacksWithOurArrivals(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	load := loadOf(poisson(constant(0, 100, 300)), ramp(0, 100, 0, 200))
	attacker := vegeta.NewAttacker()
	targets := vegeta.NewStaticTargeter(vegeta.Target{Method: "GET", URL: server.URL})
	var sent []uint64
	for result := range attacker.Attack(targets, NewPacer(load, 0, 1, nil), 0, "all") {
		sent = append(sent, result.Seq)
	}
	attacker.Stop()
	slices.Sort(sent)
	if want := len(everything(load)); len(sent) != want || want == 0 {
		t.Errorf("%d requests sent, want %d", len(sent), want)
	}
}

package verify

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The measures by hand: 4 needed from 0 to 10 s, 2 from 10 to 20 s; 1 there at
// first, 4 from 4 s on, 3 from 15 s on.
//
//	under: 3 of 4 missing for 4 s               theta_U = (3/4*4)/20 = 0.15, tau_U = 4/20
//	over:  2 beyond 2 for 5 s, 1 for 5 s        theta_O = (2/2*5 + 1/2*5)/20 = 0.375, tau_O = 10/20
//	areas: used 1*4 + 4*11 + 3*5 = 63, needed 4*10 + 2*10 = 60
func TestProvisionByHand(t *testing.T) {
	needed := levels{{0, 4}, {10 * time.Second, 2}}
	there := levels{{0, 1}, {4 * time.Second, 4}, {15 * time.Second, 3}}
	whole := provisionOf(needed, there, []span{{0, 20 * time.Second}})
	parts := provisionOf(needed, there, []span{{0, 7 * time.Second}, {7 * time.Second, 20 * time.Second}})
	for _, p := range []provision{whole, parts} {
		thetaU, tauU := p.under()
		thetaO, tauO := p.over()
		used, necessary := p.areas()
		for _, c := range []struct {
			name       string
			have, want float64
		}{
			{"theta_U", thetaU, 0.15}, {"tau_U", tauU, 0.2}, {"theta_O", thetaO, 0.375}, {"tau_O", tauO, 0.5},
			{"used", used, 63}, {"needed", necessary, 60}, {"time", p.seconds(), 20},
		} {
			if math.Abs(c.have-c.want) > 1e-9 {
				t.Errorf("%s is %v, want %v", c.name, c.have, c.want)
			}
		}
	}
	if n := len(whole.gaps(5, provided.tooMany, "too many")); n != 1 {
		t.Errorf("%d stretches of too many, want one without a break", n)
	}
}

// Where nothing is needed, what is there counts in whole instances, and no time at
// all makes nothing wrong.
func TestProvisionOfNothing(t *testing.T) {
	idle := provisionOf(nil, levels{{0, 3}}, []span{{0, 10 * time.Second}})
	if theta, tau := idle.over(); theta != 3 || tau != 1 {
		t.Errorf("theta_O %v, tau_O %v of three idle instances", theta, tau)
	}
	if theta, tau := (provision{}).under(); theta != 0 || tau != 0 {
		t.Errorf("theta_U %v, tau_U %v of no time", theta, tau)
	}
}

// drawLevels makes any step function with values up to some.
func drawLevels(rt *rapid.T, most int, name string) levels {
	var l levels
	at := time.Duration(0)
	for range rapid.IntRange(0, 12).Draw(rt, name+" steps") {
		l = append(l, level{at, rapid.IntRange(0, most).Draw(rt, name)})
		at += time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(rt, name+" for"))
	}
	return l
}

func TestProvisionIsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		needed, there := drawLevels(rt, 9, "needed"), drawLevels(rt, 9, "there")
		end := time.Duration(rapid.Int64Range(1, int64(2*time.Minute)).Draw(rt, "end"))
		p := provisionOf(needed, there, []span{{0, end}})
		thetaU, tauU := p.under()
		thetaO, tauO := p.over()
		switch {
		case math.Abs(p.seconds()-end.Seconds()) > 1e-6:
			rt.Fatalf("%v s are judged of %v", p.seconds(), end)
		case thetaU < 0 || thetaU > tauU+1e-9:
			rt.Fatalf("theta_U %v is beyond tau_U %v: no more than all can be missing", thetaU, tauU)
		case thetaO < 0 || tauO < 0 || tauU < 0 || tauU+tauO > 1+1e-9:
			rt.Fatalf("theta_O %v, tau_U %v, tau_O %v", thetaO, tauU, tauO)
		case (thetaO == 0) != (tauO == 0) || (thetaU == 0) != (tauU == 0):
			rt.Fatalf("theta_U %v, tau_U %v, theta_O %v, tau_O %v: one is 0 and the other not", thetaU, tauU, thetaO, tauO)
		}
		under, over := 0.0, 0.0
		for _, s := range p {
			under += float64(s.missing()) * s.length().Seconds()
			over += float64(s.tooMany()) * s.length().Seconds()
		}
		if used, necessary := p.areas(); math.Abs(used-necessary-(over-under)) > 1e-6 {
			rt.Fatalf("used %v - needed %v is not over %v - under %v", used, necessary, over, under)
		}
	})
}

// The measures are what counting moment by moment says, with the formulas as they are
// written: theta_U = 1/T * sum of max(d-s, 0)/d * dt, and so on, 1 in place of a
// demand of 0.
func TestProvisionIsWhatCountingSays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		whole := func(name string) (l levels, at func(int) int) { // turns at whole seconds only
			values := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 40).Draw(rt, name)
			for s, n := range values {
				l = append(l, level{time.Duration(s) * time.Second, n})
			}
			return l, func(s int) int { return values[min(s, len(values)-1)] }
		}
		needed, d := whole("needed")
		there, s := whole("there")
		from := rapid.IntRange(0, 20).Draw(rt, "from")
		to := from + rapid.IntRange(1, 30).Draw(rt, "for")
		var want [6]float64 // theta_U, tau_U, theta_O, tau_O, used, needed
		for x := from; x < to; x++ {
			n, is, T := d(x), s(x), float64(to-from)
			if is < n {
				want[0] += float64(n-is) / float64(n) / T
				want[1] += 1 / T
			}
			if is > n {
				want[2] += float64(is-n) / math.Max(1, float64(n)) / T
				want[3] += 1 / T
			}
			want[4] += float64(is)
			want[5] += float64(n)
		}
		p := provisionOf(needed, there, []span{{time.Duration(from) * time.Second, time.Duration(to) * time.Second}})
		used, necessary := p.areas()
		for i, have := range append(p.wrongs(), used, necessary) {
			if math.Abs(have-want[i]) > 1e-9 {
				rt.Fatalf("measure %d is %v, counted %v", i, have, want[i])
			}
		}
	})
}

// Where the stretches are cut makes no difference.
func TestProvisionOfPartsIsThatOfTheWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		needed, there := drawLevels(rt, 9, "needed"), drawLevels(rt, 9, "there")
		end := time.Duration(rapid.Int64Range(2, int64(2*time.Minute)).Draw(rt, "end"))
		cut := time.Duration(rapid.Int64Range(1, int64(end)-1).Draw(rt, "cut"))
		whole, parts := provisionOf(needed, there, []span{{0, end}}), provisionOf(needed, there, []span{{0, cut}, {cut, end}})
		a, b := whole.wrongs(), parts.wrongs()
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-6 {
				rt.Fatalf("%v, cut at %v %v", a, cut, b)
			}
		}
	})
}

func (p provision) wrongs() []float64 {
	thetaU, tauU := p.under()
	thetaO, tauO := p.over()
	return []float64{thetaU, tauU, thetaO, tauO}
}

// How many of several stretches hold a moment is what counting them there says.
func TestOverlappingCounts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var spans []span
		for range rapid.IntRange(0, 8).Draw(rt, "n") {
			from := time.Duration(rapid.IntRange(0, 20).Draw(rt, "from"))
			to := from + time.Duration(rapid.IntRange(0, 10).Draw(rt, "for"))
			if rapid.Bool().Draw(rt, "open") {
				to = forever
			}
			spans = append(spans, span{from, to})
		}
		var stretches [][2]time.Duration
		for _, s := range spans {
			stretches = append(stretches, [2]time.Duration{s.from, s.to})
		}
		l := Overlapping[int](stretches)
		for at := range time.Duration(40) {
			want := 0
			for _, s := range spans {
				if s.from <= at && at < s.to {
					want++
				}
			}
			if have := l.At(at); have != want {
				rt.Fatalf("%d at %d, want %d: %v of %v", have, at, want, l, spans)
			}
		}
	})
}

// What is set is what is there, and steps change something each.
func TestStepsHoldWhatWasSet(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var l Steps[float64]
		want := map[time.Duration]float64{}
		last, at := 0.0, time.Duration(0)
		for range rapid.IntRange(0, 12).Draw(rt, "n") {
			next := at + time.Duration(rapid.IntRange(0, 3).Draw(rt, "later"))
			for ; at < next; at++ {
				want[at] = last
			}
			last = float64(rapid.IntRange(0, 3).Draw(rt, "value"))
			l = l.Set(at, last)
		}
		want[at], want[at+100] = last, last
		for moment, value := range want {
			if have := l.At(moment); have != value {
				rt.Fatalf("%v at %d, want %v: %v", have, moment, value, l)
			}
		}
		for i := 1; i < len(l); i++ {
			if l[i].At <= l[i-1].At {
				rt.Fatalf("out of order: %v", l)
			}
		}
	})
}

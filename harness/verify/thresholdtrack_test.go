package verify

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// seconded draws a track of readings a second apart, with some that are missing.
func seconded(rt *rapid.T, covering bool) track {
	line := track{every: time.Second}
	at := time.Duration(0)
	for _, v := range rapid.SliceOfN(rapid.IntRange(0, 5), 1, 60).Draw(rt, "values") {
		at += time.Second
		switch {
		case v == 5: // one to eight readings are missing
			at += time.Duration(rapid.IntRange(0, 7).Draw(rt, "missing")) * time.Second
		case covering:
			line.marks = append(line.marks, mark{span{at - time.Second, at}, float64(v)})
		default:
			line.marks = append(line.marks, mark{span{at, at}, float64(v)})
		}
	}
	return line
}

// lastsSo tells, by looking at every pair of marks, whether all from one to the other
// are above a limit without a silence between two of them, for at least so long.
func lastsSo(line track, limit float64, long, gap time.Duration) bool {
	for first := range line.marks {
		for last := first; last < len(line.marks); last++ {
			row := line.marks[first : last+1]
			above := !slices.ContainsFunc(row, func(m mark) bool { return m.value <= limit })
			silent := false
			for n := 1; n < len(row); n++ {
				silent = silent || row[n].from-row[n-1].to > gap
			}
			if above && !silent && row[len(row)-1].to-row[0].from >= long {
				return true
			}
		}
	}
	return false
}

// A limit counts as passed for a time exactly when there is a row of readings beyond it
// that is so long; where only a silence parts two such rows, that is a doubt.
func TestSustainedIsARowOfReadings(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		line := seconded(rt, rapid.Bool().Draw(rt, "covering"))
		limit := float64(rapid.IntRange(0, 4).Draw(rt, "limit"))
		long := time.Duration(rapid.IntRange(0, 12).Draw(rt, "for")) * time.Second
		found := heldTo([]track{line}, corridor{max: &limit}, long)
		if have, want := len(found.sustained) > 0, lastsSo(line, limit, long, 3*time.Second); have != want {
			rt.Fatalf("sustained %v, want %v", have, want)
		}
		torn := !lastsSo(line, limit, long, 3*time.Second) && lastsSo(line, limit, long, forever)
		if have := len(found.torn) > 0; have != torn {
			rt.Fatalf("torn %v, want %v", have, torn)
		}
		for _, s := range found.sustained {
			if s.length() < long || s.worst.value <= limit || s.worst.from < s.from || s.worst.to > s.to {
				rt.Fatalf("streak %+v", s)
			}
		}
	})
}

// The worst of several tracks is the highest value where high ones are bad, and the
// lowest where low ones are, with the name of its track.
func TestWorstOfTracks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var tracks []track
		var all []float64
		for _, name := range []string{"a", "b", "c"} {
			line := seconded(rt, false)
			line.name = name
			tracks = append(tracks, line)
			for _, m := range line.marks {
				all = append(all, m.value)
			}
		}
		if len(all) == 0 {
			return
		}
		limit := 2.0
		high, low := heldTo(tracks, corridor{max: &limit}, time.Hour), heldTo(tracks, corridor{min: &limit}, time.Hour)
		if high.worst.value != slices.Max(all) || low.worst.value != slices.Min(all) || high.n != len(all) {
			rt.Fatalf("worst %v and %v of %d, want %v and %v of %d", high.worst.value, low.worst.value, high.n, slices.Max(all), slices.Min(all), len(all))
		}
		for _, h := range []held{high, low} {
			if !slices.Contains(h.of.marks, h.worst) {
				rt.Fatalf("%v is not of %s", h.worst, h.of.name)
			}
		}
	})
}

// Rounding does not take a value out of a corridor; the next one that can be told does.
func TestCorridorsForgiveRounding(t *testing.T) {
	least, most := 0.995, 1e6
	c := corridor{&least, &most}
	for v, left := range map[float64]bool{0.995: false, 0.995 - 1e-12: false, 0.9949: true, 1e6: false, 1e6 + 1: true, 500: false} {
		if c.left(v) != left {
			t.Errorf("%v is outside: %v", v, !left)
		}
	}
	if (corridor{}).left(1e300) {
		t.Error("a value left a corridor without bounds")
	}
}

// A time without any mark is one only if it is longer than a reading may be late and
// than the time for which something must last.
func TestMute(t *testing.T) {
	at := func(seconds ...int) track {
		line := track{every: time.Second}
		for _, s := range seconds {
			line.marks = append(line.marks, mark{span: span{time.Duration(s) * time.Second, time.Duration(s) * time.Second}})
		}
		return line
	}
	whole := span{0, 10 * time.Second}
	for _, c := range []struct {
		name   string
		tracks []track
		long   time.Duration
		gap    span
		is     bool
	}{
		{"three seconds are nothing", []track{at(1, 4, 7, 9)}, 0, span{}, false},
		{"four are something", []track{at(1, 5, 7, 9)}, 0, span{time.Second, 5 * time.Second}, true},
		{"but not where five are asked for", []track{at(1, 5, 7, 9)}, 5 * time.Second, span{}, false},
		{"another track knows", []track{at(1, 5, 9), at(3, 7)}, 0, span{}, false},
		{"at the beginning", []track{at(5, 7, 9)}, 0, span{0, 5 * time.Second}, true},
		{"at the end", []track{at(1, 3, 5)}, 0, span{5 * time.Second, 10 * time.Second}, true},
	} {
		gap, is := mute(c.tracks, whole, c.long)
		if is != c.is || is && gap != c.gap {
			t.Errorf("%s: %v %v, want %v %v", c.name, gap, is, c.gap, c.is)
		}
	}
}

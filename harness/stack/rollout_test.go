package stack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestNext(t *testing.T) {
	members := func(text string) (all []member) { // "a b!": b is not available
		for word := range strings.FieldsSeq(text) {
			name, down := strings.CutSuffix(word, "!")
			all = append(all, member{name, !down})
		}
		return all
	}
	for _, c := range []struct {
		name                       string
		wanted, surge, unavailable int
		old, fresh                 string
		start                      int
		stop                       string
	}{
		{"one more first", 3, 1, 0, "1 2 3", "", 1, ""},
		{"the new one is not ready yet", 3, 1, 0, "1 2 3", "4!", 0, ""},
		{"the oldest goes", 3, 1, 0, "1 2 3", "4", 0, "1"},
		{"and the next comes", 3, 1, 0, "2 3", "4", 1, ""},
		{"one less first", 3, 0, 1, "1 2 3", "", 0, "1"},
		{"its place is taken", 3, 0, 1, "2 3", "", 1, ""},
		{"both, several at once", 4, 2, 1, "1 2 3 4", "", 2, "1"},
		{"one replica and unavailable 1", 1, 0, 1, "1", "", 0, "1"},
		{"no more than are wanted", 2, 2, 0, "1 2", "3 4!", 0, "1"},
		{"the last one goes", 2, 1, 0, "2", "3 4", 0, "2"},
		{"all done", 2, 1, 0, "", "3 4", 0, ""},
		{"the unready go first", 3, 1, 0, "1 2! 3", "4", 0, "2"},
		{"a dead only one does not stand in the way", 1, 0, 1, "1!", "", 0, "1"},
		{"the unready stay while they may be needed", 2, 1, 0, "1! 2", "3!", 0, ""},
	} {
		s := standing{wanted: c.wanted, surge: c.surge, unavailable: c.unavailable, old: members(c.old), fresh: members(c.fresh)}
		if start, stop := s.next(); start != c.start || strings.Join(stop, " ") != c.stop {
			t.Errorf("%s: start %d, stop %q; want %d and %q", c.name, start, stop, c.start, c.stop)
		}
	}
}

// However instances come up and go down, the bounds hold and the release ends.
func TestNextKeepsTheBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wanted := rapid.IntRange(1, 8).Draw(t, "wanted")
		surge := rapid.IntRange(0, 4).Draw(t, "surge")
		least := 0
		if surge == 0 {
			least = 1
		}
		unavailable := min(rapid.IntRange(least, 4).Draw(t, "unavailable"), wanted)
		s := standing{wanted: wanted, surge: surge, unavailable: unavailable}
		for n := range wanted {
			s.old = append(s.old, member{fmt.Sprint("old", n), rapid.Bool().Draw(t, "up")})
		}
		count := func() (n int) {
			for _, m := range slices.Concat(s.old, s.fresh) {
				n += one(m.available)
			}
			return n
		}
		for step := 0; len(s.old) > 0 || len(s.fresh) < wanted || !allAvailable(s.fresh); step++ {
			if step > 10*wanted+20 {
				t.Fatalf("it does not end: %+v", s)
			}
			before := count()
			start, stop := s.next()
			for range start {
				s.fresh = append(s.fresh, member{name: fmt.Sprint("new", len(s.fresh))})
			}
			s.old = slices.DeleteFunc(s.old, func(m member) bool { return slices.Contains(stop, m.name) })
			if after := count(); after < before && after < wanted-unavailable {
				t.Fatalf("%d are available, from %d; %d must be: stopped %q", after, before, wanted-unavailable, stop)
			}
			if total := len(s.old) + len(s.fresh); total > wanted+surge || len(s.fresh) > wanted {
				t.Fatalf("%d instances, %d of them new; %d+%d may be", total, len(s.fresh), wanted, surge)
			}
			for i := range s.fresh { // now and then all are up, or nothing would ever go on
				s.fresh[i].available = step%3 == 2 || rapid.Bool().Draw(t, "up")
			}
			for i := range s.old {
				s.old[i].available = rapid.Bool().Draw(t, "up")
			}
		}
	})
}

func TestFloor(t *testing.T) {
	portion := func(text string) scenarios.Portion {
		p, err := scenarios.ParsePortion(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, c := range []struct {
		surge, unavailable string
		instances          int
		most, floor        int
	}{
		{"1", "0", 3, 4, 3},
		{"25%", "25%", 3, 4, 3}, // up, and down
		{"25%", "25%", 8, 10, 6},
		{"0", "25%", 3, 3, 2}, // both would be 0
		{"0", "5", 2, 2, 0},
		{"25%", "25%", 0, 0, 0},
	} {
		r := &scenarios.PlannedRelease{Strategy: scenarios.RollingStrategy, MaxSurge: portion(c.surge), MaxUnavailable: portion(c.unavailable)}
		surge, _ := bounds(r, c.instances)
		if have := Floor(r, c.instances); have != c.floor || c.instances+surge != c.most {
			t.Errorf("surge %s, unavailable %s of %d: from %d to %d, want %d to %d",
				c.surge, c.unavailable, c.instances, have, c.instances+surge, c.floor, c.most)
		}
	}
	for _, c := range []struct {
		release scenarios.PlannedRelease
		floor   int
	}{
		{scenarios.PlannedRelease{Strategy: scenarios.BlueGreenStrategy}, 3},
		{scenarios.PlannedRelease{Strategy: scenarios.ReplaceStrategy}, 0},
		{scenarios.PlannedRelease{Strategy: scenarios.ReplaceStrategy, StartFirst: true}, 3},
	} {
		if have := Floor(&c.release, 3); have != c.floor {
			t.Errorf("%+v of 3: %d, want %d", c.release, have, c.floor)
		}
	}
}

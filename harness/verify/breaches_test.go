package verify

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// seconds are intervals of the driver's, one for each letter: + met, - missed, . empty.
func drivenAs(letters []rune) []*driven {
	var list []*driven
	for n, letter := range letters {
		d := &driven{span: span{time.Duration(n) * time.Second, time.Duration(n+1) * time.Second}}
		switch letter {
		case '+':
			d.ok, d.failed = 9, 0
		case '-':
			d.ok, d.failed = 5, 4
		}
		list = append(list, d)
	}
	return list
}

func TestBreaches(t *testing.T) {
	b := bound{name: "availability", of: "journey shop", wanted: 99}
	for letters, want := range map[string][]span{
		"":                     nil,
		"....":                 nil,
		"++++":                 nil,
		"+--+":                 nil,
		"+---+":                {{1, 4}},
		"---":                  {{0, 3}},
		"+--.-+":               {{1, 5}},
		"+--...+-":             nil,
		"+---++---+":           {{1, 9}},
		"+---+++---+":          {{1, 4}, {7, 10}},
		"+---++-++---+":        {{1, 4}, {9, 12}},
		"+---...+":             {{1, 4}},
		"-+-+-+-+-+-+-+-+-+-+": nil,
	} {
		have, _ := b.missedIn(drivenAs([]rune(letters)), 3*time.Second)
		if len(have) != len(want) {
			t.Errorf("%s: %+v, want %v", letters, have, want)
			continue
		}
		for n, s := range want {
			if have[n].from != s.from*time.Second || have[n].to != s.to*time.Second {
				t.Errorf("%s: from %v to %v, want %v", letters, have[n].from, have[n].to, s)
			}
		}
	}
}

// Breaches are in order and apart, begin and end with seconds that were missed, and
// every stretch of missed seconds that is long enough is in one.
func TestBreachesHoldWhatWasMissed(t *testing.T) {
	b := bound{name: "availability", of: "journey shop", wanted: 99}
	rapid.Check(t, func(rt *rapid.T) {
		letters := rapid.SliceOfN(rapid.SampledFrom([]rune("+---.")), 0, 60).Draw(rt, "seconds")
		patience := rapid.IntRange(1, 6).Draw(rt, "patience")
		list, _ := b.missedIn(drivenAs(letters), time.Duration(patience)*time.Second)
		for n, x := range list {
			if letters[x.from/time.Second] != '-' || letters[x.to/time.Second-1] != '-' {
				rt.Fatalf("%s: %v to %v", string(letters), x.from, x.to)
			}
			if n > 0 && x.from-list[n-1].to < time.Duration(patience)*time.Second {
				rt.Fatalf("%s: two are nearer than %d s", string(letters), patience)
			}
		}
		row := 0
		for n, letter := range letters {
			if row++; letter != '-' {
				row = 0
			}
			covered := false
			for _, x := range list {
				covered = covered || x.from <= time.Duration(n)*time.Second && x.to > time.Duration(n)*time.Second
			}
			if row >= patience && !covered {
				rt.Fatalf("%s: second %d is in no breach", string(letters), n)
			}
		}
	})
}

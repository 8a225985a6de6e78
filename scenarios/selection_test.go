package scenarios

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// crowd are instances of some services, in zones that take turns.
func crowd(t *rapid.T) []Candidate {
	var all []Candidate
	for _, service := range []string{"api", "web", "worker"} {
		zones := []string{"a", "b", "c"}[:rapid.IntRange(0, 3).Draw(t, service+" zones")]
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(1, 200), 0, 30, rapid.ID).Draw(t, service) {
			all = append(all, Candidate{fmt.Sprintf("%s-%d", service, n), service, ZoneOf(zones, n)})
		}
	}
	return all
}

// chosenBy draws a fault with some selection.
func chosenBy(t *rapid.T) PlannedFault {
	f := PlannedFault{Seed: rapid.Uint64().Draw(t, "seed"), Services: []string{"api", "worker"}, Spec: Fault{Pause: &PauseFault{}}}
	switch rapid.IntRange(0, 2).Draw(t, "how") {
	case 0:
		f.Spec.Target.Pick = rapid.SampledFrom([]string{"", PickOne, PickMinority, PickMajority, PickAll}).Draw(t, "pick")
	case 1:
		f.Spec.Target.Count = rapid.IntRange(1, 10).Draw(t, "count")
	default:
		p := Percent(rapid.IntRange(0, 100).Draw(t, "percent"))
		f.Spec.Target.Percent = &p
	}
	f.Spec.Target.Zone = rapid.SampledFrom([]string{"", "", "a", "b"}).Draw(t, "zone")
	return f
}

// What is picked is of those that are described, as many as were asked for, and
// the same in whatever order they are given, and however often. Nothing is an error.
func TestChoose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, from := chosenBy(t), crowd(t)
		picked, err := f.Choose(from)
		again, errAgain := f.Choose(rapid.Permutation(append(from, from...)).Draw(t, "order"))
		if !slices.Equal(picked, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("%v %v, and in another order %v %v", picked, err, again, errAgain)
		}
		var eligible []string
		for _, c := range from {
			if slices.Contains(f.Services, c.Service) && (f.Spec.Target.Zone == "" || c.Zone == f.Spec.Target.Zone) {
				eligible = append(eligible, c.Name)
			}
		}
		want := numberWanted(f.Spec.Target, len(eligible))
		if (err != nil) != (want <= 0) || err == nil && len(picked) != want {
			t.Fatalf("%d of %d were picked (%v), not %d", len(picked), len(eligible), err, want)
		}
		for i, name := range picked {
			if !slices.Contains(eligible, name) || slices.Contains(picked[:i], name) {
				t.Fatalf("%s is not one to pick: %v of %v", name, picked, eligible)
			}
		}
	})
}

// numberWanted says the same as the code in another way; 0 or less is an error.
func numberWanted(s Selection, n int) int {
	switch {
	case n == 0, s.Count > n:
		return 0
	case s.Count > 0:
		return s.Count
	case s.Percent != nil:
		return (n*int(*s.Percent) + 99) / 100
	}
	switch s.Pick {
	case PickAll:
		return n
	case PickMajority:
		return int(math.Floor(float64(n)/2)) + 1
	case PickMinority:
		return int(math.Ceil(float64(n)/2)) - 1
	}
	return 1
}

// One that comes or goes changes nothing about how others stand to each other: of
// two that are picked first, one is still picked when the other is gone.
func TestChooseIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := PlannedFault{Seed: rapid.Uint64().Draw(t, "seed"), Spec: Fault{Pause: &PauseFault{}}}
		from := crowd(t)
		if len(from) < 2 {
			t.Skip("nobody to go")
		}
		f.Spec.Target.Count = rapid.IntRange(1, len(from)-1).Draw(t, "count")
		before, err := f.Choose(from)
		if err != nil {
			t.Fatal(err)
		}
		gone := rapid.IntRange(0, len(from)-1).Draw(t, "gone")
		name := from[gone].Name
		after, err := f.Choose(slices.Delete(slices.Clone(from), gone, gone+1))
		if err != nil {
			t.Fatal(err)
		}
		for _, kept := range before {
			if kept != name && !slices.Contains(after, kept) {
				t.Fatalf("%s is gone, and %s is not picked any more: %v, %v", name, kept, before, after)
			}
		}
	})
}

// Every instance has its turn under some seed, about as often as any other.
func TestChooseIsFair(t *testing.T) {
	var from []Candidate
	for i := range 5 {
		from = append(from, Candidate{Name: fmt.Sprintf("api-%d", i+1), Service: "api"})
	}
	const draws = 5000
	times := map[string]int{}
	for seed := range uint64(draws) {
		f := PlannedFault{Seed: seed, Spec: Fault{Kill: &KillFault{}}}
		picked, err := f.Choose(from)
		if err != nil {
			t.Fatal(err)
		}
		times[picked[0]]++
	}
	for _, c := range from {
		if n := times[c.Name]; math.Abs(float64(n)-draws/5) > 5*math.Sqrt(draws/5.0*4/5) {
			t.Errorf("%s was picked %d times of %d", c.Name, n, draws)
		}
	}
}

// The choice is part of what a seed promises: it stays as it is.
func TestChoicesAreKept(t *testing.T) {
	from := []Candidate{{"api-1", "api", ""}, {"api-2", "api", ""}, {"api-10", "api", ""}, {"api-3", "api", ""}, {"web-1", "web", ""}}
	for seed, want := range map[uint64]string{0: "api-2 api-10 web-1", 1: "api-1 api-3 web-1", 42: "api-3 api-10 web-1"} {
		f := PlannedFault{Seed: seed, Spec: Fault{Pause: &PauseFault{}, Target: Selection{Pick: PickMajority}}}
		if got, err := f.Choose(from); err != nil || strings.Join(got, " ") != want {
			t.Errorf("seed %d: %v, %v, want %s", seed, got, err, want)
		}
	}
}

func TestChooseSaysWhyNot(t *testing.T) {
	one := []Candidate{{"api-1", "api", "a"}}
	half := Percent(0)
	for want, s := range map[string]Selection{
		"service api: a minority is fewer than half, and of 1 instance that is none": {Pick: PickMinority},
		"service api: 2 are to be picked, and there is 1":                            {Count: 2},
		"service api: 0% of 1 instance picks nothing":                                {Percent: &half},
		"service api in zone b: none of 1 instance is there":                         {Zone: "b"},
	} {
		f := PlannedFault{Services: []string{"api"}, Spec: Fault{Target: s, Kill: &KillFault{}}}
		if _, err := f.Choose(one); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := (PlannedFault{Services: []string{"web"}}).Choose(one); err == nil || err.Error() != "service web: there is no instance to pick" {
		t.Errorf("got %v", err)
	}
}

func TestZoneOf(t *testing.T) {
	for number, want := range map[int]string{0: "", 1: "a", 2: "b", 3: "c", 4: "a", -1: ""} {
		if got := ZoneOf([]string{"a", "b", "c"}, number); got != want {
			t.Errorf("instance %d is in zone %q, want %q", number, got, want)
		}
	}
	if got := ZoneOf(nil, 1); got != "" {
		t.Errorf("a zone %q without zones", got)
	}
}

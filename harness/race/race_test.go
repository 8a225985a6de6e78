package race

import (
	"flag"
	"os"
	"testing"

	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	LessChecks()
	os.Exit(m.Run())
}

func TestLessIsNeverMore(t *testing.T) {
	if n := Less(100, 7); n != map[bool]int{true: 7, false: 100}[On] {
		t.Errorf("%d times", n)
	}
	if n := Less(3, 7); n != 3 {
		t.Errorf("%d times of 3", n)
	}
}

func TestPropertiesAreTriedOnFewerCases(t *testing.T) {
	tried := 0
	rapid.Check(t, func(*rapid.T) { tried++ })
	want := map[bool]int{true: underWatch, false: 100}[On]
	if testing.Short() {
		want /= 5 // rapid's own doing
	}
	if given := flag.Lookup("rapid.checks"); given.Value.String() == given.DefValue && On || tried != want {
		t.Errorf("%d cases, want %d", tried, want)
	}
}

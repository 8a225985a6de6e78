package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestTheLastInstanceOfADecisionCounts(t *testing.T) {
	found, err := read(strings.NewReader(`{"type":"decision","t_ns":1000,"change":2,"started":[{"started_ns":1500},{"started_ns":1800}]}
{"type":"decision","t_ns":2000,"change":1,"started":[{"started_ns":null}]}
{"type":"decision","t_ns":3000,"change":2,"started":[{"started_ns":3100}]}
{"type":"decision","t_ns":4000,"change":-2,"started":[]}
{"type":"resize","t_ns":5000,"change":1}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !slices.Equal(found[2], []time.Duration{800}) {
		t.Errorf("read %v, wanted 800 ns for one decision of two", found)
	}
}

func TestPercentilesAreThoseOfNearestRank(t *testing.T) {
	var values []time.Duration
	for i := range 20 {
		values = append(values, time.Duration(i+1))
	}
	for percent, want := range map[int]time.Duration{50: 10, 95: 19, 100: 20, 1: 1} {
		if got := nearest(values, percent); got != want {
			t.Errorf("p%d = %d, wanted %d", percent, got, want)
		}
	}
}

func TestTheScenarioIsValid(t *testing.T) {
	if _, problems := scenarios.Parse("bench.yaml", []byte(scenario(3, 2)), scenarios.Options{}); len(problems) > 0 {
		t.Error(problems)
	}
}

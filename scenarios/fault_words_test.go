package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// What every kind of fault is called in a plan.
func TestWordsOfFaults(t *testing.T) {
	plan := compile(t, string(read(t, "testdata/valid/faults.yaml")), shop())
	var b strings.Builder
	kinds := map[string]bool{}
	for _, f := range plan.Faults {
		kinds[f.Kind] = true
		fmt.Fprintf(&b, "%s: %s\n", f.ID, f)
	}
	for _, s := range plan.Stop {
		fmt.Fprintf(&b, "stop: %s\n", s)
	}
	golden(t, "testdata/fault-words.txt", b.String())
	for _, kind := range FaultKinds() {
		if !kinds[kind] {
			t.Errorf("testdata/valid/faults.yaml has no %s", kind)
		}
	}
}

func TestWordsOfASingleQuery(t *testing.T) {
	for n, want := range map[int]string{0: "4 queries", 1: "1 query", 2: "2 queries"} {
		f := Fault{SlowQueries: &SlowQueriesFault{Concurrency: n}}
		if have := f.dataWords("db"); !strings.Contains(have, want+" at a time") {
			t.Errorf("%d at a time: %q, want %q in it", n, have, want)
		}
	}
}

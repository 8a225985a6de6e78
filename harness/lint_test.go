package harness

import (
	"fmt"
	"slices"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// The record has every remark, and people get one line, as grave as the gravest.
func TestLintNotes(t *testing.T) {
	grace := scenarios.LintRemark{Rule: "grace", Service: "api", Level: "info", Text: "it fits"}
	cycles := scenarios.LintRemark{Rule: "cycles", Service: "api", Level: "warning", Text: "too late"}
	for name, c := range map[string]struct {
		remarks []scenarios.LintRemark
		want    string
	}{
		"none":    {nil, ""},
		"one":     {[]scenarios.LintRemark{grace}, "info: 1 remark on the plan; see shakedown plan"},
		"several": {[]scenarios.LintRemark{grace, cycles}, "warning: 2 remarks on the plan, with warnings (cycles of api); see shakedown plan"},
		"many":    {slices.Repeat([]scenarios.LintRemark{cycles}, 6), "warning: 6 remarks on the plan, with warnings (cycles of api, cycles of api, cycles of api, cycles of api, 2 more); see shakedown plan"},
	} {
		notes := lintNotes(&scenarios.Plan{Lint: c.remarks})
		for i, r := range c.remarks {
			if want := (journal.Note{Level: "detail", Text: fmt.Sprintf("lint %s of %s: %s", r.Rule, r.Service, r.Text)}); notes[i] != want {
				t.Errorf("%s: note %d is %+v, want %+v", name, i, notes[i], want)
			}
		}
		got := ""
		if n := len(notes); n > 0 {
			got = notes[n-1].Level + ": " + notes[n-1].Text
		}
		if got != c.want || len(c.remarks) > 0 && len(notes) != len(c.remarks)+1 {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

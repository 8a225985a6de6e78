package proof

import (
	"slices"
	"testing"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/library"
)

// A defect that nobody looks for is one that nobody would miss.
func TestEveryDefectHasItsRow(t *testing.T) {
	var rows []defects.Defect
	for _, row := range Matrix() {
		if len(row.Set) == 0 { // else it is of settings
			rows = append(rows, row.Defect)
		}
		if !slices.Contains(library.Proofs(), row.Scenario) {
			t.Errorf("%s: the library has no scenario %s", row.Defect, row.Scenario)
		}
		if row.Meant.Kind == "" || slices.Contains(row.Allowed, row.Meant.Kind) {
			t.Errorf("%s: meant %s, allowed %v", row.Defect, row.Meant, row.Allowed)
		}
	}
	if !slices.Equal(rows, defects.All()) {
		t.Errorf("the matrix has %v\nwant %v", rows, defects.All())
	}
}

// A rule that the scenario does not ask for cannot catch anything.
func TestTheScenariosAskForWhatTheMatrixWants(t *testing.T) {
	asks := map[string]func(scenarios.Check) bool{
		"drain":     func(c scenarios.Check) bool { return c.Drain != nil },
		"drain D6":  func(c scenarios.Check) bool { return c.Drain != nil && c.Drain.Work != nil },
		"readiness": func(c scenarios.Check) bool { return c.Readiness != nil },
		"readiness R2": func(c scenarios.Check) bool {
			return c.Readiness != nil && c.Readiness.FirstRequests != nil
		},
		"readiness R5": func(c scenarios.Check) bool {
			return c.Readiness != nil && c.Readiness.Dependency != ""
		},
		"scaling C1": func(c scenarios.Check) bool { return c.Scaling != nil && c.Scaling.Reaction != nil },
		"scaling C6": func(c scenarios.Check) bool { return c.Scaling != nil && c.Scaling.Reversals != nil },
		"prescale":   func(c scenarios.Check) bool { return c.Prescale != nil },
		"queue Q1, Q2 or Q3": func(c scenarios.Check) bool {
			return c.Queue != nil && c.Queue.MaxAge != nil && c.Queue.DrainedWithin != nil
		},
		"queue Q4": func(c scenarios.Check) bool { return c.Queue != nil && c.Queue.Work != nil },
		"readiness R6": func(c scenarios.Check) bool {
			return c.Readiness != nil && c.Readiness.UnreadyWithin != nil
		},
		"release L5": func(c scenarios.Check) bool {
			return c.Release != nil && c.Release.Job != nil && c.Release.Job.Read != nil
		},
		"stateless":      func(c scenarios.Check) bool { return c.Stateless != nil },
		"third_party T1": func(c scenarios.Check) bool { return c.ThirdParty != nil && c.ThirdParty.Amplification != nil },
		"third_party T2": func(c scenarios.Check) bool { return c.ThirdParty != nil && c.ThirdParty.Backoff != nil },
		"third_party T3": func(c scenarios.Check) bool { return c.ThirdParty != nil && c.ThirdParty.RetryAfter },
		"third_party T4": func(c scenarios.Check) bool { return c.ThirdParty != nil && c.ThirdParty.Breaker != nil },
		"third_party T6": func(c scenarios.Check) bool { return c.ThirdParty != nil && c.ThirdParty.FailFast != nil },
		"stampede M1":    func(c scenarios.Check) bool { return c.Stampede != nil && c.Stampede.Peak != nil },
		"recovery":       func(c scenarios.Check) bool { return c.Recovery != nil },
		"blast_radius":   func(c scenarios.Check) bool { return c.BlastRadius != nil },
		"integrity charges": func(c scenarios.Check) bool {
			return c.Integrity != nil && c.Integrity.Name == "charges" && c.Integrity.Read.HTTP != nil
		},
		"alert A1":          func(c scenarios.Check) bool { return c.Alert != nil && c.Alert.Fault != "" },
		"alert_coverage V1": func(c scenarios.Check) bool { return c.AlertCoverage != nil },
		"dashboard G2":      func(c scenarios.Check) bool { return c.Dashboard != nil },
		"integrity orders":  func(c scenarios.Check) bool { return c.Integrity != nil && c.Integrity.Name == "orders" },
	}
	for _, row := range Matrix() {
		source, _ := library.Read(row.Scenario)
		d, problems := scenarios.Parse(row.Scenario, source, scenarios.Options{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		asked, special := asks[row.Meant.String()]
		if !special {
			asked = asks[row.Meant.Kind]
		}
		if asked == nil || !slices.ContainsFunc(d.Scenario.Checks, asked) {
			t.Errorf("%s: nothing in %s asks for %s", row.Defect, row.Scenario, row.Meant)
		}
	}
}

func TestWhatACheckMeantMatches(t *testing.T) {
	for _, c := range []struct {
		meant Meant
		id    string
		want  bool
	}{
		{Meant{"drain", []string{"D1", "D5"}}, "drain/api/D1-in-flight", true},
		{Meant{"drain", []string{"D1", "D5"}}, "drain/importer/D5-exit#2", true},
		{Meant{"drain", []string{"D1", "D5"}}, "drain/api/D2-endpoint-lag", false},
		{Meant{"drain", []string{"D1"}}, "drain/api/D10-other", false},
		{Meant{"drain", nil}, "drain/api/D10-other", true},
		{Meant{"drain", nil}, "readiness/api/D10-other", false},
		{Meant{"integrity", []string{"orders"}}, "integrity/orders", true},
		{Meant{"integrity", []string{"orders"}}, "integrity/orders#2", true},
		{Meant{"integrity", []string{"orders"}}, "integrity/charges", false},
	} {
		if got := c.meant.Matches(finding(c.id, verify.Fail)); got != c.want {
			t.Errorf("%s of %s: %v", c.id, c.meant, got)
		}
	}
	if got := (Meant{"drain", []string{"D1", "D2", "D5"}}).String(); got != "drain D1, D2 or D5" {
		t.Error(got)
	}
}

func TestIdentifiersInLittleRoom(t *testing.T) {
	ids := []string{"drain/api/D1-in-flight", "slo/shop/checkout/p99", "drain/api/D5-exit", "integrity/orders", "odd", "release/api/L-all"}
	if got, want := short(ids), "drain/api D1 D5, slo/shop/checkout p99, integrity orders, odd, release/api L-all"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

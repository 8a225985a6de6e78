package proof

import (
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/compose/atelier/defects"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A Row says how a defect of the reference stack has to show itself.
type Row struct {
	Defect defects.Defect
	// Scenario is the one of the library that provokes it.
	Scenario string
	// Meant is the check that has to fail.
	Meant Meant
	// Allowed are kinds of checks that may fail beside it and beside slo, because
	// clients feel what is broken.
	Allowed []string
}

// Meant picks findings: those of a kind whose rule is one of some, as D1 of
// drain or orders of integrity. No rules means any.
type Meant struct {
	Kind  string
	Rules []string
}

// The scenarios of the matrix.
const (
	everything = "proof/everything"
	dependency = "proof/dependency"
)

// Matrix is every defect with the check meant for it, in the order of their
// documentation.
func Matrix() []Row {
	return []Row{
		{Defect: defects.DrainIgnored, Scenario: everything, Meant: Meant{"drain", []string{"D1", "D2", "D5"}}, Allowed: []string{"release"}},
		{Defect: defects.DrainListenerFirst, Scenario: everything, Meant: Meant{"drain", []string{"D2"}}, Allowed: []string{"release"}},
		{Defect: defects.DrainKeepaliveCut, Scenario: everything, Meant: Meant{"drain", []string{"D2"}}, Allowed: []string{"release"}},
		{Defect: defects.DrainTooSlow, Scenario: everything, Meant: Meant{"drain", []string{"D5"}}},
		{Defect: defects.DrainExitNonzero, Scenario: everything, Meant: Meant{"drain", []string{"D5"}}},
		{Defect: defects.DrainDropsQueue, Scenario: everything, Meant: Meant{"drain", []string{"D6"}}},
		{Defect: defects.ReadyEarly, Scenario: everything, Meant: Meant{"readiness", []string{"R1"}}, Allowed: []string{"release"}},
		{Defect: defects.ReadyCold, Scenario: everything, Meant: Meant{"readiness", []string{"R2"}}},
		{Defect: defects.ReadyFlaps, Scenario: everything, Meant: Meant{"readiness", []string{"R4"}}, Allowed: []string{"release"}},
		{Defect: defects.ReadySharedDependency, Scenario: dependency, Meant: Meant{"readiness", []string{"R5"}}, Allowed: []string{"release"}},
		{Defect: defects.ReadyStaysTrueOnTerm, Scenario: everything, Meant: Meant{"readiness", []string{"R6"}}},
		{Defect: defects.SessionInMemory, Scenario: everything, Meant: Meant{"stateless", nil}},
		{Defect: defects.MigrationTwice, Scenario: everything, Meant: Meant{"release", []string{"L5"}}},
		{Defect: defects.OrderLostOnTerm, Scenario: everything, Meant: Meant{"integrity", []string{"orders"}}},
		{Defect: defects.NoIdempotency, Scenario: everything, Meant: Meant{"integrity", []string{"orders"}}},
	}
}

// Matches tells whether a finding is of the check meant.
func (m Meant) Matches(f verify.Finding) bool {
	return f.Kind == m.Kind && (len(m.Rules) == 0 || slices.ContainsFunc(m.Rules, func(rule string) bool {
		last := f.ID[strings.LastIndex(f.ID, "/")+1:]
		last, _, _ = strings.Cut(last, "#") // one of several checks of the same
		return last == rule || strings.HasPrefix(last, rule+"-")
	}))
}

// String names the check in a few words: "drain D1, D2 or D5".
func (m Meant) String() string {
	switch n := len(m.Rules); n {
	case 0:
		return m.Kind
	case 1:
		return m.Kind + " " + m.Rules[0]
	default:
		return m.Kind + " " + strings.Join(m.Rules[:n-1], ", ") + " or " + m.Rules[n-1]
	}
}

// may tells whether a finding may fail when the defect is there.
func (r Row) may(f verify.Finding) bool {
	return f.Kind == r.Meant.Kind || f.Kind == "slo" || slices.Contains(r.Allowed, f.Kind)
}

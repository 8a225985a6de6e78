package library_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/library"
)

// disturbing are the scenarios with faults; containers tells which of them need
// containers.
var disturbing = map[string]struct{ containers bool }{
	"slow-payments": {}, "payments-429": {}, "payments-outage": {},
	"cache-loss": {}, "cache-value": {}, "edge-cache-purge": {},
	"random-kill": {}, "zone-loss": {},
	"network-degraded": {true}, "partition": {true}, "swizzle": {true},
	"database-saturation": {true}, "database-restart": {true},
	"alerts-drill": {}, "gameday": {},
}

// processes do without: nothing there is a network or a limit of its own, and the
// database is a file.
var processesCannot = []string{"delay", "loss", "bandwidth", "partition", "reset", "connection_limit", "dns",
	"cpu_pressure", "cpu_throttle", "memory_pressure", "disk_fill", "pool_exhaustion", "slow_queries"}

// What is broken is whole before, long enough to say so, and whole again afterwards.
func TestFaultsHaveATimeBeforeAndAfter(t *testing.T) {
	for _, name := range library.Names() {
		plan := compiled(t, name)
		about, listed := disturbing[name]
		if listed != (len(plan.Faults) > 0) {
			t.Errorf("%s has %d faults", name, len(plan.Faults))
		}
		if len(plan.Faults) == 0 {
			continue
		}
		if first := plan.Faults[0].At.Std(); first < 10*time.Second {
			t.Errorf("%s: the first fault begins after %s", name, first)
		}
		last, containers := scenarios.Duration(0), false
		for _, f := range plan.Faults {
			last = max(last, f.End)
			containers = containers || slices.Contains(processesCannot, f.Kind) || slices.Contains(f.Services, "postgres")
		}
		if rest := (plan.Duration - last).Std(); rest < 8*time.Second || plan.Duration.Std() < 40*time.Second {
			t.Errorf("%s: %s of %s are left after the last fault", name, rest, plan.Duration)
		}
		source, _ := library.Read(name)
		if containers != about.containers || containers != bytes.Contains(source, []byte("Containers only.")) {
			t.Errorf("%s needs containers: %v, and says otherwise", name, containers)
		}
		if !has(plan, func(c scenarios.Check) bool { return c.SteadyState != nil }) {
			t.Errorf("%s does not ask for a steady state", name)
		}
		if !has(plan, func(c scenarios.Check) bool { return c.Recovery != nil || c.Stampede != nil }) {
			t.Errorf("%s does not ask for an end of the trouble", name)
		}
	}
}

// Whoever pays is charged once, whatever becomes of the bank.
func TestTroubleWithTheBankIsJudgedByItsOwnBooks(t *testing.T) {
	for _, name := range []string{"slow-payments", "payments-429", "payments-outage"} {
		plan := compiled(t, name)
		bank, simulated := plan.ThirdParties["payments"]
		if !simulated || len(bank.Routes) != 2 || !bank.Routes[0].Idempotent || bank.Routes[0].EffectOf != "${json.order}" {
			t.Errorf("%s: the bank is %+v", name, bank)
		}
		var compared []string
		for _, l := range plan.Ledgers {
			compared = append(compared, l.ID)
		}
		if !slices.Contains(compared, "integrity/orders") || !slices.Contains(compared, "integrity/charges") {
			t.Errorf("%s compares %v", name, compared)
		}
		if !has(plan, func(c scenarios.Check) bool { return c.BlastRadius != nil && c.BlastRadius.Journey == "look" }) {
			t.Errorf("%s does not ask for those who need no bank", name)
		}
	}
}

// In the order of a swizzle, every link is cut while the one before is, and none is
// healed in the order of the cuts.
func TestASwizzleHealsInAnotherOrder(t *testing.T) {
	faults := compiled(t, "swizzle").Faults
	heals := slices.Clone(faults)
	slices.SortFunc(heals, func(a, b scenarios.PlannedFault) int { return int(a.End - b.End) })
	same := 0
	for i, f := range faults {
		if i > 0 && (f.At <= faults[i-1].At || f.At >= faults[i-1].End || f.Spec.Partition == nil) {
			t.Errorf("%s is cut at %s", f.ID, f.At)
		}
		if heals[i].ID == f.ID {
			same++
		}
		if i > 0 && heals[i].End == heals[i-1].End {
			t.Errorf("%s and %s are healed at once", heals[i].ID, heals[i-1].ID)
		}
	}
	if len(faults) < 5 || same > 1 {
		t.Errorf("%d links, %d of them healed in their turn", len(faults), same)
	}
	if first, last := heals[0], faults[len(faults)-1]; first.End < last.At {
		t.Errorf("%s is healed before %s is cut", first.ID, last.ID)
	}
}

// The seed decides who dies, and which seed says it in the plan.
func TestWhoIsKilledIsDrawn(t *testing.T) {
	source, _ := library.Read("random-kill")
	picked := map[string]bool{}
	for seed := range int64(20) {
		d, problems := scenarios.Parse("random-kill.yaml", source, scenarios.Options{Dir: here})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		d.Scenario.Seed = seed + 1
		plan, problems := d.Compile(referenceStack)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if first := plan.Faults[0]; len(first.Picked) != 1 {
			t.Errorf("seed %d picks %v", seed+1, first.Picked)
		} else {
			picked[first.Picked[0]] = true
		}
	}
	if len(picked) != 3 {
		t.Errorf("20 seeds pick %v of three", picked)
	}
}

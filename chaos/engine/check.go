package engine

import (
	"fmt"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// Ground is what faults are to be done on.
type Ground struct {
	Platform string // "docker" or "process"
	// Plan is the whole of it: who has a proxy in front, and the like.
	Plan *scenarios.Plan
	// Can says of needs why they are not met, "" for those that are. What is not in it
	// has not been tried, and counts as met.
	Can map[string]string
}

// Problem is a fault that cannot work here.
type Problem struct {
	Fault  string // its ID
	Kind   string
	Reason string
}

// String is the message for users.
func (p Problem) String() string { return fmt.Sprintf("fault %s (%s): %s", p.Fault, p.Kind, p.Reason) }

// Check tells what of a plan cannot work, before anything is started.
func Check(plan *scenarios.Plan, platform string, can map[string]string) (problems []Problem) {
	on := Ground{Platform: platform, Plan: plan, Can: can}
	for _, f := range plan.Faults {
		if _, err := choose(f, on); err != nil {
			problems = append(problems, Problem{f.ID, f.Kind, err.Error()})
		}
	}
	return problems
}

// Row is a kind with what it comes to on a platform and a machine.
type Row struct {
	Kind
	Backend string // that would do it here; "" for none
	Why     string // there is none, or it is not the first choice
}

// Describe is the catalogue with what can be done here.
func Describe(platform string, can map[string]string) (rows []Row) {
	on := Ground{Platform: platform, Plan: &scenarios.Plan{ThirdParties: map[string]scenarios.PlannedThirdParty{"any": {}}}, Can: can}
	for _, k := range catalogue {
		row := Row{Kind: k}
		if w, err := choose(specimen(k.Name), on); err != nil {
			row.Why = err.Error()
		} else {
			row.Backend, row.Why = w.backend, w.note
		}
		rows = append(rows, row)
	}
	return rows
}

// choose takes the first way whose needs are met. The error is that of the best.
func choose(f scenarios.PlannedFault, on Ground) (way, error) {
	k := kindOf(f.Kind)
	if k == nil {
		return way{}, fmt.Errorf("there is no such kind: %s", strings.Join(scenarios.FaultKinds(), ", "))
	}
	ways, err := k.ways(f, on)
	if err != nil {
		return way{}, err
	}
	var first error
	for _, w := range ways {
		err := on.must(w.needs)
		if err == nil {
			if first != nil && w.note == "" {
				w.note = "not by " + ways[0].backend + ": " + first.Error()
			}
			return w, nil
		}
		if first == nil {
			first = err
		}
	}
	return way{}, first
}

// must says which of some needs is not met.
func (on Ground) must(needs []Need) error {
	for _, n := range needs {
		if n == Containers && on.Platform == "process" {
			return fmt.Errorf("it needs containers: the process platform has no network namespaces, control groups or volumes to do it in; use --platform docker")
		}
		if n == PostgreSQL && on.Platform == "process" {
			return fmt.Errorf("it needs PostgreSQL, and databases of the process platform are files of SQLite; use --platform docker")
		}
		if reason := on.Can[string(n)]; reason != "" {
			return fmt.Errorf("it needs %s: %s", needWords[n], reason)
		}
	}
	return nil
}

var needWords = map[Need]string{
	Containers: "containers",
	NetAdmin:   "an agent with CAP_NET_ADMIN in the target's network",
	Nftables:   "nftables in the kernel",
	Owner:      "nftables tables that end with their owner (Linux 5.12)",
	Nfqueue:    "NFQUEUE in the kernel",
	Numgen:     "numgen of nftables in the kernel",
	Limit:      "limit of nftables in the kernel",
	Reject:     "reject of nftables in the kernel",
	Connlimit:  "connlimit of nftables in the kernel",
	Redirect:   "redirection by nftables (nat) in the kernel",
	DNS:        "redirection of look-ups by nftables (nat) in the kernel",
	Memfd:      "memfd_create of the kernel",
	PostgreSQL: "PostgreSQL",
}

// proxied tells whether a proxy stands in front of all services of a fault.
func (on Ground) proxied(f scenarios.PlannedFault) bool {
	if on.Plan == nil || len(f.Services) == 0 {
		return false
	}
	for _, s := range f.Services {
		if _, is := on.Plan.ThirdParties[s]; !is && on.Plan.Services[s].Interposed == nil {
			return false
		}
	}
	return true
}

// specimen is a fault of a kind as it is most often used.
func specimen(kind string) scenarios.PlannedFault {
	f := scenarios.PlannedFault{ID: kind, Kind: kind, Services: []string{"any"}}
	f.Spec.ZoneLoss, f.Spec.Outage = &scenarios.ZoneLossFault{As: "kill"}, &scenarios.OutageFault{As: scenarios.OutageStatus}
	f.Spec.CacheFlush = &scenarios.CacheFlushFault{}
	return f
}

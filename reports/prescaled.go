package reports

import (
	"cmp"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A Resize is a change of an instance's resources, or the attempt at one. CPUs
// are cores, memory bytes, 0 for no limit.
type Resize struct {
	T          time.Duration `json:"t_ns"`     // when the new limits were effective
	Decision   int           `json:"decision"` // its ID
	Service    string        `json:"service"`
	Instance   string        `json:"instance"`
	Class      string        `json:"class"` // "large" or "base"
	FromCPUs   float64       `json:"from_cpus"`
	FromMemory int64         `json:"from_memory"`
	CPUs       float64       `json:"cpus"`
	Memory     int64         `json:"memory"`
	Cause      string        `json:"cause"`
	Took       time.Duration `json:"took_ns"`
	Created    bool          `json:"created"` // the instance was created with them
	Error      string        `json:"error"`   // "" if it went through
}

func resizesOf(events []journal.Event) []Resize {
	list := []Resize{}
	for _, e := range events {
		if b, ok := e.Body.(journal.Resized); ok {
			list = append(list, Resize{
				e.T, b.Decision, clean(b.Service), clean(b.Instance), clean(b.Class), b.FromCPUs, b.FromMemory, b.CPUs, b.Memory,
				clean(b.Cause), b.Took, b.Created, clean(b.Error),
			})
		}
	}
	return list
}

// journaled is the resize in the words of the journal.
func (r Resize) journaled() journal.Resized {
	return journal.Resized{
		Decision: r.Decision, Service: r.Service, Instance: r.Instance, Class: r.Class, FromCPUs: r.FromCPUs, FromMemory: r.FromMemory,
		CPUs: r.CPUs, Memory: r.Memory, Cause: r.Cause, Took: r.Took, Error: r.Error, Created: r.Created,
	}
}

// largeClass is the class that prescaling gives.
const largeClass = "large"

// An Account is one that signs of sessions came from, and what prescaling did
// about it. Moments are null for what never was.
type Account struct {
	Service string `json:"service"` // the one that is prescaled
	Account string `json:"account"`
	Tier    string `json:"tier"`
	Via     string `json:"via"` // "webhook" or "header"
	// Signal is the first sign of it; State how it stood after that: "granted",
	// "queued" or "rejected", "" where nobody decided on it. Waited is how long it
	// was queued.
	Signal *time.Duration `json:"signal_ns"`
	State  string         `json:"state"`
	Waited time.Duration  `json:"waited_ns"`
	Reason string         `json:"reason"`
	// FirstByte is when its heavy work began to arrive, as the scenario's prescale
	// check names it; Effective since when every instance that could get it had had
	// the larger class then; Lead the time between, negative if the work was there
	// first, null if the class never was, or the account had been rejected. Of
	// several pieces of work they are those of the worst. Late tells that it was not
	// in time.
	FirstByte *time.Duration `json:"first_byte_ns"`
	Effective *time.Duration `json:"effective_ns"`
	Lead      *time.Duration `json:"lead_ns"`
	Late      bool           `json:"late"`
	// Begun is how many of its sessions brought heavy work, Completed how many of
	// those saw it done.
	Begun     int `json:"begun"`
	Completed int `json:"completed"`
}

// accountsOf are the accounts of all prescaled services in order of their first
// sign.
func accountsOf(run Run) []Account {
	f := accounts{run: run, index: map[[2]string]*Account{}}
	for _, e := range run.events() {
		f.event(e)
	}
	f.settle()
	list := []Account{}
	for _, a := range f.order {
		list = append(list, *a)
	}
	slices.SortStableFunc(list, func(a, b Account) int {
		return cmp.Or(cmp.Compare(a.first(), b.first()), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Account, b.Account))
	})
	return list
}

// accounts is accountsOf under way.
type accounts struct {
	run   Run
	index map[[2]string]*Account // by service and account
	order []*Account
}

// first is when anything was heard of the account.
func (a Account) first() time.Duration {
	for _, t := range []*time.Duration{a.Signal, a.FirstByte} {
		if t != nil {
			return *t
		}
	}
	return 0
}

func (f *accounts) account(service, name string) *Account {
	key := [2]string{service, name}
	if f.index[key] == nil {
		f.index[key] = &Account{Service: clean(service), Account: clean(name)}
		f.order = append(f.order, f.index[key])
	}
	return f.index[key]
}

func (f *accounts) event(e journal.Event) {
	switch b := e.Body.(type) {
	case journal.SessionSignal:
		for _, service := range f.listening(b) {
			if a := f.account(service, b.Account); a.Signal == nil {
				a.Signal, a.Tier, a.Via = &e.T, clean(b.Tier), clean(b.Via)
			}
		}
	case journal.Claim:
		f.claim(e.T, b)
	case journal.Milestone:
		f.milestone(e.T, b)
	}
}

// listening are the prescaled services that a sign is for.
func (f *accounts) listening(b journal.SessionSignal) (services []string) {
	planned := f.run.planned()
	for _, name := range sortedNames(planned) {
		p := planned[name].Prescale
		if p == nil || p.Tier != b.Tier {
			continue
		}
		if b.Via == "header" && p.Header != nil && p.Header.Service == b.Service || b.Via != "header" && p.Webhook != nil && p.Webhook.Service == b.Service {
			services = append(services, name)
		}
	}
	return services
}

// claim keeps how an account stood at first, and what became of its waiting.
func (f *accounts) claim(t time.Duration, b journal.Claim) {
	a := f.account(b.Service, b.Account)
	if a.Signal == nil {
		a.Signal, a.Via = &t, clean(b.Via)
	}
	switch {
	case b.State == "renewed" || b.State == "released":
	case a.State == "" || a.State == "queued":
		a.State, a.Waited, a.Reason = clean(b.State), b.Waited, clean(b.Reason)
	}
}

// milestone counts the heavy work of an account. A tenant of the traffic is the
// account of that name.
func (f *accounts) milestone(t time.Duration, b journal.Milestone) {
	for _, c := range f.run.prescaleChecks() {
		p := f.run.planned()[c.Service].Prescale
		if c.Journey != b.Journey || b.Step != c.Step && b.Step != cmp.Or(c.Done, c.Step) || p != nil && b.Tier != "" && b.Tier != p.Tier {
			continue // sessions of another tier are entitled to nothing
		}
		a := f.account(c.Service, b.Tenant)
		if b.Step == c.Step && b.Outcome == "started" {
			if a.Begun++; a.FirstByte == nil {
				a.FirstByte = &t
			}
		}
		if b.Step == cmp.Or(c.Done, c.Step) && b.Outcome == "ok" {
			a.Completed++
		}
	}
}

// settle takes in how long before the work of accounts their class was there, as
// the checks have it.
func (f *accounts) settle() {
	for _, c := range f.run.prescaleChecks() {
		for _, l := range verify.Leads(f.run.Record, f.run.Intent.Plan, c) {
			a := f.account(c.Service, l.Account)
			a.FirstByte, a.Late = &l.At, l.Never || l.Before < 0
			if !l.Never {
				since := l.At - l.Before
				a.Lead, a.Effective = &l.Before, &since
			}
		}
	}
}

// prescaleChecks are those of the plan.
func (r Run) prescaleChecks() []scenarios.PrescaleCheck {
	if r.Intent.Plan == nil {
		return nil
	}
	var checks []scenarios.PrescaleCheck
	for _, c := range r.Intent.Plan.Checks {
		if c.Prescale != nil {
			checks = append(checks, *c.Prescale)
		}
	}
	return checks
}

package verify

import (
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// What findings are made from and reports draw: the same figures, or a chart would
// show something else than what was judged.

// A Lead is how long before the first byte of an account's heavy work the larger
// class was effective wherever that work may have gone, as P1 has it; of several
// pieces of work the worst.
type Lead struct {
	Account string
	At      time.Duration // of the first byte, from the start of the run
	Before  time.Duration // negative: so much later
	Never   bool          // it was not before the end of the run
}

// Leads are those of a prescale check, the worst first, without accounts that were
// refused. It never panics; none of the arguments is changed.
func Leads(rec *journal.Record, plan *scenarios.Plan, c scenarios.PrescaleCheck) (list []Lead) {
	defer func() { _ = recover() }() // whatever stands in the files of a run
	if rec == nil || plan == nil {
		return nil
	}
	h := newHistory(rec, plan)
	if c.Done == "" {
		c.Done = c.Step
	}
	w := h.workload(c)
	var leads []lead
	for _, a := range w.accounts {
		if l, ok := h.leadOf(w, a); ok {
			leads = append(leads, l)
		}
	}
	slices.SortStableFunc(leads, compareLeads)
	for _, l := range leads {
		list = append(list, Lead{l.account, l.at, l.before, l.never})
	}
	return list
}

// A Level is a number of instances from a moment on.
type Level = Step[int]

// Demands are how many instances the autoscaled services needed over time, by
// name, as scaling and cost have it; services of which that is not known are left
// out. It never panics; neither argument is changed.
func Demands(rec *journal.Record, plan *scenarios.Plan) (demands map[string][]Level) {
	demands = map[string][]Level{}
	defer func() { _ = recover() }() // whatever stands in the files of a run
	if rec == nil || plan == nil {
		return demands
	}
	var h *history // is made only if something needs it: of a long run it takes its time
	for name, s := range plan.Services {
		if s.Autoscale == nil || s.Autoscale.Capacity <= 0 {
			continue
		}
		if h == nil {
			h = newHistory(rec, plan)
		}
		d := h.demandOf(name)
		if d.why != "" {
			continue
		}
		demands[name] = d.needed
	}
	return demands
}

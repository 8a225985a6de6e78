package verify

import "github.com/shakedown-dev/shakedown/scenarios"

// integrity judges what exists against what was acknowledged: everything
// exactly once, or nothing at all where what is looked for are mistakes.
func (h *history) integrity(c scenarios.IntegrityCheck) []Finding {
	f := Finding{ID: "integrity/" + c.Name, Kind: "integrity"}
	if c.Want == "none" {
		f.Wanted = "nothing is found"
		return []Finding{h.nothingRead(f, f.ID)}
	}
	f.Wanted = "something is found, and nothing twice"
	if c.Of != nil {
		f.Wanted = "everything acknowledged is found exactly once"
	}
	f = h.compared(f, f.ID, "found", c.Of != nil)
	if l, ok := h.ledger(f.ID); ok && f.Verdict == Fail && l.Repeated == 0 && h.stuck() != "" {
		f.Verdict, f.Reason = Inconclusive, h.stuck()+", and what could not be read through it may be there: "+f.Reason
	}
	return []Finding{f}
}

// stuck says that a fault may still have been there when everything was read.
func (h *history) stuck() string {
	for _, f := range h.faults.runs {
		if f.stuck() {
			return "fault " + f.ID + " was not seen to be reverted"
		}
	}
	return ""
}

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
	return []Finding{h.compared(f, f.ID, "found", c.Of != nil)}
}

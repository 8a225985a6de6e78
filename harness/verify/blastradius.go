package verify

import "github.com/shakedown-dev/shakedown/scenarios"

// blastRadius judges a journey that faults should not reach, over the time in which
// they lasted.
func (h *history) blastRadius(c scenarios.BlastRadiusCheck) []Finding {
	faults := h.faultsOf(c.Faults)
	aim := aimed(c.Journey, c.Step, c.Objectives)
	id := "blast-radius/" + c.Journey
	if c.Step != "" {
		id += "/" + c.Step
	}
	f := Finding{ID: id, Kind: "blast_radius", Verdict: Pass, Wanted: wanted(aim) + ", while faults last"}
	during := spansOf(faults, shown)
	f = h.judged(f, aim, h.sampleAmid(aim, during), "while faults lasted", during)
	f.Evidence = append(f.Evidence, h.blamed(c.Journey, c.Step, faults, shown)...)
	return []Finding{h.blaming(f, faults, c.Journey, c.Step, c.Objectives)}
}

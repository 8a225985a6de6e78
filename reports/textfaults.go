package reports

// topFaults is how many faults a terminal shows.
const topFaults = 20

// faults writes the table of faults.
func (t *textWriter) faults(f *Faults) {
	if f == nil {
		return
	}
	table := textTable{head: faultHead[:5], right: map[int]bool{0: true, 1: true}}
	for _, r := range firstOf(f.Faults, topFaults) {
		table.rows, table.notes = append(table.rows, r.cells()[:5]), append(table.notes, r.evidence())
	}
	t.section(table, len(f.Faults))
}

// called writes what proxies saw, and what ended the run early.
func (t *textWriter) called(f *Faults) {
	if f == nil {
		return
	}
	for i, c := range f.Calls {
		t.labelled(first(i, "calls"), c.line())
	}
	if f.Stopped != nil {
		t.labelled("stopped", f.Stopped.line())
	}
}

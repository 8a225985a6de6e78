package reports

// topScaling is how many decisions, and how many accounts, a terminal shows.
const topScaling = 12

// scaling writes the tables of decisions and of accounts.
func (t *textWriter) scaling(s *Scaling) {
	if s == nil {
		return
	}
	table := textTable{head: decisionHead, right: map[int]bool{0: true, 5: true, 6: true}}
	decisions := s.shown()
	for _, d := range firstOf(decisions, topScaling) {
		table.rows, table.notes = append(table.rows, s.decisionCells(d)), append(table.notes, d.trouble())
	}
	t.section(table, len(decisions))
	table = textTable{head: accountHead, right: map[int]bool{2: true, 4: true, 5: true, 6: true, 7: true}}
	for _, a := range firstOf(s.Accounts, topScaling) {
		table.rows, table.notes = append(table.rows, a.cells()), append(table.notes, a.Reason)
	}
	t.section(table, len(s.Accounts))
	t.refusals(s.refusedResizes())
}

// refusals writes what would not be given other resources, and what the engine said.
func (t *textWriter) refusals(list []Resize) {
	for _, r := range firstOf(list, topScaling) {
		t.wrapped("  ", "resize refused: "+moment(r.T)+" "+r.words())
	}
	if more := len(list) - topScaling; more > 0 {
		t.wrapped("  ", "and "+plural(more, "more resize")+" refused, see the report")
	}
	if len(list) > 0 {
		t.line("")
	}
}

// section writes a table, says how many rows it leaves out of all, and ends it.
func (t *textWriter) section(table textTable, all int) {
	if len(table.rows) == 0 {
		return
	}
	t.table("  ", table)
	if more := all - len(table.rows); more > 0 {
		t.wrapped("  ", "and "+count(more)+" more in the report")
	}
	t.line("")
}

// services writes what scaled services had and used, and who was given notice.
func (t *textWriter) services(s *Scaling) {
	if s == nil {
		return
	}
	for i, service := range s.Services {
		t.labelled(first(i, "scaling"), service.line())
	}
	for i, notice := range s.Interruptions {
		if i == topEvidence {
			t.labelled("", plural(len(s.Interruptions)-i, "more notice"))
			break
		}
		t.labelled(first(i, "notices"), notice.line())
	}
}

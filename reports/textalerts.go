package reports

// topAlerts is how many episodes a terminal shows.
const topAlerts = 20

// alerts writes the table of alerts, and what kept them from being told.
func (t *textWriter) alerts(a *Alerts) {
	if a == nil {
		return
	}
	if len(a.Episodes) > 0 {
		table := textTable{head: alertHead[:5], right: map[int]bool{0: true, 1: true}}
		for _, e := range firstOf(a.Episodes, topAlerts) {
			table.rows, table.notes = append(table.rows, e.cells()[:5]), append(table.notes, e.Summary)
		}
		t.section(table, len(a.Episodes))
	}
}

// ruled says which rules there were.
func (t *textWriter) ruled(a *Alerts) {
	if a == nil {
		return
	}
	text := a.line()
	if len(a.Episodes) == 0 {
		text += "; no alert was active"
	}
	t.labelled("alerts", text)
	for _, trouble := range firstOf(a.Troubles, topEvidence) {
		t.labelled("", trouble)
	}
}

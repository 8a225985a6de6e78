package reports

// pageAlerts is the section on alerts.
type pageAlerts struct {
	Line     string
	Rows     []pageAlert
	More     int
	Silent   string
	Troubles []string
	Remarks  []string
}

type pageAlert struct {
	Cells []string
	Fired bool
}

// Bounds of the tables of alerts and of slow requests.
const (
	maxAlerts = 200
	maxSlow   = 200
)

// pageAlertsOf is nil for a run without rules.
func pageAlertsOf(a *Alerts) *pageAlerts {
	if a == nil {
		return nil
	}
	p := &pageAlerts{Line: a.line(), More: max(0, len(a.Episodes)-maxAlerts), Silent: listed(a.Silent, 40), Troubles: firstOf(a.Troubles, 20), Remarks: firstOf(a.Remarks, 20)}
	for _, e := range firstOf(a.Episodes, maxAlerts) {
		p.Rows = append(p.Rows, pageAlert{Cells: e.cells(), Fired: e.Firing != nil})
	}
	return p
}

// pageSlowOf are the rows of the table of slow requests.
func pageSlowOf(list []SlowRequest) (rows [][]string) {
	for _, s := range firstOf(list, maxSlow) {
		rows = append(rows, s.cells())
	}
	return rows
}

package gameday

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/reports"
)

// A band is something that lasts. To is nil while it does. Times are seconds since the
// start of the run.
type band struct {
	ID    string   `json:"id"`
	Label string   `json:"label"`
	From  float64  `json:"from"`
	To    *float64 `json:"to,omitempty"`
	State string   `json:"state,omitempty"` // the last known, with its reason
	Doubt bool     `json:"doubt,omitempty"` // of a fault: no evidence of an effect, or called off; of an alert: pending
}

// bands are the phases, faults and alerts of a run.
type bands struct {
	Phases []band `json:"phases"`
	Faults []band `json:"faults"`
	Alerts []band `json:"alerts"`

	changes int
}

func (b *bands) observe(e journal.Event, redact func(string) string) {
	t := e.T.Seconds()
	switch body := e.Body.(type) {
	case journal.PhaseStarted:
		b.open(&b.Phases, band{ID: body.Phase, Label: body.Phase, From: t})
	case journal.PhaseEnded:
		b.shut(b.Phases, body.Phase, t)
	case journal.FaultStarted:
		label := redact(body.Fault + ": " + cmp.Or(body.Detail, body.FaultKind))
		b.open(&b.Faults, band{ID: body.Fault, Label: label, From: t, State: redact(body.Error), Doubt: body.Error != ""})
	case journal.FaultState:
		if f := find(b.Faults, body.Fault); f != nil && f.To == nil {
			f.State = redact(body.Target + " " + body.State + ": " + body.Reason)
			f.Doubt = body.State != journal.FaultApplied && body.State != journal.FaultReverted
			b.changes++
		}
	case journal.FaultEnded:
		if body.By == journal.FaultCalledOff { // it has no band yet, and is to be seen all the same
			b.open(&b.Faults, band{ID: body.Fault, Label: redact(body.Fault + ": " + body.By), From: t, To: &t, State: body.By, Doubt: true})
			break
		}
		b.shut(b.Faults, body.Fault, t)
	case journal.AlertChanged:
		b.alert(t, body)
	}
}

// alert follows an alert with its labels; pending and firing are bands of their own.
func (b *bands) alert(t float64, e journal.AlertChanged) {
	id := e.Group + "/" + e.Alert + "/" + reports.LabelWords(e.Labels)
	b.shut(b.Alerts, id, t)
	if e.To == journal.AlertPending || e.To == journal.AlertFiring {
		label := strings.TrimSuffix(e.Alert+" "+reports.LabelWords(e.Labels), " ")
		b.open(&b.Alerts, band{ID: id, Label: label, From: t, State: e.To, Doubt: e.To == journal.AlertPending})
	}
}

func (b *bands) open(list *[]band, n band) {
	if len(*list) >= maxBands {
		oldest := max(0, slices.IndexFunc(*list, func(o band) bool { return o.To != nil }))
		*list = slices.Delete(*list, oldest, oldest+1)
	}
	*list = append(*list, n)
	b.changes++
}

func (b *bands) shut(list []band, id string, t float64) {
	if f := find(list, id); f != nil && f.To == nil {
		f.To = &t
		b.changes++
	}
}

// find is the newest band with an id, nil without one.
func find(list []band, id string) *band {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].ID == id {
			return &list[i]
		}
	}
	return nil
}

// clone is a copy that later events do not change.
func (b *bands) clone() *bands {
	return &bands{Phases: slices.Clone(b.Phases), Faults: slices.Clone(b.Faults), Alerts: slices.Clone(b.Alerts)}
}

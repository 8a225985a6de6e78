package reports

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// An impact is what users saw in a stretch of time, summed over all steps. Intervals
// of a second that overlap the stretch count as a whole.
type impact struct {
	what                  string
	from, to              time.Duration
	sent, failed, unknown int
	p99                   time.Duration // of the slowest step in its slowest second
}

// add counts an interval that ended at end, if it overlaps.
func (i *impact) add(end time.Duration, t journal.Traffic) {
	if t.Step == "" || end <= i.from || end-t.For >= i.to {
		return
	}
	i.sent += t.Sent
	i.failed += t.Failed
	i.unknown += t.Unknown
	if t.OK > 0 {
		i.p99 = max(i.p99, t.P99)
	}
}

// impactsOf are the whole of the traffic, and the time that each fault was in force. A
// fault that did not end lasts as long as the window.
func impactsOf(run Run) []impact {
	w := windowOf(run.events())
	list := []impact{{what: "the whole run", from: w.traffic, to: w.to}}
	if f := faultsOf(run); f != nil {
		for _, r := range f.Faults {
			if r.Began == nil || len(r.Targets) == 0 { // it was done to nobody
				continue
			}
			to := w.to
			if r.Ended != nil {
				to = *r.Ended
			}
			list = append(list, impact{what: "while " + r.ID + " was in force", from: *r.Began, to: to})
		}
	}
	for _, e := range run.events() {
		if t, ok := e.Body.(journal.Traffic); ok {
			for n := range list {
				list[n].add(e.T, t)
			}
		}
	}
	return list
}

func (d *draft) impact() {
	d.section("Impact")
	var rows [][]string
	for _, i := range impactsOf(d.run) {
		rows = append(rows, []string{
			i.what, moment(i.from) + " to " + moment(i.to), count(i.sent), count(i.failed), count(i.unknown),
			percent(i.failed+i.unknown, i.sent), span(i.p99),
		})
	}
	d.table([]string{"", "when", "requests", "failed", "unknown", "share", "p99 at worst"}, rows)
}

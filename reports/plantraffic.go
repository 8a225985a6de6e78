package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// A planRow is one line of the table of sessions: what a cohort does in a
// phase, in numbers, and in words below them.
type planRow struct {
	name                     string
	sessions, requests, peak string
	words                    []string
}

// writePhases writes the table of phases and cohorts, and what they add up to.
func writePhases(b *strings.Builder, plan *scenarios.Plan, tallies []loadTally) {
	rows := []planRow{{name: "Traffic", sessions: "sessions", requests: "requests", peak: "peak"}}
	var total, requests amount
	for p, phase := range plan.Phases {
		rows = append(rows, planRow{name: fmt.Sprintf("  %s  %s to %s", phase.Name, phase.Start, phase.End)})
		before := len(rows)
		for i, load := range plan.Load {
			rows = append(rows, openRow(plan, load, tallies[i], p)...)
			rows = append(rows, closedRow(load, phase)...)
		}
		if len(rows) == before {
			rows = append(rows, planRow{name: "    nobody comes"})
		}
	}
	for i, load := range plan.Load {
		most, loose := mostRequests(plan.Journeys[load.Journey])
		for _, n := range tallies[i].sessions {
			total.add(n, tallies[i].exact, false)
			requests.add(product(n, most), tallies[i].exact, loose)
		}
		rows = append(rows, lateRow(load, tallies[i])...)
	}
	rows = append(rows, totalRow(plan, total, requests)...)
	b.WriteString("\n")
	writeTable(b, rows)
	for _, note := range []struct{ of, text string }{
		{"up to", "sessions choose, repeat or poll, and may make fewer"},
		{"no limit", "how often sessions repeat is drawn without a max"},
	} {
		if slices.ContainsFunc(rows, func(r planRow) bool { return strings.HasPrefix(r.requests, note.of) }) {
			fmt.Fprintf(b, "  %q: %s\n", note.of, note.text)
		}
	}
	if len(plan.Load) > 0 && total.n == 0 && !total.rough && !closed(plan) {
		b.WriteString("  nobody comes: the rates are too low for the time, and a run proves nothing\n")
	}
}

// openRow is the sessions of a load that arrive in a phase, nothing when it
// has none there.
func openRow(plan *scenarios.Plan, load scenarios.PlannedLoad, t loadTally, phase int) []planRow {
	words := shapes(plan, load, plan.Phases[phase])
	n := t.sessions[phase]
	if n == 0 && len(words) == 0 {
		return nil
	}
	most, loose := mostRequests(plan.Journeys[load.Journey])
	row := planRow{name: "    " + load.Cohort, words: words}
	var sessions, requests amount
	sessions.add(n, t.exact, false)
	requests.add(product(n, most), t.exact, loose)
	row.sessions, row.requests, row.peak = sessions.String(), requests.String(), perSecond(t.peaks[phase])
	return []planRow{row}
}

// closedRow is the closed loops of a load in a phase.
func closedRow(load scenarios.PlannedLoad, phase scenarios.PlannedPhase) []planRow {
	var rows []planRow
	for _, c := range load.Closed {
		if c.Phase != phase.Name {
			continue
		}
		words := fmt.Sprintf("closed loop: %s at once; it slows down with the system", plural(c.Sessions, "session"))
		rows = append(rows, planRow{name: "    " + load.Cohort, words: []string{words + during(c.Start, c.End, phase)}})
	}
	return rows
}

// lateRow is what arrives after the last phase, which only replays do.
func lateRow(load scenarios.PlannedLoad, t loadTally) []planRow {
	late := t.sessions[len(t.sessions)-1]
	if late == 0 {
		return nil
	}
	var n amount
	n.add(late, t.exact, false)
	return []planRow{{name: "  after the last phase: " + load.Cohort, sessions: n.String()}}
}

// totalRow adds everything up, nothing where all is closed loops: how many
// sessions those make is up to the system.
func totalRow(plan *scenarios.Plan, sessions, requests amount) []planRow {
	row := planRow{name: "  all", sessions: sessions.String(), requests: requests.String()}
	if closed(plan) {
		if sessions.n == 0 {
			return nil
		}
		row.name = "  all but closed loops"
	}
	return []planRow{row}
}

// closed tells whether a plan has closed loops.
func closed(plan *scenarios.Plan) bool {
	return slices.ContainsFunc(plan.Load, func(l scenarios.PlannedLoad) bool { return len(l.Closed) > 0 })
}

// writeTable aligns names left and numbers right. Rows without numbers may be
// longer than the column of names.
func writeTable(b *strings.Builder, rows []planRow) {
	var columns [4]int
	for _, r := range rows {
		if r.sessions != "" {
			columns[0] = max(columns[0], min(width(r.name), 30))
		}
		columns[1], columns[2], columns[3] = max(columns[1], width(r.sessions)), max(columns[2], width(r.requests)), max(columns[3], width(r.peak))
	}
	for _, r := range rows {
		line := r.name
		if r.sessions != "" {
			line = pad(cut(r.name, columns[0]), columns[0])
			for i, cell := range []string{r.sessions, r.requests, r.peak} {
				line += strings.Repeat(" ", 3+columns[i+1]-width(cell)) + cell
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		for _, w := range r.words {
			writeWrapped(b, "      ", w)
		}
	}
}

// An amount is a number of sessions or requests and what is known of it.
type amount struct {
	n            float64
	rough, bound bool // not exactly; at most
}

func (s *amount) add(n float64, exact, bound bool) {
	s.n += n
	s.rough = s.rough || !exact && n > 0
	s.bound = s.bound || bound && n > 0
}

func (s *amount) unlimited() bool { return s.n > math.MaxInt64/2 }

// String is "1,200", "about 144,000,000", "up to 6,000", "no limit".
func (s *amount) String() string {
	if s.unlimited() {
		return "no limit"
	}
	text := count(int(math.Round(s.n)))
	if s.rough {
		text = "about " + text
	}
	if s.bound {
		text = "up to " + text
	}
	return text
}

// product is one in which nothing stays nothing, even of what has no limit.
func product(n, most float64) float64 {
	if n == 0 {
		return 0
	}
	return n * most
}

// mostRequests is how many requests a session makes at most, infinity without
// a limit; loose when it may be fewer although every step succeeds.
func mostRequests(steps []scenarios.PlannedStep) (most float64, loose bool) {
	for _, s := range steps {
		switch {
		case s.Repeat != nil:
			inner, varies := mostRequests(s.Repeat.Steps)
			most += product(inner, largestSize(s.Repeat.Times))
			loose = loose || varies || s.Repeat.Times.Constant == 0
		case s.Choose != nil:
			widest := 0.0
			for _, option := range s.Choose {
				if inner, _ := mostRequests(option.Steps); option.Weight > 0 {
					widest = max(widest, inner)
				}
			}
			most, loose = most+widest, true
		case s.Poll != nil:
			polls := math.Inf(1)
			if s.Poll.Every > 0 {
				polls = 1 + math.Floor(float64(s.Poll.Within)/float64(s.Poll.Every))
			}
			most, loose = most+polls, true
		default:
			most++
		}
	}
	return most, loose
}

// largestSize is the largest number that a distribution gives.
func largestSize(s scenarios.Size) float64 {
	most := float64(s.Constant)
	switch {
	case len(s.Values) > 0:
		most = float64(slices.Max(s.Values))
	case s.Median > 0:
		most = math.Inf(1)
	}
	if s.Max > 0 {
		most = min(most, float64(s.Max))
	}
	return max(most, 0)
}

// perSecond writes a rate, of small ones two digits that are not 0.
func perSecond(v float64) string {
	if v > 0 && v < 1 {
		return fmt.Sprintf("%.2g/s", v)
	}
	return rate(v)
}

// during says from when to when something is, unless that is its whole phase.
func during(start, end scenarios.Duration, phase scenarios.PlannedPhase) string {
	if start <= phase.Start && end >= phase.End {
		return ""
	}
	return fmt.Sprintf(", %s to %s", offset(start), offset(end))
}

// offset writes an offset from the start of traffic, to a millisecond.
func offset(d scenarios.Duration) string { return d.Std().Round(time.Millisecond).String() }

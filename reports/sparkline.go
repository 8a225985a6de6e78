package reports

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// sparkWidth is the number of columns of a sparkline.
const sparkWidth = 60

// blocks are the heights of a column, from the lowest.
var blocks = []rune("▁▂▃▄▅▆▇█")

// spark draws values as columns from 0 to most; a value of 0 is a dot.
func spark(values []float64, most float64) string {
	var b strings.Builder
	for _, v := range values {
		if !(v > 0) || !(most > 0) {
			b.WriteRune('·')
			continue
		}
		height := int(math.Ceil(v / most * float64(len(blocks)) * (1 - 1e-9))) // rounding must not raise it
		b.WriteRune(blocks[min(max(height, 1), len(blocks))-1])
	}
	return b.String()
}

// writeRates draws the rate of sessions over the run: of all together, with
// the phases below, and of each cohort when there are several.
func writeRates(b *strings.Builder, plan *scenarios.Plan, tallies []loadTally) {
	total, open := make([]float64, sparkWidth), 0
	for _, t := range tallies {
		if anyAbove(t.columns) {
			open++
		}
		for i, v := range t.columns {
			total[i] += v
		}
	}
	if open == 0 {
		return // closed loops only: they have no rate of their own
	}
	column := time.Duration(plan.Duration) / sparkWidth
	fmt.Fprintf(b, "\nRate of sessions, %s a column\n", span(column))
	writeSpark(b, "all", total)
	b.WriteString("  " + strings.TrimRight(phaseMarks(plan), " ") + "\n")
	for i, t := range tallies {
		if open > 1 && anyAbove(t.columns) {
			writeSpark(b, plan.Load[i].Cohort, t.columns)
		}
	}
	for _, load := range plan.Load {
		if len(load.Closed) > 0 {
			b.WriteString("  closed loops are not in it\n")
			return
		}
	}
}

// writeSpark draws one sparkline below its name and bounds. Each has a scale
// of its own.
func writeSpark(b *strings.Builder, name string, values []float64) {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	fmt.Fprintf(b, "  %s: min %s, peak %s\n  %s\n", name, perSecond(low), perSecond(high), spark(values, high))
}

func anyAbove(values []float64) bool {
	for _, v := range values {
		if v > 0 {
			return true
		}
	}
	return false
}

// phaseMarks has a bar below the column in which each phase begins, and as
// much of its name as fits in front of the next.
func phaseMarks(plan *scenarios.Plan) string {
	marks := []rune(strings.Repeat(" ", sparkWidth))
	for i, phase := range plan.Phases {
		at, next := columnOf(plan, phase.Start.Std()), sparkWidth
		if i+1 < len(plan.Phases) {
			next = columnOf(plan, plan.Phases[i+1].Start.Std())
		}
		if at >= sparkWidth {
			break
		}
		marks[at] = '|'
		if room := next - at - 1; room > 0 {
			copy(marks[at+1:], []rune(cut(phase.Name, room)))
		}
	}
	return string(marks)
}

// columnOf is the column of a moment; from sparkWidth on it is after the run.
func columnOf(plan *scenarios.Plan, at time.Duration) int {
	if plan.Duration <= 0 || at < 0 {
		return 0
	}
	return int(float64(at) / float64(plan.Duration) * sparkWidth)
}

// columnStart is where a column begins.
func columnStart(plan *scenarios.Plan, column int) time.Duration {
	return time.Duration(float64(plan.Duration) * float64(column) / sparkWidth)
}

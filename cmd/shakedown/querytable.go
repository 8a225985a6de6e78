package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/shakedown-dev/shakedown/harness/observe/api"
)

// answerTable prints the answer to a query: a line for each series.
type answerTable struct {
	answer api.Answer
	run    string
}

func (t answerTable) print(out, notes io.Writer) error {
	if t.answer.Type() == "string" {
		_, err := fmt.Fprintln(out, t.answer.Text())
		return err
	}
	series, left := t.answer.Series()
	if left > 0 {
		fmt.Fprintf(notes, "%d native histograms are not shown; --json has them\n", left)
	}
	if len(series)+left == 0 {
		fmt.Fprintf(notes, "no series; shakedown query %s 'group by (__name__) ({__name__!=\"\"})' lists the names of all metrics\n", t.run)
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range series {
		if t.answer.Type() == "matrix" {
			fmt.Fprintf(table, "%s\t%s\t%s\n", metricText(s.Labels), drawn(s.Values), summary(s.Values))
		} else {
			fmt.Fprintf(table, "%s\t%s\n", metricText(s.Labels), valueText(s.Values[0]))
		}
	}
	return table.Flush()
}

// metricText writes labels as PromQL does: up{instance="api-1"}.
func metricText(labels map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != "__name__" {
			pairs = append(pairs, name+"="+strconv.Quote(labels[name]))
		}
	}
	if name := labels["__name__"]; name != "" && len(pairs) == 0 {
		return name
	}
	return labels["__name__"] + "{" + strings.Join(pairs, ", ") + "}"
}

// valueText is a number with six digits that count; counts stay whole.
func valueText(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// summary is what a line does not tell: its bounds, its end, and how many points it has.
func summary(values []float64) string {
	low, high := bounds(values)
	points := "1 point"
	if n := len(values); n != 1 {
		points = fmt.Sprintf("%d points", n)
	}
	return fmt.Sprintf("min %s  max %s  last %s  %s", valueText(low), valueText(high), valueText(values[len(values)-1]), points)
}

// bounds are the lowest and the highest of the values, NaN if none is a number.
func bounds(values []float64) (low, high float64) {
	low, high = math.NaN(), math.NaN()
	for _, v := range values {
		if !(v >= low) && !math.IsNaN(v) { // so that the first number replaces NaN
			low = v
		}
		if !(v <= high) && !math.IsNaN(v) {
			high = v
		}
	}
	return low, high
}

// lineWidth is the most columns that a series is drawn in.
const lineWidth = 40

var lineBlocks = []rune("▁▂▃▄▅▆▇█")

// drawn is a line from the lowest value to the highest, each column the highest of the
// values that share it, so that no peak is lost.
func drawn(values []float64) string {
	low, high := bounds(values)
	columns := min(len(values), lineWidth)
	line := make([]rune, columns)
	for i := range line {
		_, top := bounds(values[i*len(values)/columns : (i+1)*len(values)/columns])
		switch share := (top - low) / (high - low); {
		case math.IsNaN(top):
			line[i] = ' '
		case math.IsNaN(share): // all values are the same, or infinite
			line[i] = lineBlocks[0]
		default:
			line[i] = lineBlocks[min(int(share*float64(len(lineBlocks))), len(lineBlocks)-1)]
		}
	}
	return string(line)
}

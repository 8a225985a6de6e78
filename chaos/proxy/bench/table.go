package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// table is the figures, each with a value for every round.
type table struct {
	names []string
	rows  map[string]*row
}

type row struct {
	write  func(float64) string
	wanted string
	values []float64
}

func newTable() *table { return &table{rows: map[string]*row{}} }

func (t *table) add(name string, write func(float64) string, wanted string, value float64) {
	r := t.rows[name]
	if r == nil {
		r = &row{write: write, wanted: wanted}
		t.names, t.rows[name] = append(t.names, name), r
	}
	r.values = append(r.values, value)
}

func (t *table) print(w io.Writer) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "figure\tlowest\tmedian\thighest\twanted")
	for _, name := range t.names {
		r := t.rows[name]
		slices.Sort(r.values)
		n := len(r.values)
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\n", name, r.write(r.values[0]), r.write(r.values[n/2]), r.write(r.values[n-1]), r.wanted)
	}
	_ = out.Flush()
}

func micros(v float64) string    { return fmt.Sprintf("%.1f us", v/float64(time.Microsecond)) }
func millis(v float64) string    { return fmt.Sprintf("%.2f ms", v/float64(time.Millisecond)) }
func perSecond(v float64) string { return fmt.Sprintf("%.0f/s", v) }

package reports

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// The heat map's grid: fine enough to show two populations of requests apart,
// coarse enough to stay within a few tens of kilobytes.
const (
	heatColumns = 120
	heatRows    = 24
	fewRows     = 12  // of a run whose columns hold few requests: finer ones would have holes
	fewInColumn = 200 // requests
	heatShades  = 6   // at most
	// Each shade stands for so many times as many requests as the one below: as few times
	// as the shades allow, so that small differences show, and not so few that chance does.
	leastHeatStep, mostHeatStep = 1.5, 4.0
	heatHeight                  = 144.0 // of all rows, in units of the drawing
	// heatLongest bounds the values of the map, in microseconds: an hour.
	heatLongest = 3_600_000_000
)

// A heat is how many requests took how long, column by column of time.
type heat struct {
	from, width time.Duration // of the first column
	low, high   time.Duration // the least and the most that a request took
	scale       scale         // of response times in seconds; rows divide it evenly
	rows        int
	cells       [][]float64 // requests per second, by column and row from below
	least, most float64     // of any cell that holds any
}

// heatOf folds histograms of single seconds into the map, nil without any.
func heatOf(latency []journal.Interval, w window) *heat {
	h := &heat{from: w.from, width: time.Second}
	if d := w.span() / heatColumns; d > h.width {
		h.width = (d + time.Second - 1).Truncate(time.Second)
	}
	if w.traffic > w.from { // columns begin where the driver's seconds do
		h.from = w.traffic - (w.traffic-w.from+h.width-1)/h.width*h.width
	}
	parts := make([][]journal.Interval, int((w.to-h.from)/h.width)+1)
	found := false
	for _, i := range latency {
		middle := (i.From + i.To) / 2
		if i.Tag.Measure != journal.Response || i.Tag.Step == "" || i.To-i.From >= 2*time.Second || !w.holds(middle) {
			continue
		}
		n := int((middle - h.from) / h.width)
		parts[n], found = append(parts[n], i), true
	}
	if !found {
		return nil
	}
	h.fill(parts)
	if h.most == 0 {
		return nil
	}
	return h
}

// fill counts the parts of each column; two digits are finer than a row.
func (h *heat) fill(parts [][]journal.Interval) {
	columns, total, filled := make([]*hdrhistogram.Histogram, len(parts)), int64(0), int64(0)
	for n, list := range parts {
		if len(list) == 0 {
			continue
		}
		all := hdrhistogram.New(1, heatLongest, 2)
		for _, i := range list {
			i.AddTo(all)
		}
		if all.TotalCount() == 0 {
			continue
		}
		columns[n] = all
		total, filled = total+all.TotalCount(), filled+1
		low, high := microseconds(all.Min()), microseconds(all.Max())
		if h.low == 0 || low < h.low {
			h.low = low
		}
		h.high = max(h.high, high)
	}
	h.low = max(h.low, time.Microsecond)
	h.rows = heatRows
	if total < fewInColumn*filled {
		h.rows = fewRows
	}
	h.scale = logarithmic(h.low.Seconds(), h.high.Seconds(), heatHeight, 0)
	h.cells = make([][]float64, len(parts))
	for n, all := range columns {
		if all != nil {
			h.cells[n] = h.column(all)
		}
	}
}

// column is the requests per second of one column's rows.
func (h *heat) column(all *hdrhistogram.Histogram) []float64 {
	rows := make([]float64, h.rows)
	for _, bar := range all.Distribution() {
		if bar.Count > 0 {
			middle := float64(bar.From+bar.To) / 2 / 1e6
			height := (h.scale.bottom - h.scale.y(middle)) / h.tall()
			rows[min(int(height), h.rows-1)] += float64(bar.Count) / h.width.Seconds()
		}
	}
	for _, v := range rows {
		h.most = max(h.most, v)
		if v > 0 && (h.least == 0 || v < h.least) {
			h.least = v
		}
	}
	return rows
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// tall is the height of a row.
func (h *heat) tall() float64 { return heatHeight / float64(h.rows) }

// shades is how many of them the map needs: fewer where its fullest cell holds
// little more than its emptiest.
func (h *heat) shades() int { return heatShades - h.shade(h.least) + 1 }

// step is by what a shade is above the one below.
func (h *heat) step() float64 {
	if h.least <= 0 {
		return mostHeatStep
	}
	return min(mostHeatStep, max(leastHeatStep, math.Pow(h.most/h.least, 1/(heatShades-0.5))))
}

// shade is the look of a cell: 0 for nothing, then up to heatShades for the most,
// each a step above the one below.
func (h *heat) shade(perSecond float64) int {
	if perSecond <= 0 {
		return 0
	}
	down := int(math.Log(h.most/perSecond)/math.Log(h.step()) + 1e-9)
	return max(1, heatShades-down)
}

// heatPanel draws how many requests took how long, darker (in the dark:
// brighter) for more; "" where the record has no histograms by the second.
func heatPanel(s *scene, h *heat) template.HTML {
	if h == nil {
		return ""
	}
	p := newPanel(s, "heat", "Response time, heat map", "", heatHeight)
	sc := h.scale
	sc.bottom, sc.top = p.bottom, p.top
	for shade, data := range h.runs(s.window, p.bottom) {
		if data != "" {
			fmt.Fprintf(&p.d.b, `<path class="heat heat-%d" stroke-width="%s" d="%s"/>`, shade+1, num(h.tall()), data)
		}
	}
	p.axis(sc, func(v float64) string { return span(time.Duration(v*1e9 + 0.5)) })
	p.heatLegend(h)
	p.about = fmt.Sprintf("How many requests that succeeded took how long, from %s to %s, in columns of %s; at most %s in a cell.",
		span(h.low), span(h.high), span(h.width), rate(h.most))
	return p.done()
}

// runs are the cells as strokes, by shade: neighbours of the same shade are one.
func (h *heat) runs(w window, bottom float64) []string {
	paths := make([]strings.Builder, heatShades)
	end := w.to
	if w.silent > w.traffic {
		end = w.silent // the last column may be cut short
	}
	edge := func(n int) float64 { return w.x(min(h.from+time.Duration(n)*h.width, end)) }
	for row := range h.rows {
		y := num(bottom - (float64(row)+.5)*h.tall())
		begin, shade := 0, 0
		for n := 0; n <= len(h.cells); n++ {
			next := 0
			if n < len(h.cells) && h.cells[n] != nil {
				next = h.shade(h.cells[n][row])
			}
			if next == shade {
				continue
			}
			if shade > 0 && edge(n) > edge(begin) {
				paths[shade-1].WriteString("M" + num(edge(begin)) + " " + y + "H" + num(edge(n)))
			}
			begin, shade = n, next
		}
	}
	list := make([]string, heatShades)
	for i := range paths {
		list[i] = paths[i].String()
	}
	return list
}

// heatLegend is the shades in a row with what the first and the last stand for. It is
// of the frame: it lies over the plot, and yet no moment.
func (p *panel) heatLegend(h *heat) {
	const width = 14.0
	right := marginLeft + plotWidth
	most := "to " + cellRate(h.most)
	x := right - 7*float64(len(most)) - 6
	p.d.text("panel-unit", "end", right, 20, most)
	for shade := heatShades; shade > heatShades-h.shades(); shade-- {
		x -= width
		fmt.Fprintf(&p.d.frame, `<rect class="heat-key heat-%d" x="%s" y="11" width="%s" height="10"/>`, shade, num(x), num(width))
	}
	words := "requests in a cell, "
	if h.shades() > 1 {
		words += fmt.Sprintf("each shade %.2g times the last, ", h.step())
	}
	p.d.text("panel-unit", "end", x-6, 20, words+"from "+cellRate(h.least))
}

// cellRate is a rate, which of a cell is often less than one in ten seconds.
func cellRate(v float64) string {
	if v < 1 {
		return digits(v) + "/s"
	}
	return rate(v)
}

package reports

import (
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// taking is a second of a step in which requests took so many microseconds.
func taking(from time.Duration, micros ...int64) journal.Interval {
	h := journal.NewHistogram()
	for _, v := range micros {
		_ = h.RecordValue(v)
	}
	return journal.Interval{Tag: journal.Tag{Journey: "shop", Step: "home", Measure: journal.Response}, From: from, To: from + second, Histogram: h}
}

func TestHeatCountsEveryRequestOnce(t *testing.T) {
	w := window{from: 9 * second, to: 21 * second, traffic: 10 * second, silent: 20 * second}
	session := taking(10*second, 1000)
	session.Tag.Step = ""
	lag := taking(10*second, 1000)
	lag.Tag.Measure = journal.Lag
	long := taking(10*second, 1000)
	long.To = 20 * second
	h := heatOf([]journal.Interval{
		taking(10*second, 1000, 1000, 1000, 1000, 900_000), taking(11*second, 2000), taking(11*second, 2000),
		session, lag, long, taking(300*second, 1000), // these are not of the picture
	}, w)
	if h == nil || h.width != second {
		t.Fatalf("no map of columns of a second: %+v", h)
	}
	sums := map[time.Duration]float64{}
	total := 0.0
	for n, rows := range h.cells {
		for _, v := range rows {
			sums[h.from+time.Duration(n)*h.width] += v
			total += v
		}
	}
	if total != 7 || sums[10*second] != 5 || sums[11*second] != 2 {
		t.Errorf("%v requests in all, by column %v; want 7: 5 at 10 s and 2 at 11 s", total, sums)
	}
	if h.most != 4 || h.least != 1 {
		t.Errorf("cells hold %v to %v, want 1 to 4", h.least, h.most)
	}
	if h.shade(4) != heatShades || h.shade(1) != heatShades-3 || h.shade(0) != 0 || h.shades() != 4 {
		t.Errorf("shades %d, %d, %d of %d", h.shade(4), h.shade(1), h.shade(0), h.shades())
	}
	slow, fast := -1, -1
	for row, v := range h.cells[int((10*second-h.from)/h.width)] {
		switch v {
		case 1:
			slow = row
		case 4:
			fast = row
		}
	}
	if fast < 0 || slow <= fast {
		t.Errorf("900 ms stand in row %d, 1 ms in row %d: slow ones belong above", slow, fast)
	}
}

func TestHeatOfARunWithoutFineHistogramsIsNone(t *testing.T) {
	coarse := taking(0, 1000)
	coarse.To = 10 * second
	if h := heatOf([]journal.Interval{coarse}, window{to: 10 * second}); h != nil {
		t.Errorf("a map of histograms that cover ten seconds: %+v", h)
	}
	if panel := heatPanel(&scene{window: window{to: second}}, nil); panel != "" {
		t.Errorf("a panel of nothing: %s", panel)
	}
}

// However long the run and however wild its response times, the picture is small.
func TestHeatIsBounded(t *testing.T) {
	const seconds = 12 * 3600
	w := window{to: seconds * second, silent: seconds * second}
	var all []journal.Interval
	for i := range seconds / 10 {
		all = append(all, taking(time.Duration(i)*10*second, int64(100+i*7919%5000), int64(10_000+i*104729%9_000_000)))
	}
	h := heatOf(all, w)
	if len(h.cells) > heatColumns+1 || h.rows > heatRows {
		t.Errorf("%d columns of %d rows", len(h.cells), h.rows)
	}
	if panel := heatPanel(&scene{window: w}, h); len(panel) > 60_000 {
		t.Errorf("the picture takes %d bytes", len(panel))
	}
}

// Neighbours of the same shade are one stroke.
func TestHeatMergesEqualCells(t *testing.T) {
	w := window{to: 60 * second, silent: 60 * second}
	var all []journal.Interval
	for i := range 60 {
		all = append(all, taking(time.Duration(i)*second, 5000))
	}
	panel := string(heatPanel(&scene{window: w}, heatOf(all, w)))
	_, strokes, _ := strings.Cut(panel, `class="heat heat-6"`)
	strokes, _, _ = strings.Cut(strokes, "/>")
	if n := strings.Count(strokes, "M"); n != 1 {
		t.Errorf("%d strokes for 60 equal cells, want 1: %s", n, strokes)
	}
}

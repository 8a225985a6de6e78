package reports

import (
	"io"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// hour is a run of 3,600 seconds and ten steps as the driver journals it: one
// event and one histogram of each measure a second and step. The histograms
// are shared, or the benchmark would measure the memory they take.
func hour() Run {
	run := longRun(3600, 10)
	whole := run.Record.Latency
	run.Record.Latency = nil
	for _, i := range whole {
		few, scale := journal.NewHistogram(), int64(1)
		if i.Tag.Measure == journal.Response {
			scale = 40
		}
		for v := range int64(20) {
			_ = few.RecordValue(scale * (50 + v*v))
		}
		kept := journal.Condense([]journal.Interval{{Tag: i.Tag, Histogram: few}})[0] // as an interval that was read back
		for kept.From = i.From; kept.From < i.To; kept.From += second {
			kept.To = kept.From + second
			run.Record.Latency = append(run.Record.Latency, kept)
		}
	}
	return run
}

func BenchmarkFormatsOfAnHour(b *testing.B) {
	run := hour()
	for _, f := range formats() {
		b.Run(f.name, func(b *testing.B) {
			for b.Loop() {
				if err := f.render(io.Discard, run); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

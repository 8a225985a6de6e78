package reports

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
)

// A busyRun is a run as the driver journals it: each second one line of counts
// and histograms for every step, and for every instance what it answered and used.
type busyRun struct {
	seconds, services, rate int
	instances               int // of each service
	errors                  int // distinct ones
}

// store writes the run into a directory, without holding it in memory.
func (r busyRun) store(tb testing.TB, dir string) {
	tb.Helper()
	w, err := journal.Create(dir, nil)
	mustly(tb, err)
	put := func(t time.Duration, body journal.Body) { mustly(tb, w.Append(journal.Event{T: t, Body: body})) }
	random := rand.New(rand.NewPCG(11, 12))
	for s := range r.services {
		for n := range r.instances {
			service := fmt.Sprintf("service-%d", s)
			put(second, journal.InstanceStarted{Service: service, Instance: fmt.Sprintf("%s-%d", service, n+1)})
			put(2*second, journal.EndpointAdded{Service: service, Instance: fmt.Sprintf("%s-%d", service, n+1)})
		}
	}
	put(origin, journal.TrafficStarted{})
	put(origin, journal.PhaseStarted{Phase: "steady", For: time.Duration(r.seconds) * second})
	h := journal.NewHistogram()
	for i := range r.seconds {
		r.second(tb, w, random, h, origin+time.Duration(i+1)*second)
	}
	end := origin + time.Duration(r.seconds)*second
	for i := range r.errors {
		put(end, journal.ErrorGroup{Journey: "shop", Step: "step-0", Outcome: "fail", Message: fmt.Sprintf("wanted %d", i), Count: 1 + i%7, First: origin, Last: end, Sample: "no"})
	}
	put(end, journal.PhaseEnded{Phase: "steady"})
	put(end, journal.TrafficEnded{})
	put(end+ms, journal.RunEnded{Reason: "completed"})
	mustly(tb, w.Close())
	run := failingRun()
	mustly(tb, rundir.Dir(dir).WriteIntent(run.Intent, nil))
	mustly(tb, rundir.Dir(dir).WriteResult(run.Result))
}

// second writes what happened in the second that ends at t; hist is to work with.
func (r busyRun) second(tb testing.TB, w *journal.Writer, random *rand.Rand, hist *hdrhistogram.Histogram, t time.Duration) {
	interval := func(tag journal.Tag, n int, base float64) {
		hist.Reset()
		for range n {
			_ = hist.RecordValue(int64(base * math.Exp(.6*random.NormFloat64())))
		}
		mustly(tb, w.Latency(journal.Interval{Tag: tag, From: t - second, To: t, Histogram: hist}))
	}
	put := func(body journal.Body) { mustly(tb, w.Append(journal.Event{T: t, Body: body})) }
	each := r.rate / r.services
	for s := range r.services {
		step, service := fmt.Sprintf("step-%d", s), fmt.Sprintf("service-%d", s)
		failed := random.IntN(3)
		put(journal.Traffic{Phase: "steady", Cohort: "free", Journey: "shop", Step: step, For: second, Intended: each, Sent: each, OK: each - failed, Failed: failed,
			P50: 5 * ms, P95: 13 * ms, P99: 20 * ms, Max: 40 * ms})
		tag := journal.Tag{Phase: "steady", Cohort: "free", Journey: "shop", Step: step}
		for n := range r.instances {
			tag.Instance, tag.Measure = fmt.Sprintf("%s-%d", service, n+1), journal.Response
			interval(tag, each/r.instances, 5000)
			put(journal.Tally{Service: service, Instance: tag.Instance, For: second, Total: each / r.instances, Reused: each / r.instances})
			put(journal.Usage{Service: service, Instance: tag.Instance, CPU: t / 3, Memory: 90 << 20, Limit: 256 << 20})
		}
		tag.Instance, tag.Measure = "", journal.Lag
		interval(tag, each, 60)
	}
	put(journal.Generator{For: second, CPU: second / 2, Thread: second / 3, CPUs: 2, Busy: .6, Files: 60, FileLimit: 1024, Connections: 16})
}

// mustly is must of tests and benchmarks alike.
func mustly(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkAnHourFromDisk reads an hour at 5,000 a second with ten services and
// writes its reports. peak-MB is what the process took from the system for it.
func BenchmarkAnHourFromDisk(b *testing.B) {
	dir := b.TempDir()
	busyRun{seconds: 3600, services: 10, rate: 5000, instances: 2, errors: 1000}.store(b, dir)
	debug.FreeOSMemory() // what storing it took does not count
	most := uint64(0)
	for b.Loop() {
		run, err := Read(rundir.Dir(dir))
		mustly(b, err)
		mustly(b, WriteAll(run))
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.Sys-m.HeapReleased)
	}
	b.ReportMetric(float64(most)/(1<<20), "peak-MB")
}

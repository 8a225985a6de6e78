package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// Generator is what a run tells of the load generator itself. Shares are from
// 0 to 1; figures that are not known are -1, or 0 where nothing was measured.
type Generator struct {
	// Good tells whether the latencies can be taken for the system's; Doubts
	// says why not.
	Good    bool     `json:"good"`
	Doubts  []string `json:"doubts"`
	Engines []Engine `json:"engines"`
	// Intended and Sent are requests, Own those that were not sent for want of
	// something of the generator's, Exhausted says of what.
	Intended  int            `json:"intended"`
	Sent      int            `json:"sent"`
	Own       int            `json:"own"`
	Exhausted map[string]int `json:"exhausted"`
	// Lag is the schedule error: from the intended moment to that at which the
	// generator got to it. The quantiles are the larger of those of requests and
	// of session starts, the buckets count both.
	LagP50 time.Duration `json:"lag_p50_ns"`
	LagP99 time.Duration `json:"lag_p99_ns"`
	LagMax time.Duration `json:"lag_max_ns"`
	Lag    []Bucket      `json:"lag"`
	// Dispersion is the variance over the mean of the sessions begun in each
	// millisecond, Asked that of the intended ones: 1 is Poisson.
	Dispersion float64 `json:"dispersion"`
	Asked      float64 `json:"dispersion_asked"`
	// Area and Sojourn, in request-seconds, are the same by Little's law.
	Area    float64 `json:"area"`
	Sojourn float64 `json:"sojourn"`
	// Thread is the share of the time in which the driver's thread was busy,
	// CPU how much of its CPUs the process used, Steal what the hypervisor gave
	// to others: on the average, and in the worst second.
	Thread      float64 `json:"thread"`
	ThreadWorst float64 `json:"thread_worst"`
	CPU         float64 `json:"cpu"`
	CPUWorst    float64 `json:"cpu_worst"`
	CPUs        float64 `json:"cpus"`
	Steal       float64 `json:"steal"`
	StealWorst  float64 `json:"steal_worst"`
	// The most of a second: descriptors with their limit, connections, requests
	// and sessions under way, requests that waited for a connection, memory in bytes.
	Files       int   `json:"files"`
	FileLimit   int   `json:"file_limit"`
	Connections int   `json:"connections"`
	Dialled     int   `json:"dialled"` // connections opened in all
	InFlight    int   `json:"in_flight"`
	Sessions    int   `json:"sessions"`
	Queued      int   `json:"queued"`
	Memory      int64 `json:"memory"`
	// Seconds is how many intervals the generator told of itself; older runs
	// have none, and nothing of the above but requests and lag.
	Seconds int `json:"seconds"`

	intendedRate, achievedRate float64       // as in Totals
	tolerable                  time.Duration // the lag that the checks of the run allow
}

// Engine is what carried a part of the requests.
type Engine struct {
	Engine   string `json:"engine"`
	Service  string `json:"service"`
	Requests int    `json:"requests"`
	Why      string `json:"why"`
}

// words are which engine ran for what and why.
func (e Engine) words() string {
	return after(fmt.Sprintf("%s for %s, %s", e.Engine, e.Service, plural(e.Requests, "request")), ": ", e.Why)
}

// A Bucket counts the values up to a bound that are above the one before.
type Bucket struct {
	UpTo  time.Duration `json:"up_to_ns"`
	Count int           `json:"count"`
}

// generatorOf folds what the run tells of its generator.
func generatorOf(run Run, sums []journal.Interval, merged times) Generator {
	if kept := run.kept(); kept != nil {
		return kept.generator()
	}
	g := Generator{Engines: []Engine{}, Exhausted: map[string]int{}, Doubts: []string{}, Lag: []Bucket{}}
	var averages generatorSums
	for _, e := range run.events() {
		switch b := e.Body.(type) {
		case journal.Engine:
			g.Engines = append(g.Engines, Engine{clean(b.Engine), clean(b.Service), b.Requests, clean(b.Why)})
		case journal.Traffic:
			if b.Step != "" {
				g.Intended, g.Sent, g.Own = g.Intended+b.Intended, g.Sent+b.Sent, g.Own+b.Own
			}
		case journal.Generator:
			g.add(b)
			averages.add(b)
		}
	}
	g.average(averages)
	if s := rated(run, windowOf(run.events())).Seconds(); s > 0 {
		g.intendedRate, g.achievedRate = float64(g.Intended)/s, float64(g.Sent)/s
	}
	slices.SortStableFunc(g.Engines, func(a, b Engine) int {
		return strings.Compare(a.Service+"\x00"+a.Engine, b.Service+"\x00"+b.Engine)
	})
	g.LagP50, g.LagP99, g.LagMax = merged.lags()
	g.Lag = append(g.Lag, bucketsOf(merged.sum(func(k timeKey) bool { return k.measure == journal.Lag }))...)
	for _, doubt := range verify.Doubts(&journal.Record{Events: run.events(), Latency: sums}, run.Intent.Plan) {
		g.Doubts = append(g.Doubts, clean(doubt))
	}
	if g.Intended == 0 && g.Seconds > 0 {
		g.Doubts = append(g.Doubts, "no request was due, so that nothing tells how good it is")
	}
	g.Good = len(g.Doubts) == 0
	g.tolerable = verify.TolerableLag(run.Intent.Plan)
	return g
}

// add counts an interval, except for what is averaged.
func (g *Generator) add(b journal.Generator) {
	g.Seconds++
	g.Area, g.Sojourn = g.Area+b.Area, g.Sojourn+b.Sojourn
	g.Dialled += b.Dialled
	for what, n := range b.Exhausted {
		g.Exhausted[clean(what)] += n
	}
	if b.Files > g.Files {
		g.Files, g.FileLimit = b.Files, b.FileLimit
	}
	g.Connections, g.InFlight = max(g.Connections, b.Connections), max(g.InFlight, b.InFlight)
	g.Sessions, g.Queued = max(g.Sessions, b.Sessions), max(g.Queued, b.Queued)
	g.Memory, g.CPUs = max(g.Memory, b.Memory), max(g.CPUs, b.CPUs)
}

// An average is of what is known, weighted by time.
type average struct{ sum, weight, worst float64 }

func (a *average) add(value, weight float64) {
	if value < 0 || weight <= 0 {
		return
	}
	a.sum, a.weight, a.worst = a.sum+value*weight, a.weight+weight, max(a.worst, value)
}

// mean is -1 where nothing is known.
func (a average) mean() float64 {
	if a.weight == 0 {
		return -1
	}
	return a.sum / a.weight
}

func (a average) most() float64 {
	if a.weight == 0 {
		return -1
	}
	return a.worst
}

// generatorSums are what the averages are made of.
type generatorSums struct{ thread, cpu, steal, dispersion, asked average }

func (s *generatorSums) add(b journal.Generator) {
	length := b.For.Seconds()
	thread, cpu := shares(b)
	s.thread.add(thread, length)
	s.cpu.add(cpu, length)
	s.steal.add(b.Steal, length)
	s.dispersion.add(b.Dispersion, length)
	s.asked.add(b.Asked, length)
}

// shares are how busy thread and process were in an interval, -1 where that
// is not known.
func shares(b journal.Generator) (thread, cpu float64) {
	thread, cpu = -1, -1
	if b.For <= 0 {
		return thread, cpu
	}
	if b.Thread >= 0 {
		thread = float64(b.Thread) / float64(b.For)
	}
	if b.CPU >= 0 && b.CPUs > 0 {
		cpu = float64(b.CPU) / float64(b.For) / b.CPUs
	}
	return thread, cpu
}

func (g *Generator) average(s generatorSums) {
	g.Thread, g.ThreadWorst = s.thread.mean(), s.thread.most()
	g.CPU, g.CPUWorst = s.cpu.mean(), s.cpu.most()
	g.Steal, g.StealWorst = s.steal.mean(), s.steal.most()
	g.Dispersion, g.Asked = s.dispersion.mean(), s.asked.mean()
}

// bucketsOf counts a histogram of microseconds by bounds of 1, 2 and 5 times
// a power of ten, from 10 µs, without the empty ones at either end.
func bucketsOf(h *hdrhistogram.Histogram) []Bucket {
	if h.TotalCount() == 0 {
		return nil
	}
	bound := 10 * time.Microsecond
	buckets := []Bucket{{UpTo: bound}}
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		for value := time.Duration(bar.From) * time.Microsecond; value > bound; buckets = append(buckets, Bucket{UpTo: bound}) {
			bound = nextBound(bound)
		}
		buckets[len(buckets)-1].Count += int(bar.Count)
	}
	first := slices.IndexFunc(buckets, func(b Bucket) bool { return b.Count > 0 })
	return buckets[first:]
}

// nextBound follows 1, 2, 5, 10, ...
func nextBound(b time.Duration) time.Duration {
	if leading := fmt.Sprintf("%d", b)[0]; leading == '2' {
		return b / 2 * 5
	}
	return 2 * b
}

// engines names what ran, the one with most requests first: "event loop and net/http".
func (g Generator) engines() string {
	requests := map[string]int{}
	for _, e := range g.Engines {
		requests[e.Engine] += e.Requests
	}
	return strings.Join(largest(requests), " and ")
}

// words are the generator in a line, and whether it was good enough.
func (g Generator) words() string {
	if g.Intended == 0 && g.Seconds == 0 {
		return ""
	}
	parts := fmt.Sprintf("%s of %s requests sent", count(g.Sent), count(g.Intended))
	if n := g.unconnected(); n > 0 {
		parts += fmt.Sprintf(" (%s got no connection)", count(n))
	}
	if g.LagMax > 0 {
		parts += fmt.Sprintf(", lag p50 %s, p99 %s, max %s", span(g.LagP50), span(g.LagP99), span(g.LagMax))
	}
	if g.Thread >= 0 {
		parts += ", thread " + shareOf(g.Thread)
	}
	if engines := g.engines(); engines != "" {
		return engines + "; " + parts
	}
	return parts
}

// verdict says plainly whether the generator was good enough.
func (g Generator) verdict() string {
	if g.Good {
		return "good enough: " + g.assurance()
	}
	return "not good enough: " + strings.Join(g.Doubts, "; ")
}

// assurance is how far the latencies can be trusted where nothing is in doubt.
// Lenient checks tolerate a lag that finer figures of the run may consist of.
func (g Generator) assurance() string {
	if g.LagP99 > verify.TolerableLag(nil) && g.tolerable >= g.LagP99 {
		return fmt.Sprintf("its lag p99 of %s is within the %s that the checks tolerate; response times near it may be its own", span(g.LagP99), span(g.tolerable))
	}
	return "nothing speaks against taking these latencies for the system's"
}

// Assurance is the same as a sentence.
func (g Generator) Assurance() string {
	text := g.assurance()
	return strings.ToUpper(text[:1]) + strings.ReplaceAll(text[1:], "'", "’") + "."
}

// unconnected are the requests that were due and never got onto a connection.
func (g Generator) unconnected() int { return max(0, g.Intended-g.Sent-g.Own) }

// shareOf writes a share as a percentage; unknown is a dash.
func shareOf(share float64) string {
	if share < 0 {
		return "–"
	}
	return digits(100*share) + " %"
}

// facts are the generator's figures with their names, those that are known.
func (g Generator) facts() []fact {
	var facts []fact
	add := func(name, value string) { facts = append(facts, fact{name, value}) }
	add("Requests", fmt.Sprintf("%s of %s intended were sent: %s of %s", count(g.Sent), count(g.Intended), rate(g.achievedRate), rate(g.intendedRate)))
	if n := g.unconnected(); n > 0 {
		add("Not sent for want of a connection", count(n))
	}
	if g.Own > 0 || len(g.Exhausted) > 0 {
		add("Not sent for want of something of its own", count(max(g.Own, total(g.Exhausted)))+exhausted(g.Exhausted))
	}
	if g.LagMax > 0 {
		add("Schedule error", fmt.Sprintf("p50 %s, p99 %s, max %s", span(g.LagP50), span(g.LagP99), span(g.LagMax)))
	}
	if g.Seconds == 0 {
		return facts
	}
	if g.Dispersion >= 0 {
		add("Dispersion of session starts", fmt.Sprintf("%s asked, %s sent (1 is Poisson, less is more even, more comes in clumps)",
			figureOf(g.Asked), figureOf(g.Dispersion)))
	}
	add("Little’s law", fmt.Sprintf("%s request-seconds by the clock, %s by the requests", figureOf(g.Area), figureOf(g.Sojourn)))
	add("Driver’s thread", fmt.Sprintf("%s busy, %s in the worst second", shareOf(g.Thread), shareOf(g.ThreadWorst)))
	add("Process", fmt.Sprintf("%s of %s CPUs, %s in the worst second", shareOf(g.CPU), figureOf(g.CPUs), shareOf(g.CPUWorst)))
	add("Steal", fmt.Sprintf("%s, %s in the worst second", shareOf(g.Steal), shareOf(g.StealWorst)))
	add("Descriptors", fmt.Sprintf("%s of %s at most", count(g.Files), limitOf(g.FileLimit)))
	add("Connections", fmt.Sprintf("%s at most, %s opened in all", count(g.Connections), count(g.Dialled)))
	add("Under way at most", fmt.Sprintf("%s, %s, %s waiting for a connection",
		plural(g.Sessions, "session"), plural(g.InFlight, "request"), count(g.Queued)))
	add("Memory", fmt.Sprintf("%s MiB at most", figureOf(float64(g.Memory)/(1<<20))))
	return facts
}

func total(counts map[string]int) int {
	n := 0
	for _, v := range counts {
		n += v
	}
	return n
}

// exhausted lists what was missing: ": ports 30, files 2".
func exhausted(missing map[string]int) string {
	var parts []string
	for _, what := range largest(missing) {
		parts = append(parts, what+" "+count(missing[what]))
	}
	return after("", ": ", listed(parts, 5))
}

func limitOf(n int) string {
	if n <= 0 {
		return "an unknown number"
	}
	return count(n)
}

// figureOf writes a number with three digits or all it has before the point;
// one that is not known is a dash.
func figureOf(v float64) string {
	switch {
	case v < 0:
		return "–"
	case v >= 999.5:
		return count(int(v + .5))
	}
	return digits(v)
}

package verify

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// The limits past which the generator is not believed. Each is where its own
// doing could no longer be told from the system's.
const (
	// lagFloor is how late a request in 100 may be sent whatever is asked for:
	// the best generators on a shared machine stay below it, and no objective
	// for a service is finer. lagShare is the same as a part of the limit that
	// is judged, 1/20: a figure that is off by 5 % is still the same figure.
	lagFloor = 5 * time.Millisecond
	lagShare = 20
	// shortShare is how much of the intended load may be missing: a system that
	// is spared one request in 200 is not spared anything that would show.
	shortShare = 0.005
	// littleShare is how far the two sides of Little's law may be apart: both
	// are sums of the same moments, so that only rounding can part them.
	// littleFloor, in request-seconds, is what rounding comes to where hardly
	// anything was under way.
	littleShare = 0.01
	littleFloor = 0.1
	// threadBusy is the share of an interval in which the driver's only thread
	// may be at work: there, by the formula for M/M/1, what it has to do waits
	// nine times as long as it takes. processBusy is the same for all CPUs of
	// the process, whose other work, such as collecting garbage, can be put off.
	threadBusy  = 0.90
	processBusy = 0.95
	// stolen is the share of CPU time that the hypervisor may give to others:
	// one time slice in ten is felt by one request in ten.
	stolen = 0.10
	// sustained is the share of seconds in which a CPU must be short before it
	// explains a 99th percentile: a single busy second among twenty does not.
	sustained = 0.05
	// hint is the part of the tolerable lag, 1/2, above which a CPU that is
	// short counts as the reason of it.
	hint = 2
	// ownShare is how much may go unsent for want of something of the
	// generator's, as shortShare.
	ownShare = 0.005
	// nearlyAll is the share of its descriptors that the process may hold: the
	// gateways need some too, and whoever gets none does not say so.
	nearlyAll = 0.90
	// hopeless is how many times the tolerable lag makes a generator so late
	// that it misses answers which came in time.
	hopeless = 10
)

// generator is what the record holds on the generator while it did what a
// check is about. Only the seconds of the check's phases count.
type generator struct {
	lag      *hdrhistogram.Histogram // of requests
	starts   *hdrhistogram.Histogram // of sessions; older records have none
	parts    []journal.Interval      // what both are made of
	requests tally                   // of the journey, by the sessions that count
	sessions tally
	all      tally                      // requests of all journeys
	counts   []timed[journal.Traffic]   // what requests and sessions are made of
	seconds  []timed[journal.Generator] // that count
	run      []timed[journal.Generator] // all there are; older records have none
	timeout  time.Duration              // the longest that a request of the journey may take
}

// generatorOf collects the seconds of a check's phases. Sessions that go on
// after the last phase belong to it.
func (h *history) generatorOf(c selection) generator {
	g := generator{lag: journal.NewHistogram(), starts: journal.NewHistogram(), run: h.generator, timeout: longestTimeout(h.plan, c.Journey)}
	for _, second := range h.generator {
		if c.during(h.phaseAt(second.at - second.body.For/2)) {
			g.seconds = append(g.seconds, second)
		}
	}
	return g
}

// phaseAt is the phase at a moment of the run; "" before traffic.
func (h *history) phaseAt(at time.Duration) string {
	name := ""
	for _, p := range h.plan.Phases {
		if h.window.holds(at) && at-h.window.from >= p.Start.Std() {
			name = p.Name
		}
	}
	return name
}

// lags takes an interval of the generator's delays; wanted are those of steps
// that count.
func (g *generator) lags(i journal.Interval, wanted bool) {
	switch {
	case i.Tag.Step == "":
		i.AddTo(g.starts)
	case wanted:
		i.AddTo(g.lag)
	default:
		return
	}
	g.parts = append(g.parts, i)
}

// A suspicion is why the response times of a sample may be the generator's
// doing. Without a reason its evidence is a remark.
type suspicion struct {
	reason   string
	evidence []Evidence
}

// suspect puts the generator to every test, those that name a cause first. The
// first reason stands for all; the evidence is of each.
func (g generator) suspect(limit time.Duration) suspicion {
	var all suspicion
	for _, s := range []suspicion{g.exhausted(), g.late(limit), g.short(), g.contradicted(), g.crowded()} {
		if all.reason == "" {
			all.reason = s.reason
		}
		all.evidence = append(all.evidence, s.evidence...)
	}
	return all
}

// tolerable is how late the generator may send a request in 100 where a limit
// is judged; 0 for no limit.
func tolerable(limit time.Duration) time.Duration { return max(lagFloor, limit/lagShare) }

// delay is by how much a request in 100, or the start of a session in 100, was
// late. Requests count from the moment at which their session let them go, so
// that a session that began late is late by itself.
func (g generator) delay() (lag time.Duration, what string) {
	lag, what = p99(g.lag), "request in 100 was sent"
	if starts := p99(g.starts); starts > lag {
		lag, what = starts, "session in 100 began"
	}
	return lag, what
}

// p99 is 0 of an empty histogram.
func p99(h *hdrhistogram.Histogram) time.Duration {
	return time.Duration(h.ValueAtPercentile(99)) * time.Microsecond
}

// late says that the generator did not keep its schedule. A CPU that was short
// is named as the cause; by itself it is only a remark.
func (g generator) late(limit time.Duration) suspicion {
	lag, what := g.delay()
	most, shortage := tolerable(limit), g.shortage()
	late := fmt.Sprintf("1 %s %s or more after its time, where %s is tolerable", what, latency(lag), latency(most))
	switch {
	case lag > most:
		return suspicion{"the generator was late itself: " + late + after("; ", shortage.reason) + "; run it with less load or on more CPUs",
			append(g.latest(), shortage.evidence...)}
	case lag > most/hint && shortage.reason != "":
		return suspicion{"the generator was at its limit: " + shortage.reason + ", and " + late + "; run it with less load or on more CPUs",
			append(g.latest(), shortage.evidence...)}
	}
	return suspicion{evidence: shortage.evidence}
}

// after is a text with what stands before it, "" without one.
func after(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// A shortness is a way in which a CPU can be short in a second. Share is
// negative where the record does not tell.
type shortness struct {
	limit float64
	what  string
	share func(journal.Generator) float64
}

var shortnesses = []shortness{
	{threadBusy, "the generator's own thread was busy for more than %s of the time", func(b journal.Generator) float64 {
		return float64(b.Thread) / float64(b.For)
	}},
	{processBusy, "the process of the generator used more than %s of its CPUs", func(b journal.Generator) float64 {
		if b.CPUs <= 0 {
			return -1
		}
		return float64(b.CPU) / float64(b.For) / b.CPUs
	}},
	{stolen, "the hypervisor gave more than %s of the CPU time to others", func(b journal.Generator) float64 { return b.Steal }},
}

// shortage says that a CPU was short in more than a few seconds, the first way
// if it was several.
func (g generator) shortage() suspicion {
	for _, way := range shortnesses {
		short := 0
		var worst timed[journal.Generator]
		for _, s := range g.seconds {
			if s.body.For <= 0 || way.share(s.body) <= way.limit {
				continue
			}
			if short++; short == 1 || way.share(s.body) > way.share(worst.body) {
				worst = s
			}
		}
		if float64(short) <= sustained*float64(len(g.seconds)) {
			continue
		}
		what := fmt.Sprintf(way.what, percentage(way.limit))
		return suspicion{
			reason:   fmt.Sprintf("%s in %s of %s", what, count(short), plural(len(g.seconds), "second")),
			evidence: []Evidence{second(worst, what+": "+percentage(way.share(worst.body)))},
		}
	}
	return suspicion{}
}

// percentage writes a share: 93%.
func percentage(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }

// second is evidence of one interval of the generator.
func second(s timed[journal.Generator], text string) Evidence {
	return Evidence{Text: text, From: max(0, s.at-s.body.For), To: s.at}
}

// latest is the second in which the generator was most behind.
func (g generator) latest() []Evidence {
	delays := g.delays()
	if len(delays) == 0 {
		return nil
	}
	worst := slices.MaxFunc(delays, func(a, b delayed) int { return int(min(1, max(-1, a.lag-b.lag))) })
	return []Evidence{{Text: "the generator's lag: p99 " + latency(worst.lag), From: worst.from, To: worst.to, Count: worst.count}}
}

// delayed is by how much 1 in 100 was late in an interval.
type delayed struct {
	from, to, lag time.Duration
	count         int
}

// delays are the generator's by interval of the record, in order of time.
func (g generator) delays() []delayed {
	type stretch struct{ from, to time.Duration }
	byTime := map[stretch][]journal.Interval{}
	for _, i := range g.parts {
		byTime[stretch{i.From, i.To}] = append(byTime[stretch{i.From, i.To}], i)
	}
	var all []delayed
	sum := journal.NewHistogram() // one for all: it is large
	for at, parts := range byTime {
		sum.Reset()
		for _, i := range parts {
			i.AddTo(sum)
		}
		if sum.TotalCount() > 0 {
			all = append(all, delayed{at.from, at.to, p99(sum), int(sum.TotalCount())})
		}
	}
	slices.SortFunc(all, func(a, b delayed) int { return int(min(1, max(-1, a.to-b.to))) })
	return all
}

// short says that the generator left out a part of what was intended: sessions
// that never began, or requests of those that did.
func (g generator) short() suspicion {
	for _, part := range []struct {
		tally
		did, noun string
	}{{g.requests, "sent", "request"}, {g.sessions, "began", "session"}} {
		made := part.made()
		if float64(part.intended-made) > shortShare*float64(part.intended) {
			return suspicion{
				fmt.Sprintf("the generator %s %s of %s intended %ss (%s): the load was not the one asked for",
					part.did, count(made), count(part.intended), part.noun, share(made, part.intended)),
				g.shortest(part.noun == "session", part.did),
			}
		}
	}
	return suspicion{}
}

// shortest is the second in which most requests, or sessions, were left out.
func (g generator) shortest(sessions bool, did string) []Evidence {
	var worst timed[journal.Traffic]
	missing := 0
	for _, t := range g.counts {
		if n := t.body.Intended - t.body.Sent; (t.body.Step == "") == sessions && n > missing {
			worst, missing = t, n
		}
	}
	if missing == 0 {
		return nil
	}
	return []Evidence{{Text: fmt.Sprintf("%s: %s of %s %s", stepName(worst.body), count(worst.body.Sent), count(worst.body.Intended), did),
		From: max(0, worst.at-worst.body.For), To: worst.at, Count: missing}}
}

// contradicted says that the generator's own books do not balance. By Little's
// law the requests under way, summed over time, are the times that each was
// under way, summed over requests; where they are not, requests got lost or
// their times are wrong. The law is about a stretch that begins and ends with
// nothing under way, hence about the run as a whole, whatever the check's
// phases; requests that were still under way at the end have been so for no
// longer than they may take.
func (g generator) contradicted() suspicion {
	if len(g.run) == 0 {
		return suspicion{}
	}
	var area, sojourn float64
	for _, s := range g.run {
		area, sojourn = area+s.body.Area, sojourn+s.body.Sojourn
	}
	first, last := g.run[0], g.run[len(g.run)-1]
	apart := area - sojourn
	if apart > 0 {
		apart = max(0, apart-float64(last.body.InFlight)*g.timeout.Seconds())
	}
	if math.Abs(apart) <= max(littleFloor, littleShare*max(area, sojourn)) {
		return suspicion{}
	}
	text := fmt.Sprintf("requests were under way for %.1f s by the clock and for %.1f s by their own times", area, sojourn)
	return suspicion{
		reason:   "the measurement contradicts itself: " + text + ", which is the same by Little's law; the mistake is the generator's",
		evidence: []Evidence{{Text: text, From: max(0, first.at-first.body.For), To: last.at}},
	}
}

// lacks is what to do when the generator ran out of something.
var lacks = map[string]string{
	"ports":  "let it keep connections (traffic.connections.reuse) or hold fewer of them, or widen net.ipv4.ip_local_port_range",
	"files":  "raise the limit of open files (ulimit -n) or hold fewer connections",
	"memory": "give it more memory, or run it with less load or smaller bodies",
	"dials":  "raise connections.dial_rate, which held requests back, or leave it out",
}

// exhausted says that the generator could not send for want of ports, files,
// memory or permission to dial: what it left out says nothing about the system, and nobody knows
// what it would have done under the whole of the load.
func (g generator) exhausted() suspicion {
	missing := map[string]int{}
	total := 0
	var worst timed[journal.Generator]
	for _, s := range g.seconds {
		n := 0
		for what, counted := range s.body.Exhausted {
			missing[what] += counted
			n += counted
		}
		if total += n; n > 0 && (worst.at == 0 || n > lost(worst.body)) {
			worst = s
		}
	}
	var evidence []Evidence
	if total > 0 {
		e := second(worst, "could not be sent for want of "+words(worst.body.Exhausted))
		e.Count = lost(worst.body)
		evidence = append(evidence, e)
	}
	unsent, of := max(total, g.all.own), g.all.intended
	if exceeds(g.requests.own, g.requests.intended) && !exceeds(unsent, of) {
		unsent, of = g.requests.own, g.requests.intended
	}
	if !exceeds(unsent, of) {
		return suspicion{evidence: evidence}
	}
	reason := fmt.Sprintf("the generator could not send %s of %s for want of %s of its own", count(unsent), plural(of, "intended request"), words(missing))
	for _, what := range slices.Sorted(maps.Keys(missing)) {
		reason += after("; ", lacks[what])
	}
	return suspicion{reason, evidence}
}

func exceeds(own, intended int) bool { return float64(own) > ownShare*float64(intended) }

// lost is how many requests a second lacked something for.
func lost(b journal.Generator) int {
	n := 0
	for _, counted := range b.Exhausted {
		n += counted
	}
	return n
}

// words lists what was missing: "files and ports".
func words(missing map[string]int) string {
	if len(missing) == 0 {
		return "something"
	}
	return strings.Join(slices.Sorted(maps.Keys(missing)), " and ")
}

// crowded says that the process came near the limit of its descriptors.
func (g generator) crowded() suspicion {
	var worst timed[journal.Generator]
	fullest := 0.0
	for _, s := range g.seconds {
		if s.body.FileLimit <= 0 {
			continue
		}
		if full := float64(s.body.Files) / float64(s.body.FileLimit); full > fullest {
			worst, fullest = s, full
		}
	}
	if fullest < nearlyAll {
		return suspicion{}
	}
	text := fmt.Sprintf("%s of %s descriptors were open", count(worst.body.Files), count(worst.body.FileLimit))
	return suspicion{
		reason:   "the generator came near the limit of its own: " + text + "; " + lacks["files"],
		evidence: []Evidence{second(worst, text)},
	}
}

// calm tells whether nothing of an interval that ended at a moment can be the
// doing of a generator that was behind: it kept its schedule from the earliest
// moment at which a request that ended then can have begun.
func (g generator) calm(delays []delayed, from, to time.Duration) bool {
	return !slices.ContainsFunc(delays, func(d delayed) bool {
		return d.lag > tolerable(0) && d.from < to && d.to > from-g.timeout
	})
}

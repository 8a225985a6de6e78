package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A beat is what became of requests in an interval of the driver's, or in several.
type beat struct {
	span
	ok, lost int
	intended int
	times    []journal.Interval // response times of the answered ones
}

func (b beat) n() int { return b.ok + b.lost }

// beats are the intervals of a journey or step, "" for all, in order of time. Timed
// tells whether response times are wanted.
func (h *history) beats(journey, step string, stretches []span, timed bool) []beat {
	chosen := func(j, s string) bool {
		return s != "" && (journey == "" || j == journey) && (step == "" || s == step)
	}
	byEnd := map[time.Duration]*beat{}
	for _, t := range h.traffic {
		b, i := t.body, span{t.at - t.body.For, t.at}
		if !chosen(b.Journey, b.Step) || !amid(i, stretches) {
			continue
		}
		of := byEnd[t.at]
		if of == nil {
			of = &beat{span: i}
			byEnd[t.at] = of
		}
		of.from, of.intended = min(of.from, i.from), of.intended+b.Intended
		of.ok, of.lost = of.ok+b.OK, of.lost+max(0, b.Failed-b.Own)+b.Unknown
	}
	var list []beat
	for _, b := range byEnd {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b beat) int { return cmp.Compare(a.to, b.to) })
	if !timed {
		return list
	}
	for _, i := range h.rec.Latency {
		if i.Tag.Measure != journal.Response || !chosen(i.Tag.Journey, i.Tag.Step) {
			continue
		}
		middle := span{i.From, i.To}.middle()
		n, _ := slices.BinarySearchFunc(list, middle, func(b beat, at time.Duration) int { return cmp.Compare(b.to, at) })
		if n < len(list) && list[n].from <= middle {
			list[n].times = append(list[n].times, i)
		}
	}
	return list
}

// fullBeats puts beats together until each has enough requests, over no more than so
// long. What has too few even then is apart.
func fullBeats(beats []beat, enough int, long time.Duration) (full, few []beat) {
	var open beat
	for _, b := range beats {
		if b.n() == 0 {
			continue
		}
		if open.n() > 0 && b.to-open.from > max(long, b.length()) {
			few, open = append(few, open), beat{}
		}
		if open.n() == 0 {
			open = b
			open.times = slices.Clone(b.times)
		} else {
			open.to, open.ok, open.lost = b.to, open.ok+b.ok, open.lost+b.lost
			open.times = append(open.times, b.times...)
		}
		if open.n() >= enough {
			full, open = append(full, open), beat{}
		}
	}
	if open.n() > 0 {
		few = append(few, open)
	}
	return full, few
}

// leastOfMedian is how many requests a median needs; of other percentiles it is as
// many as have one beyond them.
const leastOfMedian = 10

// enoughFor is how many requests a percentile needs in one reading. It is fewer than an
// objective needs: what is judged is not one reading but a row of them.
func enoughFor(q float64) int { return max(leastOfMedian, int(math.Round(1/(1-q/100)))) }

// gatherTraffic reads percentiles, and shares of failed requests, from the driver's
// counts and histograms, second by second or over as many seconds as it takes.
func (h *history) gatherTraffic(t thresholdRun, stretches []span) gathered {
	var g gathered
	q, quantile := quantileMetrics[t.name]
	limit := seconds(t.decisive())
	g.driven = h.drivenBy(t.Journey, t.Step, stretches, quantile, limit)
	beats := h.beats(t.Journey, t.Step, stretches, quantile)
	if !slices.ContainsFunc(beats, func(b beat) bool { return b.n() > 0 }) {
		g.why = "no request" + after(" of ", t.Journey) + after("/", t.Step) + " ended in that time"
		return g
	}
	g.doubt = unanswered(beats, stretches, t.long)
	if !quantile {
		g.tracks = []track{shareTrack(t, beats)}
		return g
	}
	enough := enoughFor(q)
	full, few := fullBeats(beats, enough, t.long)
	if shortage := time.Duration(0); len(few) > 0 {
		for _, b := range few {
			shortage += b.length()
		}
		text := fmt.Sprintf("%s needs %s in a reading of at most %s; %s in all had fewer", t.name, plural(enough, "request"), latency(max(t.long, beats[0].length())), latency(shortage))
		g.remarks = append(g.remarks, Evidence{Text: text, From: few[0].from, To: few[len(few)-1].to, Count: len(few)})
		if known := lengthOf(full); shortage > known {
			g.why = text + "; more traffic or a longer time (for) would do"
		}
	}
	if longest := longestOf(full); len(beats) > 0 && longest.length() > beats[0].length() {
		g.remarks = append(g.remarks, Evidence{Text: fmt.Sprintf("seconds with fewer than %s were put together, up to %s", plural(enough, "request"), latency(longest.length())),
			From: longest.from, To: longest.to, Count: longest.n()})
	}
	g.tracks = []track{quantileTrack(t, q, full)}
	return g
}

// unanswered says that requests were to be sent for a long time in which none came to
// an end: whatever hangs then shows in no figure. "" where that is not so.
func unanswered(beats []beat, stretches []span, long time.Duration) string {
	ended := track{every: metricEvery}
	for _, b := range beats {
		if b.n() > 0 {
			ended.marks = append(ended.marks, mark{span: b.span})
		}
	}
	for _, s := range stretches {
		gap, is := mute([]track{ended}, s, long)
		intended := 0
		for _, b := range beats {
			if is && amid(b.span, []span{gap}) {
				intended += b.intended
			}
		}
		if intended > 0 {
			return fmt.Sprintf("no request came to an end from %s to %s, while %s were due: nobody knows what became of them", offset(gap.from), offset(gap.to), count(intended))
		}
	}
	return ""
}

func lengthOf(beats []beat) (sum time.Duration) {
	for _, b := range beats {
		sum += b.length()
	}
	return sum
}

func longestOf(beats []beat) (longest beat) {
	for _, b := range beats {
		if b.length() > longest.length() {
			longest = b
		}
	}
	return longest
}

// shareTrack is the share of requests that succeeded, or that did not. Where there are
// so few that a single one would be beyond the threshold, one counts as one of enough.
func shareTrack(t thresholdRun, beats []beat) track {
	success := t.name != errorRateMetric
	allowed := t.decisive()
	if success {
		allowed = 1 - allowed
	}
	enough := 1
	if allowed > 0 && allowed < 1 {
		enough = int(math.Ceil(1/allowed - tiny))
	}
	full, few := fullBeats(beats, enough, t.long)
	all := slices.Concat(full, few)
	slices.SortFunc(all, func(a, b beat) int { return cmp.Compare(a.to, b.to) })
	line := track{every: metricEvery}
	for _, b := range all {
		share := float64(b.lost) / float64(max(b.n(), enough))
		if b.lost == b.n() {
			share = 1 // all of them is all of them
		}
		if success {
			share = 1 - share
		}
		line.marks = append(line.marks, mark{b.span, share})
	}
	line.every = usualStep(line.marks)
	return line
}

// quantileTrack is a percentile of the response times. Requests without a right answer
// are slower than any.
func quantileTrack(t thresholdRun, q float64, beats []beat) track {
	line := track{}
	response := journal.NewHistogram() // one for all: it is large
	for _, b := range beats {
		response.Reset()
		for _, i := range b.times {
			i.AddTo(response)
		}
		value := answeredWithin(response, b, q)
		for _, limit := range []*scenarios.Level{t.Warning, t.Critical} {
			if limit != nil && !math.IsInf(value, 1) && response.ValuesAreEquivalent(int64(math.Round(value*1e6)), seconds(float64(*limit)).Microseconds()) {
				value = float64(*limit) // no histogram can tell them apart
			}
		}
		line.marks = append(line.marks, mark{b.span, value})
	}
	line.every = usualStep(line.marks)
	return line
}

// answeredWithin is in seconds; infinite where it lies among those without an answer.
func answeredWithin(response *hdrhistogram.Histogram, b beat, q float64) float64 {
	answered := float64(response.TotalCount())
	n := answered + float64(b.lost)
	if answered == 0 || answered < q/100*n {
		return math.Inf(1)
	}
	return float64(response.ValueAtPercentile(min(100, q*n/answered))) / 1e6
}

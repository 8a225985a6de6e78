package reports

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

const (
	// leastBefore is how long before a fault is looked at, at least: what is over
	// at once has no length of its own to go by.
	leastBefore = 10 * time.Second
	// bandWindow is what recovery is judged over, as the recovery check does, and
	// bandHold is for how long all of it must stay within the band.
	bandWindow = 3 * time.Second
	bandHold   = 5 * time.Second
	bandSlack  = 100 * time.Millisecond // what a window may be short of its length
)

// A FaultEffect is what a fault did to the requests of one journey: before it,
// while it lasted, and after its revert. Offsets count from the start of the run.
type FaultEffect struct {
	Fault   string  `json:"fault"`
	Journey string  `json:"journey"`
	Before  Stretch `json:"before"` // as long as the fault, at most back to the end of the one before it
	During  Stretch `json:"during"`
	After   Stretch `json:"after"` // until it had recovered, or as long as the fault
	// Recovery is how long after its revert the journey was back within the band of
	// before, null where that was not seen; Why says why not.
	Recovery *time.Duration `json:"recovery_ns"`
	Why      string         `json:"why,omitempty"`
}

// A Stretch is what requests did between two moments. Quantiles are of those
// that succeeded, 0 where nothing was measured, or too little for them.
type Stretch struct {
	From    time.Duration `json:"from_ns"`
	To      time.Duration `json:"to_ns"`
	Count   int           `json:"count"`
	OK      int           `json:"ok"`
	Failed  int           `json:"failed"`
	Unknown int           `json:"unknown"`
	P50     time.Duration `json:"p50_ns"`
	P95     time.Duration `json:"p95_ns"`
	P99     time.Duration `json:"p99_ns"`
}

// A journeySecond is what the driver counted of a journey in one interval.
type journeySecond struct {
	from, to            time.Duration
	ok, failed, unknown int
	times               []journal.Interval
}

// faultEffectsOf compares each fault that began and was over with what was
// before and after it, journey by journey.
func faultEffectsOf(run Run) []FaultEffect {
	list := []FaultEffect{}
	faults := faultsOf(run)
	if faults == nil {
		return list
	}
	w := windowOf(run.events())
	spans := faultSpansOf(faults, w)
	seconds := journeySeconds(run)
	scratch := journal.NewHistogram()
	for _, s := range spans {
		for _, journey := range slices.Sorted(maps.Keys(seconds)) {
			e := effect{fault: s, others: spans, window: w, seconds: seconds[journey], scratch: scratch}
			list = append(list, e.of(clean(journey)))
		}
	}
	return list
}

// journeySeconds are the driver's counts and histograms of requests by journey,
// in order of time.
func journeySeconds(run Run) map[string][]journeySecond {
	type key struct {
		journey string
		to      time.Duration
	}
	byEnd := map[key]*journeySecond{}
	for _, e := range run.events() {
		t, ok := e.Body.(journal.Traffic)
		if !ok || t.Step == "" || t.For <= 0 {
			continue
		}
		k := key{t.Journey, e.T}
		s := byEnd[k]
		if s == nil {
			s = &journeySecond{from: e.T - t.For, to: e.T}
			byEnd[k] = s
		}
		s.from = min(s.from, e.T-t.For)
		s.ok, s.failed, s.unknown = s.ok+t.OK, s.failed+t.Failed, s.unknown+t.Unknown
	}
	for _, i := range run.latency() {
		if s := byEnd[key{i.Tag.Journey, i.To}]; s != nil && i.Tag.Measure == journal.Response && i.Tag.Step != "" && i.To-i.From < 2*time.Second {
			s.times = append(s.times, i)
		}
	}
	all := map[string][]journeySecond{}
	for k, s := range byEnd {
		all[k.journey] = append(all[k.journey], *s)
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b journeySecond) int { return cmp.Compare(a.to, b.to) })
	}
	return all
}

// An effect is one fault beside one journey, under way.
type effect struct {
	fault   faultSpan
	others  []faultSpan // all of them
	window  window
	seconds []journeySecond
	scratch *hdrhistogram.Histogram
}

func (e effect) of(journey string) FaultEffect {
	length := max(e.fault.to-e.fault.from, leastBefore)
	r := FaultEffect{Fault: e.fault.id, Journey: journey}
	before, during := e.before(length), e.during()
	after := min(e.fault.to+length, e.until())
	if e.fault.ended {
		r.Recovery, r.Why = e.recovery(before)
	} else {
		r.Why = "not reverted while traffic flowed"
	}
	if r.Recovery != nil && *r.Recovery > 0 {
		after = min(e.fault.to+*r.Recovery, e.until())
	}
	r.Before, r.During = e.sum(before[0], before[1]), e.sum(during[0], during[1])
	r.After = e.sum(e.fault.to, max(after, e.fault.to))
	return r
}

// before is the time to compare with: as long as the fault, not before traffic, not
// before the end of another fault, and empty where another is in force.
func (e effect) before(length time.Duration) [2]time.Duration {
	from := max(e.fault.from-length, e.window.traffic)
	for _, o := range e.others {
		if o != e.fault && o.from < e.fault.from {
			from = max(from, min(o.to, e.fault.from))
		}
	}
	return [2]time.Duration{min(from, e.fault.from), e.fault.from}
}

func (e effect) during() [2]time.Duration { return [2]time.Duration{e.fault.from, e.fault.to} }

// until is when what follows the fault ends: another fault begins, or the load ends.
func (e effect) until() time.Duration {
	end := e.window.silent
	for _, o := range e.others {
		if o != e.fault && o.to > e.fault.to {
			end = min(end, max(o.from, e.fault.to))
		}
	}
	return max(end, e.fault.to)
}

// between are the seconds whose middle lies between two moments.
func (e effect) between(from, to time.Duration) []journeySecond {
	at := func(t time.Duration) int {
		i, _ := slices.BinarySearchFunc(e.seconds, t, func(s journeySecond, t time.Duration) int { return cmp.Compare((s.from+s.to)/2, t) })
		return i
	}
	first, end := at(from), at(to)
	return e.seconds[first:max(first, end)]
}

// sum adds the seconds between two moments up.
func (e effect) sum(from, to time.Duration) Stretch {
	s := e.added(e.between(from, to))
	s.From, s.To = from, to
	s.P50, s.P95, s.P99, _ = carried(e.scratch)
	return s
}

// added counts seconds, and leaves their response times in scratch.
func (e effect) added(seconds []journeySecond) Stretch {
	var s Stretch
	e.scratch.Reset()
	for _, m := range seconds {
		s.OK, s.Failed, s.Unknown = s.OK+m.ok, s.Failed+m.failed, s.Unknown+m.unknown
		for _, i := range m.times {
			i.AddTo(e.scratch)
		}
	}
	s.Count = s.OK + s.Failed + s.Unknown
	return s
}

// A band is the worst that the windows of a stretch showed.
type band struct {
	okShare float64
	p99     time.Duration
}

// holds tells whether a window is no worse than the band.
func (b band) holds(o band) bool { return o.okShare >= b.okShare && o.p99 <= b.p99 }

// recovery is how long after the revert the first window begins from which on all
// are within the band of before, for bandHold at least; nil with the reason where
// that cannot be said.
func (e effect) recovery(before [2]time.Duration) (*time.Duration, string) {
	worst, compared := band{okShare: 1}, false
	for w := range e.windows(before[0], before[1]) {
		worst.okShare, worst.p99 = min(worst.okShare, w.okShare), max(worst.p99, w.p99)
		compared = true
	}
	if !compared {
		return nil, "nothing to compare with: another fault, or no three seconds of requests, came before it"
	}
	var start time.Duration // of the windows within the band that follow one another
	within, any := false, false
	for w := range e.windows(e.fault.to, e.until()) {
		any = true
		switch {
		case !worst.holds(w.band):
			within = false
			continue
		case !within:
			start, within = w.from, true
		}
		if w.to-start >= bandHold-bandSlack {
			took := max(0, start-e.fault.to)
			return &took, ""
		}
	}
	switch {
	case !any:
		return nil, "another fault, or the end of the load, came within three seconds of its revert"
	case within:
		return nil, "within the band of before at last, but for less than " + span(bandHold) + " until the load ended or another fault began"
	}
	return nil, "not within the band of before until the load ended or another fault began"
}

// A bandedWindow is three seconds with their band.
type bandedWindow struct {
	from, to time.Duration
	band
}

// windows are those of a stretch that hold requests, from each second on.
func (e effect) windows(from, to time.Duration) iter.Seq[bandedWindow] {
	return func(yield func(bandedWindow) bool) {
		seconds := e.between(from, to)
		for first := range seconds {
			end := first
			for end < len(seconds) && seconds[end].to-seconds[first].from < bandWindow-bandSlack {
				end++
			}
			if end == len(seconds) {
				return
			}
			s := e.added(seconds[first : end+1])
			if s.Count == 0 {
				continue
			}
			w := bandedWindow{seconds[first].from, seconds[end].to, band{float64(s.OK) / float64(s.Count), quantile(e.scratch, 99)}}
			if !yield(w) {
				return
			}
		}
	}
}

package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// leastPauses is how many pauses there must be for a statement about them.
	leastPauses = 20
	// defaultJitter is the least spread of pauses where the check does not say.
	defaultJitter = scenarios.Percent(10)
	// keepsPause is the share of pauses that must be long enough.
	keepsPause = 0.95
)

// A pause is the time between a failed call and the next one with its key.
type pause struct {
	key     string
	attempt int           // of the call after it, from 2
	told    time.Duration // what the failed one was told to wait
	from    time.Duration
	length  time.Duration
}

// pausesOf are the pauses after calls that began in some stretches and failed.
// Where the next call began before a failed one without an answer was over, its
// caller had given that up at a moment that nobody knows: overlapped counts those.
func pausesOf(calls []journal.Call, during []span) (list []pause, overlapped int) {
	byKey := map[string][]journal.Call{}
	for _, c := range calls {
		if c.Key != "" {
			byKey[c.Key] = append(byKey[c.Key], c)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		tries := byKey[key]
		slices.SortStableFunc(tries, compareCalls)
		for n := 1; n < len(tries); n++ {
			failed := tries[n-1]
			end := failed.At + failed.Took
			switch {
			case !failing(failed) || !inside(span{failed.At, failed.At}, during):
			case failed.Status == 0 && tries[n].At < end:
				overlapped++
			default:
				list = append(list, pause{key, n + 1, failed.Wait, end, max(0, tries[n].At-end)})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b pause) int { return cmp.Compare(a.from, b.from) })
	return list, overlapped
}

// spread is how far apart lengths are: their 90th percentile less their 10th, as a
// share of their median.
func spread(lengths []time.Duration) float64 {
	if len(lengths) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(lengths))
	median := rank(sorted, 0.5)
	if median <= 0 {
		return 0
	}
	return float64(rank(sorted, 0.9)-rank(sorted, 0.1)) / float64(median)
}

// rank is a percentile of sorted values by nearest rank.
func rank(sorted []time.Duration, share float64) time.Duration {
	n := int(share*float64(len(sorted)) + 1 - tiny)
	return sorted[min(max(n, 1), len(sorted))-1]
}

// backoff is T2: who calls again after a failure lets some time pass, and not all of
// them the same. Pauses are compared with those before the same attempt, after the
// same word on how long to wait.
func (p party) backoff(c scenarios.BackoffWanted, header string) Finding {
	jitter := defaultJitter
	if c.Jitter != nil {
		jitter = *c.Jitter
	}
	f := p.finding("T2-backoff", "95% of pauses before another attempt >= "+latency(c.Least.Std()))
	if jitter > 0 {
		f.Wanted += ", spread by " + jitter.String() + " of their median"
	}
	if why := p.single(); why != "" {
		return unknown(f, why)
	}
	pauses, overlapped := pausesOf(p.calls.single, p.during)
	if len(pauses) < leastPauses {
		return unknown(f, p.fewPauses(len(pauses), overlapped, header))
	}
	short := 0
	for _, g := range pauses {
		if g.length >= c.Least.Std() {
			continue
		}
		if short++; short <= keysInReason {
			f.Evidence = append(f.Evidence, Evidence{Text: fmt.Sprintf("%s before attempt %d of key %s", latency(g.length), g.attempt, g.key),
				From: g.from, To: g.from + g.length, Count: 1})
		}
	}
	f.Measured = fmt.Sprintf("%s of %s long enough", share(len(pauses)-short, len(pauses)), plural(len(pauses), "pause"))
	if float64(short) > (1-keepsPause)*float64(len(pauses))+tiny {
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of %s before another attempt were shorter than %s", count(short), plural(len(pauses), "pause"), latency(c.Least.Std()))
	}
	if jitter > 0 {
		f = spreadOut(f, pauses, float64(jitter)/100)
	}
	return f
}

// single says why calls cannot be judged one by one; "" if they can.
func (p party) single() string {
	switch why := p.unseen(); {
	case why != "":
		return why
	case p.calls.suppressed > 0:
		return fmt.Sprintf("%s to %s were counted but not written down one by one: the record's limit was reached", plural(p.calls.suppressed, "call"), p.Service)
	case p.calls.incomplete:
		return "calls to " + p.Service + " were counted but not written down one by one"
	}
	return ""
}

func (p party) fewPauses(n, overlapped int, header string) string {
	keyed := slices.ContainsFunc(p.calls.single, func(c journal.Call) bool {
		return c.Key != "" && failing(c) && inside(span{c.At, c.At}, p.during)
	})
	text := fmt.Sprintf("%s followed a failed call by another attempt while faults lasted, at least %d are needed", plural(n, "pause"), leastPauses)
	switch {
	case !keyed:
		return "no call carried " + header + " while faults lasted, so nobody knows which of them were repeated"
	case overlapped > 0:
		return text + fmt.Sprintf("; of %s nobody knows when the caller gave the call before up", count(overlapped))
	}
	return text
}

// spreadOut judges the spread of pauses before the same attempt.
func spreadOut(f Finding, pauses []pause, least float64) Finding {
	type sort struct {
		attempt int
		told    time.Duration
	}
	groups := map[sort][]time.Duration{}
	for _, g := range pauses {
		s := sort{g.attempt, g.told}
		groups[s] = append(groups[s], g.length)
	}
	order := slices.SortedFunc(maps.Keys(groups), func(a, b sort) int {
		return cmp.Or(cmp.Compare(a.attempt, b.attempt), cmp.Compare(a.told, b.told))
	})
	judged, narrowest := 0, 0.0
	for _, s := range order {
		lengths := groups[s]
		if len(lengths) < leastPauses {
			continue
		}
		wide := spread(lengths)
		if judged++; judged == 1 || wide < narrowest {
			narrowest = wide
		}
		text := fmt.Sprintf("%s before attempt %d: median %s, spread by %s of it", plural(len(lengths), "pause"), s.attempt,
			latency(rank(slices.Sorted(slices.Values(lengths)), 0.5)), percent(wide))
		if s.told > 0 {
			text += ", told to wait " + latency(s.told)
		}
		f.Evidence = append(f.Evidence, Evidence{Text: text, From: pauses[0].from, To: pauses[len(pauses)-1].from, Count: len(lengths)})
		if wide < least-tiny {
			f.Verdict = Fail
			f.Reason = join(f.Reason, fmt.Sprintf("pauses before attempt %d are nearly the same, so that all come back at once: spread by %s of their median, wanted are %s",
				s.attempt, percent(wide), percent(least)))
		}
	}
	switch {
	case judged > 0:
		f.Measured = join(f.Measured, "spread by "+percent(narrowest))
	case f.Verdict != Fail:
		return unknown(f, fmt.Sprintf("no attempt has %d pauses before it, so nothing is known of their spread", leastPauses))
	}
	return f
}

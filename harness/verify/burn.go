package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"
)

// usualPairs are the windows and burn rates of the SRE workbook (table 5-8), for a
// window of 30 days: the first two are worth a page, the others a ticket.
var usualPairs = []pair{
	{name: "1h/5m", long: time.Hour, short: 5 * time.Minute, limit: 14.4},
	{name: "6h/30m", long: 6 * time.Hour, short: 30 * time.Minute, limit: 6},
	{name: "1d/2h", long: 24 * time.Hour, short: 2 * time.Hour, limit: 3},
	{name: "3d/6h", long: 72 * time.Hour, short: 6 * time.Hour, limit: 1},
}

// A pair is two windows that end at the same moment. A budget burns too fast when it
// does so in both of them: long enough to matter, and still.
type pair struct {
	name        string
	long, short time.Duration // divided by the tempo
	limit       float64       // burn rate
	unfit       string        // why it cannot be judged; "" if it can

	worst    burnt   // the moment of the highest rate that both windows had
	breaches []burnt // moments at which both were above the limit
}

// burnt are the burn rates of both windows that end at a moment.
type burnt struct {
	at          time.Duration
	long, short float64
}

func (b burnt) both() float64 { return min(b.long, b.short) }

// windows evaluates the usual pairs at the end of each spell. The check's burn rate
// takes the place of the highest of the usual ones, and none is above it. Windows are
// divided by the tempo; each must fit into a stretch.
func (b budget) windows(tempo float64) []pair {
	var list []pair
	for n, p := range usualPairs {
		p.long, p.short = time.Duration(float64(p.long)/tempo), time.Duration(float64(p.short)/tempo)
		if p.limit = min(p.limit, b.burn); n == 0 {
			p.limit = b.burn
		}
		list = append(list, b.evaluate(p))
	}
	return list
}

// evaluate looks at all moments of a pair, of which a run must have one whole. Moments at which a single bad event in the
// short window would be too fast are left out.
func (b budget) evaluate(p pair) pair {
	longest := time.Duration(0)
	for _, s := range b.stretches {
		longest = max(longest, s.length())
	}
	switch {
	case p.long > longest:
		p.unfit = fmt.Sprintf("it takes %s of a run, which has %s", timeWords(p.long), timeWords(longest))
		return p
	case p.short < metricEvery:
		p.unfit = fmt.Sprintf("its short window is %s, less than a reading", timeWords(p.short))
		return p
	}
	sums := b.cumulated()
	looked := 0
	for _, s := range b.stretches {
		for _, e := range b.spells {
			if e.to > s.to || e.from < s.from {
				continue
			}
			longGood, longBad := sums.before(e.to, p.long, s)
			good, bad := sums.before(e.to, p.short, s)
			if b.noun != "" && b.rate(good+bad-1, 1) > p.limit {
				continue
			}
			at := burnt{e.to, b.rate(longGood, longBad), b.rate(good, bad)}
			if looked++; looked == 1 || at.both() > p.worst.both() {
				p.worst = at
			}
			if at.both() > p.limit*(1+tiny) {
				p.breaches = append(p.breaches, at)
			}
		}
	}
	if looked == 0 {
		p.unfit = fmt.Sprintf("a single bad %s in %s would be too many", b.noun, timeWords(p.short))
	}
	return p
}

// cumulated are the events up to the middle of each spell.
type cumulated struct {
	middles   []time.Duration
	good, bad []float64 // before the spell of that middle; one more at the end
}

func (b budget) cumulated() cumulated {
	c := cumulated{good: []float64{0}, bad: []float64{0}}
	for n, s := range b.spells {
		c.middles = append(c.middles, s.middle())
		c.good, c.bad = append(c.good, c.good[n]+s.good), append(c.bad, c.bad[n]+s.bad)
	}
	return c
}

// before are the events of a window that ends at a moment of a stretch. What of it lies
// before the stretch is taken as a time of as many events, none of them bad: that is
// what keeps the first second of a run from being judged as if it were an hour.
func (c cumulated) before(at, window time.Duration, s span) (good, bad float64) {
	from := max(s.from, at-window)
	good, bad = c.within(span{from, at})
	return good + (good+bad)*float64(window-(at-from))/float64(at-from), bad
}

// within are the events of spells whose middle lies in a window.
func (c cumulated) within(w span) (good, bad float64) {
	from := sort.Search(len(c.middles), func(i int) bool { return c.middles[i] >= w.from })
	to := sort.Search(len(c.middles), func(i int) bool { return c.middles[i] >= w.to })
	return c.good[to] - c.good[from], c.bad[to] - c.bad[from]
}

// burning is B2: in no pair of windows did the budget burn too fast in both.
func (b budget) burning(pairs []pair) Finding {
	f := b.finding("B2-burn", "")
	for _, p := range pairs {
		if p.unfit != "" {
			continue
		}
		f.Wanted = join(f.Wanted, fmt.Sprintf("%s at most %s", p.name, figure(p.limit)))
		f.Measured = join(f.Measured, fmt.Sprintf("%s at most %s", p.name, rateWords(p.worst.both())))
		e := Evidence{Text: fmt.Sprintf("%s as %s/%s: burnt at most %s and %s times as fast as allowed, at %s; the limit is %s",
			p.name, timeWords(p.long), timeWords(p.short), rateWords(p.worst.long), rateWords(p.worst.short), offset(p.worst.at), figure(p.limit)),
			From: p.worst.at - p.long, To: p.worst.at}
		if len(p.breaches) > 0 {
			first, last := p.breaches[0], p.breaches[len(p.breaches)-1]
			f.Verdict = Fail
			f.Reason = join(f.Reason, fmt.Sprintf("in the windows %s (%s and %s) the budget burnt more than %s times as fast as allowed, first at %s, up to %s and %s times",
				p.name, timeWords(p.long), timeWords(p.short), figure(p.limit), offset(first.at), rateWords(p.worst.long), rateWords(p.worst.short)))
			e.From, e.To, e.Count = first.at, last.at, len(p.breaches)
		}
		f.Evidence = append(f.Evidence, e)
	}
	f.Wanted = "burn rate of both windows: " + f.Wanted
	f.Evidence = append(f.Evidence, unjudged(pairs)...)
	return f
}

// unjudged names the pairs that could not be judged.
func unjudged(pairs []pair) []Evidence {
	text := ""
	for _, p := range pairs {
		if p.unfit != "" {
			text = join(text, p.name+": "+p.unfit)
		}
	}
	if text == "" {
		return nil
	}
	return []Evidence{{Text: "windows that were not judged: " + text}}
}

// counted is B3: of so many events no more are bad than at the highest burn rate, by a
// bound that holds for 95 of 100 runs like this. It takes each event as drawn by
// itself; where failures come together the bound is closer than it should be.
func (b budget) counted(pairs []pair) Finding {
	limit := b.burn * b.allowed
	f := b.finding("B3-events", fmt.Sprintf("at most %s of %ss bad (burn rate %s), at 95%% confidence", percent(min(1, limit)), cmp.Or(b.noun, "event"), figure(b.burn)))
	f.Evidence = unjudged(pairs)
	good, bad := b.sums()
	if b.noun == "" {
		f.Measured = b.ratio(good, bad) + " bad"
		return unknown(f, "the SLO gives shares and not numbers of events, so that nobody knows how sure they are; run it long enough for windows, or with a higher tempo")
	}
	n, k := int(math.Round(good+bad)), int(math.Round(bad))
	low, high := shareBounds(k, n)
	f.Measured = fmt.Sprintf("%s bad; from %s to %s at 95%% confidence", b.ratio(good, bad), percent(low), percent(high))
	whole := bounds(b.stretches)
	f.Evidence = slices.Insert(f.Evidence, 0, Evidence{Text: fmt.Sprintf("%s bad, %s would be at the limit", b.ratio(good, bad), figure(limit*float64(n))), From: whole.from, To: whole.to, Count: k})
	switch {
	case limit >= 1:
		return unknown(f, fmt.Sprintf("a budget of %s cannot burn %s times as fast as allowed: then all events were bad, and more; give a lower burn", percent(b.allowed), figure(b.burn)))
	case low > limit:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s were bad, at least %s at 95%% confidence; %s times the allowed %s are %s", b.ratio(good, bad), percent(low), figure(b.burn), percent(b.allowed), percent(limit))
	case high > limit:
		return unknown(f, b.undecided(k, n, limit))
	}
	return f
}

// undecided says how many events would do.
func (b budget) undecided(k, n int, limit float64) string {
	text := fmt.Sprintf("%s are too few to tell whether more or less than %s are bad", plural(n, b.noun), percent(limit))
	if needed, ok := eventsNeeded(k, n, limit); ok {
		return fmt.Sprintf("%s; about %s would do, if the share stays as it is", text, count(needed))
	}
	return text + ", and with this share no number would do"
}

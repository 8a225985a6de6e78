package verify

import (
	"fmt"
	"math"
	"slices"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// availability judges the share of requests, or of sessions, that succeeded.
// Those whose outcome is unknown did not.
func (h *history) availability(c scenarios.SLOCheck, s sample, wanted float64) Finding {
	f := sloFinding(c, "availability", "availability >= "+scenarios.Percent(wanted).String())
	n, lost := s.ok+s.failed+s.unknown, s.failed+s.unknown
	if n == 0 {
		f.Verdict, f.Measured, f.Reason = Inconclusive, "no "+s.noun+"s", h.nothing(c)
		return f
	}
	f.Measured = fmt.Sprintf("%s of %s (%s failed, %s unknown)", share(s.ok, n), plural(n, s.noun), count(s.failed), count(s.unknown))
	exhausted, short := s.generator.exhausted(), s.generator.short()
	f.Evidence = slices.Concat(s.lossiest(), s.reasons(), exhausted.evidence, short.evidence, s.leftOut())
	allowed := 1 - wanted/100
	needed := 100 // for an objective of 100 %
	if allowed > 0 {
		needed = int(math.Ceil(1/allowed - 1e-9))
	}
	most := allowed*float64(max(n, needed)) + 1e-9
	switch {
	case h.window.cut != "":
		f.Verdict, f.Reason = Inconclusive, h.window.cut
	case exhausted.reason != "":
		f.Verdict, f.Reason = Inconclusive, exhausted.reason
	case float64(lost) > most:
		f.Verdict = Fail
		f.Reason = fmt.Sprintf("%s of %s did not succeed (%s failed, %s unknown); %s allows %s",
			plural(lost, s.noun), count(n), count(s.failed), count(s.unknown), scenarios.Percent(wanted), count(int(allowed*float64(n)+1e-9)))
		if late := s.blind(most); late.reason != "" {
			f.Verdict, f.Reason = Inconclusive, late.reason
			f.Evidence = append(f.Evidence, late.evidence...)
		} else if float64(lost-s.cut) <= allowed*float64(max(n-s.cut, needed))+1e-9 {
			f.Verdict, f.Reason = Inconclusive, s.unfinished()
		}
	case h.rec.Damaged > 0:
		f.Verdict, f.Reason = Inconclusive, h.damage()
	case n < needed:
		f.Verdict = Inconclusive
		f.Reason = fmt.Sprintf("%s needs at least %s to mean anything, there were %s", scenarios.Percent(wanted), plural(needed, s.noun), count(n))
	case short.reason != "":
		f.Verdict, f.Reason = Inconclusive, short.reason
	}
	return f
}

// blind says why failures may be the generator's doing although it sent
// everything. One that is behind by many times what is tolerable dials late
// and reads late: answers that came in time run into its own deadline. Then
// only what failed while it kept its schedule counts; when that alone is more
// than most, the failures stand.
func (s sample) blind(most float64) suspicion {
	lag, what := s.generator.delay()
	if lag <= hopeless*tolerable(0) {
		return suspicion{}
	}
	delays, sure := s.generator.delays(), 0
	for _, t := range s.traffic {
		if s.generator.calm(delays, t.at-t.body.For, t.at) {
			sure += t.body.Failed - t.body.Own + t.body.Unknown
		}
	}
	if float64(sure) > most {
		return suspicion{}
	}
	return suspicion{
		fmt.Sprintf("the generator was so late itself that it may have missed answers: 1 %s %s or more after its time; of what failed, %s did so while it kept its schedule",
			what, latency(lag), count(sure)),
		s.generator.latest(),
	}
}

package scenarios

import (
	"cmp"
	"fmt"
	"strings"
)

// String says the fault in a few words: "kill one of api".
func (f PlannedFault) String() string {
	who, s := f.subject(), f.Spec
	switch groupOf(f.Kind) {
	case lifeCycleKinds:
		return s.lifeWords(who)
	case networkKinds:
		return s.networkWords(who)
	case resourceKinds:
		return s.resourceWords(who)
	case dataKinds:
		return s.dataWords(who)
	case tlsKinds:
		return s.tlsWords(f.callsOf(who))
	}
	return s.requestWords(f, f.callsOf(who))
}

// subject is what the fault is done to, in words.
func (f PlannedFault) subject() string {
	of := enumerate(f.Services)
	t := f.Spec.Target
	if f.inFrontByItself() || ofDatabase(f.Kind) {
		return of
	}
	if t.Zone != "" {
		of += " in zone " + t.Zone
	}
	switch {
	case t.Count > 0:
		return fmt.Sprintf("%d of %s", t.Count, of)
	case t.Percent != nil:
		return fmt.Sprintf("%s of %s", t.Percent, of)
	}
	switch cmp.Or(t.Pick, f.Spec.defaultPick()) {
	case PickOne:
		return "one of " + of
	case PickMinority:
		return "a minority of " + of
	case PickMajority:
		return "a majority of " + of
	}
	return "all of " + of
}

// inFrontByItself tells that a fault is done in front of its services, or may be,
// so that there is nothing to pick.
func (f PlannedFault) inFrontByItself() bool {
	return proxied(f.Kind) && f.Spec.Egress == "" && len(f.Picked) == 0
}

// callsOf are the requests that a fault is done to.
func (f PlannedFault) callsOf(who string) string {
	what, m := "requests", f.Spec.Match
	if m != nil {
		if m.Method != "" {
			what = m.Method + " " + what
		}
		if m.Share != nil && *m.Share != 100 {
			what = fmt.Sprintf("%s of %s", m.Share, what)
		}
	}
	if f.Spec.Egress != "" {
		what += fmt.Sprintf(" of %s to %s", who, f.Spec.Egress)
	} else {
		what += " to " + who
	}
	if m != nil && m.Path != "" {
		what += " below " + m.Path
	}
	return what
}

func (f Fault) lifeWords(who string) string {
	good := ""
	if f.Permanent {
		good = " for good"
	}
	switch {
	case f.Kill != nil:
		return "kill " + who + good
	case f.Stop != nil:
		return "stop " + who + good
	case f.Pause != nil:
		return "pause " + who
	case f.Restart != nil:
		return "restart " + who
	case f.CrashLoop != nil:
		return fmt.Sprintf("kill %s, and what takes its place, every %s", who, cmp.Or(f.CrashLoop.Every, defaultLife))
	case f.ZoneLoss != nil && f.ZoneLoss.As == zonePartition:
		return "cut off " + who
	case f.ZoneLoss != nil:
		return "lose " + who
	}
	text := fmt.Sprintf("reclaim %s with a notice of %s", who, f.Reclaim.Notice)
	if f.Reclaim.Replace != nil && !*f.Reclaim.Replace {
		text += ", none in its place"
	}
	return text
}

// ways are the words for directions.
var ways = map[string]string{Inward: ", on the way in", Outward: ", on the way out"}

func (f Fault) networkWords(who string) string {
	with := ""
	if peer := f.peer(); peer != "" {
		with = " with " + peer
	}
	switch {
	case f.Delay != nil:
		jitter := ""
		if f.Delay.Jitter > 0 {
			jitter = fmt.Sprintf(" +- %s", f.Delay.Jitter)
		}
		return fmt.Sprintf("delay packets of %s%s by %s%s%s", who, with, f.Delay.Latency, jitter, ways[f.Delay.Direction])
	case f.Loss != nil:
		return fmt.Sprintf("drop %s of the packets of %s%s%s", f.Loss.Share, who, with, ways[f.Loss.Direction])
	case f.Bandwidth != nil:
		return fmt.Sprintf("let %s a second of %s%s through%s", f.Bandwidth.Rate, who, with, ways[f.Bandwidth.Direction])
	case f.Partition != nil:
		if with != "" {
			with = " from " + f.peer()
		}
		return fmt.Sprintf("cut %s off%s%s", who, with, ways[f.Partition.Direction])
	case f.Reset != nil:
		return fmt.Sprintf("reset connections of %s%s%s", who, with, atPort(f.Reset.Port))
	case f.ConnectionLimit != nil:
		return fmt.Sprintf("limit connections to %s%s to %d", who, atPort(f.ConnectionLimit.Port), f.ConnectionLimit.Limit)
	}
	names := "of all names"
	if len(f.DNS.Names) > 0 {
		names = "of " + enumerate(f.DNS.Names)
	}
	answer := map[string]string{"nxdomain": "find nothing", "servfail": "fail", "timeout": "get no answer"}[f.DNS.Answer]
	if answer == "" {
		answer = fmt.Sprintf("take %s", cmp.Or(f.DNS.Delay, defaultSlow))
	}
	return fmt.Sprintf("let look-ups %s by %s %s", names, who, answer)
}

// atPort narrows words to a port, 0 for all.
func atPort(port int) string {
	if port == 0 {
		return ""
	}
	return fmt.Sprintf(" at port %d", port)
}

func (f Fault) resourceWords(who string) string {
	switch {
	case f.CPUPressure != nil:
		return fmt.Sprintf("keep %s cores of %s busy", f.CPUPressure.Cores, who)
	case f.CPUThrottle != nil:
		return fmt.Sprintf("limit the CPU of %s to %s cores", who, f.CPUThrottle.CPUs)
	case f.MemoryPressure != nil && f.MemoryPressure.OOM:
		return fmt.Sprintf("use up the memory of %s until the kernel kills it", who)
	case f.MemoryPressure != nil:
		return fmt.Sprintf("fill the memory of %s to %s", who, f.MemoryPressure.Fill)
	case f.DiskFill.Fill != nil:
		return fmt.Sprintf("fill volume %s of %s to %s", f.DiskFill.Volume, who, f.DiskFill.Fill)
	}
	return fmt.Sprintf("use %s of volume %s of %s", f.DiskFill.Size, f.DiskFill.Volume, who)
}

func (f Fault) dataWords(who string) string {
	switch {
	case f.CacheFlush != nil && f.CacheFlush.Request != "":
		return fmt.Sprintf("flush the cache of %s with %s", who, f.CacheFlush.Request)
	case f.CacheFlush != nil:
		return fmt.Sprintf("flush the cache of %s%s", who, atPort(f.CacheFlush.Port))
	case f.PoolExhaustion != nil && f.PoolExhaustion.Leave > 0:
		return fmt.Sprintf("hold all connections of %s but %d", who, f.PoolExhaustion.Leave)
	case f.PoolExhaustion != nil:
		return fmt.Sprintf("hold all connections of %s", who)
	}
	n, queries := cmp.Or(f.SlowQueries.Concurrency, defaultQueries), "queries"
	if n == 1 {
		queries = "query"
	}
	return fmt.Sprintf("keep %s busy with %d %s at a time", who, n, queries)
}

func (f Fault) tlsWords(calls string) string {
	of := func(names []string) string {
		if len(names) == 0 {
			return ""
		}
		return " for " + enumerate(names)
	}
	switch {
	case f.TLSHandshake != nil:
		return fmt.Sprintf("delay TLS handshakes for %s by %s", calls, f.TLSHandshake.Delay)
	case f.TLSReset != nil:
		return fmt.Sprintf("reset TLS connections for %s%s", calls, of(f.TLSReset.Names))
	}
	return fmt.Sprintf("show an expired certificate to %s%s", calls, of(f.TLSExpired.Names))
}

// String is the distribution in a few words: "50ms (p99 1s)".
func (l LatencyFault) String() string {
	if l.P99 == 0 {
		return l.P50.String()
	}
	return fmt.Sprintf("%s (p99 %s)", l.P50, l.P99)
}

// String is the limit in a few words: "10/s (burst 10), else wait 1s".
func (r RateLimitFault) String() string {
	by := ""
	if r.By != "" {
		by = " for each " + r.By
	}
	return fmt.Sprintf("%s (burst %d)%s, else wait %s", r.Rate, r.Burst, by, r.RetryAfter)
}

func (f Fault) requestWords(p PlannedFault, calls string) string {
	done := func(after bool) string {
		if after {
			return ", once the work is done"
		}
		return ""
	}
	switch {
	case f.HTTPLatency != nil:
		return fmt.Sprintf("hold %s up by %s", calls, f.HTTPLatency)
	case f.HTTPErrors != nil:
		return fmt.Sprintf("answer %s with %s%s", calls, f.HTTPErrors.mix(), done(f.HTTPErrors.AfterWork))
	case f.HTTPAbort != nil:
		return fmt.Sprintf("cut connections of %s%s", calls, done(f.HTTPAbort.AfterWork))
	case f.HTTPSlowBody != nil:
		return fmt.Sprintf("answer %s at %s a second", calls, f.HTTPSlowBody.Rate)
	case f.HTTPTruncate != nil && f.HTTPTruncate.After > 0:
		return fmt.Sprintf("end answers to %s after %s", calls, f.HTTPTruncate.After)
	case f.HTTPTruncate != nil:
		return fmt.Sprintf("end answers to %s half-way", calls)
	case f.HTTPCorrupt != nil:
		return "corrupt answers to " + calls
	case f.Brownout != nil:
		return fmt.Sprintf("slow %s down: %s", calls, f.Brownout.words())
	case f.Flapping != nil:
		return fmt.Sprintf("outage of %s by turns: %s, then there for %s: %s", f.whatIsGone(p), f.Flapping.Down, f.Flapping.Up, outageWords[f.Flapping.As])
	case f.RateLimit != nil:
		return fmt.Sprintf("limit %s to %s", calls, f.RateLimit)
	case f.Outage != nil:
		return fmt.Sprintf("outage of %s: %s", f.whatIsGone(p), outageWords[f.Outage.As])
	}
	return p.Kind
}

// outageWords say how something is not there.
var outageWords = map[string]string{
	OutageStatus: "503", OutageRefuse: "nobody listens", OutageReset: "connections are cut", OutageHang: "connections are held open without an answer",
}

// whatIsGone is what an outage is of.
func (f Fault) whatIsGone(p PlannedFault) string {
	if f.Egress != "" || f.Match != nil {
		return p.callsOf(p.subject())
	}
	return p.subject()
}

// mix is the statuses with their shares, and what is sent along.
func (e HTTPErrorsFault) mix() string {
	sum := 0
	for _, weight := range e.Statuses {
		sum += weight
	}
	var parts []string
	for _, status := range keys(e.Statuses) {
		if len(e.Statuses) == 1 {
			parts = append(parts, status)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s (%d of %d)", status, e.Statuses[status], sum))
	}
	text := strings.Join(parts, ", ")
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(", Retry-After %s", e.RetryAfter)
	}
	return text
}

func (b BrownoutFault) words() string {
	text := LatencyFault{P50: b.P50, P99: b.P99}.String()
	if b.PerRequest > 0 {
		text += fmt.Sprintf(", %s more for each other under way", b.PerRequest)
	}
	if b.Peak > 1 {
		text += fmt.Sprintf(", up to %s at the end", b.Peak)
	}
	return text
}

// String is the condition in a few words: "shop/buy: p99 > 2s for 10s".
func (s StopCondition) String() string {
	of := s.Journey
	if s.Step != "" {
		of += "/" + s.Step
	}
	var missed []string
	if s.Service != "" {
		of, missed = s.Service, append(missed, fmt.Sprintf("%s > %s", s.Metric, s.Above))
	}
	if s.P50 != nil {
		missed = append(missed, fmt.Sprintf("p50 > %s", s.P50))
	}
	if s.P95 != nil {
		missed = append(missed, fmt.Sprintf("p95 > %s", s.P95))
	}
	if s.P99 != nil {
		missed = append(missed, fmt.Sprintf("p99 > %s", s.P99))
	}
	if s.Availability != nil {
		missed = append(missed, fmt.Sprintf("availability < %s", s.Availability))
	}
	return fmt.Sprintf("%s: %s for %s", of, strings.Join(missed, " or "), cmp.Or(s.For, defaultStopFor))
}

// String says objectives in a few words: "p95 <= 300ms, availability >= 99%".
func (o Objectives) String() string {
	var parts []string
	if o.P95 != nil {
		parts = append(parts, fmt.Sprintf("p95 <= %s", o.P95))
	}
	if o.P99 != nil {
		parts = append(parts, fmt.Sprintf("p99 <= %s", o.P99))
	}
	if o.Availability != nil {
		parts = append(parts, fmt.Sprintf("availability >= %s", o.Availability))
	}
	return strings.Join(parts, ", ")
}

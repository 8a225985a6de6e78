package reports

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Totals are the sums over a run that JSON publishes. Times are nanoseconds;
// a quantile is 0 where nothing was measured, or too little for it.
type Totals struct {
	Requests int `json:"requests"` // that ended: ok + failed + unknown
	OK       int `json:"ok"`
	Failed   int `json:"failed"`
	Unknown  int `json:"unknown"`
	Sessions int `json:"sessions"` // journeys that ended
	Intended int `json:"intended"` // requests that should have been sent
	Sent     int `json:"sent"`
	// IntendedRate and AchievedRate are requests a second over the time that
	// traffic flowed.
	IntendedRate float64 `json:"intended_rate"`
	AchievedRate float64 `json:"achieved_rate"`
	// Traffic is how long traffic flowed.
	Traffic time.Duration `json:"traffic_ns"`
	// P50, P95, P99 and Max are response times of the requests that succeeded,
	// from the intended send time.
	P50 time.Duration `json:"p50_ns"`
	P95 time.Duration `json:"p95_ns"`
	P99 time.Duration `json:"p99_ns"`
	Max time.Duration `json:"max_ns"`
	// LagP99 is the generator's own delay: from the intended moment to that at
	// which it got to a request or a session, whichever is later.
	LagP99 time.Duration `json:"lag_p99_ns"`
}

// rated is the time that rates count over: arrivals end with the last phase,
// whatever time the last sessions then take.
func rated(run Run, w window) time.Duration {
	if run.Intent.Plan == nil || run.Intent.Plan.Duration <= 0 {
		return w.driven()
	}
	return min(w.driven(), run.Intent.Plan.Duration.Std())
}

// totalsOf sums a run up.
func totalsOf(run Run, w window, merged times) Totals {
	t := Totals{Traffic: w.driven()}
	for _, e := range run.events() {
		b, ok := e.Body.(journal.Traffic)
		switch {
		case !ok:
		case b.Step == "":
			t.Sessions += b.OK + b.Failed + b.Unknown
		default:
			t.OK, t.Failed, t.Unknown = t.OK+b.OK, t.Failed+b.Failed, t.Unknown+b.Unknown
			t.Intended, t.Sent = t.Intended+b.Intended, t.Sent+b.Sent
		}
	}
	t.Requests = t.OK + t.Failed + t.Unknown
	if s := rated(run, w).Seconds(); s > 0 {
		t.IntendedRate, t.AchievedRate = float64(t.Intended)/s, float64(t.Sent)/s
	}
	response := merged.sum(func(k timeKey) bool { return k.measure == journal.Response && k.step != "" })
	t.P50, t.P95, t.P99, t.Max = carried(response)
	_, t.LagP99, _ = merged.lags()
	return t
}

package measure

import "time"

// Totals are the sums of a run. Intended counts requests whose time had come,
// Requests those of them for which a connection was taken or opened; OK, Failed
// and Unknown count how they ended. Lags are of all requests.
type Totals struct {
	Sessions int `json:"sessions"`
	Intended int `json:"intended"`
	Requests int `json:"requests"`
	OK       int `json:"ok"`
	Failed   int `json:"failed"`
	Unknown  int `json:"unknown"`

	LagP50 time.Duration `json:"lag_p50"` // nanoseconds
	LagP99 time.Duration `json:"lag_p99"`
	LagMax time.Duration `json:"lag_max"`
}

// Totals gives the sums up to now, whatever of them has been written. It is for
// the loop's thread, like recording, and for whoever outlives it.
func (r *Recorder) Totals() Totals {
	var t Totals
	for _, m := range r.meters {
		c := m.counts
		if m.session {
			t.Sessions += c.intended
			continue
		}
		t.Intended += c.intended
		t.Requests += c.sent
		t.OK += c.ok
		t.Failed += c.failed
		t.Unknown += c.unknown
	}
	q := quantiles(r.lags, 50, 99, 100)
	t.LagP50, t.LagP99, t.LagMax = q[0], q[1], q[2]
	return t
}

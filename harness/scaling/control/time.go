package control

import "time"

// epoch is the start of traffic in the control loop's own time.
var epoch = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// The least that the controller waits between two evaluations, and between two
// samples of use, whatever the tempo asks for.
const (
	leastEvery  = 250 * time.Millisecond
	leastSample = 500 * time.Millisecond
)

// A timeline turns the run's clock into the control loop's own time, which goes
// tempo times as fast and counts from the start of traffic.
type timeline struct {
	start time.Duration
	tempo float64
}

func newTimeline(start time.Duration, tempo float64) timeline {
	if !(tempo > 0) { // NaN too
		tempo = 1
	}
	return timeline{start, tempo}
}

// at is a moment of the run's clock in the control loop's time.
func (t timeline) at(moment time.Duration) time.Time { return epoch.Add(t.loop(moment - t.start)) }

// started is the same of a moment that has not been if it is 0.
func (t timeline) started(moment time.Duration) time.Time {
	if moment == 0 {
		return time.Time{}
	}
	return t.at(moment)
}

// loop is a duration of real time in the control loop's time.
func (t timeline) loop(took time.Duration) time.Duration {
	return time.Duration(float64(took) * t.tempo)
}

// real is a duration of the control loop's time in real time.
func (t timeline) real(loop time.Duration) time.Duration {
	return time.Duration(float64(loop) / t.tempo)
}

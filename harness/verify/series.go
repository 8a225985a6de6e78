package verify

import (
	"fmt"
	"time"
)

// A point is a reading of a metric.
type point struct {
	at    time.Duration
	value float64
}

// series is what was read of a metric of a service while traffic flowed.
type series struct {
	metric    string
	every     time.Duration
	points    []point
	failed    int
	lastError string
}

// metricEvery is how often a metric is read that does not say.
const metricEvery = time.Second

// A metric counts as not read when three readings in a row are missing; on a busy
// machine a second or two is nothing.
const (
	missedReadings = 3
	leastSilence   = 3 * time.Second
)

func (h *history) seriesOf(service, metric string) series {
	s := series{metric: metric, every: metricEvery}
	if every := h.plan.Services[service].Metrics[metric].Every; every > 0 {
		s.every = every.Std()
	}
	for _, m := range h.scale.measured {
		switch b := m.body; {
		case b.Service != service || b.Metric != metric || !h.window.holds(m.at):
		case b.Error != "":
			s.failed, s.lastError = s.failed+1, b.Error
		default:
			s.points = append(s.points, point{m.at, b.Value})
		}
	}
	return s
}

// silence is the time without a reading from which on a metric is not known.
func (s series) silence() time.Duration { return max(leastSilence, missedReadings*s.every) }

// blind is the first stretch between two moments in which the metric was not
// known.
func (s series) blind(during span) (span, bool) {
	last := during.from
	for _, p := range s.points {
		if p.at < during.from || p.at > during.to {
			continue
		}
		if p.at-last > s.silence() {
			return span{last, p.at}, true
		}
		last = p.at
	}
	return span{last, during.to}, during.to-last > s.silence()
}

// blindness says that a metric was not known in a stretch.
func (s series) blindness(gap span) string {
	text := fmt.Sprintf("%s was not read from %s to %s, so nobody knows what it was then", s.metric, offset(gap.from), offset(gap.to))
	if s.failed > 0 {
		text += ": " + firstLine(s.lastError)
	}
	return text
}

// nothing says why there are no readings.
func (s series) nothing(service string) string {
	if s.failed > 0 {
		return fmt.Sprintf("%s of %s could not be read: %s", s.metric, service, firstLine(s.lastError))
	}
	return fmt.Sprintf("%s of %s was never read", s.metric, service)
}

// highest is the reading with the highest value, the first of several.
func (s series) highest(during span) (point, bool) {
	best, found := point{}, false
	for _, p := range s.points {
		if p.at >= during.from && p.at <= during.to && (!found || p.value > best.value) {
			best, found = p, true
		}
	}
	return best, found
}

package measure

import (
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// The measures of a meter, in the order of its series.
const (
	response = iota
	service
	lag
	waited
	failed
)

var measures = [...]string{journal.Response, journal.Service, journal.Lag, journal.Waited, journal.Failed}

// maxInstances bounds the series of a meter. What more instances answered
// counts under "".
const maxInstances = 64

// A Meter counts and times one step, or the sessions, of one load in one phase.
type Meter struct {
	recorder *Recorder
	tag      journal.Tag // without a measure
	session  bool
	index    int    // among the recorder's meters
	first    uint32 // its series of measure k is first+k

	counts    counts            // since the start
	cut       counts            // of them, those in the batches so far
	instances map[string]uint32 // series of the responses of each instance
	unsent    bool              // the one that ends next was not sent
}

// counts are of requests, or of sessions.
type counts struct{ intended, sent, ok, failed, unknown, own int }

func (c counts) minus(d counts) counts {
	return counts{
		c.intended - d.intended, c.sent - d.sent,
		c.ok - d.ok, c.failed - d.failed, c.unknown - d.unknown, c.own - d.own,
	}
}

// Intend counts one whose time has come.
func (m *Meter) Intend() { m.counts.intended++ }

// Sent counts one that went out.
func (m *Meter) Sent() { m.counts.sent++ }

// Own counts one that was not sent for want of something of the generator's.
// Its End, which follows at once, says Fail, and its time is nobody's.
func (m *Meter) Own() { m.counts.own++; m.unsent = true }

// Lag records how late the driver got to one.
func (m *Meter) Lag(d time.Duration) {
	v := micros(d)
	m.recorder.samples.add(m.first+lag, v)
	if !m.session {
		_ = m.recorder.lags.RecordValue(int64(v)) // within range
	}
}

// Waited records how long a step that polls took from its first request on.
func (m *Meter) Waited(d time.Duration) { m.recorder.samples.add(m.first+waited, micros(d)) }

// End counts one that ended and records its times: of one that is not OK how long
// it took until that was known. A service time of 0 is none; instance is which one
// answered, "" if nobody knows.
func (m *Meter) End(o Outcome, responseTime, serviceTime time.Duration, instance string) {
	switch o {
	case OK:
		m.counts.ok++
	case Fail:
		m.counts.failed++
		m.lost(responseTime)
		return
	default:
		m.counts.unknown++
		m.lost(responseTime)
		return
	}
	m.recorder.samples.add(m.responses(instance), micros(responseTime))
	if serviceTime > 0 {
		m.recorder.samples.add(m.first+service, micros(serviceTime))
	}
}

// lost records how long a request took that came to nothing.
func (m *Meter) lost(d time.Duration) {
	if !m.session && !m.unsent {
		m.recorder.samples.add(m.first+failed, micros(d))
	}
	m.unsent = false
}

// responses gives the series of an instance's response times.
func (m *Meter) responses(instance string) uint32 {
	if instance == "" {
		return m.first + response
	}
	if id, known := m.instances[instance]; known {
		return id
	}
	if len(m.instances) >= maxInstances {
		return m.first + response
	}
	if m.instances == nil {
		m.instances = map[string]uint32{}
	}
	r, tag := m.recorder, m.tag
	tag.Measure, tag.Instance = journal.Response, strings.Clone(instance) // not the whole answer it may be part of
	id := uint32(len(r.series))
	r.series = append(r.series, series{tag, m.index})
	m.instances[tag.Instance] = id
	return id
}

// micros is a time as histograms of the journal take it; what is out of their
// range counts as its end.
func micros(d time.Duration) uint32 {
	const shortest, longest = 1, 600_000_000
	return uint32(min(max(d.Microseconds(), shortest), longest))
}

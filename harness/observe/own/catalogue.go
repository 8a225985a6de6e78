package own

import "github.com/prometheus/client_golang/prometheus"

// catalogue is all metrics that there are.
type catalogue struct {
	families   []*family
	histograms []*histogram
	dropped    *family // what did not fit, by metric; the last of families
}

// counter adds a counter; its name ends in _total.
func (c *catalogue) counter(name, help string, labelNames ...string) *family {
	return c.family(prometheus.CounterValue, name, help, labelNames)
}

// gauge adds a gauge.
func (c *catalogue) gauge(name, help string, labelNames ...string) *family {
	return c.family(prometheus.GaugeValue, name, help, labelNames)
}

func (c *catalogue) family(kind prometheus.ValueType, name, help string, labelNames []string) *family {
	if len(labelNames) > maxLabels {
		panic("own: " + name + " has too many labels")
	}
	f := &family{
		name: name, kind: kind, arity: len(labelNames), series: map[labels]*series{},
		desc: prometheus.NewDesc(name, help, labelNames, nil),
	}
	c.families = append(c.families, f)
	return f
}

// histogram adds a histogram over the buckets of journal.TimesBucket.
func (c *catalogue) histogram(name, help string, label string) *histogram {
	h := &histogram{name: name, desc: prometheus.NewDesc(name, help, []string{label}, nil), of: map[string]*times{}}
	c.histograms = append(c.histograms, h)
	return h
}

// value is a copy of a series.
type value struct {
	of     *family
	labels labels
	value  float64
}

func (v *value) metric() prometheus.Metric {
	m, err := prometheus.NewConstMetric(v.of.desc, v.of.kind, v.value, v.labels[:v.of.arity]...)
	if err != nil {
		return prometheus.NewInvalidMetric(v.of.desc, err)
	}
	return m
}

// copied is what there is at the moment, to be turned into metrics without the lock.
func (c *catalogue) copied() ([]value, []timesCopy) {
	n := 0
	for _, f := range c.families {
		n += len(f.series)
	}
	values := make([]value, 0, n+len(c.families))
	var times []timesCopy
	for _, h := range c.histograms {
		c.account(h.name, h.left, len(h.of))
		h.left = 0
		times = h.copied(times)
	}
	for _, f := range c.families {
		if f != c.dropped {
			c.account(f.name, f.left, len(f.series))
			f.left = 0
		}
		for l, s := range f.series {
			values = append(values, value{f, l, s.value})
		}
	}
	return values, times
}

// account counts what a metric had no room for, from 0 on once it has any series.
func (c *catalogue) account(name string, left, series int) {
	if series > 0 {
		c.dropped.add(float64(left), name)
	}
}

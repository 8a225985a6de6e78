package store

import (
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// ownJob is the job of the metrics that the run itself writes.
const ownJob = "shakedown"

// A family is a metric of a service: of a histogram or summary without _bucket, _sum
// and _count.
type family struct{ service, metric string }

// families are the metrics that were scraped, with their types where pages told them.
type families struct {
	mu    sync.Mutex
	types map[family]model.MetricType
}

func newFamilies() *families { return &families{types: map[family]model.MetricType{}} }

func (f *families) add(all []found) {
	if len(all) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range all {
		at := family{serviceOf(one.labels), folded(one.labels.Get(model.MetricNameLabel), one.of)}
		if was, ok := f.types[at]; !ok || was == "" || was == model.MetricTypeUnknown {
			f.types[at] = one.of
		}
	}
}

// of is the family of a series, if it was scraped. The name of a counter or gauge may
// end in _count as well, so that the whole name goes first.
func (f *families) of(ls labels.Labels) (family, model.MetricType, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	service, name := serviceOf(ls), ls.Get(model.MetricNameLabel)
	at := family{service, name}
	if typ, ok := f.types[at]; ok {
		return at, typ, true
	}
	for _, typ := range []model.MetricType{model.MetricTypeHistogram, model.MetricTypeSummary} {
		at := family{service, folded(name, typ)}
		if known, ok := f.types[at]; ok && known == typ {
			return at, typ, true
		}
	}
	return family{}, "", false
}

// serviceOf is the service that a series was scraped from, "" for the run's own.
func serviceOf(ls labels.Labels) string {
	if ls.Get(model.JobLabel) == ownJob {
		return ""
	}
	return ls.Get("service")
}

// folded is the name of the family that a series of that type belongs to.
func folded(name string, of model.MetricType) string {
	switch of {
	case model.MetricTypeHistogram:
		return without(name, "_bucket", "_sum", "_count")
	case model.MetricTypeSummary:
		return without(name, "_sum", "_count")
	}
	return name
}

package scrape

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// The names of the two jobs of the manager. The label job of instances is their service.
const (
	instances = "instances"
	ownJob    = "shakedown"
)

// own is the page of what the run knows itself.
var own = Target{Service: ownJob}

// Bounds of labels, far beyond what anybody writes on purpose.
const (
	maxLabels     = 64
	maxLabelName  = 512
	maxLabelValue = 4 << 10
)

// turnover is how many times MaxSeries a page may have over the run: a label whose
// values never come back fills the memory, however few there are at a time.
const turnover = 10

// jobs is the configuration of the manager.
func jobs(o Options) (*config.Config, error) {
	all, err := config.Load("", nil)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{instances, ownJob} {
		one := config.DefaultScrapeConfig
		one.JobName = name
		one.HonorLabels = name == ownJob
		one.HonorTimestamps = false
		one.EnableCompression = false
		one.ScrapeInterval = model.Duration(o.Every)
		one.ScrapeTimeout = model.Duration(o.Every)
		one.ScrapeFallbackProtocol = config.PrometheusText0_0_4
		one.LabelLimit, one.LabelNameLengthLimit, one.LabelValueLengthLimit = maxLabels, maxLabelName, maxLabelValue
		if name == instances {
			one.SampleLimit = uint(o.MaxSeries)
		}
		if err := one.Validate(all.GlobalConfig); err != nil {
			return nil, err
		}
		all.ScrapeConfigs = append(all.ScrapeConfigs, &one)
	}
	return all, nil
}

// groups are pages as the manager takes them.
func groups(pages map[Target]*page) map[string][]*targetgroup.Group {
	all := &targetgroup.Group{Source: instances}
	sets := map[string][]*targetgroup.Group{instances: {all}}
	for t, p := range pages {
		address := model.LabelValue(p.address)
		if t == own {
			sets[ownJob] = []*targetgroup.Group{{
				Source: ownJob, Targets: []model.LabelSet{{model.AddressLabel: address}},
			}}
			continue
		}
		all.Targets = append(all.Targets, model.LabelSet{
			model.AddressLabel:  address,
			model.JobLabel:      model.LabelValue(t.Service),
			"service":           model.LabelValue(t.Service),
			model.InstanceLabel: model.LabelValue(t.Instance),
		})
	}
	return sets
}

package scenarios

import (
	"maps"
	"slices"
)

// The metrics of threshold checks that the run knows without an expression: of
// requests, and of what instances use of their limits.
var (
	requestThresholds  = []string{"availability", "error_rate", "p50", "p95", "p99"}
	resourceThresholds = []string{CPUMetric, MemoryMetric}
	successThresholds  = []string{"signup_success", "payment_success"} // availability, of a journey that the scenario names
)

// saasDefault is the table of common limits of a service that many pay for.
var saasDefault = map[string]Threshold{
	"availability":         preset(0.999, 0.995, true),
	"error_rate":           preset(0.005, 0.02, false),
	"p50":                  preset(0.2, 0.5, false),
	"p99":                  preset(1, 3, false),
	"cpu":                  preset(0.7, 0.9, false), // of the limit
	"memory":               preset(0.8, 0.9, false), // of the limit
	"database_connections": preset(0.7, 0.9, false), // of the pool
	"disk":                 preset(0.75, 0.9, false),
	"queue_depth":          preset(1000, 10000, false),
	"queue_latency":        preset(30, 300, false),
	"signup_success":       preset(0.95, 0.85, true),
	"payment_success":      preset(0.98, 0.95, true),
}

func preset(warning, critical Level, below bool) Threshold {
	return Threshold{Warning: &warning, Critical: &critical, Below: &below}
}

// PresetThresholds are the thresholds of a preset, by metric: Warning, Critical and
// Below are set. Nil for a name that is none. The caller may change the map.
func PresetThresholds(name string) map[string]Threshold {
	if name != SaaSDefault {
		return nil
	}
	return maps.Clone(saasDefault)
}

// knownThreshold tells that the run knows a metric by itself.
func knownThreshold(metric string) bool {
	return slices.Contains(requestThresholds, metric) || slices.Contains(resourceThresholds, metric)
}

// merged is what the metrics of a check come to with those of its preset, Below
// filled in; metrics that are off are left out.
func (c ThresholdCheck) merged() map[string]Threshold {
	all := map[string]Threshold{}
	maps.Copy(all, PresetThresholds(c.Preset))
	for name, own := range c.Metrics {
		if own.Off {
			delete(all, name)
			continue
		}
		t := all[name]
		if own.Warning == nil {
			own.Warning = t.Warning
		}
		if own.Critical == nil {
			own.Critical = t.Critical
		}
		if own.Below == nil {
			below := saasDefault[name].Below
			own.Below = limitOr(below, false)
		}
		all[name] = own
	}
	return all
}

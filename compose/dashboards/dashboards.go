// Package dashboards has dashboards for Grafana on the metrics of a run.
package dashboards

import _ "embed"

// Shakedown is a dashboard of a whole run: load and answers, gateways, instances, scaling,
// queues, faults and alerts. It asks for a data source of type Prometheus.
//
//go:embed shakedown.json
var Shakedown []byte

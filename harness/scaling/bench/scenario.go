package main

import (
	"fmt"
	"strings"
)

// compose is a service that starts in milliseconds, so that what is measured is
// the way to it.
const compose = `services:
  payments:
    image: atelier:dev
    command: [payments]
    expose: ["8080"]
    stop_grace_period: 5s
`

// scenario asks for one more instance and for eight more at once, so often each.
func scenario(ones, eights int) string {
	var windows []string
	at := 2
	for range ones {
		windows = append(windows, fmt.Sprintf("{at: all + %ds, for: 1s, min: 2}", at))
		at += 4
	}
	for range eights {
		windows = append(windows, fmt.Sprintf("{at: all + %ds, for: 2s, min: 9}", at))
		at += 9
	}
	return fmt.Sprintf(`name: bench-scaling
summary: How long a decision takes to become a container.
stack:
  compose: [compose.yaml]
  services:
    payments:
      port: 8080
      ready: /readyz
      drain: {grace: 4s, endpoint_lag: 100ms}
      autoscale:
        min: 1
        max: 9
        every: 1s
        schedule: [%s]
traffic:
  phases: [{name: all, for: %ds}]
  cohorts: [{name: few, journey: look, arrivals: {constant: 5/s}}]
  journeys: {look: [{name: get, request: GET payments/readyz}]}
checks:
  - slo: {journey: look, availability: 1%%}
`, strings.Join(windows, ", "), at)
}

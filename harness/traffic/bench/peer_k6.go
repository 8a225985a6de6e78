package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// k6 is asked with a script. Its open loop may use up to 3,000 users.
var k6 = peer{
	name: "k6",
	prepare: func(j job) error {
		executor := fmt.Sprintf(`executor: "constant-vus", vus: %d`, j.connections)
		if j.rate > 0 {
			executor = fmt.Sprintf(`executor: "constant-arrival-rate", rate: %d, timeUnit: "1s", preAllocatedVUs: %d, maxVUs: 3000`, j.rate, j.connections)
		}
		return os.WriteFile(filepath.Join(j.dir, "script.js"), fmt.Appendf(nil, `import http from "k6/http";
export const options = {
  discardResponseBodies: true, summaryTrendStats: ["p(99)"],
  scenarios: { all: { %s, duration: "%ds", gracefulStop: "5s" } },
};
export default function () { http.get(%q); }
`, executor, j.seconds, j.url), 0o600)
	},
	closed: k6Args,
	open:   k6Args,
	collect: func(_ context.Context, _ string, j job) ([]byte, error) {
		return os.ReadFile(filepath.Join(j.dir, "summary.json"))
	},
	read: readK6,
}

func k6Args(job) []string {
	return []string{"run", "--quiet", "--no-usage-report", "--summary-export=summary.json", "script.js"}
}

func readK6(out []byte) (report, error) {
	var said struct {
		Metrics struct {
			Requests struct{ Rate float64 } `json:"http_reqs"`
			Duration struct {
				P99 float64 `json:"p(99)"` // milliseconds
			} `json:"http_req_duration"`
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		return report{}, err
	}
	return report{said.Metrics.Requests.Rate, time.Duration(said.Metrics.Duration.P99 * float64(time.Millisecond))}, nil
}

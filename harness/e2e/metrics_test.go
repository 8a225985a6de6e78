package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// measured is a scenario with metrics: for a while the api answers with errors, and an
// alert has to tell.
var measured = filepath.Join("testdata", "metrics", "errors.yaml")

func TestAnAlertMustAnnounceItsFaultAndOnlyThat(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of traffic: not in -short")
	}
	turn(t, light)
	o := shakedown(t, nil, "run", measured, "--platform", "process")
	if o.code != 0 {
		t.Fatalf("exit code %d\n%s", o.code, tail(o.stdout))
	}
	t.Run("an alert that comes too late must fail", func(t *testing.T) {
		o := judgedBy(t, o, "checks[0].alert.within=1s")
		judged(t, o, "alert/ShopFails/A1-fires", verify.Fail)
	})
	t.Run("a bound that was not asked about while the run lasted must be judged from its metrics", func(t *testing.T) {
		o := judgedBy(t, o, `checks[2].promql.query=max(shop:failed:ratio)`, "checks[2].promql.max=10%", "checks[2].promql.min=0")
		judged(t, o, "promql/scraped", verify.Fail)
	})
	t.Run("what has no data must not pass", func(t *testing.T) {
		o := judgedBy(t, o, `checks[2].promql.query=nobody_exports_this`)
		judged(t, o, "promql/scraped", verify.Inconclusive)
	})
	t.Run("a stored run answers queries", func(t *testing.T) { queried(t, o.dir) })
	t.Run("a stored run answers like a Prometheus", func(t *testing.T) { served(t, o.dir) })
}

// judgedBy judges a run again with its scenario changed.
func judgedBy(t *testing.T, o outcome, set ...string) outcome {
	t.Helper()
	args := []string{"check", o.dir, "--scenario", measured}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	again := shakedown(t, nil, args...)
	again.dir = o.dir
	return again
}

// judged wants a finding to have a verdict.
func judged(t *testing.T, o outcome, id string, want verify.Verdict) {
	t.Helper()
	if f := finding(t, o, id); f.Verdict != want {
		t.Errorf("%s is %s, want %s: %s", id, f.Verdict, want, f.Reason)
	}
}

// queried asks a run for what it must know: its instances, its faults, its alerts.
func queried(t *testing.T, dir string) {
	for expr, want := range map[string]string{
		`sum(shakedown_requests_total{journey="read"}) > bool 500`:                        "1", // 600, but for the last scrape
		`count(count by (instance) (max_over_time(up{service="api"}[1m])))`:               "2",
		`max(max_over_time(shakedown_fault_active{fault="errors"}[1m]))`:                  "1",
		`max(max_over_time(ALERTS{alertname="ShopFails",alertstate="firing"}[1m]))`:       "1",
		`count(max_over_time(ALERTS{alertname="ApiGone",alertstate="firing"}[1m]))`:       "",
		`sum(increase(http_requests_total{service="api",phase="after"}[10s])) > bool 100`: "1",
	} {
		o := shakedown(t, nil, "query", dir, expr, "--json")
		var answer struct {
			Result []struct{ Value [2]any }
			Data   struct{ Result []struct{ Value [2]any } }
		}
		if err := json.Unmarshal([]byte(o.stdout), &answer); err != nil || o.code != 0 {
			t.Errorf("%s: exit code %d, %v\n%s%s", expr, o.code, err, o.stdout, o.stderr)
			continue
		}
		result := slices.Concat(answer.Result, answer.Data.Result)
		have := ""
		if len(result) > 0 {
			have = fmt.Sprint(result[0].Value[1])
		}
		if have != want {
			t.Errorf("%s is %q, want %q\n%s", expr, have, want, o.stdout)
		}
	}
	if o := shakedown(t, nil, "query", dir, "sum("); o.code != 2 || !strings.Contains(o.stderr, "sum(") {
		t.Errorf("a mistake in PromQL: exit code %d\n%s", o.code, o.stderr)
	}
}

var listens = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// served reads a run through the HTTP API of Prometheus.
func served(t *testing.T, dir string) {
	cmd, o := command(t, nil, "serve", dir, "--listen", "127.0.0.1:0")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	select {
	case <-o.stdout.holds("http://127.0.0.1:"):
	case <-o.stderr.holds("http://127.0.0.1:"):
	case <-time.After(time.Minute):
		t.Fatalf("it never said where it listens:\n%s%s", o.stdout, o.stderr)
	}
	base := listens.FindString(o.stdout.String() + o.stderr.String())
	resp, err := http.Get(base + "/api/v1/query?query=" + url.QueryEscape(`count(count by (instance) (max_over_time(up{service="api"}[1m])))`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), `"success"`) || !strings.Contains(string(body), `"2"`) {
		t.Errorf("status %d\n%s", resp.StatusCode, body)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if o := wait(t, cmd, o); o.code != 0 && o.code != 130 {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
}

// What was measured until a run was killed can be asked for.
func TestMetricsMustSurviveAKilledHarness(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds of traffic: not in -short")
	}
	turn(t, light)
	cmd, o := command(t, nil, "run", measured, "--platform", "process")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o.await(t, "fault errors:")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	q := shakedown(t, nil, "query", o.dir, `max(max_over_time(shakedown_requests_total{journey="read"}[1m])) > 10`, "--json")
	if q.code != 0 || !strings.Contains(q.stdout, `"value"`) {
		t.Errorf("exit code %d\n%s%s", q.code, q.stdout, q.stderr)
	}
}

func TestRulesWithAMistakeMustBeRefusedBeforeAnythingStarts(t *testing.T) {
	turn(t, light)
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(rules, []byte("groups:\n  - name: shop\n    rules:\n      - alert: ShopFails\n        expr: sum(rate(x[5m])\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := shakedown(t, nil, "run", measured, "--platform", "process", "--set", `metrics.rules=["`+rules+`"]`)
	if o.code != 4 || !strings.Contains(o.stderr, rules+":5:") || !strings.Contains(o.stderr, "ShopFails") {
		t.Errorf("exit code %d\n%s", o.code, o.stderr)
	}
}

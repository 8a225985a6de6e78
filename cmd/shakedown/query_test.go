package main

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
)

// typed runs a command line.
func typed(args ...string) (code int, stdout, stderr string) {
	var out, notes bytes.Buffer
	code = Main(append([]string{"shakedown"}, args...), &out, &notes)
	return code, out.String(), notes.String()
}

func storedRunPath(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	apitest.StoredRun(t, path)
	return path
}

func TestQueries(t *testing.T) {
	run := storedRunPath(t)
	for _, c := range []struct {
		name           string
		args           []string
		stdout, stderr string // all of the one, part of the other
	}{
		{"at the end of traffic", []string{"requests_total"}, "requests_total{code=\"200\", service=\"api\"}  1150\n", "at 30s (2026-11-01T12:00:35Z)"},
		{"at an offset", []string{"requests_total", "--at", "4s"}, "requests_total{code=\"200\", service=\"api\"}  50\n", "at 4s ("},
		{"at a phase", []string{"--at", "calm", "requests_total"}, "requests_total{code=\"200\", service=\"api\"}  150\n", "at 10s ("},
		{"in a phase", []string{"requests_total", "--at=calm + 2s"}, "requests_total{code=\"200\", service=\"api\"}  30\n", "at 2s ("},
		{"a scalar", []string{"1/3"}, "{}  0.333333\n", ""},
		{"a string", []string{`"text"`}, "text\n", ""},
		{"nothing", []string{"nothing"}, "", "no series; shakedown query " + run},
		{"what the engine remarks", []string{"rate(up[5s]) > 5"}, "", "PromQL info: metric might not be a counter"},
		{
			"several series", []string{"sort(up)"},
			"up{instance=\"api-1\", service=\"api\"}  1\nup{instance=\"api-2\", service=\"api\"}  1\n", "",
		},
		{
			"a range", []string{"requests_total", "--step", "5s"},
			"requests_total{code=\"200\", service=\"api\"}  ▁▁▁▃▅▇█  min 10  max 1150  last 1150  7 points\n", "from 0s to 30s, every 5s (",
		},
		{
			"a range of a phase", []string{"up{instance=\"api-2\"}", "--from", "calm", "--to", "calm"},
			"up{instance=\"api-2\", service=\"api\"}  █▁█▁█▁█▁█▁█  min 0  max 1  last 1  11 points\n", "from 0s to 10s, every 1s (",
		},
		{"a range of one moment", []string{"up{instance=\"api-1\"}", "--from", "end"}, "up{instance=\"api-1\", service=\"api\"}  ▁  min 1  max 1  last 1  1 point\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := typed(append([]string{"query", run}, c.args...)...)
			if code != 0 || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
		})
	}
}

func TestAQueryInJSONIsPrometheusAnswer(t *testing.T) {
	code, stdout, _ := typed("query", "--json", storedRunPath(t), "requests_total", "--at", "4.5s")
	var got struct {
		ResultType string
		Result     []struct {
			Metric map[string]string
			Value  []any
		}
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("%d, %v: %s", code, err, stdout)
	}
	if got.ResultType != "vector" || len(got.Result) != 1 || got.Result[0].Metric["code"] != "200" || got.Result[0].Value[0] != 1793534409.5 || got.Result[0].Value[1] != "50" {
		t.Errorf("%+v", got)
	}
}

func TestQueriesThatCannotBe(t *testing.T) {
	run := storedRunPath(t)
	none := filepath.Join(t.TempDir(), "none")
	apitest.StoredRunWithoutMetrics(t, none, nil)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{run}, 2, "got 1 arguments"},
		{[]string{run, "up", "down"}, 2, "got 3 arguments"},
		{[]string{run, "sum("}, 2, "sum( is no PromQL: 1:5: parse error"},
		{[]string{run, "up", "--at", "later"}, 2, `--at: "later" is no moment of the run`},
		{[]string{run, "up", "--at", "end", "--step", "1s"}, 2, "choose one"},
		{[]string{run, "up", "--from", "surge", "--to", "calm"}, 0, ""}, // one ends where the other begins
		{[]string{run, "up", "--from", "end", "--to", "calm"}, 2, "--from is 30s and --to is 10s"},
		{[]string{run, "up", "--step", "0s"}, 2, "the shortest is 1ms"},
		{[]string{run, "up * on (service) up"}, 1, "many-to-many"},
		{[]string{none, "up"}, 1, "metrics: {} will do"},
		{[]string{t.TempDir(), "up"}, 1, "is not the directory of a run"},
	} {
		if code, stdout, stderr := typed(append([]string{"query"}, c.args...)...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
	}
}

func TestSeriesAreDrawnFromTheirLowestToTheirHighest(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	many := make([]float64, 1000)
	many[500] = 8
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{nil, ""},
		{[]float64{3, 3, 3}, "▁▁▁"},
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7, 8}, "▁▂▃▄▅▆▇██"},
		{[]float64{-8, 0}, "▁█"},
		{[]float64{nan, 1, nan, 2}, " ▁ █"},
		{[]float64{nan, nan}, "  "},
		{[]float64{inf, inf}, "▁▁"},
		{many, strings.Repeat("▁", 20) + "█" + strings.Repeat("▁", 19)}, // no peak is lost
	} {
		if got := drawn(c.values); got != c.want {
			t.Errorf("%.20v: %q, want %q", c.values, got, c.want)
		}
	}
}

func TestValuesAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1150: "1150", -3: "-3", 123456789: "123456789", 1.0 / 3: "0.333333", 1234.5678: "1234.57", 1e300: "1e+300", 5e-9: "5e-09",
		math.Inf(1): "+Inf",
	} {
		if got := valueText(v); got != want {
			t.Errorf("%g: %s, want %s", v, got, want)
		}
	}
	if got := valueText(math.NaN()); got != "NaN" {
		t.Error(got)
	}
}

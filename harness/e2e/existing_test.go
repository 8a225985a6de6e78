package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

// A Prometheus that the team has already is asked in place of the run's own: for
// expressions, and for alerts.
func TestAnExistingPrometheusMustBeAskedInPlaceOfTheRunsOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds of traffic: not in -short")
	}
	turn(t, light)
	var asked atomic.Int64
	server := httptest.NewServer(prometheus(&asked))
	t.Cleanup(server.Close)
	o := shakedown(t, nil, "run", filepath.Join("testdata", "metrics", "existing.yaml"), "--platform", "process",
		"--set", "traffic.targets.prometheus.url="+server.URL)
	if o.code != 0 || asked.Load() == 0 || !strings.Contains(o.stderr, "Prometheus 3.5.0") {
		t.Fatalf("exit code %d, asked %d times\n%s%s", o.code, asked.Load(), tail(o.stdout), tail(o.stderr))
	}
	judged(t, o, "alert/Busy/A1-fires", verify.Pass)
	judged(t, o, "promql/load", verify.Pass)
}

// prometheus answers as one does whose alert Busy fires from a second after it was first
// asked about it, and to which every expression is 1.
func prometheus(asked *atomic.Int64) http.Handler {
	var first atomic.Int64
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, data string) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"status":"success","data":%s}`, data)
	}
	mux.HandleFunc("/api/v1/status/buildinfo", func(w http.ResponseWriter, _ *http.Request) { say(w, `{"version":"3.5.0"}`) })
	mux.HandleFunc("/api/v1/rules", func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now()
		first.CompareAndSwap(0, now.UnixNano())
		alerts, state := "[]", "inactive"
		if now.UnixNano()-first.Load() > int64(5*time.Second) {
			state = "firing"
			alerts = fmt.Sprintf(`[{"labels":{"alertname":"Busy","severity":"page"},"annotations":{},"state":"firing","activeAt":%q,"value":"1e+00"}]`, now.Format(time.RFC3339Nano))
		}
		say(w, fmt.Sprintf(`{"groups":[{"name":"g","file":"f","interval":1,"rules":[{"type":"alerting","name":"Busy","query":"x > 1","duration":0,"keepFiringFor":0,
			"labels":{"severity":"page"},"annotations":{},"alerts":%s,"health":"ok","state":%q,"lastEvaluation":%q,"evaluationTime":0.001}]}]}`, alerts, state, now.Format(time.RFC3339Nano)))
	})
	mux.HandleFunc("/api/v1/query_range", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_ = r.ParseForm() // what is missing is 0
		from, _ := strconv.ParseFloat(r.Form.Get("start"), 64)
		to, _ := strconv.ParseFloat(r.Form.Get("end"), 64)
		var values []string
		for at := from; at <= to; at++ {
			values = append(values, fmt.Sprintf(`[%.3f,"1"]`, at))
		}
		say(w, fmt.Sprintf(`{"resultType":"matrix","result":[{"metric":{},"values":[%s]}]}`, strings.Join(values, ",")))
	})
	mux.HandleFunc("/api/v1/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/series") {
			say(w, "[]")
			return
		}
		say(w, "{}")
	})
	return mux
}

func TestAPrometheusThatIsNotThereMustEndTheRunBeforeTraffic(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a stack: not in -short")
	}
	turn(t, light)
	o := shakedown(t, nil, "run", filepath.Join("testdata", "metrics", "existing.yaml"), "--platform", "process",
		"--set", "traffic.targets.prometheus.url=http://127.0.0.1:9")
	if o.code != 1 || !strings.Contains(o.stderr, "ask the Prometheus prometheus") || strings.Contains(o.stderr, "phase     baseline") {
		t.Errorf("exit code %d\n%s", o.code, tail(o.stderr))
	}
}

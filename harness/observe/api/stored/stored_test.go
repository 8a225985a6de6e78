package stored_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
	"github.com/shakedown-dev/shakedown/harness/observe/api/stored"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func open(t *testing.T) *stored.Run {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	apitest.StoredRun(t, path)
	run, err := stored.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	})
	return run
}

func TestMoments(t *testing.T) {
	run := open(t)
	for _, c := range []struct {
		text     string
		at, from time.Duration // after the start of traffic
	}{
		{"0s", 0, 0},
		{"12.5s", 12500 * time.Millisecond, 12500 * time.Millisecond},
		{"end", 30 * time.Second, 30 * time.Second},
		{"calm", 10 * time.Second, 0},
		{"surge", 30 * time.Second, 10 * time.Second},
		{"surge + 5s", 15 * time.Second, 15 * time.Second},
		{" calm+5s ", 5 * time.Second, 5 * time.Second},
	} {
		at, errAt := run.At(c.text)
		from, errFrom := run.From(c.text)
		if errAt != nil || errFrom != nil || run.Offset(at) != c.at || run.Offset(from) != c.from {
			t.Errorf("%q: %s and %s, want %s and %s (%v, %v)", c.text, run.Offset(at), run.Offset(from), c.at, c.from, errAt, errFrom)
		}
	}
	for _, text := range []string{"", "later", "later + 5s", "-5s", "calm + x"} {
		if _, err := run.At(text); err == nil || !strings.Contains(err.Error(), "a phase (calm, surge)") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheRunIsAskedAtItsEnd(t *testing.T) {
	run := open(t)
	handler := run.Handler()
	for path, want := range map[string]string{
		"query?query=requests_total":     `"value":[1793534435,"1150"]`, // the second in which traffic ended
		"query?query=up&time=1793534410": `"value":[1793534410,"1"]`,
		"alerts":                         `"alertname":"Surge"`,
		"rules":                          `"state":"firing"`,
		"label/service/values":           `["api"]`,
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/"+path, nil))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s\nis without %s", path, w.Body, want)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: no JSON", path)
		}
	}
}

func TestWhatCannotBeOpenedSaysWhy(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	apitest.StoredRunWithoutMetrics(t, none, nil)
	early := filepath.Join(t.TempDir(), "early")
	apitest.StoredRunWithoutMetrics(t, early, &scenarios.PlannedMetrics{})
	damaged := filepath.Join(t.TempDir(), "damaged")
	apitest.StoredRun(t, damaged)
	blocks, err := filepath.Glob(filepath.Join(damaged, "metrics", "*", "index"))
	if err != nil || len(blocks) == 0 {
		t.Fatal(blocks, err)
	}
	if err := os.WriteFile(blocks[0], []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		none:                            "metrics: {} will do",
		early:                           "it ended before any were taken",
		damaged:                         "open the metrics of the run",
		t.TempDir():                     "is not the directory of a run",
		filepath.Join(t.TempDir(), "x"): "there is no run at",
	} {
		if _, err := stored.Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nis without %q", err, want)
		}
	}
}

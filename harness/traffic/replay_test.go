package traffic

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const recording = `{"time": "2026-03-02T09:00:00.000Z", "method": "GET", "path": "/first?q=1", "headers": {"X-Kind": "a"}}
{"time": "2026-03-02T09:00:00.200Z", "method": "POST", "path": "/second", "body": "{\"n\": 2}"}
{"time": "2026-03-02T09:00:00.600Z", "method": "GET", "path": "/third"}
`

// replayOf is a plan that replays a recording.
func replayOf(t *testing.T, content string) *scenarios.Plan {
	t.Helper()
	path := filepath.Join(t.TempDir(), "requests.jsonl")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(content))
	plan := planOf(0, ms(800))
	plan.Journeys = map[string][]scenarios.PlannedStep{"all": {{Name: "replay", Timeout: ms(60_000)}}}
	plan.Load[0].Journey, plan.Load[0].Segments = "all", nil
	plan.Load[0].Replay = &scenarios.PlannedReplay{
		File: path, Format: "json-lines", Digest: hex.EncodeToString(digest[:]), Requests: 3, Lines: 3,
		Start: ms(100), Speed: 2, Service: "api",
	}
	return plan
}

func TestReplay(t *testing.T) {
	type visit struct {
		what string
		at   time.Time
	}
	var mutex sync.Mutex
	var visits []visit
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		at := time.Now()
		body, _ := io.ReadAll(r.Body)
		mutex.Lock()
		defer mutex.Unlock()
		visits = append(visits, visit{r.Method + " " + r.RequestURI + " " + r.Header.Get("X-Kind") + string(body), at})
	})
	clk := clock.Start()
	began := time.Now()
	totals, rec := play(t, replayOf(t, recording), addr, func(c *Config) { c.Clock = clk })
	var what []string
	for i, v := range visits {
		what = append(what, v.what)
		if due := []time.Duration{100, 200, 400}[i] * time.Millisecond; v.at.Sub(began) < due {
			t.Errorf("request %d came after %v, it was due after %v", i, v.at.Sub(began), due)
		}
	}
	if want := []string{"GET /first?q=1 a", `POST /second {"n": 2}`, "GET /third "}; !slices.Equal(what, want) || totals.OK != 3 {
		t.Errorf("%+v, sent %q, want %q", totals, what, want)
	}
	if got := rec.sum("", "replay"); got != (counts{3, 3, 3, 0, 0}) {
		t.Errorf("the step counts %+v", got)
	}
	i := slices.IndexFunc(rec.others, func(b journal.Body) bool { _, ok := b.(journal.Replayed); return ok })
	if i < 0 || rec.others[i].(journal.Replayed).Requests != 3 || rec.others[i].(journal.Replayed).Cohort != "all" {
		t.Errorf("the journal has %+v", rec.others)
	}
}

// Requests without times of their own are sent at those of the load, over and
// over; a multiple sends each of them as often.
func TestReplayPacedAndMultiplied(t *testing.T) {
	for name, c := range map[string]struct {
		adjust func(*scenarios.Plan)
		want   []string
	}{
		"paced": {func(p *scenarios.Plan) {
			p.Load[0].Replay.Paced = true
			p.Load[0].Segments = []scenarios.PlannedSegment{constant(0, 500, 10)}
		}, []string{"/first", "/second", "/third", "/first", "/second"}},
		"twice": {func(p *scenarios.Plan) { p.Multiple = 2 }, []string{"/first", "/first", "/second", "/second", "/third", "/third"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got asked
			addr := serve(t, func(_ http.ResponseWriter, r *http.Request) { got.add(r.URL.Path) })
			plan := replayOf(t, recording)
			plan.Connections.Max = 1 // on two, the server may read the later request first
			c.adjust(plan)
			play(t, plan, addr)
			if !slices.Equal(got.all, c.want) {
				t.Errorf("asked for %v, want %v", got.all, c.want)
			}
		})
	}
}

// With times only, each arrival walks the journey.
func TestReplayOfTimes(t *testing.T) {
	var got asked
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) { got.add(r.URL.Path) })
	plan := replayOf(t, recording)
	plan.Journeys["shop"] = []scenarios.PlannedStep{get("/own/${session}")}
	plan.Load[0].Journey, plan.Load[0].Replay.Times = "shop", true
	play(t, plan, addr)
	if want := []string{"/own/1", "/own/2", "/own/3"}; !slices.Equal(got.all, want) {
		t.Errorf("asked for %v, want %v", got.all, want)
	}
}

func TestReplayRefuses(t *testing.T) {
	for want, adjust := range map[string]func(*scenarios.PlannedReplay){
		"has changed since it was planned": func(r *scenarios.PlannedReplay) {
			_ = os.WriteFile(r.File, []byte(strings.ReplaceAll(recording, "third", "fourth")), 0o600)
		},
		"no such file": func(r *scenarios.PlannedReplay) { _ = os.Remove(r.File) },
		`is for "web": no address of that service`: func(r *scenarios.PlannedReplay) { r.Service = "web" },
	} {
		plan := replayOf(t, recording)
		adjust(plan.Load[0].Replay)
		_, err := Run(t.Context(), Config{Plan: plan, Targets: map[string]string{"api": "127.0.0.1:1"}, Clock: clock.Start(), Sink: &recorder{}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "prepare the traffic: cohort all: replay: ") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

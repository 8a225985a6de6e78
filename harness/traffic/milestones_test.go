package traffic

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// milestoneLog is a Sink that keeps milestones and notes.
type milestoneLog struct {
	recorder
	mutex2 sync.Mutex
	events []journal.Event
	notes  []string
}

func (l *milestoneLog) Append(e journal.Event) error {
	l.mutex2.Lock()
	defer l.mutex2.Unlock()
	switch body := e.Body.(type) {
	case journal.Milestone:
		l.events = append(l.events, e)
	case journal.Note:
		l.notes = append(l.notes, body.Text)
	}
	return l.recorder.Append(e)
}

// The moments of a step are those of its first byte and of its end: of the first
// request and the last, where it polls; and there is no first byte where nobody
// was there to send it to.
func TestMilestones(t *testing.T) {
	clk := clock.Start()
	var mutex sync.Mutex
	came := map[int][]time.Duration{} // requests for the import, by session
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/wait") {
			return
		}
		mutex.Lock()
		defer mutex.Unlock()
		n := sessionIn(r)
		came[n] = append(came[n], clk.Now())
		switch {
		case n%3 == 0:
			w.WriteHeader(http.StatusTooManyRequests)
		case len(came[n]) < 2:
			_, _ = fmt.Fprint(w, `{"status": "running"}`)
		default:
			_, _ = fmt.Fprint(w, `{"status": "done"}`)
		}
	})
	upload, wait := get("/upload/${session}"), get("/wait/${session}")
	upload.Name, wait.Name = "upload", "wait"
	wait.Poll = &scenarios.Poll{Until: scenarios.Expect{JSON: map[string]string{"$.status": "done"}}, Every: ms(20), Within: scenarios.Duration(10 * time.Second)}
	plan := planOf(100, ms(300), upload, wait)
	plan.Load[0].Tier, plan.Load[0].Tenants = "enterprise", 3
	plan.Milestones = []scenarios.PlannedMilestone{{Journey: "shop", Step: "wait"}}
	log := &milestoneLog{}
	if _, err := Run(t.Context(), Config{Plan: plan, Targets: map[string]string{"api": addr}, Clock: clk, Sink: log, Drain: time.Minute}); err != nil {
		t.Fatal(err)
	}
	begun, ended := map[int]time.Duration{}, map[int]journal.Event{}
	for _, e := range log.events {
		m := e.Body.(journal.Milestone)
		if m.Step != "wait" || m.Journey != "shop" || m.Tier != "enterprise" || !strings.HasPrefix(m.Tenant, m.Cohort+"-") {
			t.Fatalf("milestone %+v", m)
		}
		if m.Outcome == "started" {
			begun[m.Session] = e.T
		} else {
			ended[m.Session] = e
		}
	}
	if len(log.events) != 60 || len(begun) != 30 || len(ended) != 30 {
		t.Fatalf("%d events, %d begun, %d ended; want 60, 30, 30", len(log.events), len(begun), len(ended))
	}
	for session, at := range came {
		want, requests := "ok", 2
		if session%3 == 0 {
			want, requests = "fail", 1
		}
		e := ended[session]
		if got := e.Body.(journal.Milestone).Outcome; got != want || len(at) != requests {
			t.Errorf("session %d: %s after %d requests, want %s after %d", session, got, len(at), want, requests)
		}
		if first, last := at[0], at[len(at)-1]; begun[session] > first || e.T < last || len(at) > 1 && begun[session]+time.Duration(ms(20)) > last {
			t.Errorf("session %d: begun %v, ended %v; its requests came at %v", session, begun[session], e.T, at)
		}
	}
}

func TestMilestonesOfWhatWasNeverSent(t *testing.T) {
	open := get("/")
	open.Name = "open"
	plan := planOf(20, ms(100), open)
	plan.Milestones = []scenarios.PlannedMilestone{{Journey: "shop", Step: "open"}}
	log := &milestoneLog{}
	_, _ = Run(t.Context(), Config{Plan: plan, Targets: map[string]string{"api": closedPort(t)}, Clock: clock.Start(), Sink: log})
	if len(log.events) == 0 {
		t.Fatal("no milestone")
	}
	for _, e := range log.events {
		if m := e.Body.(journal.Milestone); m.Outcome != "fail" {
			t.Errorf("milestone %+v of a request that was never sent", m)
		}
	}
}

package traffic

import (
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/draws"
)

// A witness of what a server was asked, in order.
type asked struct {
	mutex sync.Mutex
	all   []string
}

func (a *asked) add(what string) int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.all = append(a.all, what)
	return len(a.all)
}

// sent is a request as it arrived, without its number.
func sent(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Header.Del(RequestHeader)
	r.Header.Del(TraceHeader)
	var header strings.Builder
	_ = r.Header.Write(&header)
	return r.Method + " " + r.RequestURI + " " + r.Host + "\n" + header.String() + "\n" + string(body)
}

// Submitted, polled until it is done, then used.
func TestPollUntil(t *testing.T) {
	var got asked
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := got.add(r.URL.Path)
		if r.URL.Path == "/state" {
			state := map[bool]string{false: "running", true: "done"}[n == 4]
			_, _ = fmt.Fprintf(w, `{"state": %q, "model": "m7"}`, state)
		}
	})
	state := get("/state")
	state.Poll = &scenarios.Poll{Until: scenarios.Expect{JSON: map[string]string{"$.state": "done"}}, Every: ms(20), Within: ms(60_000)}
	state.Extract = map[string]scenarios.Extract{"model": {JSON: "$.model"}}
	_, rec := play(t, planOf(10, ms(100), get("/submit"), state, get("/use/${model}")), addr)
	if want := []string{"/submit", "/state", "/state", "/state", "/use/m7"}; !slices.Equal(got.all, want) {
		t.Errorf("asked for %v, want %v", got.all, want)
	}
	if got, want := rec.sum("", "state"), (counts{intended: 3, sent: 3, ok: 3}); got != want {
		t.Errorf("the polling counts %+v, want %+v", got, want)
	}
	waited, each := rec.times("", "state", journal.Waited), rec.times("", "state", journal.Response)
	if waited.TotalCount() != 1 || waited.Min() < 40_000 || waited.Max() < each.Max()+40_000 {
		t.Errorf("waited %d times, %d µs, with two pauses of 20ms between requests of up to %d µs", waited.TotalCount(), waited.Max(), each.Max())
	}
}

func TestPollThatFails(t *testing.T) {
	state := func(text string) scenarios.Expect { return scenarios.Expect{JSON: map[string]string{"$.state": text}} }
	broken := state("broken")
	for name, c := range map[string]struct {
		status  int
		body    string
		want    counts
		message string
		sample  string
	}{
		"never done":     {200, `{"state": "queued"}`, counts{failed: 1}, `not as awaited within 100ms: $.state is "queued", expected "done"`, "queued"},
		"a long answer":  {200, `{"state": "` + strings.Repeat("x", 3000) + `"}`, counts{failed: 1}, `not as awaited within 100ms: $.state is something else than "done"`, "xxx"},
		"broken":         {200, `{"state": "broken", "why": "bad model"}`, counts{intended: 1, sent: 1, failed: 1}, "the answer is one that ends the polling", "bad model"},
		"a wrong answer": {500, `{"state": "done"}`, counts{intended: 1, sent: 1, failed: 1}, "status 500", "done"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			step := get("/state")
			step.Poll = &scenarios.Poll{Until: state("done"), Unless: &broken, Every: ms(30), Within: ms(100)}
			_, rec := play(t, planOf(10, ms(100), step), addr)
			got := rec.sum("", "state")
			if c.want.intended == 0 { // as many as fit
				if got.failed != 1 || got.ok > 3 || got.intended != got.ok+1 {
					t.Errorf("%+v, want one failed after up to three that were right", got)
				}
			} else if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if rec.sum("", "").failed != 1 || rec.times("", "state", journal.Waited).TotalCount() != 0 {
				t.Errorf("session %+v, want failed, and nothing waited for", rec.sum("", ""))
			}
			if len(rec.groups) != 1 || rec.groups[0].Message != c.message {
				t.Fatalf("groups %+v, want %q", rec.groups, c.message)
			}
			if s := rec.groups[0].Sample; !strings.Contains(s, c.sample) || len(s) > 400 {
				t.Errorf("sample %q does not show what came back, or is long", s)
			}
		})
	}
}

// What is as awaited after the time is over fails the step; a request that is
// never answered has the step's own timeout.
func TestPollBeyondItsTime(t *testing.T) {
	late := func(c net.Conn) {
		<-time.After(150 * time.Millisecond)
		says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")(c)
	}
	for want, c := range map[string]struct {
		handle func(net.Conn)
		counts counts
	}{
		"not as awaited within 100ms: the answer that was came too late": {late, counts{intended: 1, sent: 1, failed: 1}},
		"no complete answer within 300ms":                                {silence, counts{intended: 1, sent: 1, unknown: 1}},
	} {
		step := get("/state")
		step.Timeout = ms(300)
		step.Poll = &scenarios.Poll{Until: scenarios.Expect{Contains: "done"}, Every: ms(20), Within: ms(100)}
		_, rec := play(t, planOf(10, ms(100), step), raw(t, c.handle))
		if got := rec.sum("", "state"); got != c.counts || messages(rec) != want {
			t.Errorf("%+v with %q, want %+v with %q", got, messages(rec), c.counts, want)
		}
	}
}

// Every session goes the way that its number and the seed decide, so that the
// shares of a run are exact: those of the plan.
func TestChooseAndRepeat(t *testing.T) {
	const sessions = 300
	var got asked
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) { got.add(r.URL.Path) })
	inner := scenarios.PlannedStep{Repeat: &scenarios.PlannedRepeat{Times: scenarios.Size{Values: []int{0, 1, 3}}, Steps: []scenarios.PlannedStep{get("/item")}}}
	plan := planOf(1000, ms(300),
		scenarios.PlannedStep{Choose: []scenarios.PlannedOption{
			{Weight: 7, Steps: []scenarios.PlannedStep{get("/browse")}},
			{Weight: 2, Steps: []scenarios.PlannedStep{{Repeat: &scenarios.PlannedRepeat{
				Times: scenarios.Size{Constant: 2}, Steps: []scenarios.PlannedStep{get("/cart"), inner},
			}}}},
			{Weight: 1},
			{Weight: 0, Steps: []scenarios.PlannedStep{get("/never")}},
		}},
		get("/bye"))
	_, rec := play(t, plan, addr)

	want := map[string]int{}
	source := draws.New(plan)
	for ordinal := range uint64(sessions) {
		s := source.Session(0, ordinal, 0)
		strides, _ := draws.Walk(&s, plan.Journeys["shop"])
		for _, stride := range strides {
			want["/"+stride.Step]++
		}
	}
	had := map[string]int{}
	for _, path := range got.all {
		had[path]++
	}
	if !maps.Equal(had, want) || want["/bye"] != sessions || want["/item"] == 0 || want["/never"] != 0 {
		t.Errorf("asked for %v, want %v", had, want)
	}
	if share := float64(want["/browse"]) / sessions; math.Abs(share-0.7) > 0.1 {
		t.Errorf("a share of %.2f browses, the weight is 0.7", share)
	}
	for _, step := range []string{"browse", "cart", "item", "bye"} {
		if n := rec.sum("", step).ok; n != want["/"+step] {
			t.Errorf("%s counts %d, want %d", step, n, want["/"+step])
		}
	}
}

func TestProgramsRefuse(t *testing.T) {
	for want, options := range map[string][]scenarios.PlannedOption{
		"sum to nothing": {{Weight: 0, Steps: []scenarios.PlannedStep{get("/a")}}, {}},
		"the weight -1":  {{Weight: -1}, {Weight: 3}},
	} {
		_, err := compileProgram([]scenarios.PlannedStep{{Choose: options}}, func(scenarios.PlannedStep) (*step, error) { return nil, nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A session that repeats without end must not keep the others from going on.
func TestIdleRepetitionLeavesRoom(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	nothing := scenarios.PlannedStep{Repeat: &scenarios.PlannedRepeat{
		Times: scenarios.Size{Constant: 1 << 31},
		Steps: []scenarios.PlannedStep{{Choose: []scenarios.PlannedOption{{Weight: 1}}}},
	}}
	plan := planOf(10, ms(100), nothing)
	plan.Journeys["other"] = []scenarios.PlannedStep{get("/a")}
	plan.Load = append(plan.Load, scenarios.PlannedLoad{Journey: "other", Segments: []scenarios.PlannedSegment{constant(0, 100, 100)}})
	_, rec := play(t, plan, addr, func(c *Config) { c.Drain = 100 * time.Millisecond })
	if got, want := rec.sum("", "a"), (counts{intended: 10, sent: 10, ok: 10}); got != want {
		t.Errorf("the others: %+v, want %+v", got, want)
	}
	if rec.sum("", "").unknown != 1 {
		t.Errorf("sessions %+v, want one given up", rec.sum("", ""))
	}
}

// People think as long as the plan has drawn for them.
func TestThinkTimesAreDrawn(t *testing.T) {
	var mutex sync.Mutex
	ended := map[string]time.Time{}
	paused := map[string]time.Duration{}
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		session := r.Header.Get("X-Session")
		if r.URL.Path == "/a" {
			ended[session] = time.Now()
		} else {
			paused[session] = time.Since(ended[session])
		}
	})
	a, b := get("/a"), get("/b")
	a.Headers = map[string]string{"X-Session": "${session}"}
	b.Headers, b.Think = a.Headers, &scenarios.Think{Median: ms(60), P95: ms(200), Max: ms(300)}
	plan := planOf(200, ms(200), a, b)
	play(t, plan, addr)
	source := draws.New(plan)
	distinct := map[time.Duration]bool{}
	for ordinal := range uint64(40) {
		s := source.Session(0, ordinal, 0)
		want := s.Think(b.Think)
		distinct[want] = true
		if got := paused[fmt.Sprint(s.Number())]; got < want {
			t.Errorf("session %d thought %v, its draw is %v", s.Number(), got, want)
		}
	}
	if len(paused) != 40 || len(distinct) < 30 {
		t.Errorf("%d pauses, %d different draws", len(paused), len(distinct))
	}
}

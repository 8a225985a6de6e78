package traffic

import (
	"net/http"
	"regexp"
	"sync"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Every request begins a trace of its own; the record has those of the slowest, and
// of some that failed, so that they can be looked up where traces are kept.
func TestTheRecordHasTheTracesOfTheSlowestAndOfFailures(t *testing.T) {
	form := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-01$`)
	var mu sync.Mutex
	paths := map[string]string{} // by trace
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		parts := form.FindStringSubmatch(r.Header.Get(TraceHeader))
		if parts == nil || paths[parts[1]] != "" {
			t.Errorf("%s has the trace %q", r.URL.Path, r.Header.Get(TraceHeader))
			return
		}
		paths[parts[1]] = r.URL.Path
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	good, bad := get("/good"), get("/bad")
	good.Name, bad.Name = "good", "bad"
	_, rec := play(t, planOf(100, ms(300), good, bad), addr, func(c *Config) { c.Run = "a-run" })
	kept := map[string]int{}
	var last journal.Slow
	for _, body := range rec.others {
		slow, is := body.(journal.Slow)
		if !is {
			continue
		}
		if kept[slow.Step]++; paths[slow.Trace] != "/"+slow.Step {
			t.Errorf("the trace %s is that of %q, want %s", slow.Trace, paths[slow.Trace], slow.Step)
		}
		switch slow.Step {
		case "good":
			if slow.Outcome != "ok" || slow.Status != 200 || last.Step == "good" && slow.Took > last.Took {
				t.Errorf("%+v after %+v", slow, last)
			}
		case "bad":
			if slow.Outcome != "fail" || slow.Status != 500 {
				t.Errorf("%+v", slow)
			}
		}
		last = slow
	}
	if kept["good"] != keptExtremes || kept["bad"] != keptExtremes {
		t.Errorf("kept %v, want %d of each", kept, keptExtremes)
	}
	if slowest := worst(rec, "good"); slowest != rec.times("", "good", journal.Response).Max() {
		t.Errorf("the slowest that is kept took %d µs, the slowest of all %d µs", slowest, rec.times("", "good", journal.Response).Max())
	}
}

// worst is the longest time that is kept, in the precision of histograms.
func worst(rec *recorder, step string) int64 {
	h := journal.NewHistogram()
	for _, body := range rec.others {
		if slow, is := body.(journal.Slow); is && slow.Step == step {
			_ = h.RecordValue(slow.Took.Microseconds())
		}
	}
	return h.Max()
}

func TestAStepMayHaveATraceOfItsOwn(t *testing.T) {
	const own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Values(TraceHeader); len(got) != 1 || got[0] != own {
			t.Errorf("traces %q", got)
		}
	})
	step := get("/")
	step.Headers = map[string]string{"traceparent": own}
	play(t, planOf(50, ms(100), step), addr)
}

func TestTracesOfTwoRunsDiffer(t *testing.T) {
	one, other := tracesOf("one"), tracesOf("other")
	seen := map[string]bool{}
	for range 3 * tracesAtOnce {
		seen[traceOf(one.next())], seen[traceOf(other.next())] = true, true
	}
	if len(seen) != 6*tracesAtOnce || seen[""] {
		t.Errorf("%d different traces of %d", len(seen), 6*tracesAtOnce)
	}
}

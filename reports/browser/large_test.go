package browser_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/reports"
)

// largeRuns are runs whose pages must stay small, however long they are and
// whatever went wrong in them.
var largeRuns = map[string]func(testing.TB) reports.Run{
	"60,000 distinct errors": func(t testing.TB) reports.Run { return large(t, 10*time.Minute, 60_000) },
	"12 hours":               func(t testing.TB) reports.Run { return large(t, 12*time.Hour, 40) },
}

// large is a run of one fixture's plan and verdict with so much traffic and so
// many kinds of errors, four steps and ten instances that restart every ten
// minutes.
func large(t testing.TB, length time.Duration, errors int) reports.Run {
	run := stored(t, "drain-fails")
	var events []journal.Event
	at := func(t time.Duration, b journal.Body) { events = append(events, journal.Event{T: t, Body: b}) }
	at(0, journal.RunStarted{Run: "1", Scenario: "large", Platform: "process"})
	at(0, journal.TrafficStarted{})
	at(0, journal.PhaseStarted{Phase: "steady", For: length})
	for s := time.Second; s <= length; s += time.Second {
		for step := range 4 {
			failed := int(s/time.Second) % (7 + step) / 6
			p50 := time.Duration(3+int(s/time.Second)%5+step) * time.Millisecond
			at(s, journal.Traffic{
				Phase: "steady", Cohort: "free", Tier: "basic", Journey: "shop", Step: fmt.Sprint("step-", step), For: time.Second,
				Intended: 100, Sent: 100, OK: 100 - failed, Failed: failed, P50: p50, P95: 2 * p50, P99: 4 * p50, Max: 9 * p50,
			})
		}
		for i := range 10 {
			name := fmt.Sprint("api-", i+1)
			switch (s - time.Duration(i)*time.Minute) % (10 * time.Minute) {
			case 0:
				at(s, journal.InstanceStarted{Service: "api", Instance: name, Cause: "large"})
				at(s, journal.EndpointAdded{Service: "api", Instance: name})
			case 9 * time.Minute:
				at(s, journal.InstanceTerminating{Service: "api", Instance: name, Cause: "large", Grace: 10 * time.Second})
				at(s, journal.EndpointRemoved{Service: "api", Instance: name, Reason: "terminating"})
				at(s, journal.InstanceExited{Service: "api", Instance: name, Code: 0, Wanted: true})
			}
			at(s, journal.Tally{Service: "api", Instance: name, For: time.Second, Total: 40, Reused: 40})
		}
	}
	for i := range errors {
		at(length, journal.ErrorGroup{
			Journey: "shop", Step: fmt.Sprint("step-", i%4), Outcome: "fail", Message: fmt.Sprintf("order %d is not known", i), Count: 1 + i%3,
			First: time.Second, Last: length, Sample: fmt.Sprintf("HTTP/1.1 404 Not Found\n\norder %d", i),
		})
	}
	at(length, journal.PhaseEnded{Phase: "steady"})
	at(length, journal.TrafficEnded{})
	at(length, journal.RunEnded{Reason: "completed"})
	run.Record = &journal.Record{Events: events}
	return run
}

// Bounds of a page that opens at once on a small machine; BenchmarkOpen measures
// how long it takes.
const (
	maxBytes = 2 << 20
	maxNodes = 25_000
)

func TestLargeRunsStaySmall(t *testing.T) {
	for name, run := range largeRuns {
		t.Run(name, func(t *testing.T) {
			html := rendered(t, run(t))
			b := newTab(t)
			b.see(looks[0])
			b.do(chromedp.Navigate(write(b, html)))
			nodes := eval[int](b, `document.querySelectorAll("*").length`)
			t.Logf("%d bytes, %d elements", len(html), nodes)
			if len(html) > maxBytes || nodes > maxNodes {
				t.Errorf("%d bytes and %d elements, more than %d or %d", len(html), nodes, maxBytes, maxNodes)
			}
			if eval[int](b, `document.querySelectorAll("#timeline svg[data-panel]").length`) < 5 || eval[int](b, `document.querySelectorAll("#errors-seen tbody tr").length`) < 20 {
				t.Errorf("charts or errors are missing: %d panels, %d rows of errors", eval[int](b, `document.querySelectorAll("#timeline svg[data-panel]").length`), eval[int](b, `document.querySelectorAll("#errors-seen tbody tr").length`))
			}
			b.drag("latency", .5, .51)
			if v := b.view(); !v.Reset {
				t.Errorf("does not zoom: %+v", v)
			}
			b.sound()
		})
	}
}

// BenchmarkOpen is the time from asking for a page to its load event and its
// charts on the screen.
func BenchmarkOpen(b *testing.B) {
	for name, run := range largeRuns {
		b.Run(name, func(b *testing.B) {
			tab := newTab(b)
			address := write(b, rendered(b, run(b)))
			for b.Loop() {
				tab.do(chromedp.Navigate(address))
				if !eval[bool](tab, `document.querySelector("#timeline .plot .line").getBoundingClientRect().width > 100`) {
					b.Fatal("no chart")
				}
				_, err := chromedp.Call(tab.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{}) // it is painted
				tab.must(err)
			}
		})
	}
}

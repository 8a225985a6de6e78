package scrape_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	upstream "github.com/prometheus/prometheus/scrape"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/scrape"
)

func TestSamplesHaveTheLabelsOfTheirInstanceAndPhase(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", "# TYPE requests_total counter\nrequests_total{route=\"/\",phase=\"moon\",service=\"mine\"} 7\n")
	l.update("orders-1")
	equal(t, l.change(), journal.ScrapeChanged{Service: "orders", Instance: "orders-1", Up: true, Series: 1})
	l.scraped("orders-1")
	here := map[string]string{"job": "orders", "service": "orders", "instance": "orders-1", "phase": "warm"}
	equal(t, l.labels("up"), []map[string]string{here})
	here["route"], here["exported_phase"], here["exported_service"] = "/", "moon", "mine"
	equal(t, l.labels("requests_total"), []map[string]string{here})
	all, err := l.store.Exported(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, all, []journal.Exported{{
		Service: "orders", Metric: "requests_total", Type: "counter",
		Labels: []string{"exported_phase", "exported_service", "route"}, Series: 1,
	}})
	l.quiet("orders-1")
}

func TestWithoutAPhaseThereIsNoLabel(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(o *scrape.Options) { o.Phase = nil })
	l.shows("orders-1", "a{phase=\"moon\"} 1\n")
	l.update("orders-1")
	l.change()
	l.scraped("orders-1")
	equal(t, l.labels("a")[0]["phase"], "moon")
}

// TestAtEveryMomentASeriesCountsInOnePhase: sums see every instance once, in the phase
// of its last scrape, and without a gap.
func TestAtEveryMomentASeriesCountsInOnePhase(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", "sessions 1\n")
	l.update("orders-1")
	l.change()
	first := l.time()
	for _, phase := range []string{"warm", "surge", "calm", "warm"} {
		l.enter(phase)
		l.scraped("orders-1")
		l.scraped("orders-1")
		equal(t, l.labels("sessions")[0]["phase"], phase)
		equal(t, l.labels("up")[0]["phase"], phase)
	}
	l.update()
	last := l.time()
	for at := first; at.Before(last); at = at.Add(250 * time.Millisecond) {
		if got := l.query("count(sessions)", at); len(got) != 1 || got[0].Values[0] != 1 {
			t.Errorf("%s after the start %v count", at.Sub(first), got)
		}
	}
	equal(t, len(l.query("count by (phase) (count_over_time(sessions[1h]))", last)), 3)
	equal(t, l.withoutPhase("count_over_time(sessions[1h]) > 8", last), []string{`{instance="orders-1", job="orders", service="orders"}`})
}

func TestALabelPhaseOfAPageIsTheSameSeriesBeforeThePhasesOfTheRun(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.enter("")
	l.shows("orders-1", "a{phase=\"moon\"} 1\n")
	l.update("orders-1")
	l.change()
	l.scraped("orders-1")
	here := map[string]string{"job": "orders", "service": "orders", "instance": "orders-1", "exported_phase": "moon"}
	equal(t, l.labels("a"), []map[string]string{here})
	l.enter("warm")
	l.scraped("orders-1")
	here["phase"] = "warm"
	equal(t, l.labels("a"), []map[string]string{here})
}

func TestTheSeriesOfATargetThatIsRemovedEndAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", "a 1\n")
	l.shows("orders-2", "a 2\n")
	l.update("orders-1", "orders-2")
	l.change()
	l.change()
	l.scraped("orders-1")
	equal(t, len(l.labels("a")), 2)
	l.update("orders-2")
	ended := l.time()
	equal(t, len(l.query(`{instance="orders-1"}`, ended)), 0)
	equal(t, len(l.query(`a{instance="orders-2"}`, l.time())), 1)
	for range 3 {
		l.scraped("orders-2") // longer than the manager takes to end a target
	}
	equal(t, len(l.query(`{instance="orders-1"}`, l.time())), 0)
}

func TestATargetThatComesBackIsNotEndedByTheOneBefore(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", "a 1\n")
	l.update("orders-1")
	l.change()
	l.update()
	l.update("orders-1")
	l.change()
	back := l.time()
	for range 5 { // in which the manager ends the one before
		l.scraped("orders-1")
	}
	l.update()
	for at := back; at.Before(l.time().Add(-time.Second)); at = at.Add(time.Second) {
		if got := l.query("a", at); len(got) != 1 {
			t.Fatalf("there is %v %s after it is back", got, at.Sub(back))
		}
	}
}

func TestASeriesThatAPageNoLongerHasEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", "a 1\nb 1\n")
	l.update("orders-1")
	l.change()
	l.scraped("orders-1")
	l.shows("orders-1", "a 1\n")
	l.scraped("orders-1")
	equal(t, len(l.labels("a")), 1)
	equal(t, len(l.labels("b")), 0)
	l.shows("orders-1", "b 1\na 1\n")
	l.scraped("orders-1")
	equal(t, len(l.labels("b")), 1)
}

// series are as many lines of a page.
func series(n int, line string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line+"\n", i)
	}
	return b.String()
}

func TestAPageThatCannotBeReadIsDownWithItsReasonToldOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for dozens of scrapes")
	}
	t.Parallel()
	l := newLab(t, func(o *scrape.Options) { o.Every, o.MaxSeries, o.MaxBytes = 250*time.Millisecond, 100, 1<<20 })
	huge, exploded := bytes.Repeat([]byte("a 1\n"), 50e6/4), []byte(series(1000, `b{id="%d"} 1`))
	l.shows("orders-1", "a 1\n")
	l.update("orders-1")
	l.change()
	for _, c := range []struct {
		name, reason string
		series       int
		page         func(context.Context) ([]byte, error)
	}{
		{"HTML", `it answers with HTML, not with metrics: "Login"`, 0, func(context.Context) ([]byte, error) {
			return []byte("<!DOCTYPE html>\n<html><head><title>\n Login </title></head></html>"), nil
		}},
		{"status 500", "it answers with status 500", 0, func(context.Context) ([]byte, error) {
			return nil, errors.New("it answers with status 500")
		}},
		{"50 MB", "its page has 50000000 bytes, and at most 1048576 are taken in", 0, func(context.Context) ([]byte, error) { return huge, nil }},
		{"nothing", "its page is empty", 0, func(context.Context) ([]byte, error) { return nil, nil }},
		{"an instance that hangs", "no answer within 250ms", 0, func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}},
		{"an explosion", "it has 1000 series, and at most 100 are taken in (max_series)", 1000, func(context.Context) ([]byte, error) { return exploded, nil }},
		{"no format", "its page is not in the format of Prometheus: ", 0, func(context.Context) ([]byte, error) { return []byte("a 1\nrequests are fine\n"), nil }},
		{"long labels", "label_value_length_limit exceeded", 0, func(context.Context) ([]byte, error) {
			return []byte(`a{sql="` + strings.Repeat("x", 10_000) + "\"} 1\n"), nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.answers("orders-1", c.page)
			got := l.change()
			if got.Up || !strings.Contains(got.Error, c.reason) || got.Series != c.series {
				t.Errorf("got %+v, want %s", got, c.reason)
			}
			l.quiet("orders-1")
			up := l.query("up", l.time())
			if len(up) != 1 || up[0].Values[0] != 0 {
				t.Errorf("up is %v", up)
			}
			equal(t, len(l.labels(`{__name__=~"a|b"}`)), 0)
			l.shows("orders-1", "a 1\n")
			equal(t, l.change(), journal.ScrapeChanged{Service: "orders", Instance: "orders-1", Up: true, Series: 1})
			l.scraped("orders-1")
			equal(t, len(l.labels("a")), 1)
		})
	}
}

func TestReasonsThatTakeTurnsAreToldOnceEach(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	n := 0
	l.answers("orders-1", func(context.Context) ([]byte, error) {
		n++
		return nil, fmt.Errorf("%s on port %d", []string{"refused", "reset"}[n%2], n)
	})
	l.update("orders-1")
	a, b := l.change(), l.change()
	if !strings.HasPrefix(a.Error, "reset") || !strings.HasPrefix(b.Error, "refused") {
		t.Errorf("got %+v and %+v", a, b)
	}
	l.quiet("orders-1")
}

func TestAPageThatIsRefusedLeavesNoSeriesBehind(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(o *scrape.Options) { o.MaxSeries = 10 })
	n := 0
	l.answers("orders-1", func(context.Context) ([]byte, error) {
		n++
		return []byte(series(11, fmt.Sprintf(`b{scrape="%d",id="%%d"} 1`, n))), nil
	})
	l.update("orders-1")
	l.change()
	for range 10 { // which would be more than a page may have over the run
		l.scraped("orders-1")
	}
	equal(t, len(l.query("count_over_time(b[1h])", l.time())), 0)
	l.shows("orders-1", "a 1\n")
	l.change()
	l.scraped("orders-1")
	equal(t, len(l.labels("a")), 1)
}

func TestALabelThatNeverComesBackIsCutOff(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(o *scrape.Options) { o.MaxSeries = 10 })
	n := 0
	l.answers("orders-1", func(context.Context) ([]byte, error) {
		n++
		return []byte(series(10, fmt.Sprintf(`b{request="%d-%%d"} 1`, n))), nil
	})
	l.update("orders-1")
	if !l.change().Up {
		t.Error("it is down from the start")
	}
	down := l.change()
	if down.Up || !strings.Contains(down.Error, "label whose values never come back") {
		t.Errorf("got %+v", down)
	}
	l.quiet("orders-1")
	if got := len(l.query("count_over_time(b[1h])", l.time())); got > 110 {
		t.Errorf("%d series are there", got)
	}
}

func TestASeriesThatIsThereTwiceCountsOnceAndIsTold(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", "a{x=\"1\",y=\"2\"} 1\na{x=\"1\",y=\"2\"} 5\na{y=\"2\",x=\"1\"} 9\nb 3\n")
	l.update("orders-1")
	equal(t, l.change(), journal.ScrapeChanged{
		Service: "orders", Instance: "orders-1", Up: true, Series: 2, Error: "2 of its series are there twice, of which the first counts",
	})
	l.quiet("orders-1")
	equal(t, l.query("a", l.time())[0].Values, []float64{1})
}

func TestTimesOnAPageAreNotTheOnesOfSamples(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", fmt.Sprintf("a 1 %d\n", began.Add(-time.Hour).UnixMilli()))
	l.update("orders-1")
	l.change()
	l.scraped("orders-1")
	equal(t, len(l.labels("a")), 1)
	l.shows("orders-1", "b 1\n")
	l.scraped("orders-1")
	equal(t, len(l.labels("a")), 0)
}

func TestOpenMetricsAreReadAsSuch(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	l.shows("orders-1", "# TYPE took histogram\ntook_bucket{le=\"1\"} 1 # {trace_id=\"ab\"} 0.5\ntook_bucket{le=\"+Inf\"} 1\ntook_count 1\ntook_sum 0.5\n# EOF\n")
	l.update("orders-1")
	equal(t, l.change(), journal.ScrapeChanged{Service: "orders", Instance: "orders-1", Up: true, Series: 4})
}

func TestAnAssumedPageIsNotThereUntilOneOfItsServiceAnswers(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	reads, before := 0, -1
	l.answers("db-1", func(context.Context) ([]byte, error) {
		if reads++; reads < 3 {
			return nil, errors.New("it answers with status 404")
		}
		if before < 0 {
			before = len(l.query(`count_over_time({service="db"}[1h])`, l.time()))
		}
		return []byte("a 1\n"), nil
	})
	l.answers("db-2", func(context.Context) ([]byte, error) { return nil, errors.New("it answers with status 404") })
	l.scraper.Update([]scrape.Target{
		{Service: "db", Instance: "db-1", Path: "/metrics", Assumed: true},
		{Service: "db", Instance: "db-2", Path: "/metrics", Assumed: true},
	})
	for range 2 {
		if c := l.change(); c.Up || c.Error != "it answers with status 404" {
			t.Errorf("got %+v", c)
		}
	}
	if c := l.change(); !c.Up {
		t.Errorf("got %+v", c)
	}
	equal(t, before, 0)
	l.scraped("db-2")
	l.scraped("db-2")
	equal(t, len(l.labels("up == 1")), 1)
	equal(t, len(l.labels("up == 0")), 1)
}

func TestWhatTheRunKnowsItselfKeepsItsLabels(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	endpoints := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "shakedown_endpoints"}, []string{"service", "instance", "phase"})
	registry.MustRegister(endpoints)
	endpoints.WithLabelValues("orders", "orders-1", "moon").Set(3)
	endpoints.WithLabelValues("orders", "", "").Set(4)
	var failing error
	reads := make(chan struct{}, 1000)
	l := newLab(t, nil)
	gatherer := prometheus.GathererFunc(func() (all []*dto.MetricFamily, err error) {
		l.mu.Lock()
		err = failing
		l.mu.Unlock()
		defer func() { reads <- struct{}{} }()
		if err != nil {
			return nil, err
		}
		return registry.Gather()
	})
	s, err := scrape.New(scrape.Options{
		Every: 100 * time.Millisecond, Fetch: l.fetch, Store: l.store.Appendable(l.tick), Own: gatherer,
		Phase: func() string { return "warm" }, Emit: func(c journal.ScrapeChanged) { l.changes <- c },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	<-reads
	<-reads
	equal(t, l.labels("shakedown_endpoints == 3"), []map[string]string{{"job": "shakedown", "service": "orders", "instance": "orders-1", "phase": "moon"}})
	equal(t, l.labels("shakedown_endpoints == 4"), []map[string]string{{"job": "shakedown", "service": "orders"}})
	equal(t, l.labels("up"), []map[string]string{{"job": "shakedown"}})
	l.mu.Lock()
	failing = errors.New("two metrics of one name")
	l.mu.Unlock()
	equal(t, l.change(), journal.ScrapeChanged{Service: "shakedown", Error: "two metrics of one name"})
	l.mu.Lock()
	failing = nil
	l.mu.Unlock()
	equal(t, l.change(), journal.ScrapeChanged{Service: "shakedown", Up: true, Series: 2})
}

// TestTheWallClockDecidesOnNoSample: with aligned times the manager keeps to those of
// before a jump back, and refuses them as being from the future.
func TestTheWallClockDecidesOnNoSample(t *testing.T) {
	t.Parallel()
	if upstream.AlignScrapeTimestamps {
		t.Error("times are aligned to the wall clock")
	}
}

func TestClosingEndsAScrapeThatHangsAndTellsNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(o *scrape.Options) { o.Every = time.Hour })
	// Offsets are anywhere within the hour: nothing is read, and nothing is waited for.
	l.shows("orders-1", "a 1\n")
	l.update("orders-1")
	if err := l.scraper.Close(); err != nil {
		t.Error(err)
	}
	l.update("orders-1") // is late, and no harm

	hanging := make(chan struct{})
	l = newLab(t, func(o *scrape.Options) { o.Every = 3 * time.Second })
	l.answers("orders-1", func(ctx context.Context) ([]byte, error) {
		close(hanging)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	l.update("orders-1")
	<-hanging
	if err := l.scraper.Close(); err != nil {
		t.Error(err)
	}
	select {
	case c := <-l.changes:
		t.Errorf("a change is told: %+v", c)
	default:
	}
	equal(t, len(l.query("count_over_time(up[1h])", l.time())), 0)
}

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []scrape.Options{{}, {Every: time.Second}} {
		if _, err := scrape.New(o); err == nil || !strings.HasPrefix(err.Error(), "scrape metrics: ") {
			t.Errorf("got %v", err)
		}
	}
}

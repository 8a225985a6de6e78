package scrape_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/scrape"
)

// sink is a store that keeps nothing, for tests on a clock of their own.
type sink struct{}

func (s sink) AppenderV2(context.Context) storage.AppenderV2 { return s }

func (sink) Append(storage.SeriesRef, labels.Labels, int64, int64, float64, *histogram.Histogram,
	*histogram.FloatHistogram, storage.AppendV2Options,
) (storage.SeriesRef, error) {
	return 1, nil
}

func (sink) Commit() error   { return nil }
func (sink) Rollback() error { return nil }

// asking counts requests to instances; all of them answer in the same way.
type asking struct {
	mu    sync.Mutex
	count map[string]int
	page  string
	err   error
}

func (a *asking) fetch(_ context.Context, instance string, _ int, _ string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count[instance]++
	return []byte(a.page), a.err
}

// within is how many requests an instance gets in the time to come.
func (a *asking) within(d time.Duration, instance string) int {
	before := a.so(instance)
	time.Sleep(d)
	synctest.Wait()
	return a.so(instance) - before
}

func (a *asking) so(instance string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.count[instance]
}

func (a *asking) answers(page string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.page, a.err = page, err
}

func TestAnAssumedPageThatIsNotThereIsAskedForOnceInThirtySeconds(t *testing.T) {
	for name, no := range map[string]struct {
		page string
		err  error
	}{
		"an error":             {err: errors.New("it answers with status 404")},
		"another page":         {page: "<html>"},
		"a page of its own":    {page: "welcome to the machine\n"},
		"a line that is wrong": {page: "a 1\nb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asking{count: map[string]int{}, page: no.page, err: no.err}
				told := make(chan journal.ScrapeChanged, 100)
				s := scraping(t, scrape.Options{
					Every: time.Second, Fetch: a.fetch, Store: sink{}, Emit: func(c journal.ScrapeChanged) { told <- c },
				})
				targets := []scrape.Target{
					{Service: "db", Instance: "db-1", Path: "/metrics", Assumed: true},
					{Service: "orders", Instance: "orders-1", Path: "/metrics"},
				}
				s.Update(targets)
				time.Sleep(10 * time.Second)
				equal(t, a.so("db-1"), 3)
				equal(t, a.within(10*time.Minute, "db-1"), 20)
				equal(t, a.within(time.Minute, "orders-1"), 60) // is said to be there
				equal(t, len(told), 2)                          // each of them once

				targets = append(targets, scrape.Target{Service: "db", Instance: "db-2", Path: "/metrics", Assumed: true})
				s.Update(targets)
				time.Sleep(10 * time.Second)
				equal(t, a.so("db-2"), 3) // another instance is another chance

				a.answers("a 1\n", nil)
				time.Sleep(31 * time.Second)
				for _, instance := range []string{"db-1", "db-2"} { // one that answers tells of all
					equal(t, a.within(time.Minute, instance), 60)
				}
				a.answers("", errors.New("it answers with status 500"))
				equal(t, a.within(time.Minute, "db-1"), 60)
			})
		})
	}
}

// scraping is a scraper that is closed at the end of the test.
func scraping(t *testing.T, o scrape.Options) *scrape.Scraper {
	s, err := scrape.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestClosingIsNotHeldUpByARecordThatHangs(t *testing.T) {
	t.Parallel() // and not on a clock of its own, since it waits for mutexes of the manager
	release, hanging := make(chan struct{}), make(chan struct{}, 100)
	a := &asking{count: map[string]int{}, page: "a 1\n"}
	s, err := scrape.New(scrape.Options{
		Every: 100 * time.Millisecond, Fetch: a.fetch, Store: sink{},
		Emit: func(journal.ScrapeChanged) { hanging <- struct{}{}; <-release },
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Update([]scrape.Target{{Service: "orders", Instance: "orders-1", Path: "/metrics"}})
	<-hanging
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "has not ended within 5s") {
		t.Errorf("got %v", err)
	}
	close(release)
}

func TestClosingDoesNotWaitForAFetchThatIgnoresItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, hanging := make(chan struct{}), make(chan struct{}, 100)
		s, err := scrape.New(scrape.Options{
			Every: time.Second, Store: sink{},
			Fetch: func(context.Context, string, int, string) ([]byte, error) {
				hanging <- struct{}{}
				<-release
				return nil, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Update([]scrape.Target{{Service: "orders", Instance: "orders-1", Path: "/metrics"}})
		<-hanging
		start := time.Now()
		if err := s.Close(); err != nil || time.Since(start) > 0 {
			t.Error(fmt.Sprint("after ", time.Since(start)), err)
		}
		close(release)
	})
}

package scrape_test

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/observe/scrape"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// lab is a scraper on instances whose pages a test decides on. Its clock goes on by a
// second whenever it is read: every scrape has a second of its own.
type lab struct {
	t       *testing.T
	store   *store.Store
	scraper *scrape.Scraper
	changes chan journal.ScrapeChanged

	mu     sync.Mutex
	now    time.Time
	phase  string
	pages  map[string]func(context.Context) ([]byte, error)
	reads  map[string]int
	signal chan struct{} // closed and replaced at every read
}

func newLab(t *testing.T, change func(*scrape.Options)) *lab {
	l := &lab{
		t: t, now: began, phase: "warm", changes: make(chan journal.ScrapeChanged, 1000),
		pages: map[string]func(context.Context) ([]byte, error){}, reads: map[string]int{}, signal: make(chan struct{}),
	}
	var err error
	if l.store, err = store.Create(filepath.Join(t.TempDir(), "metrics"), store.Options{}); err != nil {
		t.Fatal(err)
	}
	options := scrape.Options{
		Every: 100 * time.Millisecond,
		Fetch: l.fetch,
		Store: l.store.Appendable(l.tick),
		Phase: func() string { l.mu.Lock(); defer l.mu.Unlock(); return l.phase },
		Emit:  func(c journal.ScrapeChanged) { l.changes <- c },
	}
	if change != nil {
		change(&options)
	}
	if l.scraper, err = scrape.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.scraper.Close(); err != nil {
			t.Error(err)
		}
		if err := l.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *lab) tick() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = l.now.Add(time.Second)
	return l.now
}

func (l *lab) time() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *lab) enter(phase string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.phase = phase
}

func (l *lab) fetch(ctx context.Context, instance string, _ int, _ string) ([]byte, error) {
	l.mu.Lock()
	l.reads[instance]++
	close(l.signal)
	l.signal = make(chan struct{})
	page := l.pages[instance]
	l.mu.Unlock()
	return page(ctx)
}

// shows makes an instance answer with a page.
func (l *lab) shows(instance, page string) {
	l.answers(instance, func(context.Context) ([]byte, error) { return []byte(page), nil })
}

func (l *lab) answers(instance string, with func(context.Context) ([]byte, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages[instance] = with
}

func (l *lab) update(instances ...string) {
	targets := []scrape.Target{}
	for _, name := range instances {
		service, _, _ := strings.Cut(name, "-")
		targets = append(targets, scrape.Target{Service: service, Instance: name, Path: "/metrics"})
	}
	l.scraper.Update(targets)
}

// scraped waits until an instance was read twice more: what the first of them found is
// in the store, since an instance is read by one scrape at a time.
func (l *lab) scraped(instance string) {
	l.t.Helper()
	l.mu.Lock()
	want := l.reads[instance] + 2
	for l.reads[instance] < want {
		signal := l.signal
		l.mu.Unlock()
		select {
		case <-signal:
		case <-time.After(10 * time.Second):
			l.t.Fatalf("%s is not scraped", instance)
		}
		l.mu.Lock()
	}
	l.mu.Unlock()
}

// change is the next that is told.
func (l *lab) change() journal.ScrapeChanged {
	l.t.Helper()
	select {
	case c := <-l.changes:
		return c
	case <-time.After(10 * time.Second):
		l.t.Fatal("no change is told")
		return journal.ScrapeChanged{}
	}
}

// quiet holds that nothing is told by several more scrapes.
func (l *lab) quiet(instance string) {
	l.t.Helper()
	l.scraped(instance)
	l.scraped(instance)
	select {
	case c := <-l.changes:
		l.t.Errorf("another change is told: %+v", c)
	default:
	}
}

func (l *lab) query(expr string, at time.Time) []store.Series {
	l.t.Helper()
	all, err := l.store.Query(l.t.Context(), expr, at)
	if err != nil {
		l.t.Fatal(err)
	}
	return all
}

// withoutPhase are the labels of an expression as rules see it.
func (l *lab) withoutPhase(expr string, at time.Time) []string {
	l.t.Helper()
	query, err := l.store.Engine().NewInstantQuery(l.t.Context(), l.store.WithoutPhase(), nil, expr, at)
	if err != nil {
		l.t.Fatal(err)
	}
	value, err := query.Exec(l.t.Context()).Vector()
	if err != nil {
		l.t.Fatal(err)
	}
	all := []string{}
	for _, one := range value {
		all = append(all, one.Metric.String())
	}
	return all
}

// labels are those of the series of an expression now, without the name.
func (l *lab) labels(expr string) []map[string]string {
	l.t.Helper()
	all := []map[string]string{}
	for _, s := range l.query(expr, l.time()) {
		delete(s.Labels, "__name__")
		all = append(all, s.Labels)
	}
	return all
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

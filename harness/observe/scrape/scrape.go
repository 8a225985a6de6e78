// Package scrape reads the metrics pages of the instances that run, with Prometheus' own
// scrape manager, and what the run itself knows beside them.
//
// Every sample of an instance has the labels job and service (the name of its service),
// instance, and phase: the phase of the run in which the scrape began. When the phase
// changes, the first samples with the new phase and the staleness markers of the series
// with the old one are written in one transaction, at one time: at every moment exactly
// one of them counts. So sums do not count twice, nor does a series have a gap; a rate
// over the change is that of the old series and of the new one, each from its own samples.
// Rules see both as one series: see WithoutPhase of the store.
//
// The series of a target that is removed end at once, not after another two scrapes as
// in Prometheus, since instances of a run do not come back.
package scrape

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Samples get their times from the store. Aligned times of the scrape manager would
// stay where the wall clock was before it was set back, and samples from the future are
// refused by it: for an hour there would be none.
func init() { scrape.AlignScrapeTimestamps = false }

// A Target is the metrics page of an instance.
type Target struct {
	Service  string
	Instance string
	Port     int // as Fetch takes it; 0 is the service's own
	Path     string
	// Assumed tells that nobody has said that there is such a page. Until one of the
	// service has answered, nothing of it is written, not even that it is down; and
	// after three failures it is asked for every 30 seconds only.
	Assumed bool
}

// Options of a scraper. Every, Fetch and Store are required.
type Options struct {
	// Every is how often a page is read, and how long reading it takes at most; 1ms at
	// least. Pages are read at different moments of it.
	Every time.Duration
	// MaxSeries is how many series one page may have. Default 10000.
	MaxSeries int
	// MaxBytes is how long a page may be. Default 10 MiB.
	MaxBytes int
	// Fetch gets a page. It is called from several goroutines and must return soon
	// after its context has ended.
	Fetch func(ctx context.Context, instance string, port int, path string) ([]byte, error)
	// Store takes the samples, with the time at which a scrape began.
	Store storage.AppendableV2
	// Phase is the phase of the run now, "" for none. A label phase of a page itself is
	// exported_phase then, in a phase or not. Default: pages keep theirs.
	Phase func() string
	// Emit is told when a page can be read for the first time, can no longer be read,
	// or cannot be read for another reason; called from several goroutines, and it must
	// not call the scraper. A page that can be read, but has series twice, is Up with an
	// Error that says so. Default: nobody is told.
	Emit func(journal.ScrapeChanged)
	// Own is what the run knows itself: read as often, with the job "shakedown", and
	// its own labels as they are; without a phase and an instance of their own they have
	// none. Told of only when it fails. Default: none.
	Own prometheus.Gatherer
}

// phase is that of the run now.
func (o Options) phase() string {
	if o.Phase == nil {
		return ""
	}
	return o.Phase()
}

func (o Options) filled() (Options, error) {
	switch {
	case o.Every < time.Millisecond:
		return o, fmt.Errorf("scraping every %s is not possible; the shortest is 1ms", o.Every)
	case o.Fetch == nil || o.Store == nil:
		return o, errors.New("there must be a way to fetch pages, and a store for what is on them")
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = 10_000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 10 << 20
	}
	if o.Emit == nil {
		o.Emit = func(journal.ScrapeChanged) {}
	}
	return o, nil
}

// Scraper reads pages until it is closed. Its methods can be called concurrently.
type Scraper struct {
	options Options
	manager *scrape.Manager
	server  *http.Server
	pipes   *pipes
	cancel  context.CancelFunc
	failed  error // of the manager; read after managing

	serving, managing sync.WaitGroup

	mu     sync.Mutex
	sets   chan map[string][]*targetgroup.Group // holds the newest; closed by Close
	closed bool
	made   int // pages
	by     map[Target]*page
	at     map[string]*page // by address
	proven map[string]bool  // services of which a page could be read
}

// New begins to scrape Own; instances follow with Update.
func New(options Options) (*Scraper, error) {
	options, err := options.filled()
	if err != nil {
		return nil, fmt.Errorf("scrape metrics: %w", err)
	}
	configured, err := jobs(options)
	if err != nil {
		return nil, fmt.Errorf("scrape metrics: %w", err)
	}
	s := &Scraper{
		options: options,
		pipes:   newPipes(),
		sets:    make(chan map[string][]*targetgroup.Group, 1),
		by:      map[Target]*page{},
		at:      map[string]*page{},
		proven:  map[string]bool{},
	}
	upstream := &scrape.Options{
		PassMetadataInContext:   true, // tells the appender which target it is for
		AppendMetadata:          true, // tells the store the types
		DiscoveryReloadInterval: model.Duration(min(50*time.Millisecond, options.Every)),
		HTTPClientOptions: []config.HTTPClientOption{
			config.WithDialContextFunc(s.pipes.dial),
			config.WithHTTP2Disabled(),
			config.WithIdleConnTimeout(5 * options.Every),
		},
	}
	hostless(upstream)
	if s.manager, err = scrape.NewManager(upstream, nil, nil, nil, s, prometheus.NewRegistry()); err != nil {
		return nil, fmt.Errorf("scrape metrics: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.server = &http.Server{
		Handler:     http.HandlerFunc(s.answer),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    log.New(io.Discard, "", 0), // of scrapes that were cut off
	}
	s.serving.Go(func() { _ = s.server.Serve(s.pipes) }) // until Close
	s.managing.Go(func() {
		// Not before New returns: it may look its own host name up (see hostless).
		if s.failed = s.manager.ApplyConfig(configured); s.failed == nil {
			s.failed = s.manager.Run(s.sets)
		}
	})
	s.Update(nil)
	return s, nil
}

// Update says which pages there are from now on. Series of those that are gone end
// at once; new ones are read within Every.
func (s *Scraper) Update(targets []Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	keep := make(map[Target]*page, len(targets))
	for _, t := range targets {
		if keep[t] = s.by[t]; keep[t] == nil {
			keep[t] = s.newPage(t)
		}
	}
	if s.options.Own != nil {
		if keep[own] = s.by[own]; keep[own] == nil {
			keep[own] = s.newPage(own)
		}
	}
	for t, p := range s.by {
		if keep[t] == nil {
			delete(s.at, p.address)
			p.end(s.options.Store.AppenderV2(context.Background()))
		}
	}
	s.by = keep
	select { // the manager has not taken the one before: this one replaces it
	case <-s.sets:
	default:
	}
	s.sets <- groups(keep)
}

// newPage is of the newest address: it is never used again, so that what is under way
// for a page that was removed is not mistaken for one of the same name.
func (s *Scraper) newPage(t Target) *page {
	s.made++
	p := newPage(t, fmt.Sprintf("page-%d", s.made), s.options)
	s.at[p.address] = p
	return p
}

func (s *Scraper) page(address string) *page {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at[address]
}

// known says whether the page of a service is there for sure; up, that one was read.
func (s *Scraper) known(p *page, up bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if up {
		s.proven[p.Service] = true
	}
	return !p.Assumed || s.proven[p.Service]
}

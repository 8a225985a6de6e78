package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// fetchLimit bounds one fetch from the origin; staleFor is how long an entry
// may stand in for an origin that fails, and retryPause how long such an origin
// is left alone, so that readers do not all wait for it. maxEntries bounds the
// memory: who asks for more addresses than there are gets no place for them.
const (
	fetchLimit = 3 * time.Second
	staleFor   = 10 * time.Minute
	retryPause = time.Second
	maxEntries = 2000
)

// Edge caches what the origin shows to everybody. An entry that is fresh is served
// at once; a stale one is renewed by one request for all who ask, and served when
// the origin fails. After a purge the origin is asked by one request for each
// address, however many want it. It is safe for concurrent use.
type Edge struct {
	origin  *url.URL
	client  *http.Client
	fresh   time.Duration
	fetches singleflight.Group
	reads   *prometheus.CounterVec

	mu      sync.Mutex
	entries map[string]*entry    // by path
	failed  map[string]time.Time // when the last fetch ended that failed, by path
	purges  int                  // what was fetched before one is not kept after it
}

// entry is an answer of the origin, below 500.
type entry struct {
	status  int
	body    []byte
	fetched time.Time
}

func newEdge(origin *url.URL, transport http.RoundTripper, fresh time.Duration, m *telemetry.Metrics) *Edge {
	e := &Edge{
		origin: origin, fresh: fresh,
		client: &http.Client{Transport: transport, Timeout: fetchLimit},
		reads:  m.Counter("edge_reads_total", "Reads of the edge cache, by result: hit, miss, stale, error.", "result"),
	}
	e.Purge()
	return e
}

// ServeHTTP implements http.Handler. X-Cache tells hit, miss or stale.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, result, err := e.get(r.Context(), r.URL.Path)
	e.reads.WithLabelValues(result).Inc()
	if err != nil {
		w.Header().Set("Retry-After", "1")
		wire.Error(w, http.StatusBadGateway, "the catalogue is not available; try again in a second")
		return
	}
	w.Header().Set("X-Cache", result)
	w.Header().Set("Age", strconv.Itoa(int(time.Since(found.fetched).Seconds())))
	wire.Raw(w, found.status, found.body)
}

// Warm fetches the catalogue once.
func (e *Edge) Warm(ctx context.Context) error {
	_, err := e.fetch(ctx, cataloguePath)
	return err
}

// Purge forgets everything, what is being fetched included.
func (e *Edge) Purge() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.purges++
	e.entries, e.failed = map[string]*entry{}, map[string]time.Time{}
}

func (e *Edge) get(ctx context.Context, path string) (found *entry, result string, err error) {
	cached, failed := e.look(path)
	usable := cached != nil && time.Since(cached.fetched) < staleFor
	switch {
	case usable && time.Since(cached.fetched) < e.fresh:
		return cached, "hit", nil
	case usable && time.Since(failed) < retryPause:
		return cached, "stale", nil
	}
	fetched, err := e.fetch(ctx, path)
	switch {
	case err == nil:
		return fetched, "miss", nil
	case usable:
		return cached, "stale", nil
	}
	return nil, "error", err
}

func (e *Edge) look(path string) (cached *entry, failed time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.entries[path], e.failed[path]
}

// fetch asks the origin once for all who ask at the same time.
func (e *Edge) fetch(ctx context.Context, path string) (*entry, error) {
	ctx = context.WithoutCancel(ctx) // one client that hangs up must not fail the others
	e.mu.Lock()
	began := e.purges
	e.mu.Unlock()
	fetched, err, _ := e.fetches.Do(strconv.Itoa(began)+path, func() (any, error) {
		answer, err := e.ask(ctx, path)
		e.keep(path, began, answer, err)
		return answer, err
	})
	if err != nil {
		return nil, err
	}
	return fetched.(*entry), nil
}

// keep stores what became of a fetch, unless a purge has come in between.
func (e *Edge) keep(path string, began int, answer *entry, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case began != e.purges:
	case err != nil:
		if e.entries[path] != nil { // else there is nothing to stand in
			e.failed[path] = time.Now()
		}
	case answer.status == http.StatusOK && (e.entries[path] != nil || len(e.entries) < maxEntries):
		e.entries[path] = answer
	}
}

func (e *Edge) ask(ctx context.Context, path string) (*entry, error) {
	address := e.origin.JoinPath(path).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNotFound {
		return nil, fmt.Errorf("%s answered %d", address, response.StatusCode)
	}
	return &entry{status: response.StatusCode, body: body, fetched: time.Now()}, nil
}

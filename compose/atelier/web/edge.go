package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
	"github.com/shakedown-dev/shakedown/compose/atelier/wire"
)

// fetchLimit bounds one fetch from the origin; staleFor is how long an entry
// may stand in for an origin that fails, and retryPause how long such an origin
// is left alone, so that readers do not all wait for it.
const (
	fetchLimit = 3 * time.Second
	staleFor   = 10 * time.Minute
	retryPause = time.Second
)

// Edge caches one document of the origin. An entry that is fresh is served at
// once; a stale one is renewed by one request for all who ask, and served when
// the origin fails. It is safe for concurrent use.
type Edge struct {
	origin  string
	client  *http.Client
	fresh   time.Duration
	entry   atomic.Pointer[entry]
	failed  atomic.Int64 // when the last failed fetch ended, in Unix nanoseconds
	fetches singleflight.Group
	reads   *prometheus.CounterVec
}

type entry struct {
	body    []byte
	fetched time.Time
}

func newEdge(origin string, transport http.RoundTripper, fresh time.Duration, m *telemetry.Metrics) *Edge {
	return &Edge{
		origin: origin, fresh: fresh,
		client: &http.Client{Transport: transport, Timeout: fetchLimit},
		reads:  m.Counter("edge_reads_total", "Reads of the edge cache, by result: hit, miss, stale, error.", "result"),
	}
}

// ServeHTTP implements http.Handler. X-Cache tells hit, miss or stale.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, result, err := e.get(r.Context())
	e.reads.WithLabelValues(result).Inc()
	if err != nil {
		w.Header().Set("Retry-After", "1")
		wire.Error(w, http.StatusBadGateway, "the catalogue is not available; try again in a second")
		return
	}
	w.Header().Set("X-Cache", result)
	w.Header().Set("Age", strconv.Itoa(int(time.Since(found.fetched).Seconds())))
	wire.Raw(w, http.StatusOK, found.body)
}

// Warm fetches the document once.
func (e *Edge) Warm(ctx context.Context) error {
	_, err := e.fetch(ctx)
	return err
}

func (e *Edge) get(ctx context.Context) (found *entry, result string, err error) {
	cached := e.entry.Load()
	usable := cached != nil && time.Since(cached.fetched) < staleFor
	switch {
	case usable && time.Since(cached.fetched) < e.fresh:
		return cached, "hit", nil
	case usable && time.Since(time.Unix(0, e.failed.Load())) < retryPause:
		return cached, "stale", nil
	}
	fetched, err := e.fetch(ctx)
	switch {
	case err == nil:
		return fetched, "miss", nil
	case usable:
		return cached, "stale", nil
	}
	return nil, "error", err
}

// fetch asks the origin once for all who ask at the same time.
func (e *Edge) fetch(ctx context.Context) (*entry, error) {
	ctx = context.WithoutCancel(ctx) // one client that hangs up must not fail the others
	fetched, err, _ := e.fetches.Do("", func() (any, error) {
		body, err := e.ask(ctx)
		if err != nil {
			e.failed.Store(time.Now().UnixNano())
			return nil, err
		}
		renewed := &entry{body: body, fetched: time.Now()}
		e.entry.Store(renewed)
		return renewed, nil
	})
	if err != nil {
		return nil, err
	}
	return fetched.(*entry), nil
}

func (e *Edge) ask(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.origin, nil)
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
		return nil, fmt.Errorf("read %s: %w", e.origin, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", e.origin, response.StatusCode)
	}
	return body, nil
}

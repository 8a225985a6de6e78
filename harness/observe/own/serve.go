package own

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// scrapeLimit is how long a scrape may take, either way.
	scrapeLimit = 10 * time.Second
	// idleLimit is how long a connection is kept for the next scrape.
	idleLimit = 2 * time.Minute
	// lastScrape is how long a scrape that is under way at the end may still take.
	lastScrape = 2 * time.Second
	// maxScrapes is how many scrapes are answered at once.
	maxScrapes = 8
)

// Handler answers with all metrics, as text or, for those who ask for it, as
// OpenMetrics; to GET and HEAD, whatever the path. It is safe for concurrent use.
func (m *Metrics) Handler() http.Handler {
	page := promhttp.HandlerFor(m, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, ErrorHandling: promhttp.HTTPErrorOnError,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the metrics of a run can only be read", http.StatusMethodNotAllowed)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// Serve answers GET /metrics on an address on loopback ("127.0.0.1:9464"; port 0 is
// any that is free) until ctx is done. Bound is the address with the port that it got;
// wait returns when everything has ended, with what went wrong meanwhile. Serve returns
// an error, and no wait, if it cannot listen there or if the address is not on loopback.
func (m *Metrics) Serve(ctx context.Context, address string) (bound string, wait func() error, err error) {
	if err := listenable(address); err != nil {
		return "", nil, err
	}
	listen := net.ListenConfig{Control: onlyLoopback}
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("serve the metrics of the run: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", m.Handler())
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: scrapeLimit, ReadTimeout: scrapeLimit, WriteTimeout: scrapeLimit,
		IdleTimeout: idleLimit, MaxHeaderBytes: 64 << 10, ErrorLog: log.New(io.Discard, "", 0),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	ended := make(chan error, 1)
	go func() { ended <- endServing(ctx, server, served) }()
	return l.Addr().String(), sync.OnceValue(func() error { return <-ended }), nil
}

// listenable says in a sentence what is wrong with an address.
func listenable(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("serve the metrics of the run on %q: it has no port; write it like 127.0.0.1:9464", address)
	}
	if !loopback(host) {
		return fmt.Errorf("serve the metrics of the run on %q: it is not on loopback; use 127.0.0.1, [::1] or localhost", address)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("serve the metrics of the run on %q: %q is no port; give a number from 0 (any that is free) to 65535", address, port)
	}
	return nil
}

// endServing waits for the end of ctx, or of the server.
func endServing(ctx context.Context, server *http.Server, served <-chan error) error {
	select {
	case err := <-served:
		return fmt.Errorf("serve the metrics of the run: %w", err)
	case <-ctx.Done():
	}
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastScrape)
	defer cancel()
	if err := server.Shutdown(patient); err != nil {
		_ = server.Close() // what is left is a client that does not read
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the metrics of the run: %w", err)
	}
	return nil
}

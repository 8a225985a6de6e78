// Package store keeps the metrics of a run in a Prometheus TSDB in its directory, and
// answers PromQL on them, while the run lasts and afterwards.
//
// What is scraped is appended through Appendable, with the time of the run's own
// clock: a wall clock that jumps neither loses nor reorders a sample. A Store is closed
// into blocks, which open in milliseconds; one that never was (a crash) has a
// write-ahead log instead, which opens as well.
package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"
)

// A Series is one series of an answer: as many values as times, in order.
type Series struct {
	Labels map[string]string
	Times  []time.Time
	Values []float64
}

// Options of a store; the zero value is one for instances that are scraped once a second.
type Options struct {
	// Every is how often instances are scraped. A series without a newer sample
	// counts for five times as long, and five seconds at least. Default 1s.
	Every time.Duration
	// Timeout is what one query takes at most. Default 30s.
	Timeout time.Duration
	// MaxSamples is how many samples one query holds in memory at most. Default 20
	// million (16 bytes each).
	MaxSamples int
}

func (o Options) filled() Options {
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxSamples <= 0 {
		o.MaxSamples = 20_000_000
	}
	return o
}

// lookback is how long a series counts after its last sample: long enough for a few
// scrapes that are late, and short enough for a run of a minute.
func (o Options) lookback() time.Duration { return max(5*time.Second, 5*o.Every) }

// Store is the metrics of a run that goes on. All methods can be called concurrently;
// none after Close.
type Store struct {
	Data
	dir      string
	db       *tsdb.DB
	families *families
	recorded *recorded
}

// Store is where rules read from and write to as well.
var (
	_ storage.Queryable  = (*Store)(nil)
	_ storage.Appendable = (*Store)(nil)
)

// Create makes a store in a directory, which may exist already if it is empty.
func Create(dir string, options Options) (*Store, error) {
	s, err := create(dir, options.filled())
	if err != nil {
		return nil, fmt.Errorf("create the store of metrics in %s: %w", dir, err)
	}
	return s, nil
}

func create(dir string, options Options) (*Store, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	if len(entries) > 0 {
		return nil, fmt.Errorf("it has %s in it already; a store is of one run: name an empty directory", entries[0].Name())
	}
	registry := prometheus.NewRegistry()
	db, err := tsdb.Open(dir, nil, registry, tsdbOptions(), nil)
	if err != nil {
		return nil, err
	}
	return &Store{
		Data:     Data{queryable: db, engine: newEngine(options, registry)},
		dir:      dir,
		db:       db,
		families: newFamilies(),
		recorded: newRecorded(),
	}, nil
}

// tsdbOptions are those of a server, but for thousands of series rather than millions,
// and without an end to what is kept. Isolation stays on, although it costs: a change of
// phase is one transaction, of which no query may see one half.
func tsdbOptions() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.RetentionDuration = 0
	o.StripeSize = 1 << 10
	o.WALCompression = compression.Snappy
	return o
}

// Close makes a block of what is in memory and removes the write-ahead log, so that
// Open is fast. If that fails, or the process dies on the way, the log stays, and
// nothing is lost.
func (s *Store) Close() error {
	err := s.flush()
	if closed := s.db.Close(); closed != nil {
		err = errors.Join(err, fmt.Errorf("close the store of metrics: %w", closed))
	}
	if err != nil {
		return err
	}
	for _, name := range []string{walDir, chunksDir, "lock"} {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			return fmt.Errorf("remove what the block of metrics has made superfluous: %w", err)
		}
	}
	return nil
}

func (s *Store) flush() error {
	s.db.DisableCompactions()
	head := s.db.Head()
	if head.NumSeries() == 0 || head.MinTime() > head.MaxTime() {
		return nil
	}
	if err := s.db.CompactHead(tsdb.NewRangeHead(head, head.MinTime(), head.MaxTime())); err != nil {
		return fmt.Errorf("make a block of the metrics: %w", err)
	}
	return nil
}

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Reader is the metrics of a run that is over, or that another process is at. Nothing
// in the directory is changed. All methods can be called concurrently; none after Close.
type Reader struct {
	Data
	all *pieces
}

// Open reads what a Store has left in a directory, with the Every that it had (0: 1s),
// whether it was closed or not.
func Open(dir string, options Options) (*Reader, error) {
	all, err := openPieces(dir)
	if err != nil {
		return nil, fmt.Errorf("open the metrics of the run: %w", err)
	}
	engine := newEngine(options.filled(), prometheus.NewRegistry())
	return &Reader{Data: Data{queryable: all, engine: engine}, all: all}, nil
}

// Close ends reading, once every query is over.
func (r *Reader) Close() error {
	if err := r.all.Close(); err != nil {
		return fmt.Errorf("close the metrics of the run: %w", err)
	}
	return nil
}

// pieces are blocks, and what a write-ahead log has beyond them.
type pieces struct {
	blocks []*tsdb.Block
	log    *recovered // nil for a store that was closed
}

func openPieces(dir string) (*pieces, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	p := &pieces{}
	pool := chunkenc.NewPool()
	for _, entry := range entries {
		if !isBlock(dir, entry.Name()) {
			continue
		}
		block, err := tsdb.OpenBlock(nil, filepath.Join(dir, entry.Name()), pool, nil)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open block %s: %w", entry.Name(), err), p.Close())
		}
		p.blocks = append(p.blocks, block)
	}
	if p.log, err = recoverLog(dir); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// isBlock says whether a folder is a block that was finished: one that is being made or
// removed has a name with a dot.
func isBlock(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name, "meta.json"))
	return err == nil && !strings.Contains(name, ".")
}

// Querier implements storage.Queryable. Samples that are in the log and in a block
// are there once.
func (p *pieces) Querier(mint, maxt int64) (storage.Querier, error) {
	var all []storage.Querier
	for _, block := range p.blocks {
		if !block.OverlapsClosedInterval(mint, maxt) {
			continue
		}
		q, err := tsdb.NewBlockQuerier(block, mint, maxt)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, q)
	}
	if p.log != nil {
		q, err := p.log.db.Querier(mint, maxt)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, q)
	}
	return storage.NewMergeQuerier(all, nil, storage.ChainedSeriesMerge), nil
}

func closeAll(all []storage.Querier) error {
	var err error
	for _, q := range all {
		err = errors.Join(err, q.Close())
	}
	return err
}

// Close waits for queriers that are open.
func (p *pieces) Close() error {
	var err error
	for _, block := range p.blocks {
		err = errors.Join(err, block.Close())
	}
	if p.log != nil {
		err = errors.Join(err, p.log.Close())
	}
	return err
}

package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
)

// The folders of a TSDB that a block makes superfluous.
const (
	walDir    = "wal"
	chunksDir = "chunks_head"
)

// recovered is what a write-ahead log has, read in a folder of its own: opening a log
// may repair its end, and the run's directory stays as it is.
type recovered struct {
	db     *tsdb.DB
	folder string
}

// recoverLog reads the write-ahead log below dir, nil if there is none.
func recoverLog(dir string) (*recovered, error) {
	if _, err := os.Stat(filepath.Join(dir, walDir)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	folder, err := scratch(dir)
	if err != nil {
		return nil, fmt.Errorf("make a folder to read the write-ahead log in: %w", err)
	}
	db, err := replay(dir, folder)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the write-ahead log: %w", err), os.RemoveAll(folder))
	}
	return &recovered{db: db, folder: folder}, nil
}

// scratch is a folder beside the log, where links need no room, or a temporary one
// where nothing can be written there.
func scratch(dir string) (string, error) {
	if folder, err := os.MkdirTemp(dir, "reading-"); err == nil {
		return folder, nil
	}
	return os.MkdirTemp("", "shakedown-metrics-")
}

func replay(dir, folder string) (*tsdb.DB, error) {
	for _, name := range []string{walDir, chunksDir} {
		if err := mirror(filepath.Join(dir, name), filepath.Join(folder, name)); err != nil {
			return nil, err
		}
	}
	db, err := tsdb.Open(folder, nil, prometheus.NewRegistry(), tsdbOptions(), nil)
	if err != nil {
		return nil, err
	}
	db.DisableCompactions()
	return db, nil
}

// Close removes the folder.
func (r *recovered) Close() error { return errors.Join(r.db.Close(), os.RemoveAll(r.folder)) }

// mirror links the files of a folder into another, or copies those that cannot be. The
// TSDB never changes a file that it finds: it begins new ones, and replaces or removes.
func mirror(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was written yet, or it went while a run goes on
		}
		if err != nil {
			return err
		}
		below, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		there := filepath.Join(to, below)
		if entry.IsDir() {
			return os.MkdirAll(there, 0o755)
		}
		if os.Link(path, there) == nil {
			return nil
		}
		return duplicate(path, there)
	})
}

func duplicate(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close() //nolint:errcheck // only read
	copied, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, source)
	return errors.Join(err, copied.Close())
}

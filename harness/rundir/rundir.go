// Package rundir is the directory of a run: where its files are, and the two
// that are written whole: run.json before the run begins, verdict.json after
// it ended. What lies between is package journal's.
package rundir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A Dir is the directory of one run.
type Dir string

// Root is where runs go by default, relative to the working directory.
const Root = "runs"

// latest is the name of the link to the newest run beside it.
const latest = "latest"

// The files of a run directory.
const (
	intentFile  = "run.json"
	resultFile  = "verdict.json"
	sealFile    = "seal.json"
	reportFile  = "report.html"
	junitFile   = "junit.xml"
	summaryFile = "summary.md"
	logsDir     = "logs"
	eventsFile  = "scale-events.ndjson"
	keysDir     = "acknowledged"
	metricsDir  = "metrics"
)

// Intent is the path of run.json: what was to be done.
func (d Dir) Intent() string { return filepath.Join(string(d), intentFile) }

// Result is the path of verdict.json: what came of it.
func (d Dir) Result() string { return filepath.Join(string(d), resultFile) }

// Journal is the directory that journal.Create and journal.Open take.
func (d Dir) Journal() string { return string(d) }

// Logs is the path of the directory of the instances' logs.
func (d Dir) Logs() string { return filepath.Join(string(d), logsDir) }

// Acknowledged is the path of the directory of what the system confirmed, by
// ledger; without ledgers that take keys there is none.
func (d Dir) Acknowledged() string { return filepath.Join(string(d), keysDir) }

// Report is the path of the HTML report.
func (d Dir) Report() string { return filepath.Join(string(d), reportFile) }

// JUnit is the path of the verdict in JUnit's format.
func (d Dir) JUnit() string { return filepath.Join(string(d), junitFile) }

// Summary is the path of the verdict in Markdown.
func (d Dir) Summary() string { return filepath.Join(string(d), summaryFile) }

// Metrics is the path of the directory of what was measured; without metrics there is
// none.
func (d Dir) Metrics() string { return filepath.Join(string(d), metricsDir) }

// ScaleEvents is the path of the log of what autoscalers did; a run without any
// has none.
func (d Dir) ScaleEvents() string { return filepath.Join(string(d), eventsFile) }

// DefaultPath is where a run of a scenario that starts at a moment goes:
// runs/20261130-091500-scale-under-load, in local time.
func DefaultPath(scenario string, started time.Time) string {
	return filepath.Join(Root, started.Format("20060102-150405")+"-"+scenario)
}

// Create makes the directory of a new run, with its parents and its directory
// for logs. A directory that exists must be empty.
func Create(path string) (Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", fmt.Errorf("create run directory: %w; choose another place with --out", err)
	}
	if err := empty(path); err != nil {
		return "", err
	}
	return Dir(path), makeLogs(Dir(path))
}

// CreateDefault makes the directory DefaultPath, or where that is taken (two
// runs may start in one second) the same with -2, -3, ... at its end.
func CreateDefault(scenario string, started time.Time) (Dir, error) {
	path := DefaultPath(scenario, started)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("create run directory: %w", err)
	}
	for n := 1; ; n++ {
		try := path
		if n > 1 {
			try = fmt.Sprintf("%s-%d", path, n)
		}
		err := os.Mkdir(try, 0o755)
		switch {
		case err == nil:
			return Dir(try), makeLogs(Dir(try))
		case !errors.Is(err, fs.ErrExist) || n == 100:
			return "", fmt.Errorf("create run directory: %w", err)
		}
	}
}

func makeLogs(d Dir) error {
	if err := os.Mkdir(d.Logs(), 0o755); err != nil {
		return fmt.Errorf("create directory for logs: %w", err)
	}
	return nil
}

// empty refuses a directory that has something in it.
func empty(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case err != nil:
		return fmt.Errorf("create run directory: %w", err)
	case len(entries) == 0:
		return nil
	}
	if _, err := os.Stat(Dir(path).Intent()); err == nil {
		return fmt.Errorf("%s already holds a run; a run is never written over: remove it, or give another --out", path)
	}
	return fmt.Errorf("%s is not empty (it holds %s); give an empty or a new directory with --out", path, entries[0].Name())
}

// Open checks that a directory is that of a run.
func Open(path string) (Dir, error) {
	d := Dir(path)
	_, err := os.Stat(d.Intent())
	if err == nil {
		return d, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return "", fmt.Errorf("open run directory: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("there is no run at %s: %w; runs are below %s, the newest is %s", path, err, Root, filepath.Join(Root, latest))
	case !info.IsDir():
		return "", fmt.Errorf("%s is a file and not the directory of a run; runs are below %s, the newest is %s", path, Root, filepath.Join(Root, latest))
	}
	return "", fmt.Errorf("%s is not the directory of a run: it holds no %s; runs are below %s, the newest is %s",
		path, intentFile, Root, filepath.Join(Root, latest))
}

// Latest points the link "latest" beside the directory at it, in one step, so
// that nobody ever finds no link or a broken one. Where links cannot be made
// or something else has the name, the run is none the worse: callers may
// ignore the error.
func (d Dir) Latest() error {
	parent, name := filepath.Split(filepath.Clean(string(d)))
	link := filepath.Join(parent, latest)
	if info, err := os.Lstat(link); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("point %s at the newest run: it exists and is no link", link)
	}
	temp := filepath.Join(parent, fmt.Sprintf(".%s-%d-%s", latest, os.Getpid(), name))
	if err := os.Symlink(name, temp); err != nil {
		return fmt.Errorf("point %s at the newest run: %w", link, err)
	}
	if err := os.Rename(temp, link); err != nil {
		return errors.Join(fmt.Errorf("point %s at the newest run: %w", link, err), os.Remove(temp))
	}
	return nil
}

package harness

import (
	"errors"
	"fmt"
	"os"

	"github.com/shakedown-dev/shakedown/harness/traffic/results"
)

// resultsFile takes every request of a run in vegeta's encoding. A nil one
// takes nothing.
type resultsFile struct {
	file *os.File
	to   *results.Writer
}

// createResults makes the file before anything is started, so that a path that
// cannot be written costs nobody a run; "" is no file.
func createResults(name string) (*resultsFile, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create the file for the results: %w; choose another --results", err)
	}
	to, err := results.New(file, results.FormatOf(name))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write results to %s: %w", name, err), file.Close())
	}
	return &resultsFile{file, to}, nil
}

// writer is where the driver writes to, nil for nowhere.
func (f *resultsFile) writer() *results.Writer {
	if f == nil {
		return nil
	}
	return f.to
}

// close writes what is left. Traffic has ended.
func (f *resultsFile) close() error {
	if f == nil {
		return nil
	}
	if err := errors.Join(f.to.Close(), f.file.Close()); err != nil {
		return fmt.Errorf("write results to %s: %w", f.file.Name(), err)
	}
	return nil
}

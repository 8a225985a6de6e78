package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/shakedown-dev/shakedown/harness/rundir"
)

// A format is a name and what renders it.
type format struct {
	name   string
	file   string // in the run directory, "" if it is not stored
	render func(io.Writer, Run) error
}

func formats() []format {
	return []format{
		{"text", "", func(w io.Writer, run Run) error { return Text(w, run, false) }},
		{"json", "", JSON},
		{"junit", "junit.xml", JUnit},
		{"markdown", "summary.md", Markdown},
		{"html", "report.html", HTML},
	}
}

// Formats lists the formats of the report; see Documents.
func Formats() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// Write renders the run in the named format.
func Write(w io.Writer, run Run, name string) error {
	for _, f := range formats() {
		if f.name == name {
			return f.render(w, run)
		}
	}
	if name == writeupFormat {
		return Writeup(w, run)
	}
	return fmt.Errorf("there is no report format %q; choose one of %s", name, strings.Join(Documents(), ", "))
}

// WriteAll stores every format that has a file into the run directory, and with
// them scale-events.ndjson, see ScaleEvents, and writeup.md, see WantsWriteup.
func WriteAll(run Run) error {
	if run.kept() == nil {
		run = run.fold()
	}
	all := formats()
	failed := make([]error, len(all))
	var each sync.WaitGroup // of a run of hours, each takes a while
	for i, f := range all {
		if f.file != "" {
			each.Go(func() { failed[i] = f.store(run) })
		}
	}
	each.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if err := writeWriteup(run); err != nil {
		return err
	}
	return writeScaleEvents(run)
}

// store renders the run into the file of the format.
func (f format) store(run Run) error {
	var content bytes.Buffer
	if err := f.render(&content, run); err != nil {
		return fmt.Errorf("render %s: %w", f.file, err)
	}
	return os.WriteFile(filepath.Join(run.Dir, f.file), content.Bytes(), 0o644)
}

// writeScaleEvents stores the log of what autoscalers did, where there is any.
func writeScaleEvents(run Run) error {
	var content bytes.Buffer
	if err := ScaleEvents(&content, run); err != nil {
		return fmt.Errorf("render %s: %w", filepath.Base(rundir.Dir(run.Dir).ScaleEvents()), err)
	}
	if content.Len() == 0 {
		return nil
	}
	return os.WriteFile(rundir.Dir(run.Dir).ScaleEvents(), content.Bytes(), 0o644)
}

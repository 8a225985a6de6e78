package rundir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/shakedown-dev/shakedown/harness/redact"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// free are the members of run.json in which, at any depth, a secret may stand. All others
// are names, times and figures, which judging the run again depends on.
var free = map[string]bool{
	"command": true, "environment": true, "headers": true, "body": true,
	"payload": true, "samples": true, "json": true, "lacks": true, "matches": true,
	"process": true, "query": true, "request": true, "path": true, "contains": true, "regexp": true, "notes": true, "summary": true, "switches": true,
}

// WriteIntent writes run.json. Texts that may hold a secret (the command line,
// environments, headers, bodies, paths) pass through redacted first; nil: they
// do not.
func (d Dir) WriteIntent(intent Intent, redacted func([]byte) []byte) error {
	intent.Format = Format
	b, err := render(intent)
	if err != nil {
		return fmt.Errorf("render %s: %w", intentFile, err)
	}
	if redacted != nil {
		b = redact.JSON(b, redacted, keepIntent)
	}
	return WriteFile(d.Intent(), b)
}

// keepIntent tells of which strings of run.json the run depends.
func keepIntent(path []string) bool {
	return !slices.ContainsFunc(path, func(member string) bool { return free[member] })
}

// ReadIntent reads run.json.
func (d Dir) ReadIntent() (Intent, error) {
	var intent Intent
	err := read(d.Intent(), &intent)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return intent, fmt.Errorf("%s is missing: %s is not the directory of a run: %w; runs are below %s, the newest is %s", intentFile, d, err, Root, filepath.Join(Root, latest))
	case err != nil:
		return intent, err
	case intent.Plan == nil:
		return intent, fmt.Errorf("%s: it holds no plan, so the run cannot be judged or reported", d.Intent())
	}
	return intent, nil
}

// WriteResult writes verdict.json: the same bytes for the same result.
func (d Dir) WriteResult(result verify.Result) error {
	b, err := RenderResult(result)
	if err != nil {
		return err
	}
	return WriteFile(d.Result(), b)
}

// RenderResult is the content of verdict.json.
func RenderResult(result verify.Result) ([]byte, error) {
	b, err := render(result)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", resultFile, err)
	}
	return b, nil
}

// ReadResult reads verdict.json.
func (d Dir) ReadResult() (verify.Result, error) {
	var result verify.Result
	err := read(d.Result(), &result)
	if errors.Is(err, fs.ErrNotExist) {
		return result, fmt.Errorf("%s is missing: this run never got to its verdict; run `shakedown check %s`: %w", resultFile, d, err)
	}
	return result, err
}

// render is indented JSON for people as well as programs: < and > stay as
// they are, and there is a newline at the end.
func render(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func read(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: it is damaged or not ours: %w", path, err)
	}
	return nil
}

// WriteFile replaces a file in one step: readers find the old content or the
// new, and a crash leaves one of the two.
func WriteFile(path string, content []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(temp.Name())))
		}
	}()
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

package baseline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/rundir"
)

// A Store is a directory of baselines. Several processes may use one at a time.
type Store string

// Path is the file of a baseline.
func (s Store) Path(k Key) string {
	return filepath.Join(string(s), k.Scenario, k.Class, k.Name+".json")
}

// Load reads a baseline. One that does not exist has no runs.
func (s Store) Load(k Key) (File, error) {
	if err := k.check(); err != nil {
		return File{}, err
	}
	file := File{Version: formatVersion, Scenario: k.Scenario, Class: k.Class, Name: k.Name, Runs: []Run{}}
	b, err := os.ReadFile(s.Path(k))
	if errors.Is(err, fs.ErrNotExist) {
		return file, nil
	}
	if err != nil {
		return file, fmt.Errorf("read the baseline: %w", err)
	}
	return parse(s.Path(k), b)
}

func parse(path string, b []byte) (File, error) {
	var file File
	if err := json.Unmarshal(b, &file); err != nil {
		return File{}, fmt.Errorf("read the baseline %s: it is damaged or not ours; restore it, or remove it and save its runs again: %w", path, err)
	}
	switch {
	case file.Version > formatVersion:
		return File{}, fmt.Errorf("read the baseline %s: it has version %d, and this program knows %d; use a newer shakedown", path, file.Version, formatVersion)
	case file.Version < 1:
		return File{}, fmt.Errorf("read the baseline %s: it has no version, so it is not ours", path)
	}
	return file, nil
}

// Save adds runs to a baseline and keeps the last of them, at least one. Machine says in
// words what the class is. The file is replaced in one step, under a lock that other
// processes wait for: none of two that save at a time is lost.
func (s Store) Save(k Key, machine string, runs []Run, keep int) (file File, err error) {
	if err := k.check(); err != nil {
		return File{}, err
	}
	path := s.Path(k)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return File{}, fmt.Errorf("make the directory of the baseline: %w", err)
	}
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return File{}, fmt.Errorf("wait for others that save a baseline: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if file, err = s.Load(k); err != nil {
		return File{}, err
	}
	file = file.with(runs, max(keep, 1))
	file.Machine = machine
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(file); err != nil {
		return File{}, fmt.Errorf("render the baseline: %w", err)
	}
	return file, rundir.WriteFile(path, b.Bytes())
}

// List reads all baselines of a scenario, of any variant of it, by path; of all scenarios
// for "". Files that cannot be read are in the error, all others in the list.
func (s Store) List(scenario string) ([]File, error) {
	paths, err := filepath.Glob(filepath.Join(globbed(string(s)), "*", "*", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("look for baselines: %w", err)
	}
	slices.Sort(paths)
	var files []File
	var problems error
	for _, path := range paths {
		name := filepath.Base(filepath.Dir(filepath.Dir(path)))
		if plain, _, _ := strings.Cut(name, "@"); scenario != "" && name != scenario && plain != scenario {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			problems = errors.Join(problems, fmt.Errorf("read the baseline: %w", err))
			continue
		}
		file, err := parse(path, b)
		if err != nil {
			problems = errors.Join(problems, err)
			continue
		}
		files = append(files, file)
	}
	return files, problems
}

// globbed is a path as it is, in a pattern.
func globbed(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

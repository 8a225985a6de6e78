package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// The markers that every process of a run has in its environment. Descendants
// inherit them, which is how they are found after a crash.
const (
	runMarker      = "SHAKEDOWN_RUN"
	ownerMarker    = "SHAKEDOWN_OWNER"
	instanceMarker = "SHAKEDOWN_INSTANCE"
)

// argv is the program with its path resolved, and its arguments.
func argv(spec platform.Spec) ([]string, error) {
	words := slices.Concat(spec.Config.Entrypoint, spec.Config.Command)
	if spec.Program != "" {
		words = slices.Concat([]string{spec.Program}, spec.Config.Command)
	}
	if len(words) == 0 || words[0] == "" {
		return nil, fmt.Errorf("%s: no program to run; give it a command (x-shakedown: process: command)", spec.Name)
	}
	path, err := lookUp(words[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spec.Name, err)
	}
	words[0] = path
	return words, nil
}

// lookUp finds a program: one with a slash as it stands, else beside this
// executable, because that is where a build leaves it, else in PATH.
func lookUp(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		path, err := filepath.Abs(name)
		if err == nil {
			path, err = exec.LookPath(path)
		}
		if err != nil {
			return "", fmt.Errorf("program %s cannot be run: %w; build it first (make build)", name, cause(err))
		}
		return path, nil
	}
	looked := "PATH"
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if path, err := exec.LookPath(beside); err == nil {
			return path, nil
		}
		looked = filepath.Dir(self) + " and in PATH"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("program %s not found: looked in %s; build it (make build) or give its path", name, looked)
	}
	return filepath.Abs(path)
}

// cause takes the path, which the message has already, off an error of exec.
func cause(err error) error {
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		err = lookup.Err
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err
}

// environment is what the config gives, little besides, and the markers. The
// harness's own environment stays out: an instance must not work by accident
// of the shell it was started from.
func (p *Platform) environment(spec platform.Spec) []string {
	values := map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME"), "TMPDIR": filepath.Join(p.root, tempDir),
	}
	if root := os.Getenv("SYSTEMROOT"); root != "" { // Windows programs do not start without
		values["SYSTEMROOT"] = root
	}
	for key, value := range spec.Config.Environment {
		if value != nil {
			values[key] = *value
		}
	}
	values[runMarker], values[ownerMarker], values[instanceMarker] = p.run, p.owner, spec.Name
	list := make([]string, 0, len(values))
	for key, value := range values {
		list = append(list, key+"="+value)
	}
	slices.Sort(list)
	return list
}

package harness

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/shakedown-dev/shakedown/compose"
)

// AgentProgram and AtelierProgram are the static programs that are built
// beside shakedown.
const (
	AgentProgram   = "shakedown-agent"
	AtelierProgram = "atelier"
)

// FindProgram returns the path of a program that is built beside shakedown;
// override names an environment variable that wins.
func FindProgram(name, override string) (string, error) {
	if path := os.Getenv(override); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("%s: %w; give the path of the program %s there, or nothing to take the one beside shakedown", override, err, name)
		}
		return filepath.Abs(path)
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the running program: %w", err)
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not beside %s: run `make build`, which puts both into bin/, or name it in %s", name, self, override)
	}
	return path, nil
}

// referenceStack lays the embedded reference stack out in the user's cache and
// returns the directory that library scenarios are relative to. The program
// for its image is copied in beside the recipe where it can be found; without
// it only images that exist can be used.
func referenceStack() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "shakedown", "reference")
	if err := compose.Materialize(filepath.Join(dir, "compose")); err != nil {
		return "", fmt.Errorf("lay out the reference stack: %w", err)
	}
	program, err := FindProgram(AtelierProgram, "SHAKEDOWN_ATELIER")
	if err != nil {
		return dir, nil //nolint:nilerr // validate and plan need no program; building the image will name it
	}
	target := filepath.Join(dir, "compose", "images", "atelier", "rootfs", AtelierProgram)
	if err := copyIfNewer(program, target); err != nil {
		return "", fmt.Errorf("lay out the reference stack: %w", err)
	}
	return dir, nil
}

// copyIfNewer copies a program unless an equal one is in place. It writes
// beside the target and renames, because other runs may be reading it.
func copyIfNewer(source, target string) error {
	from, err := os.Stat(source)
	if err != nil {
		return err
	}
	if to, err := os.Stat(target); err == nil && to.Size() == from.Size() && !to.ModTime().Before(from.ModTime()) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	out, err := os.CreateTemp(filepath.Dir(target), ".copy-*")
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(0o755), out.Close()); err != nil {
		return errors.Join(err, os.Remove(out.Name()))
	}
	return os.Rename(out.Name(), target)
}

package proof

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/rundir"
)

// MakeDir makes the directory that the runs of an experiment stand in. With out
// it is that one, which must not exist yet or be empty; without, a new one
// beside the runs: runs/<time>-<name>.
func MakeDir(out, name string, started time.Time) (string, error) {
	if out != "" {
		return takeDir(out)
	}
	path := rundir.DefaultPath(name, started)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("create the directory of the runs: %w", err)
	}
	for n := 1; ; n++ {
		try := path
		if n > 1 {
			try = fmt.Sprintf("%s-%d", path, n)
		}
		err := os.Mkdir(try, 0o755)
		switch {
		case err == nil:
			return filepath.Abs(try)
		case !errors.Is(err, fs.ErrExist) || n == 100:
			return "", fmt.Errorf("create the directory of the runs: %w", err)
		}
	}
}

// takeDir makes a directory that was asked for, or takes it if it is empty.
func takeDir(out string) (string, error) {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", fmt.Errorf("create the directory of the runs: %w", err)
	}
	entries, err := os.ReadDir(out)
	switch {
	case err != nil:
		return "", fmt.Errorf("create the directory of the runs: %w", err)
	case len(entries) > 0:
		return "", fmt.Errorf("%s is not empty (it holds %s); runs are never written over: give an empty or a new directory with --out", out, entries[0].Name())
	}
	return filepath.Abs(out)
}

// below is a path from a directory on, if it is in there.
func below(dir, path string) (string, bool) {
	rest, err := filepath.Rel(dir, path)
	return rest, err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

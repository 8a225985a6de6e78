// Package compose is the reference stack: its compose files, its environments,
// its manifests for a cluster, its alert rules and the recipes of its images, embedded
// so that the shakedown program carries them along. The program of its services is in the folder atelier.
package compose

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The folder images/atelier/rootfs is not among them: it holds a built program.
//
//go:embed compose.yaml environments/*.yaml k8s/*.yaml
//go:embed alerts/*.yaml alerts/defects/*.yaml alerts/RUNBOOK.md
//go:embed images/build images/atelier/Dockerfile images/postgres images/redis
var files embed.FS

// Materialize writes the stack below dir, which is created if need be: compose.yaml,
// environments/, k8s/, alerts/ and images/. Files that are there already are replaced, others
// are left alone. Scripts are executable. Several processes may do it at the same
// time in one dir; readers never find a file half written.
func Materialize(dir string) error {
	return fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read the embedded stack: %w", err)
		}
		target := filepath.Join(dir, filepath.FromSlash(path))
		if entry.IsDir() {
			if err := os.MkdirAll(target, 0o755); err != nil {
				return fmt.Errorf("write the reference stack: %w", err)
			}
			return nil
		}
		return write(target, path)
	})
}

func write(target, path string) error {
	content, err := files.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the embedded stack: %w", err)
	}
	mode := fs.FileMode(0o644)
	if bytes.HasPrefix(content, []byte("#!")) {
		mode = 0o755 // embedding does not keep modes
	}
	if err := replace(target, content, mode); err != nil {
		return fmt.Errorf("write the reference stack: %w", err)
	}
	return nil
}

// replace gives a file its content and mode, and leaves it alone if it has them.
// Other runs may be reading it or writing the same: at every moment they find
// it whole.
func replace(target string, content []byte, mode fs.FileMode) error {
	if present, err := os.ReadFile(target); err == nil && bytes.Equal(present, content) {
		return os.Chmod(target, mode)
	}
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+"-*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Chmod(file.Name(), mode)
	}
	if err == nil {
		err = os.Rename(file.Name(), target)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first error says more
	}
	return err
}

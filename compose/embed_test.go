package compose_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/compose"
)

func materialize(t *testing.T, dir string) {
	t.Helper()
	if err := compose.Materialize(dir); err != nil {
		t.Fatal(err)
	}
}

// A run that reads a file while another run replaces it finds it whole.
func TestMaterializeReplacesWhole(t *testing.T) {
	dir := t.TempDir()
	materialize(t, dir)
	path := filepath.Join(dir, "images", "build")
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const old = "#!/bin/sh\n# of an older version\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	materialize(t, dir)
	if got, err := io.ReadAll(reader); string(got) != old || err != nil {
		t.Errorf("who had it open reads %d bytes, %v; want the %d that were there", len(got), err, len(old))
	}
	if got, err := os.ReadFile(path); string(got) != string(want) || err != nil {
		t.Errorf("the file has %d bytes, %v; want the %d embedded ones", len(got), err, len(want))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v; want 0755", info.Mode(), err)
	}
	if strays, err := filepath.Glob(filepath.Join(dir, "images", ".*")); len(strays) > 0 || err != nil {
		t.Errorf("left behind %q, %v", strays, err)
	}
}

// What is the same already is not written, but its mode is set right.
func TestMaterializeLeavesEqualFilesAlone(t *testing.T) {
	dir := t.TempDir()
	materialize(t, dir)
	path := filepath.Join(dir, "compose.yaml")
	long := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	materialize(t, dir)
	info, err := os.Stat(path)
	if err != nil || !info.ModTime().Equal(long) || info.Mode().Perm() != 0o644 {
		t.Errorf("written %v with mode %v (%v); want untouched with mode 0644", info.ModTime(), info.Mode(), err)
	}
}

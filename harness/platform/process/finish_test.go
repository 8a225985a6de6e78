package process

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestFinish: whether or not the exit can be awaited apart from the reaping, the
// main process is left to its end, and what it leaves in its group is killed.
func TestFinish(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("SKIPPED: needs a POSIX shell")
	}
	for name, await := range map[string]func(int) bool{
		"as here": awaitExit, "without a way to await": func(int) bool { return false },
	} {
		t.Run(name, func(t *testing.T) {
			read, write, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = read.Close() }()
			cmd := &exec.Cmd{
				Path: shell, Args: []string{"sh", "-c", "sleep 90 & sleep 0.2; exit 7"},
				Stdout: write, SysProcAttr: attributes(),
			}
			spawner := newSpawner()
			defer spawner.stop()
			if err := spawner.start(cmd); err != nil {
				t.Fatal(err)
			}
			_ = write.Close()
			began := time.Now()
			at := finish(cmd, await)
			if code := exitCode(cmd.ProcessState); code != 7 {
				t.Errorf("exit code %d, want its own 7", code)
			}
			if at.Before(began) || at.After(time.Now()) {
				t.Errorf("it ended at %v, which is not between start and return", at)
			}
			// The descendant holds the other end until it is gone.
			if err := read.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(read); err != nil {
				t.Errorf("a descendant outlived the main process: %v", err)
			}
		})
	}
}

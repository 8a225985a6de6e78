package process

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/undo"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/platformtest"
)

// stateOf is the state of a process in the words of proc(5): T is stopped.
func stateOf(t *testing.T, pid string) string {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[0]
}

// TestUndoer: a process that was frozen goes on, unless its id is another's by now.
func TestUndoer(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: start times are read from /proc")
	}
	p := openTest(t, "undone")
	spec := platform.Spec{Name: "api-1", Program: platformtest.Program(t, "linux")}
	spec.Config.Command = []string{"stubborn"}
	if err := errors.Join(p.Create(t.Context(), spec), p.Start(t.Context(), "api-1"), p.Pause(t.Context(), "api-1")); err != nil {
		t.Fatal(err)
	}
	identity, err := p.Identify("api-1")
	if err != nil {
		t.Fatal(err)
	}
	await := func(frozen bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); (stateOf(t, identity.ID) == "T") != frozen; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("its state is %s", stateOf(t, identity.ID))
			}
		}
	}
	await(true)
	u := NewUndoer()
	if err := u.Resume(t.Context(), undo.Step{ID: identity.ID, Mark: "1"}); err != nil {
		t.Fatal(err)
	}
	await(true) // the mark is of a process that had the id before
	for range 2 {
		if err := u.Resume(t.Context(), undo.Step{ID: identity.ID, Mark: identity.Mark}); err != nil {
			t.Fatal(err)
		}
		await(false)
	}
	for _, id := range []string{"", "0", "-1", "1", "x"} {
		if err := u.Resume(t.Context(), undo.Step{ID: id}); err == nil {
			t.Errorf("%q was taken for a process", id)
		}
	}
	if err := u.Limit(t.Context(), undo.Step{ID: identity.ID}); err == nil || !strings.Contains(err.Error(), "process platform") {
		t.Errorf("Limit = %v", err)
	}
}

package yardstick

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAChildHasOneCoreAndTheCallerKeepsItsOwn(t *testing.T) {
	var before, after unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd := exec.Command("grep", "Cpus_allowed_list", "/proc/self/status")
	cmd.Stdout = &out
	if err := StartPinned(cmd, 0); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(out.String()); len(got) != 2 || got[1] != "0" {
		t.Errorf("the child may run on %q, wanted core 0 alone", out.String())
	}
	if err := unix.SchedGetaffinity(0, &after); err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Errorf("the caller may run on %v, had %v", after, before)
	}
}

func TestACommandThatIsNotThereLeavesTheCallersCoresAlone(t *testing.T) {
	if err := StartPinned(exec.Command("/there/is/no/such/program"), 0); err == nil {
		t.Fatal("a program that does not exist was started")
	}
}

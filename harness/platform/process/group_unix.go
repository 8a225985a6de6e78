//go:build unix

package process

import (
	"errors"
	"os"
	"syscall"
)

// killGroup kills a child, if it still runs, with all its descendants that did
// not leave its process group.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// killRest kills what a child that has exited left in its group. What cannot be
// killed is found again by TearDown.
func killRest(pid int) { _ = killGroup(pid) }

// stopGroup freezes a child with its process group, continueGroup lets it go on.
func stopGroup(pid int) error     { return syscall.Kill(-pid, syscall.SIGSTOP) }
func continueGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGCONT) }

// exitCode is the code of a process that has ended, 128+n after signal n.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

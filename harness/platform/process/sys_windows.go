package process

import (
	"errors"
	"os"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return nil }

func awaitExit(int) bool { return false }

// killRest has nothing to kill: there are no groups, and the id of the reaped
// process may be another's already.
func killRest(int) {}

// killGroup kills the process alone: descendants have no group here.
func killGroup(pid int) error {
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

var errNoPause = errors.New("this system cannot freeze processes")

func stopGroup(int) error     { return errNoPause }
func continueGroup(int) error { return errNoPause }

func exitCode(state *os.ProcessState) int { return state.ExitCode() }

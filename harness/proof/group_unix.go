//go:build unix

package proof

import (
	"os"
	"syscall"
)

// ownGroup keeps the terminal's signals away from a run.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// interrupt tells a run to stop; one that has ended needs no telling.
func interrupt(run *os.Process) { _ = run.Signal(os.Interrupt) }

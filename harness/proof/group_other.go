//go:build !unix

package proof

import (
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr { return nil }

// interrupt ends a run: there is no gentler way here. What it leaves is found
// by shakedown clean.
func interrupt(run *os.Process) { _ = run.Kill() }

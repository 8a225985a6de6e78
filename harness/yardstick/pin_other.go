//go:build !linux

package yardstick

import (
	"errors"
	"os/exec"
)

// StartPinned refuses: only Linux lets a process be given a core.
func StartPinned(*exec.Cmd, int) error {
	return errors.New("a process can be given a core of its own on Linux only")
}

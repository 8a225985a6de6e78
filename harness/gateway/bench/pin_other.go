//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

func startPinned(*exec.Cmd, int) error {
	return errors.New("a process can be given a core of its own on Linux only")
}

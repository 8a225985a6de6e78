//go:build !linux

package main

import (
	"errors"
	"os/exec"
)

var errLinux = errors.New("the benchmark needs Linux: it pins processes to cores and serves over epoll")

func startPinned(*exec.Cmd, int) error { return errLinux }

func serve([]string) error { return errLinux }

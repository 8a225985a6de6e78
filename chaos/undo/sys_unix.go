//go:build unix

package undo

import (
	"os"
	"syscall"
)

// endings are the signals that reach everybody on a terminal, or in a service
// that is stopped.
var endings = []os.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGPIPE}

// ownSession keeps a helper out of what is done to the harness's process group.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

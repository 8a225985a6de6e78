//go:build !unix

package undo

import (
	"os"
	"syscall"
)

var endings = []os.Signal{os.Interrupt}

func ownSession() *syscall.SysProcAttr { return nil }

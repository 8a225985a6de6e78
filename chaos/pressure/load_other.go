//go:build !linux

package pressure

import (
	"errors"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

var errLinux = errors.New("pressure on resources needs Linux")

func spin(float64) (load, error)                       { return nil, errLinux }
func hoard(int64, bool, <-chan struct{}) (load, error) { return nil, errLinux }
func fill(order.Disk, <-chan struct{}) (load, error)   { return nil, errLinux }

// InUse is the share of the file system at a path that is in use, as df counts.
func InUse(string) (float64, error) { return 0, errLinux }

// Can tries what the injector needs; "" is for what works.
func Can() map[string]string { return map[string]string{"memfd": errLinux.Error()} }

//go:build unix

package baseline

import (
	"errors"
	"os"
	"syscall"
)

// lock takes the lock of a directory, which goes with the process whatever becomes of it:
// nobody has to clean up after a save that was killed.
func lock(dir string) (unlock func() error, err error) {
	held, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(held.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, held.Close())
	}
	return held.Close, nil // which lets go of it
}

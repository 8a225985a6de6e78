//go:build unix && !linux

package measure

import (
	"math"

	"golang.org/x/sys/unix"
)

// readUsage knows nothing of threads.
func readUsage() usage {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return usage{process: unknown, thread: unknown}
	}
	return usage{process: cpuTime(used.Utime.Nano() + used.Stime.Nano()), thread: unknown}
}

// fileLimit is how many descriptors there may be.
func fileLimit() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return unknown
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}

package measure

import (
	"encoding/binary"
	"io/fs"
	"math"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// readUsage takes under a microsecond. Call it on the thread it is to be about.
func readUsage() usage {
	return usage{process: cpuOf(unix.RUSAGE_SELF), thread: cpuOf(unix.RUSAGE_THREAD), id: unix.Gettid()}
}

func cpuOf(who int) cpuTime {
	var used unix.Rusage
	if err := unix.Getrusage(who, &used); err != nil {
		return unknown
	}
	return cpuTime(used.Utime.Nano() + used.Stime.Nano())
}

// readings are what has to be remembered from one reading to the next.
type readings struct {
	root  fs.FS   // the file system's
	quota float64 // of the control group, in CPUs; +Inf without one
	ticks ticks   // of the reading before
}

func newReadings() readings {
	root := os.DirFS("/")
	r := readings{root: root, quota: quota(root)}
	r.ticks, _ = readTicks(root)
	return r
}

// cpus is how many CPUs the process may use: those that Go runs code on, of
// those it may run on, for as long as the control group lets it.
func (r *readings) cpus() float64 {
	n := runtime.GOMAXPROCS(0)
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err == nil {
		n = min(n, set.Count())
	}
	return math.Min(float64(n), r.quota)
}

// shares are those of the machine's CPU time since the call before that were
// used by anybody, and that the hypervisor gave to others.
func (r *readings) shares() (busy, steal float64) {
	now, ok := readTicks(r.root)
	busy, steal = now.shares(r.ticks)
	if !ok || r.ticks == (ticks{}) {
		busy, steal = unknown, unknown
	}
	r.ticks = now
	return busy, steal
}

// openFiles counts the open descriptors. Since Linux 6.2 the size of the
// directory says how many there are; before, it is 0, and they are counted.
func openFiles() int {
	const dir = "/proc/self/fd"
	var stat unix.Stat_t
	if err := unix.Stat(dir, &stat); err == nil && stat.Size > 0 {
		return int(stat.Size)
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return unknown
	}
	defer func() { _ = unix.Close(fd) }() // only read
	return countEntries(fd) - 1           // not this one
}

// countEntries counts what is in a directory, without making names of it.
func countEntries(fd int) int {
	const self, parent = 1, 1 // "." and ".."
	count := 0
	for buf := make([]byte, 16<<10); ; {
		n, err := unix.Getdents(fd, buf)
		if err != nil {
			return unknown
		}
		if n == 0 {
			return count - self - parent
		}
		for rest := buf[:n]; len(rest) > 18; count++ { // inode 8, offset 8, length of the entry 2 bytes
			length := int(binary.NativeEndian.Uint16(rest[16:]))
			rest = rest[min(max(length, 1), len(rest)):]
		}
	}
}

// fileLimit is how many descriptors there may be.
func fileLimit() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return unknown
	}
	return int(min(limit.Cur, math.MaxInt32))
}

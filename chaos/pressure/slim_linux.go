package pressure

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// slim makes this process small in the eyes of the kernel when it looks for one
// to kill: it counts pages of the program too, which are a larger part of a small
// agent than of most targets. They are let go, and come back from the page cache
// as they are needed.
func slim(program []place) {
	for _, p := range program {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, p.from, p.to-p.from, unix.MADV_DONTNEED) // else it stays larger
	}
}

// ownProgram is where files are mapped that nobody has written to: letting them
// go loses nothing.
func ownProgram() []place {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return nil
	}
	return pristine(string(text))
}

// place is a part of the address space.
type place struct{ from, to uintptr }

// pristine finds them in a table of the kernel: read-only, of a file, without
// pages of their own.
func pristine(smaps string) (found []place) {
	var at place
	candidate := false
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && strings.Contains(fields[0], "-"):
			at, candidate = parsePlace(fields[0]), len(fields) >= 6 && !strings.Contains(fields[1], "w") && strings.HasPrefix(fields[5], "/")
		case len(fields) == 3 && fields[0] == "Anonymous:" && candidate && fields[1] == "0" && at.to > at.from:
			found = append(found, at)
		}
	}
	return found
}

// parsePlace reads "00400000-0045f000"; what is wrong is an empty place.
func parsePlace(text string) place {
	from, to, _ := strings.Cut(text, "-")
	begin, err := strconv.ParseUint(from, 16, 64)
	if err != nil {
		return place{}
	}
	end, err := strconv.ParseUint(to, 16, 64)
	if err != nil {
		return place{}
	}
	return place{uintptr(begin), uintptr(end)}
}

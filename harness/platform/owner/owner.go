// Package owner tells whether the harness that made something still runs. What
// a run leaves on a machine is marked with its owner, so that cleaning never
// takes a living run apart and a recycled process id is not taken for it.
package owner

import (
	"os"
	"strconv"
	"strings"
)

// Self is the mark of this process: process id, start time in clock ticks
// since boot, boot id, and id of the process namespace, with colons between.
// Where the system does not tell, a part is empty.
func Self() string {
	pid := os.Getpid()
	return strings.Join([]string{strconv.Itoa(pid), started(pid), boot(), namespace()}, ":")
}

// Alive says whether the process with this mark still runs. A process of
// another process namespace cannot be looked up and counts as alive, because
// taking a living run apart is worse than leaving a dead one for a clean that
// names it. A mark that Self cannot have made counts as dead.
func Alive(mark string) bool {
	parts := strings.Split(mark, ":")
	if len(parts) != 4 {
		return false
	}
	pid, err := strconv.Atoi(parts[0])
	switch {
	case err != nil || pid <= 0:
		return false
	case parts[2] != boot():
		return false
	case parts[3] != namespace():
		return true
	}
	return running(pid) && started(pid) == parts[1]
}

// Process is the process id in a mark whose owner is alive and of this process
// namespace; false where there is nobody to send a signal to.
func Process(mark string) (pid int, ok bool) {
	parts := strings.Split(mark, ":")
	if len(parts) != 4 || parts[3] != namespace() || !Alive(mark) {
		return 0, false
	}
	pid, err := strconv.Atoi(parts[0])
	return pid, err == nil
}

// Matches says whether pid is the process that had this start time, so that a
// recorded id is not used for another process. Where the system does not tell
// start times it is false.
func Matches(pid int, start string) bool { return start != "" && started(pid) == start }

// Started is the start time of a process in clock ticks since boot, "" if the
// process is gone or the system does not tell.
func Started(pid int) string { return started(pid) }

package docker

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A cgroup is the directories in which the kernel accounts for a container and
// limits it. Reading them takes microseconds, while an engine may take a second
// for its figures: Docker 20.10 does for whoever asks again within one.
type cgroup struct {
	memory, cpu, used string // used has the time of processors
	second            bool   // version 2: one directory, other files
}

// kernel is where the kernel shows processes and cgroups.
type kernel struct{ proc, cgroups string }

var ownKernel = kernel{proc: "/proc", cgroups: "/sys/fs/cgroup"}

// errElsewhere tells that the kernel's files of a container cannot be seen from
// here: the engine is in a virtual machine, or this process in a container.
var errElsewhere = errors.New("its cgroup is not visible here")

// cgroupOf finds the cgroup of a container by its main process. That a process
// of that number is the container's own is told by the id in its path.
func (k kernel) cgroupOf(pid int, id string) (*cgroup, error) {
	if pid <= 0 || id == "" {
		return nil, errElsewhere
	}
	text, err := os.ReadFile(filepath.Join(k.proc, strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errElsewhere, err)
	}
	paths := map[string]string{} // by controller; "" is version 2
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		for name := range strings.SplitSeq(controllers, ",") {
			paths[name] = path
		}
	}
	c := &cgroup{
		memory: filepath.Join(k.cgroups, "memory", paths["memory"]),
		cpu:    filepath.Join(k.cgroups, "cpu", paths["cpu"]),
		used:   filepath.Join(k.cgroups, "cpuacct", paths["cpuacct"]),
	}
	if paths["memory"] == "" {
		only := filepath.Join(k.cgroups, paths[""])
		c = &cgroup{memory: only, cpu: only, used: only, second: true}
	}
	for _, dir := range []string{c.memory, c.cpu, c.used} {
		if _, err := os.Stat(dir); err != nil || !strings.Contains(dir, id) {
			return nil, errElsewhere
		}
	}
	return c, nil
}

// giveUp removes the directories of a control group that the engine could not
// give up, because another container was in it when its own ended. What is in use,
// or somebody else's to remove, stays: the kernel says so.
func (k kernel) giveUp(group string) {
	for _, at := range []string{filepath.Join(k.cgroups, group), filepath.Join(k.cgroups, "*", group)} {
		found, err := filepath.Glob(at)
		if err != nil {
			continue
		}
		for _, dir := range found {
			_ = syscall.Rmdir(dir)
		}
	}
}

// figures reads what the kernel says.
func (c *cgroup) figures() (figures, error) {
	var f figures
	reads := []func() error{
		func() (err error) {
			f.memory, err = number(c.memory, c.of("memory.usage_in_bytes", "memory.current"))
			return
		},
		func() (err error) {
			f.limit, err = number(c.memory, c.of("memory.limit_in_bytes", "memory.max"))
			return
		},
		func() error {
			inactive, err := field(c.memory, "memory.stat", c.of("total_inactive_file", "inactive_file"))
			f.memory -= min(inactive, f.memory)
			return err
		},
		func() (err error) { f.cpu, err = c.time(); return },
		func() (err error) { f.cores, err = c.cores(); return },
	}
	for _, read := range reads {
		if err := read(); err != nil {
			return figures{}, err
		}
	}
	f.throttled = c.throttled()
	f.limited, f.kills = f.limit < noLimit, c.second
	return f, nil
}

// noLimit is from when on a limit is none: version 1 has the largest multiple of
// a page, "max" reads as the largest number.
const noLimit = math.MaxInt64 - 1<<20

// of is the name of something in the cgroup's version.
func (c *cgroup) of(first, second string) string {
	if c.second {
		return second
	}
	return first
}

// time is the use of processors so far.
func (c *cgroup) time() (time.Duration, error) {
	if c.second {
		microseconds, err := field(c.used, "cpu.stat", "usage_usec")
		return time.Duration(microseconds) * time.Microsecond, err
	}
	nanoseconds, err := number(c.used, "cpuacct.usage")
	return time.Duration(nanoseconds), err
}

// throttled is for how long the CPU limit has kept it waiting, 0 where the kernel
// does not count that.
func (c *cgroup) throttled() time.Duration {
	unit := time.Nanosecond
	if c.second {
		unit = time.Microsecond
	}
	spent, err := field(c.cpu, "cpu.stat", c.of("throttled_time", "throttled_usec"))
	if err != nil {
		return 0
	}
	return time.Duration(spent) * unit
}

// cores is the CPU limit, 0 for none.
func (c *cgroup) cores() (float64, error) {
	if c.second {
		text, err := os.ReadFile(filepath.Join(c.cpu, "cpu.max"))
		if err != nil {
			return 0, err
		}
		quota, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
		if quota == "max" {
			return 0, nil
		}
		return share(quota, period)
	}
	quota, err := os.ReadFile(filepath.Join(c.cpu, "cpu.cfs_quota_us"))
	if err != nil {
		return 0, err
	}
	period, err := os.ReadFile(filepath.Join(c.cpu, "cpu.cfs_period_us"))
	if err != nil {
		return 0, err
	}
	cores, err := share(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
	return max(0, cores), err // -1 is none
}

func share(quota, period string) (float64, error) {
	q, err := strconv.ParseFloat(quota, 64)
	if err != nil {
		return 0, err
	}
	p, err := strconv.ParseFloat(period, 64)
	if err != nil || p <= 0 {
		return 0, fmt.Errorf("a period of %q", period)
	}
	return q / p, nil
}

// number reads a file that has one number; "max" is the largest.
func number(dir, file string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	word := strings.TrimSpace(string(text))
	if word == "max" {
		return math.MaxInt64, nil
	}
	return strconv.ParseInt(word, 10, 64)
}

// field reads one of the named numbers in a file.
func field(dir, file, name string) (int64, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	words := strings.Fields(string(text))
	at := slices.Index(words, name)
	if at < 0 || at+1 == len(words) {
		return 0, fmt.Errorf("%s has no %s", file, name)
	}
	return strconv.ParseInt(words[at+1], 10, 64)
}

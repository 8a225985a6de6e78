package measure

import (
	"bufio"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ticks are CPU times of the machine since it started, all CPUs together.
type ticks struct{ busy, idle, steal uint64 }

// readTicks reads the first line of /proc/stat, see proc_stat(5): user, nice,
// system, idle, iowait, irq, softirq, steal, and then guest times, which are in
// user and nice already.
func readTicks(root fs.FS) (t ticks, ok bool) {
	f, err := root.Open("proc/stat")
	if err != nil {
		return ticks{}, false
	}
	defer func() { _ = f.Close() }()                 // only read
	line, err := bufio.NewReader(f).ReadString('\n') // the rest can be long
	fields := strings.Fields(line)
	if err != nil || len(fields) < 9 || fields[0] != "cpu" {
		return ticks{}, false
	}
	for i, field := range fields[1:9] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return ticks{}, false
		}
		switch i {
		case 3, 4:
			t.idle += n
		case 7:
			t.steal = n
		default:
			t.busy += n
		}
	}
	return t, true
}

// shares are from 0 to 1, unknown if no time has passed. Some of the kernel's
// counts go back a little at times; that is no time.
func (t ticks) shares(before ticks) (busy, steal float64) {
	b, i, s := passed(t.busy, before.busy), passed(t.idle, before.idle), passed(t.steal, before.steal)
	total := b + i + s
	if total == 0 {
		return unknown, unknown
	}
	return b / total, s / total
}

func passed(now, before uint64) float64 {
	return float64(now - min(before, now))
}

// quota is how many CPUs the control groups of this process let it use on the
// average: the least of those of its group and all that contain it.
func quota(root fs.FS) float64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return math.Inf(1)
	}
	least := math.Inf(1)
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path, see cgroups(7); version 2 is hierarchy 0.
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, read := "sys/fs/cgroup", quotaV2
		switch controllers := strings.Split(parts[1], ","); {
		case slices.Contains(controllers, "cpu"):
			mount, read = "sys/fs/cgroup/cpu", quotaV1
		case parts[0] != "0":
			continue
		}
		// In a container the path may be that outside of it; then the upper ones
		// are not there, and the mount is the container's own group.
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			least = math.Min(least, read(root, path.Join(mount, dir)))
			if dir == "/" {
				break
			}
		}
	}
	return least
}

// quotaV2 reads "max 100000" or "150000 100000": so many microseconds of each
// so many.
func quotaV2(root fs.FS, dir string) float64 {
	text, err := fs.ReadFile(root, path.Join(dir, "cpu.max"))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) != 2 {
		return math.Inf(1)
	}
	return ratio(fields[0], fields[1])
}

func quotaV1(root fs.FS, dir string) float64 {
	most, err1 := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us")) // -1: no limit
	period, err2 := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	if err1 != nil || err2 != nil {
		return math.Inf(1)
	}
	return ratio(strings.TrimSpace(string(most)), strings.TrimSpace(string(period)))
}

func ratio(most, period string) float64 {
	q, err1 := strconv.ParseFloat(most, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || !(q > 0) || !(p > 0) {
		return math.Inf(1)
	}
	return q / p
}

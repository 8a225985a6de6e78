package process

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// tick is the unit of times in /proc: USER_HZ is 100 on every architecture
// that Go runs on.
const tick = time.Second / 100

// Stats adds up the processes in the instance's process group. Memory is the
// resident set, in which pages shared between processes count for each.
func (p *Platform) Stats(_ context.Context, name string) (platform.Stats, error) {
	i, err := p.present(name)
	if err != nil {
		return platform.Stats{}, err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.running() {
		return platform.Stats{}, fmt.Errorf("%s is not running", name)
	}
	group := i.cmd.Process.Pid
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return platform.Stats{}, fmt.Errorf("%s: %w", name, err)
	}
	var sum platform.Stats
	for _, entry := range entries {
		if entry.Name()[0] < '0' || entry.Name()[0] > '9' {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // gone meanwhile
		}
		if use, of, ok := parseStat(string(stat)); ok && of == group {
			sum.CPU += use.CPU
			sum.Memory += use.Memory
		}
	}
	return sum, nil
}

// parseStat takes process group, times (its own and those of the children it
// has waited for) and resident set out of /proc/<pid>/stat. The command in
// field 2 may hold spaces and parentheses, so fields count from the last one.
func parseStat(stat string) (use platform.Stats, group int, ok bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 22 {
		return platform.Stats{}, 0, false
	}
	number := func(field int) int64 { // as proc(5) counts them; state is 3
		n, err := strconv.ParseInt(fields[field-3], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	ticks := number(14) + number(15) + number(16) + number(17)
	use.CPU = time.Duration(ticks) * tick
	use.Memory = number(24) * int64(os.Getpagesize())
	return use, int(number(5)), true
}

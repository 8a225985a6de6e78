package process

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

// Cleaner finds and removes what earlier runs left: processes, by the markers
// in their environment or by the id and start time that the run noted, and
// directories. It sees only the processes of the user it runs as. Outside of
// Linux a process cannot be told from a later one with its id, so that
// processes are listed as doubtful there and never killed.
type Cleaner struct {
	// Dir is where the runs' directories are. Default: os.TempDir().
	Dir string
}

var _ platform.Cleaner = Cleaner{}

// noted is a main process as its run noted it.
type noted struct {
	pid      int
	start    string // "" where the system does not tell
	instance string
}

// Discover lists what runs have left, ordered by run; living runs are listed
// with Alive set.
func (c Cleaner) Discover(context.Context) ([]platform.Leftover, error) {
	found := map[string]*platform.Leftover{}
	of := func(run, mark string) *platform.Leftover {
		if found[run] == nil {
			found[run] = &platform.Leftover{Run: run, Owner: mark}
		}
		found[run].Alive = found[run].Alive || owner.Alive(mark)
		return found[run]
	}
	seen := map[int]bool{}
	marked, err := markedProcesses()
	for _, m := range marked {
		seen[m.pid] = true
		l := of(m.run, m.owner)
		l.Items = append(l.Items, fmt.Sprintf("process %d %s (%s)", m.pid, m.program, m.instance))
	}
	for _, run := range c.runs() {
		l := of(run, c.ownerOf(run))
		for _, n := range c.noted(run) {
			switch {
			case seen[n.pid]:
			case owner.Matches(n.pid, n.start):
				l.Items = append(l.Items, fmt.Sprintf("process %d (%s)", n.pid, n.instance))
			case n.start == "":
				l.Items = append(l.Items, fmt.Sprintf("process %d (%s), if it is still that one: "+
					"this system does not tell, so look at it and end it by hand", n.pid, n.instance))
			}
		}
		l.Items = append(l.Items, "directory "+c.root(run))
	}
	leftovers := []platform.Leftover{}
	for _, run := range slices.Sorted(maps.Keys(found)) {
		leftovers = append(leftovers, *found[run])
	}
	return leftovers, err
}

// Clean kills the processes of a run, with their process groups, and deletes
// its directory, whether or not its harness still runs.
func (c Cleaner) Clean(ctx context.Context, run string) error {
	if !validName.MatchString(run) {
		return fmt.Errorf("run id %q: no run is called that", run)
	}
	var errs []error
	for _, n := range c.noted(run) {
		if owner.Matches(n.pid, n.start) {
			errs = append(errs, killGroup(n.pid))
		}
	}
	errs = append(errs, killMarked(ctx, run))
	if _, err := os.Stat(filepath.Join(c.root(run), ownerFile)); err == nil {
		errs = append(errs, os.RemoveAll(c.root(run)))
	}
	return errors.Join(errs...)
}

func (c Cleaner) dir() string {
	if c.Dir != "" {
		return c.Dir
	}
	return os.TempDir()
}

func (c Cleaner) root(run string) string { return filepath.Join(c.dir(), dirPrefix+run) }

// runs are those that have a directory here. One without an owner's mark is
// something else that happens to have such a name.
func (c Cleaner) runs() []string {
	marks, err := filepath.Glob(filepath.Join(c.dir(), dirPrefix+"*", ownerFile))
	if err != nil {
		return nil
	}
	var runs []string
	for _, mark := range marks {
		run := strings.TrimPrefix(filepath.Base(filepath.Dir(mark)), dirPrefix)
		if validName.MatchString(run) {
			runs = append(runs, run)
		}
	}
	return runs
}

func (c Cleaner) ownerOf(run string) string {
	mark, err := os.ReadFile(filepath.Join(c.root(run), ownerFile))
	if err != nil {
		return ""
	}
	return string(mark)
}

// noted reads what the run wrote down of its processes.
func (c Cleaner) noted(run string) []noted {
	entries, err := os.ReadDir(filepath.Join(c.root(run), pidsDir))
	if err != nil {
		return nil
	}
	var all []noted
	for _, entry := range entries {
		record, err := os.ReadFile(filepath.Join(c.root(run), pidsDir, entry.Name()))
		if err != nil {
			continue
		}
		id, start, _ := strings.Cut(string(record), " ")
		if pid, err := strconv.Atoi(id); err == nil && pid > 1 {
			all = append(all, noted{pid, start, entry.Name()})
		}
	}
	return all
}

// marked is a process with a run's markers in its environment.
type marked struct {
	pid                           int
	run, owner, instance, program string
}

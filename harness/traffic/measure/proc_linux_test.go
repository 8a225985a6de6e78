package measure

import (
	"io/fs"
	"math"
	"os"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

func tree(files map[string]string) fs.FS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestQuota(t *testing.T) {
	none := math.Inf(1)
	cases := map[string]struct {
		files map[string]string
		want  float64
	}{
		"nothing to read": {nil, none},
		"version 2": {map[string]string{
			"proc/self/cgroup":           "0::/a/b\n",
			"sys/fs/cgroup/a/b/cpu.max":  "150000 100000\n",
			"sys/fs/cgroup/a/c/cpu.max":  "100 100000\n",
			"sys/fs/cgroup/cpu.max.junk": "",
		}, 1.5},
		"the group above has less": {map[string]string{
			"proc/self/cgroup":          "0::/a/b\n",
			"sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
			"sys/fs/cgroup/a/cpu.max":   "50000 100000\n",
		}, 0.5},
		"no limit": {map[string]string{
			"proc/self/cgroup":      "0::/\n",
			"sys/fs/cgroup/cpu.max": "max 100000\n",
		}, none},
		"version 1, seen from inside a container": {map[string]string{
			"proc/self/cgroup":                    "5:memory:/docker/12\n4:cpu,cpuacct:/docker/12\n0::/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":  "250000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 2.5},
		"version 1 without a limit": {map[string]string{
			"proc/self/cgroup":                    "1:cpu:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":  "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, none},
		"nonsense": {map[string]string{
			"proc/self/cgroup":      "0:\n\n0::/../..\n",
			"sys/fs/cgroup/cpu.max": "NaN 0\n",
		}, none},
	}
	for name, c := range cases {
		if got := quota(tree(c.files)); got != c.want {
			t.Errorf("%s: %v CPUs, want %v", name, got, c.want)
		}
	}
}

func TestSharesOfTheMachine(t *testing.T) {
	stat := func(line string) fs.FS { return tree(map[string]string{"proc/stat": line}) }
	before, ok := readTicks(stat("cpu  100 10 50 1000 40 3 7 20 99 99\ncpu0 1 2\n"))
	if want := (ticks{busy: 170, idle: 1040, steal: 20}); !ok || before != want {
		t.Fatalf("%+v, want %+v", before, want)
	}
	now, _ := readTicks(stat("cpu  150 10 60 1020 50 3 7 30 99 99\n"))
	if busy, steal := now.shares(before); busy != 0.6 || steal != 0.1 {
		t.Errorf("busy %v, steal %v; want 0.6 and 0.1", busy, steal)
	}
	if busy, steal := before.shares(now); busy >= 0 || steal >= 0 {
		t.Errorf("busy %v, steal %v of counts that went back", busy, steal)
	}
	for _, line := range []string{"", "cpu 1 2 3\n", "cpu a b c d e f g h\n", "intr 1 2 3 4 5 6 7 8 9\n"} {
		if _, ok := readTicks(stat(line)); ok {
			t.Errorf("%q is read", line)
		}
	}
	r := readings{root: stat(""), quota: 1}
	if busy, steal := r.shares(); busy >= 0 || steal >= 0 {
		t.Errorf("busy %v, steal %v of nothing", busy, steal)
	}
}

func TestOpenFiles(t *testing.T) {
	before := openFiles()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := openFiles(); got != before+1 {
		t.Errorf("%d open files, want %d", got, before+1)
	}
}

func TestCountEntries(t *testing.T) {
	dir := t.TempDir()
	for i := range 1000 { // more than fit into one reading
		if err := os.WriteFile(dir+"/a long name for a file "+name(i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if got := countEntries(fd); got != 1000 {
		t.Errorf("%d entries", got)
	}
	if got := countEntries(-1); got >= 0 {
		t.Errorf("%d entries of nothing", got)
	}
}

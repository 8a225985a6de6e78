package docker

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

const containerID = "6c151a9e68e2202228306d58c66d8ea80c65f6fd707aacf2a68cfef36b29989e"

// kernelOf writes what a kernel would show: files of /proc/7/cgroup and of
// cgroups, by path.
func kernelOf(t *testing.T, membership string, files map[string]string) kernel {
	t.Helper()
	k := kernel{proc: t.TempDir(), cgroups: t.TempDir()}
	put := func(path, text string) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(k.proc, "7", "cgroup"), membership)
	for path, text := range files {
		put(filepath.Join(k.cgroups, path), text)
	}
	return k
}

func firstVersion() (membership string, files map[string]string) {
	in := "/docker/" + containerID
	return "4:memory:" + in + "\n2:cpu,cpuacct:" + in + "\n1:name=systemd:" + in + "\n0::" + in + "\n", map[string]string{
		"memory" + in + "/memory.usage_in_bytes": "50331648\n",
		"memory" + in + "/memory.limit_in_bytes": "67108864\n",
		"memory" + in + "/memory.stat":           "cache 9\ninactive_file 1\ntotal_cache 9\ntotal_inactive_file 8388608\n",
		"cpu" + in + "/cpu.cfs_quota_us":         "50000\n",
		"cpu" + in + "/cpu.cfs_period_us":        "100000\n",
		"cpuacct" + in + "/cpuacct.usage":        "12000000000\n",
		"cpu" + in + "/cpu.stat":                 "nr_periods 9\nnr_throttled 3\nthrottled_time 1500000000\n",
	}
}

func secondVersion() (membership string, files map[string]string) {
	in := "/system.slice/docker-" + containerID + ".scope"
	return "0::" + in + "\n", map[string]string{
		in + "/memory.current": "50331648\n",
		in + "/memory.max":     "67108864\n",
		in + "/memory.stat":    "anon 5\nfile 9\ninactive_file 8388608\n",
		in + "/cpu.max":        "50000 100000\n",
		in + "/cpu.stat":       "usage_usec 12000000\nuser_usec 7\nthrottled_usec 1500000\n",
	}
}

func TestCgroups(t *testing.T) {
	want := figures{cpu: 12 * time.Second, memory: 40 << 20, limit: 64 << 20, limited: true, cores: 0.5, throttled: 1500 * time.Millisecond}
	for name, version := range map[string]func() (string, map[string]string){"1": firstVersion, "2": secondVersion} {
		t.Run("version "+name, func(t *testing.T) {
			membership, files := version()
			group, err := kernelOf(t, membership, files).cgroupOf(7, containerID)
			if err != nil {
				t.Fatal(err)
			}
			want := want
			want.kills = name == "2"
			if have, err := group.figures(); have != want || err != nil {
				t.Errorf("%+v, %v; want %+v", have, err, want)
			}
			for path := range files { // an exit takes them away
				if name == "1" && filepath.Base(path) == "cpu.stat" {
					continue // which some kernels do not have
				}
				missing := maps.Clone(files)
				delete(missing, path)
				group, err := kernelOf(t, membership, missing).cgroupOf(7, containerID)
				if err == nil {
					_, err = group.figures()
				}
				if err == nil {
					t.Errorf("no error without %s", path)
				}
			}
		})
	}
}

func TestCgroupsWithoutLimits(t *testing.T) {
	membership, files := firstVersion()
	in := "/docker/" + containerID
	files["memory"+in+"/memory.limit_in_bytes"] = "9223372036854771712\n"
	files["cpu"+in+"/cpu.cfs_quota_us"] = "-1\n"
	otherMembership, otherFiles := secondVersion()
	other := "/system.slice/docker-" + containerID + ".scope"
	otherFiles[other+"/memory.max"], otherFiles[other+"/cpu.max"] = "max\n", "max 100000\n"
	for _, k := range []kernel{kernelOf(t, membership, files), kernelOf(t, otherMembership, otherFiles)} {
		group, err := k.cgroupOf(7, containerID)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := group.figures(); f.limited || f.cores != 0 || err != nil {
			t.Errorf("%+v, %v; want no limits", f, err)
		}
	}
}

// A process of the same number elsewhere is not taken for the container's.
func TestCgroupsElsewhere(t *testing.T) {
	membership, files := firstVersion()
	k := kernelOf(t, membership, files)
	for name, c := range map[string]struct {
		kernel
		pid int
		id  string
	}{
		"no process":      {k, 8, containerID},
		"no number":       {k, 0, containerID},
		"another's":       {k, 7, "0" + containerID[1:]},
		"no id":           {k, 7, ""},
		"another root":    {kernel{proc: k.proc, cgroups: t.TempDir()}, 7, containerID},
		"no membership":   {kernelOf(t, "", files), 7, containerID},
		"outside of ours": {kernelOf(t, "0::/../../docker/"+containerID+"\n", nil), 7, containerID},
	} {
		if group, err := c.cgroupOf(c.pid, c.id); group != nil || !errors.Is(err, errElsewhere) {
			t.Errorf("%s: %+v, %v", name, group, err)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		limit int64
		asked int64
		want  bool
	}{{64 << 20, 64 << 20, true}, {64<<20 - 4096, 64<<20 - 1, true}, {64 << 20, 96 << 20, false}, {96 << 20, 64 << 20, false}} {
		f := figures{limit: c.limit, limited: true}
		if err := f.match(platform.Resources{Memory: c.asked}); (err == nil) != c.want {
			t.Errorf("%d asked for, %d enforced: %v", c.asked, c.limit, err)
		}
	}
}

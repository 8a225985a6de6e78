package pressure

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/order/ordertest"
)

const mib = 1 << 20

// memfds is what is held in files in memory, as the kernel sees this process.
func memfds(t testing.TB, pid int) (bytes int64) {
	t.Helper()
	fds := fmt.Sprintf("/proc/%d/fd", pid)
	all, err := os.ReadDir(fds)
	if err != nil {
		t.Error(err)
	}
	for _, fd := range all {
		path := filepath.Join(fds, fd.Name())
		name, _ := os.Readlink(path)
		if strings.HasPrefix(name, "/memfd:shakedown-pressure") {
			var st unix.Stat_t
			if unix.Stat(path, &st) == nil {
				bytes += st.Blocks * 512
			}
		}
	}
	return bytes
}

// ticks is the CPU time of this process.
func ticks(t testing.TB) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Error(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestConformance(t *testing.T) {
	ordertest.Run(t, func(t *testing.T) ordertest.Subject {
		i := New()
		t.Cleanup(func() { _ = i.Close() })
		dir := t.TempDir()
		return ordertest.Subject{
			Injector: i,
			Cases: []ordertest.Case{
				{
					Fault:   order.Fault{ID: "memory", Pressure: &order.Pressure{Memory: 3 * mib}},
					Effect:  func(t testing.TB) bool { return memfds(t, os.Getpid()) >= 3*mib },
					Counter: "bytes",
				},
				{
					Fault:   order.Fault{ID: "disk", Pressure: &order.Pressure{Disk: &order.Disk{Path: dir, Size: 2 * mib}}},
					Effect:  func(testing.TB) bool { return held(dir) >= 2*mib },
					Counter: "bytes",
				},
				{
					Fault:  order.Fault{ID: "cpu", Pressure: &order.Pressure{Cores: 0.5}},
					Effect: func(testing.TB) bool { return spinning() > 0 },
				},
			},
			Wrong: []order.Fault{
				{Packets: &order.Packets{Kind: order.Delay}},
				{Pressure: &order.Pressure{}},
				{Pressure: &order.Pressure{OOM: true}},
				{Pressure: &order.Pressure{OOM: true, Memory: 1 * mib}},
				{Pressure: &order.Pressure{Cores: -1}},
				{Pressure: &order.Pressure{Cores: math.NaN()}},
				{Pressure: &order.Pressure{Cores: 1e6}},
				{Pressure: &order.Pressure{Memory: -1}},
				{Pressure: &order.Pressure{Memory: 1, Cores: 1}},
				{Pressure: &order.Pressure{Disk: &order.Disk{Path: dir}}},
				{Pressure: &order.Pressure{Disk: &order.Disk{Size: 1}}},
				{Pressure: &order.Pressure{Disk: &order.Disk{Path: dir, Size: -1}}},
				{Pressure: &order.Pressure{Disk: &order.Disk{Path: dir, Size: mostTaken + 1}}},
				{Pressure: &order.Pressure{Disk: &order.Disk{Path: dir, Fill: 0.999}}}, // it is not a file system of its own
				{Pressure: &order.Pressure{Disk: &order.Disk{Path: filepath.Join(dir, "none"), Size: 1}}},
				{Flush: &order.Flush{}},
				{Flush: &order.Flush{Address: "127.0.0.1:1"}},
			},
		}
	})
}

// held is what open files without a name take of a folder's file system.
func held(dir string) (bytes int64) {
	all, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range all {
		path := filepath.Join("/proc/self/fd", fd.Name())
		name, _ := os.Readlink(path)
		var st unix.Stat_t
		if strings.HasPrefix(name, dir) && strings.HasSuffix(name, " (deleted)") && unix.Stat(path, &st) == nil {
			bytes += st.Blocks * 512
		}
	}
	return bytes
}

// spinning is how many goroutines are at it.
func spinning() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*spinner).run(")
}

func TestCoresAreUsedAsAsked(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for a second")
	}
	i := New()
	defer i.Close()
	spent := func(cores float64) float64 {
		before, begin := ticks(t), time.Now()
		if err := i.Apply(order.Fault{ID: "cpu", Pressure: &order.Pressure{Cores: cores}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond) // nothing to wait for: it is a rate that is measured
		counters, err := i.Revert("cpu")
		if err != nil {
			t.Fatal(err)
		}
		used, took := ticks(t)-before, time.Since(begin)
		if counted := time.Duration(counters["cpu_ms"]) * time.Millisecond; counted > used || counted < used/2 {
			t.Errorf("counted %s of %s", counted, used)
		}
		return used.Seconds() / took.Seconds()
	}
	// Others may take the cores away, but nothing makes it use more.
	half, whole := spent(0.25), spent(1)
	if half > 0.35 || whole > 1.1 {
		t.Errorf("a quarter of a core used %.2f, one used %.2f", half, whole)
	}
}

func TestAKillTakesMemoryUntilToldTo(t *testing.T) {
	i := New()
	defer i.Close()
	const limit = 40 * mib
	if err := i.Apply(order.Fault{ID: "oom", Pressure: &order.Pressure{Memory: limit, OOM: true}}); err != nil {
		t.Fatal(err)
	}
	const least = limit - 19*mib
	for i.Held() < least { // it is taken beside
		runtime.Gosched()
	}
	counters, err := i.Revert("oom")
	if got := counters["bytes"]; err != nil || got < least || got > limit-2*mib || i.Held() != 0 || memfds(t, os.Getpid()) != 0 {
		t.Errorf("reverted with %v, %v; %d are held", counters, err, memfds(t, os.Getpid()))
	}
}

func TestTheOwnProcessIsSparedForAsLongAsItHoldsMemory(t *testing.T) {
	score := func() string {
		b, err := os.ReadFile(scoreFile)
		if err != nil {
			t.Skip(err)
		}
		return strings.TrimSpace(string(b))
	}
	const before = "7"
	if err := os.WriteFile(scoreFile, []byte(before), 0); err != nil {
		t.Skip(err)
	}
	i := New()
	defer i.Close()
	for _, id := range []string{"a", "b"} {
		if err := i.Apply(order.Fault{ID: id, Pressure: &order.Pressure{Memory: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	during := score()
	if during == before {
		if err := os.WriteFile(scoreFile, []byte("0"), 0); err != nil {
			t.Skipf("a process may not spare itself here: %v", err)
		}
		t.Fatal("it could have spared itself")
	}
	_, _ = i.Revert("a")
	if score() != during {
		t.Errorf("after the first of two: %s", score())
	}
	_, _ = i.Revert("b")
	if score() != before {
		t.Errorf("after both: %s, before %s", score(), before)
	}
}

func TestMountOf(t *testing.T) {
	table := `22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
30 22 0:26 / /proc rw - proc proc rw
41 22 254:1 /var/lib/docker/volumes/data/_data /data rw - ext4 /dev/vda1 rw
42 22 0:50 / /cache rw - tmpfs tmpfs rw,size=65536k
43 22 0:51 / /with\040space rw - tmpfs tmpfs rw
44 41 0:52 / /data/own rw - tmpfs tmpfs rw
45 22 0:53 /over /cache rw - tmpfs tmpfs rw
`
	for path, want := range map[string]string{
		"/data/x": "/var/lib/docker/volumes/data/_data at /data", "/data": "/var/lib/docker/volumes/data/_data at /data",
		"/database": "/ at /", "/data/own": "/ at /data/own", "/with space/a": "/ at /with space",
		"/cache/a": "/over at /cache",
	} {
		if root, at := mountOf(table, path); root+" at "+at != want {
			t.Errorf("%s is %s at %s, want %s", path, root, at, want)
		}
	}
}

func TestDecentSizes(t *testing.T) {
	const free = 4096
	fs := unix.Statfs_t{Bsize: mib, Blocks: 8192, Bfree: free, Bavail: free}
	for _, test := range []struct {
		disk order.Disk
		want int64 // 0: refused
	}{
		{order.Disk{Path: "/", Size: 1000}, 1000},
		{order.Disk{Path: "/", Size: mostTaken}, mostTaken},
		{order.Disk{Path: "/", Size: mostTaken + 1}, 0},
		{order.Disk{Path: "/", Fill: 0.9}, 0}, // everybody's
		{order.Disk{Path: "/", Fill: 1.5}, 0},
		{order.Disk{Path: "/", Fill: math.NaN()}, 0},
	} {
		got, err := wantedBytes(test.disk, fs)
		if got != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("%+v: %d, %v", test.disk, got, err)
		}
	}
	fs.Bavail = 1000
	if _, err := wantedBytes(order.Disk{Path: "/", Size: 501 * mib}, fs); err == nil {
		t.Error("more than half of what is free was taken")
	}
}

// TestFillingUpAVolume needs a file system of its own, mounted in a mount
// namespace that is gone with the thread.
func TestFillingUpAVolume(t *testing.T) {
	dir := t.TempDir()
	var refused error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends
		refused = unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS)
		if refused == nil {
			refused = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if refused == nil {
			refused = unix.Mount("shakedown", dir, "tmpfs", 0, "size=8m")
		}
		for _, share := range []float64{0.5, 1} {
			if refused == nil {
				fillOnce(t, dir, share)
			}
		}
	}()
	<-done
	if refused != nil {
		t.Skipf("a mount needs root: %v", refused)
	}
}

func fillOnce(t *testing.T, dir string, share float64) {
	f, err := fill(order.Disk{Path: dir, Fill: share}, nil)
	if err != nil {
		t.Error(err)
		return
	}
	if used, err := InUse(dir); err != nil || math.Abs(used-share) > 0.01 {
		t.Errorf("filled to %.3f of the wanted %.3f, %v", used, share, err)
	}
	err = os.WriteFile(filepath.Join(dir, "more"), make([]byte, mib), 0o600)
	if full := err != nil; full != (share == 1) {
		t.Errorf("at %.1f writing said %v", share, err)
	}
	_ = os.Remove(filepath.Join(dir, "more"))
	if err := f.release(); err != nil {
		t.Error(err)
	}
	if used, _ := InUse(dir); used > 0.01 {
		t.Errorf("%.3f is in use after revert", used)
	}
}

func TestFlush(t *testing.T) {
	cache := miniredis.RunT(t)
	_ = cache.Set("a", "1")
	_ = cache.DB(3).Set("b", "1")
	i := New()
	defer i.Close()
	f := order.Fault{ID: "flush", Flush: &order.Flush{Address: cache.Addr()}}
	if err := i.Apply(f); err != nil {
		t.Fatal(err)
	}
	if len(cache.Keys()) != 0 || len(cache.DB(3).Keys()) != 0 {
		t.Error("keys are left")
	}
	if err := i.Apply(f); err == nil {
		t.Error("applied twice")
	}
	if counters, err := i.Revert("flush"); err != nil || counters["keys"] != 1 {
		t.Errorf("reverted: %v %v", counters, err)
	}
	cache.RequireAuth("secret")
	if err := i.Apply(f); err == nil || !strings.Contains(err.Error(), "flush: "+cache.Addr()+" refuses DBSIZE: NOAUTH") {
		t.Errorf("without a password: %v", err)
	}
}

func TestAMuteCacheIsGivenUp(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ctx, cancel := context.WithTimeoutCause(context.Background(), 20*time.Millisecond, fmt.Errorf("too late"))
	defer cancel()
	if _, err := Keys(ctx, mute.Addr().String()); err == nil || !strings.HasSuffix(err.Error(), "has not answered DBSIZE: too late") {
		t.Errorf("%v", err)
	}
}

// helperVariable makes the test binary a process that holds things.
const helperVariable = "SHAKEDOWN_PRESSURE_HOLDS"

func help() {
	i := New()
	for n, p := range []order.Pressure{{Memory: 16 * mib}, {Disk: &order.Disk{Path: os.Getenv(helperVariable), Size: 16 * mib}}, {Cores: 0.5}} {
		if err := i.Apply(order.Fault{ID: strconv.Itoa(n), Pressure: &p}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	fmt.Println("held")
	select {}
}

func TestKillingTheHelperFreesEverything(t *testing.T) {
	dir := t.TempDir()
	helper := exec.Command(os.Args[0])
	helper.Env = append(os.Environ(), helperVariable+"="+dir)
	out, err := helper.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := helper.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the helper says %q", line)
	}
	pid := helper.Process.Pid
	if got := memfds(t, pid); got < 16*mib {
		t.Errorf("it holds %d bytes of memory", got)
	}
	free := func() int64 {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil {
			t.Fatal(err)
		}
		return int64(fs.Bfree) * fs.Bsize
	}
	during := free()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("it made %v", left)
	}
	_ = helper.Process.Kill()
	_ = helper.Wait()
	if after := free(); after < during+8*mib { // others write too
		t.Logf("free %d during, %d after", during, after)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Error("the helper is still there")
	}
}

func TestPristineMappings(t *testing.T) {
	smaps := `00400000-00500000 r-xp 00000000 fe:00 1 /sa
Rss:                 100 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00500000-00600000 r--p 00100000 fe:00 1 /sa with space
Anonymous:             4 kB
00600000-00700000 r--p 00200000 fe:00 1 /sa
Anonymous:             0 kB
00700000-00800000 rw-p 00300000 fe:00 1 /sa
Anonymous:             0 kB
00800000-00900000 r--p 00000000 00:00 0
Anonymous:             0 kB
7fff0000-7fff2000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
nonsense-zzz r-xp 00000000 fe:00 1 /sa
Anonymous:             0 kB
`
	got := pristine(smaps)
	if want := []place{{0x400000, 0x500000}, {0x600000, 0x700000}}; !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestSlimLosesNothing(t *testing.T) {
	program := ownProgram()
	if len(program) == 0 {
		t.Skip("the kernel does not tell")
	}
	slim(program)
	if text := fmt.Sprint(strings.Repeat("a", 3), 17, program != nil); text != "aaa17 true" {
		t.Errorf("%q", text)
	}
}

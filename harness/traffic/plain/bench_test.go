//go:build linux

package plain

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

const benchAnswer = "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sun, 22 Nov 2026 05:00:00 GMT\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 13\r\n\r\nHello, World!"

// serveBenchmark is the cheapest server there can be: one thread, one epoll set,
// one read and one write a request. It tells its address on w and serves until
// its input ends.
func serveBenchmark(w io.Writer) error {
	runtime.LockOSThread()
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(listener, 4096); err != nil {
		return err
	}
	epoll, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	watch := func(fd int) {
		_ = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	}
	watch(listener)
	watch(0)
	name, err := unix.Getsockname(listener)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "127.0.0.1:"+strconv.Itoa(name.(*unix.SockaddrInet4).Port))
	buf, answer := make([]byte, 64<<10), []byte(benchAnswer)
	events := make([]unix.EpollEvent, 128)
	for {
		n, _ := unix.EpollWait(epoll, events, -1)
		for _, e := range events[:max(0, n)] {
			switch fd := int(e.Fd); fd {
			case 0:
				return nil
			case listener:
				if c, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK); err == nil {
					_ = unix.SetsockoptInt(c, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
					watch(c)
				}
			default:
				if n, err := unix.Read(fd, buf); n <= 0 && err != unix.EAGAIN {
					_ = unix.Close(fd)
				} else if n > 0 && bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
					_, _ = unix.Write(fd, answer)
				}
			}
		}
	}
}

// benchServer starts that server in a process of its own on core 1 and keeps
// this one on core 0.
func benchServer(b testing.TB) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+roleServer)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line := make([]byte, 64)
	n, err := out.Read(line)
	if err != nil {
		b.Fatal(err)
	}
	if runtime.NumCPU() > 1 {
		pin(b, cmd.Process.Pid, 1)
		pin(b, os.Getpid(), 0)
	}
	return strings.TrimSpace(string(line[:n]))
}

// pin keeps all threads of a process on one core.
func pin(b testing.TB, pid, core int) {
	b.Helper()
	var set unix.CPUSet
	set.Set(core)
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range threads {
		tid, _ := strconv.Atoi(t.Name())
		_ = unix.SchedSetaffinity(tid, &set)
	}
}

func benchRequest(addr string) exchange.Request {
	return exchange.Request{Method: "GET", Path: "/", Host: addr, Keep: 1 << 10, Header: []exchange.Field{
		{Name: "User-Agent", Value: "shakedown"}, {Name: "Accept", Value: "*/*"}}}
}

// BenchmarkClosedLoop is 64 connections that ask again as soon as they are
// answered. It reports requests a second and the processor time of each.
func BenchmarkClosedLoop(b *testing.B) {
	addr := benchServer(b)
	l, err := loop.New(clock.Start())
	if err != nil {
		b.Fatal(err)
	}
	e, err := New(l, exchange.Target{Addr: addr}, exchange.Limits{Max: 64, Reuse: true})
	if err != nil {
		b.Fatal(err)
	}
	left, running := b.N, 0
	begin := func(x *exchange.Exchange) {
		left--
		x.Deadline = l.Now() + 10*time.Second
		e.Begin(x)
	}
	for range min(64, b.N) {
		running++
		x := &exchange.Exchange{Request: benchRequest(addr)}
		x.Done = func(x *exchange.Exchange) {
			if x.Err != nil {
				b.Error(x.Err)
			}
			if left > 0 {
				begin(x)
				return
			}
			if running--; running == 0 {
				l.Stop()
			}
		}
		l.Post(func() { begin(x) })
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	l.Run()
	b.StopTimer()
	e.Close()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkOpenLoop sends at a fixed rate and reports how late requests start
// and how long they take from the moment at which they should have started.
func BenchmarkOpenLoop(b *testing.B) {
	for _, rate := range []int{10_000, 40_000, 60_000} {
		b.Run(strconv.Itoa(rate), func(b *testing.B) { openLoop(b, rate) })
	}
}

func openLoop(b *testing.B, rate int) {
	addr := benchServer(b)
	l, err := loop.New(clock.Start())
	if err != nil {
		b.Fatal(err)
	}
	e, err := New(l, exchange.Target{Addr: addr}, exchange.Limits{Max: 256, Reuse: true})
	if err != nil {
		b.Fatal(err)
	}
	type asked struct {
		exchange.Exchange
		at time.Duration
	}
	var free []*asked
	lags, times := make([]time.Duration, 0, b.N), make([]time.Duration, 0, b.N)
	gap := time.Second / time.Duration(rate)
	next := l.Now() + 10*time.Millisecond
	var arrival loop.Timer
	arrival.Fire = func() {
		x := pop(&free)
		if x.Done == nil {
			x.Request = benchRequest(addr)
			x.Done = func(*exchange.Exchange) {
				if x.Err != nil {
					b.Error(x.Err)
				}
				times = append(times, x.Ended-x.at)
				free = append(free, x)
				if len(times) == b.N {
					l.Stop()
				}
			}
		}
		x.at, x.Deadline = next, next+10*time.Second
		lags = append(lags, l.Now()-next)
		e.Begin(&x.Exchange)
		if next += gap; len(lags) < b.N {
			l.Set(&arrival, next)
		}
	}
	l.Set(&arrival, next)
	b.ResetTimer()
	before := cpuTime()
	l.Run()
	b.StopTimer()
	e.Close()
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
	for _, m := range []struct {
		name string
		of   []time.Duration
	}{{"lag", lags}, {"response", times}} {
		slices.Sort(m.of)
		b.ReportMetric(float64(m.of[len(m.of)/2].Microseconds()), m.name+"-p50-us")
		b.ReportMetric(float64(m.of[len(m.of)*99/100].Microseconds()), m.name+"-p99-us")
	}
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

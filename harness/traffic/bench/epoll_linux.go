package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
)

// serve is the child that answers: one thread over epoll that knows no HTTP but
// the end of a head, so that the generator is what is measured. It writes its
// address, answers until its standard input ends, and then says what it did.
func serve(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	var s answerer
	flags.DurationVar(&s.stall.Every, "every", 0, "from the beginning of one stall to that of the next")
	flags.DurationVar(&s.stall.From, "from", 0, "the beginning of the first, from the first request")
	flags.DurationVar(&s.stall.For, "for", 0, "the length of a stall")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Printf("127.0.0.1:%d\n", s.port)
	if err := s.answerAll(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(service{
		Requests: s.requests, Connections: s.connections,
		P99: time.Duration(s.times.ValueAtQuantile(99)),
	})
}

// An answerer is the server's state, all of one thread.
type answerer struct {
	stall lab.Stall

	epoll, listener, port int
	buf                   [64 << 10]byte
	partial               map[int][]byte // heads that have not come whole, by descriptor
	begun                 time.Time      // the first request
	requests              int64
	connections           int
	times                 *hdrhistogram.Histogram // nanoseconds
}

var (
	headEnd = []byte("\r\n\r\n")
	reply   = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 31\r\n\r\nabout a hundred bytes in all ..")
)

// call is a system call of which the Go scheduler is not told: there is nothing
// else that could run meanwhile, and telling it costs as much as the call. n is
// 0 with an error.
func call(number uintptr, fd int, p unsafe.Pointer, size, timeout int) (n int, err syscall.Errno) {
	r, _, errno := unix.RawSyscall6(number, uintptr(fd), uintptr(p), uintptr(size), uintptr(timeout), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(r), 0
}

// listen opens a port on loopback.
func (s *answerer) listen() (err error) {
	s.partial, s.times = map[int][]byte{}, hdrhistogram.New(1, int64(time.Minute), 2)
	if s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	if err := unix.Bind(s.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(s.listener, 4096); err != nil {
		return err
	}
	name, err := unix.Getsockname(s.listener)
	if err != nil {
		return err
	}
	if bound, ok := name.(*unix.SockaddrInet4); ok {
		s.port = bound.Port
	}
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if err := s.watch(s.listener); err != nil {
		return err
	}
	return s.watch(0)
}

func (s *answerer) watch(fd int) error {
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// answerAll answers until standard input has something to say, which is its
// end.
func (s *answerer) answerAll() error {
	var events [256]unix.EpollEvent
	for {
		n, err := call(unix.SYS_EPOLL_PWAIT, s.epoll, unsafe.Pointer(&events[0]), len(events), -1)
		if err != 0 && err != unix.EINTR {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		now := time.Now()
		for i := range n {
			switch fd := int(events[i].Fd); fd {
			case 0:
				return nil
			case s.listener:
				s.accept()
			default:
				s.answer(fd, now)
			}
		}
	}
}

func (s *answerer) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		s.connections++
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if s.watch(fd) != nil {
			_ = unix.Close(fd)
		}
	}
}

// answer reads what came on a connection and answers every request in it.
func (s *answerer) answer(fd int, told time.Time) {
	n, err := call(unix.SYS_READ, fd, unsafe.Pointer(&s.buf[0]), len(s.buf), 0)
	if err != 0 || n == 0 {
		if err != unix.EAGAIN {
			delete(s.partial, fd)
			_ = unix.Close(fd)
		}
		return
	}
	got := s.buf[:n]
	if before := s.partial[fd]; before != nil {
		got = append(before, got...)
		delete(s.partial, fd)
	}
	for {
		end := bytes.Index(got, headEnd)
		if end < 0 {
			break
		}
		got = got[end+len(headEnd):]
		s.standStill()
		if _, err := call(unix.SYS_WRITE, fd, unsafe.Pointer(&reply[0]), len(reply), 0); err != 0 {
			return
		}
		s.requests++
		_ = s.times.RecordValue(int64(time.Since(told)))
	}
	if len(got) > 0 {
		s.partial[fd] = bytes.Clone(got)
	}
}

// standStill waits while a stall lasts.
func (s *answerer) standStill() {
	if s.stall.For == 0 {
		return
	}
	if s.begun.IsZero() {
		s.begun = time.Now()
	}
	if wait := s.stall.Wait(time.Since(s.begun)); wait > 0 {
		time.Sleep(wait)
	}
}

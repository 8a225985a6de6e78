package pressure

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	chunk = 256 << 10
	// slimEvery is after how many bytes this process makes itself small again.
	slimEvery = 1 << 20
	// bookkeeping is how many bytes the kernel keeps one byte of accounts for.
	bookkeeping = 256
	// spare is how far a kill stays below the limit by itself: what the target
	// needs at least, so that it is the target that goes over.
	spare = 2 << 20
	// again is how long after the kernel had no memory it is asked once more.
	again = 5 * time.Millisecond
	// letGo bounds the wait for a write that hangs in the kernel.
	letGo = 2 * time.Second
)

// nothing is what is written. It is never written to itself, so it takes no memory.
var nothing [chunk]byte

// hoarder holds memory in a file that exists only there. Nobody maps it: it
// counts for the control group and not for this process, and so the kernel does
// not choose this process when it has to kill one.
type hoarder struct {
	fd    int
	size  int64
	own   func(held int64) int64 // of a kill: what this process's group is charged beside held
	bytes atomic.Int64
	stop  chan struct{}
	done  chan struct{} // closed when writing is over
	err   error         // of writing, once done is closed
}

// hoard takes memory. For a kill it goes on in the background, also where there
// is no more, and stays so far under size that a limit of size is not reached by
// this process alone: when the target is gone nobody else is left to be killed.
func hoard(size int64, kill bool, closed <-chan struct{}) (load, error) {
	var own func(int64) int64
	if kill {
		own = ownUse()
		if n := own(0) + spare + size/bookkeeping; size <= n {
			return nil, fmt.Errorf("%d bytes of memory are too little for a kill: this process has %d itself", size, n)
		}
	}
	fd, err := unix.MemfdCreate("shakedown-pressure", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory that nobody maps: memfd_create: %w", err)
	}
	h := &hoarder{fd: fd, size: size, own: own, stop: make(chan struct{}), done: make(chan struct{})}
	shield()
	go h.write(closed)
	if kill {
		return h, nil
	}
	<-h.done
	if h.err != nil {
		taken := h.bytes.Load()
		_ = h.release()
		return nil, fmt.Errorf("take %d bytes of memory: after %d: %w", size, taken, h.err)
	}
	return h, nil
}

// wanted is how much is to be held now. For a kill it grows: the longer memory
// is short, the more of this process's share of the page cache the kernel takes
// back, which without this would be room for the target to live in.
func (h *hoarder) wanted() int64 {
	if h.own == nil {
		return h.size
	}
	return h.size - h.size/bookkeeping - spare - h.own(h.bytes.Load())
}

// write fills the file. For a kill it ends only when it is stopped.
func (h *hoarder) write(closed <-chan struct{}) {
	defer close(h.done)
	kill := h.own != nil
	var program []place
	if kill {
		program = ownProgram()
	}
	for kill || h.bytes.Load() < h.size {
		select {
		case <-closed:
			h.err = errors.New("the agent is ending")
			return
		case <-h.stop:
			return
		default:
		}
		more := min(chunk, h.wanted()-h.bytes.Load())
		if more <= 0 {
			time.Sleep(again)
			continue
		}
		if h.bytes.Load()%slimEvery == 0 {
			slim(program)
		}
		n, err := unix.Pwrite(h.fd, nothing[:more], h.bytes.Load())
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil && kill:
			time.Sleep(again) // somebody is being killed for it
		case err != nil:
			h.err = err
			return
		default:
			h.bytes.Add(int64(n))
		}
	}
}

func (h *hoarder) counters() map[string]int64 { return map[string]int64{"bytes": h.bytes.Load()} }
func (h *hoarder) held() int64                { return h.bytes.Load() }

// release gives the memory back at once.
func (h *hoarder) release() error {
	select {
	case <-h.stop:
	default:
		close(h.stop)
	}
	timer := time.NewTimer(letGo)
	defer timer.Stop()
	select {
	case <-h.done:
	case <-timer.C:
		return errors.New("the kernel holds on to a write; the memory is free when the agent has ended")
	}
	if h.fd < 0 {
		return nil
	}
	fd := h.fd
	h.fd = -1
	unshield()
	return unix.Close(fd)
}

// ownUse tells what the control group of this process is charged for beside the
// memory that it holds: its own pages and its part of the page cache. Where that
// is not told, or is everybody's, it is the most that it can be.
func ownUse() func(held int64) int64 {
	const most = 16 << 20
	for _, path := range []string{"/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"} {
		if n, err := charged(path); err != nil || n >= most {
			continue
		}
		return func(held int64) int64 {
			n, err := charged(path)
			if err != nil {
				return most
			}
			return min(max(n-held, 0), most)
		}
	}
	return func(int64) int64 { return most }
}

// charged reads how many bytes a control group has.
func charged(path string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

const scoreFile = "/proc/self/oom_score_adj"

// shielding is how many want this process spared, and what was set before the first.
var shielding struct {
	mu     sync.Mutex
	wanted int
	before string
}

// shield makes this process the last that the kernel kills for memory, as far
// as that is allowed.
func shield() {
	shielding.mu.Lock()
	defer shielding.mu.Unlock()
	shielding.wanted++
	if shielding.wanted > 1 {
		return
	}
	before, err := os.ReadFile(scoreFile)
	if err != nil {
		return
	}
	shielding.before = strings.TrimSpace(string(before))
	for _, score := range []string{"-1000", "0"} {
		if os.WriteFile(scoreFile, []byte(score), 0) == nil {
			return
		}
	}
}

// unshield ends one shield; the last brings back what was before.
func unshield() {
	shielding.mu.Lock()
	defer shielding.mu.Unlock()
	shielding.wanted--
	if shielding.wanted == 0 && shielding.before != "" {
		_ = os.WriteFile(scoreFile, []byte(shielding.before), 0)
	}
}

// Can tries what the injector needs; "" is for what works.
func Can() map[string]string {
	h, err := hoard(1, false, nil)
	if err != nil {
		return map[string]string{"memfd": err.Error()}
	}
	if err := h.release(); err != nil {
		return map[string]string{"memfd": err.Error()}
	}
	return map[string]string{"memfd": ""}
}

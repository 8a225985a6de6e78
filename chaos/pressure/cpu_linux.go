package pressure

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// dutyPeriod is how long a core that is used in part is busy and idle once.
const dutyPeriod = 10 * time.Millisecond

// spinner uses up cores, each with a thread of its own.
type spinner struct {
	stop    chan struct{}
	running sync.WaitGroup
	spent   atomic.Int64 // nanoseconds of CPU
}

// spin begins to use so many cores; a fraction is so much of the time of one.
func spin(cores float64) (load, error) {
	if most := float64(runtime.NumCPU()); cores > most || math.IsNaN(cores) {
		return nil, fmt.Errorf("%g cores cannot be used: there are %g", cores, most)
	}
	threads := int(math.Ceil(cores))
	makeRoom(threads)
	s := &spinner{stop: make(chan struct{})}
	ready := make(chan error, threads)
	for n := range threads {
		share := min(1, cores-float64(n))
		s.running.Go(func() { s.run(share, ready) })
	}
	var errs []error
	for range threads {
		errs = append(errs, <-ready)
	}
	if err := errors.Join(errs...); err != nil {
		_ = s.release()
		return nil, err
	}
	return s, nil
}

var room struct {
	mu      sync.Mutex
	threads int
}

// makeRoom lets so many more goroutines spin without keeping the others waiting.
func makeRoom(threads int) {
	room.mu.Lock()
	defer room.mu.Unlock()
	room.threads += threads
	if needed := room.threads + 2; threads > 0 && runtime.GOMAXPROCS(0) < needed {
		runtime.GOMAXPROCS(needed)
	}
}

// run keeps one core busy for a share of each period. The thread is not used
// for anything else, and ends with it.
func (s *spinner) run(share float64, ready chan<- error) {
	runtime.LockOSThread()
	last, err := threadTime()
	ready <- err
	defer makeRoom(-1)
	for err == nil {
		end := time.Now().Add(dutyPeriod)
		budget := last + time.Duration(share*float64(dutyPeriod))
		now := last
		for time.Now().Before(end) && (share == 1 || now < budget) && err == nil {
			burn()
			now, err = threadTime()
		}
		s.spent.Add(int64(now - last))
		last = now
		if s.over(time.Until(end)) {
			return
		}
	}
}

// over waits out a period, and tells whether it is the last.
func (s *spinner) over(rest time.Duration) bool {
	if rest <= 0 {
		select {
		case <-s.stop:
			return true
		default:
			return false
		}
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-s.stop:
		return true
	case <-timer.C:
		return false
	}
}

// burn is some microseconds of work.
func burn() {
	x := uint64(1)
	for range 2000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	runtime.KeepAlive(x)
}

// threadTime is the CPU time of the calling thread.
func threadTime() (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano()), err
}

func (s *spinner) counters() map[string]int64 {
	return map[string]int64{"cpu_ms": s.spent.Load() / int64(time.Millisecond)}
}

func (*spinner) held() int64 { return 0 }

func (s *spinner) release() error {
	close(s.stop)
	s.running.Wait()
	return nil
}

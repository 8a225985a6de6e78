package process

import (
	"os/exec"
	"runtime"
)

// A spawner starts all children from one locked thread that lives as long as
// the platform. Linux kills a child that asked for it (Pdeathsig) when the
// thread that made it ends, not the process: from an ordinary goroutine,
// children would die whenever the runtime retires a thread.
type spawner struct {
	requests chan request
	quit     chan struct{}
	done     chan struct{}
}

type request struct {
	cmd    *exec.Cmd
	result chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan request), quit: make(chan struct{}), done: make(chan struct{})}
	go s.loop()
	return s
}

func (s *spawner) loop() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	for {
		select {
		case r := <-s.requests:
			r.result <- r.cmd.Start()
		case <-s.quit:
			return
		}
	}
}

// start starts a command and returns when it runs or cannot.
func (s *spawner) start(cmd *exec.Cmd) error {
	r := request{cmd, make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.result
	case <-s.done:
		return errTornDown
	}
}

// stop ends the thread. The children must be gone. It is called once.
func (s *spawner) stop() {
	close(s.quit)
	<-s.done
}

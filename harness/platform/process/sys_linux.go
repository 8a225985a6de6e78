package process

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes puts a child into its own process group and has the kernel kill
// it when the harness is gone.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until a child has exited and leaves it to be reaped, so that
// its id, which is also its group's, cannot be given to another process yet.
// False means that it could not wait.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

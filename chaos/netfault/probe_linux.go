package netfault

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// probeVariable makes a process that Probe starts from the running program do nothing but try
// the features and print them. Only namespaces of users need that: nobody but a
// process with one thread can make one.
const probeVariable = "SHAKEDOWN_PROBE_NETWORK"

func init() {
	if os.Getenv(probeVariable) == "" {
		return
	}
	if err := json.NewEncoder(os.Stdout).Encode(probeHere()); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// Probe says of every feature why it does not work on this machine, "" for those that
// do. It tries them in a network namespace of its own, which is gone when it
// returns; without the right to make one, in one of a user namespace.
func Probe() map[string]string {
	can, err := probeOnThread()
	if errors.Is(err, unix.EPERM) {
		can, err = probeInProcess()
	}
	if err != nil {
		return none(fmt.Sprintf("cannot be tried: %v", err))
	}
	return can
}

// probeOnThread tries on a thread that ends afterwards, and its namespace with it.
func probeOnThread() (can map[string]string, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The first thread cannot end, and shows its namespace to others; it waits.
			can, err = probeOnThread()
			runtime.UnlockOSThread()
			return
		}
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			err = fmt.Errorf("make a network namespace: %w", err)
			return
		}
		can = probeHere()
	}()
	<-done
	return can, err
}

// probeInProcess tries in a process of its own, as root of a user namespace.
func probeInProcess() (map[string]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Env = []string{probeVariable + "=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("make network and user namespaces: %w", err)
	}
	var can map[string]string
	if err := json.Unmarshal(out, &can); err != nil {
		return nil, fmt.Errorf("read what works in a user namespace: %w", err)
	}
	return can, nil
}

// probeHere tries in the namespace of the thread.
func probeHere() map[string]string {
	s, err := openSocket()
	if err != nil {
		return none(err.Error())
	}
	err = s.batch([]message{table("shakedown-probe").create(0)})
	_ = s.batch([]message{table("shakedown-probe").delete()})
	_ = s.Close()
	if err != nil {
		return none(err.Error())
	}
	n, err := Open(Config{})
	if err != nil {
		can := none("without owned tables faults of the network are not done: " + err.Error())
		can[NFTables], can[Owner] = "", err.Error()
		return can
	}
	defer n.Close() //nolint:errcheck // the namespace ends
	can := n.Can()
	can[Netem] = why(tryNetem())
	return can
}

// Can says of every feature but netem why it does not work in this namespace, "" for
// those that do. No packet meets what it tries.
func (n *Namespace) Can() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return none(errClosed.Error())
	}
	track := n.anchor()
	redirect := n.try(true, redirect(53)...)
	can := map[string]string{
		NFTables:  "",
		Owner:     "",
		NFQueue:   why(n.unqueued),
		Numgen:    why(n.try(false, random(0.5)...)),
		Connlimit: why(n.try(false, append(opening(), &expr.Connlimit{Count: 1})...)),
		Limit:     why(n.try(false, policed(1)...)),
		Reject:    why(n.try(false, append(resettable(), reset())...)),
		NAT:       why(n.try(true, pass())),
		Redirect:  why(redirect),
		Conntrack: why(errors.Join(track, n.try(false, stamp(1)...))),
		DNS:       why(errors.Join(track, redirect)),
	}
	for _, feature := range n.without {
		can[feature] = errWithout.Error()
	}
	return can
}

func why(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// tryNetem puts a queue that delays on the loopback interface of a namespace that
// will be gone.
func tryNetem() error {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return fmt.Errorf("open a netlink socket: %w", err)
	}
	defer c.Close()          //nolint:errcheck // it was only asked
	body := make([]byte, 20) // struct tcmsg
	binary.NativeEndian.PutUint32(body[4:], 1)
	binary.NativeEndian.PutUint32(body[12:], 1<<32-1) // TC_H_ROOT
	options := make([]byte, 24)                       // struct tc_netem_qopt
	binary.NativeEndian.PutUint32(options[4:], 1000)  // packets
	body = append(body, attributes(text(unix.TCA_KIND, "netem"), netlink.Attribute{Type: unix.TCA_OPTIONS, Data: options})...)
	_, err = c.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_NEWQDISC, Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl},
		Data:   body,
	})
	if err != nil {
		return fmt.Errorf("add a qdisc of netem: %w", err)
	}
	return nil
}

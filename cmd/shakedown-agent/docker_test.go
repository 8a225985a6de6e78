package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
)

const (
	image = "redis:7.0"
	label = "shakedown-agent-test"
)

// engine is one that answers and has the image.
func engine(t *testing.T) *client.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("starts containers; not with -short")
	}
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Skipf("no engine: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := c.ImageInspect(ctx, image); err != nil {
		t.Skipf("no engine that has %s: %v", image, err)
	}
	return c
}

// run creates a container that is gone with the test; start starts it.
func create(t *testing.T, c *client.Client, config container.Config, host container.HostConfig) string {
	t.Helper()
	config.Labels = map[string]string{label: t.Name()}
	made, err := c.ContainerCreate(t.Context(), &config, &host, nil, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.ContainerRemove(context.Background(), made.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
	})
	return made.ID
}

func start(t *testing.T, c *client.Client, id string) {
	t.Helper()
	if err := c.ContainerStart(t.Context(), id, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
}

// target is a cache that answers at an address of the engine's bridge.
func target(t *testing.T, c *client.Client, memory int64) (id, address string) {
	t.Helper()
	id = create(t, c, container.Config{Image: image}, container.HostConfig{Resources: container.Resources{Memory: memory}})
	start(t, c, id)
	seen, err := c.ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	address = net.JoinHostPort(seen.NetworkSettings.Networks["bridge"].IPAddress, "6379")
	eventually(t, "the target answers", func() bool { return reaches(address) })
	return id, address
}

// fill makes the cache at an address hold that many bytes.
func fill(t *testing.T, address string, bytes int) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(conn, "SETRANGE held %d x\r\n", bytes-1); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if want := fmt.Sprintf(":%d\r\n", bytes); err != nil || answer != want {
		t.Fatalf("the cache answers %q, %v; want %q", answer, err, want)
	}
}

func reaches(address string) bool {
	conn, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// eventually waits for what will be so in some seconds, and tells how long it took.
func eventually(t *testing.T, what string, is func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !is() {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(begin)
}

// attached is a container's standard input and output.
type attached struct {
	types.HijackedResponse
	out *io.PipeReader
}

func (a attached) Read(b []byte) (int, error)  { return a.out.Read(b) }
func (a attached) Write(b []byte) (int, error) { return a.Conn.Write(b) }
func (a attached) Close() error                { a.HijackedResponse.Close(); return a.out.Close() }

// beside starts an agent beside a target, as the stack does.
func beside(t *testing.T, c *client.Client, host container.HostConfig, hello order.Hello, sink link.Sink) (id string, conn attached, l *link.Link) {
	t.Helper()
	host.CapDrop, host.ReadonlyRootfs = []string{"ALL"}, true
	host.Binds = []string{program(t) + ":/shakedown-agent:ro"}
	id = create(t, c, container.Config{
		Image: image, Entrypoint: []string{"/shakedown-agent", "chaos"}, Cmd: []string{}, User: "0",
		OpenStdin: true, StdinOnce: true, AttachStdin: true, AttachStdout: true, AttachStderr: true,
	}, host)
	stream, err := c.ContainerAttach(t.Context(), id, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = stdcopy.StdCopy(in, io.Discard, stream.Reader)
		_ = in.Close()
	}()
	conn = attached{stream, out}
	t.Cleanup(func() { _ = conn.Close(); <-copied })
	start(t, c, id)
	hello.Lease = 5 * time.Second
	l, err = link.Connect(t.Context(), conn, hello, clock.Start(), sink)
	if err != nil {
		t.Fatal(err)
	}
	return id, conn, l
}

func exitCode(t *testing.T, c *client.Client, id string) int64 {
	t.Helper()
	done, failed := c.ContainerWait(t.Context(), id, container.WaitConditionNotRunning)
	select {
	case status := <-done:
		return status.StatusCode
	case err := <-failed:
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
	return 0
}

func TestAPartitionEndsWithHarnessAndWithAgent(t *testing.T) {
	c := engine(t)
	for _, end := range []struct {
		name string
		// of returns the exit code of the agent that is wanted.
		of func(id string, conn attached) int64
	}{
		{"the harness's connection closes", func(_ string, conn attached) int64 { _ = conn.Close(); return 0 }},
		{"the agent is killed", func(id string, _ attached) int64 {
			if err := c.ContainerKill(t.Context(), id, "KILL"); err != nil {
				t.Fatal(err)
			}
			return 137
		}},
		{"the agent is stopped", func(id string, _ attached) int64 {
			if err := c.ContainerKill(t.Context(), id, "TERM"); err != nil {
				t.Fatal(err)
			}
			return 0
		}},
	} {
		t.Run(end.name, func(t *testing.T) {
			id, address := target(t, c, 0)
			gone := make(chan error, 1)
			agent, conn, l := beside(t, c, container.HostConfig{NetworkMode: container.NetworkMode("container:" + id), CapAdd: []string{"NET_ADMIN"}},
				order.Hello{Namespace: true}, link.Sink{Gone: func(err error) { gone <- err }})
			if why := l.Ready().Can["nftables"]; why != "" {
				t.Skipf("no nftables here: %s", why)
			}
			begin := time.Now()
			if err := l.Apply(t.Context(), order.Fault{ID: "partition", Packets: &order.Packets{Kind: order.Partition, Direction: order.Both}}); err != nil {
				t.Fatal(err)
			}
			t.Logf("applied in %s", time.Since(begin))
			if reaches(address) {
				t.Fatal("it is reached in spite of the partition")
			}
			want := end.of(agent, conn)
			took := eventually(t, "the target answers again", func() bool { return reaches(address) })
			t.Logf("back after %s", took)
			if took > 5*time.Second {
				t.Errorf("it took %s, longer than the lease", took)
			}
			if got := exitCode(t, c, agent); got != want {
				t.Errorf("the agent's exit code is %d, want %d", got, want)
			}
			<-gone
			_ = l.Close()
		})
	}
}

func TestTheKernelKillsTheTargetAndNotTheHelperBeforeIt(t *testing.T) {
	c := engine(t)
	info, err := c.Info(t.Context())
	if err != nil || info.CgroupDriver != "cgroupfs" {
		t.Skipf("the control group of a container is not known here: %v", err)
	}
	id, address := target(t, c, 48<<20)
	// The kernel compares sizes. An empty cache whose program is not in memory is
	// smaller than any agent; nothing that is worth a test is.
	fill(t, address, 8<<20)
	helper, _, l := beside(t, c, container.HostConfig{NetworkMode: "none", Resources: container.Resources{CgroupParent: "/docker/" + id}},
		order.Hello{Pressure: true}, link.Sink{})
	if err := l.Apply(t.Context(), order.Fault{ID: "oom", Pressure: &order.Pressure{Memory: 48 << 20, OOM: true}}); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, c, id); code != 137 {
		t.Errorf("the target's exit code is %d, want 137", code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	reading, err := l.Probe(ctx, order.Probe{Usage: true})
	if err != nil {
		// The memory of a process that was killed is free some milliseconds later; a
		// kernel that wants it sooner kills whoever is left. The engine takes it for
		// what was meant; a helper that ends by itself it must not be.
		if code := exitCode(t, c, helper); code != 137 {
			t.Fatalf("the helper ended with code %d and does not answer: %v", code, err)
		}
		_ = l.Close()
		t.Log("the kernel killed the helper after the target")
		return
	}
	t.Logf("the helper holds %.0f MiB", reading.Value/(1<<20))
	if counters, err := l.Revert(ctx, "oom"); err != nil || counters["bytes"] == 0 {
		t.Errorf("reverted: %v %v", counters, err)
	}
	if err := l.Close(); err != nil && !errors.Is(err, io.EOF) {
		t.Error(fmt.Errorf("close: %w", err))
	}
}

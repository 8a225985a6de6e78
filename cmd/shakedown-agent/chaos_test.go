package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/chaos/authority"
	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/gateway"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if built {
			path, _ := build()
			_ = os.RemoveAll(filepath.Dir(path))
		}
		os.Exit(code)
	}))
}

var built bool

// build is the program as users get it.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "shakedown-agent")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "shakedown-agent")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds shakedown-agent; not with -short")
	}
	built = true
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// pipes is a connection to a process.
type pipes struct {
	io.Reader
	io.WriteCloser
	out io.Closer
}

func (p pipes) CloseWrite() error { return p.WriteCloser.Close() }
func (p pipes) Close() error      { _ = p.WriteCloser.Close(); return p.out.Close() }

// process starts an agent.
func process(t *testing.T) (*exec.Cmd, pipes) {
	t.Helper()
	cmd := exec.Command(program(t), "chaos")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, pipes{out, in, out}
}

// connected is an agent that has become what hello says.
func connected(t *testing.T, hello order.Hello, sink link.Sink) (*exec.Cmd, *link.Link) {
	t.Helper()
	cmd, conn := process(t)
	if hello.Lease == 0 {
		hello.Lease = 5 * time.Second
	}
	l, err := link.Connect(t.Context(), conn, hello, clock.Start(), sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return cmd, l
}

func TestTheAgentIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("lists packages; not with -short")
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(string(out)) {
		for _, heavy := range []string{"yaml", "prometheus", "docker", "compose-go", "k8s.io", "pgx", "sqlite", "urfave", "jsonschema", "shakedown/harness/stack"} {
			if strings.Contains(path, heavy) || strings.HasSuffix(path, "shakedown/scenarios") {
				t.Errorf("it has %s in it, which is %s", path, heavy)
			}
		}
	}
}

func TestVersionTellsBothProtocols(t *testing.T) {
	out, err := exec.Command(program(t), "version").Output()
	if want := fmt.Sprintf("protocol %d of gateways, %d of faults\n", gateway.Protocol, order.Protocol); err != nil || !strings.HasSuffix(string(out), want) {
		t.Errorf("it says %q, %v", out, err)
	}
}

func TestAProxyInFront(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()
	calls := make(chan order.Calls, 100)
	_, l := connected(t, order.Hello{Proxy: &order.Proxy{Service: "api", Listen: "127.0.0.1:0", Upstream: server.Listener.Addr().String(), Calls: true}},
		link.Sink{Calls: func(c order.Calls) { calls <- c }})
	if err := l.Name("127.0.0.1", "web-1"); err != nil {
		t.Error(err)
	}
	if err := l.Name("nobody", "web-1"); err == nil {
		t.Error("nobody has an address")
	}
	get := func(want int) {
		t.Helper()
		resp, err := http.Get("http://" + l.Ready().Listening + "/x")
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("status %d, want %d", resp.StatusCode, want)
		}
	}
	defer http.DefaultClient.CloseIdleConnections()
	get(http.StatusOK)
	if err := l.Apply(t.Context(), order.Fault{ID: "errors", HTTP: &order.HTTP{Errors: &order.Errors{Statuses: map[int]int{503: 1}}}}); err != nil {
		t.Fatal(err)
	}
	get(http.StatusServiceUnavailable)
	counters, err := l.Revert(t.Context(), "errors")
	if err != nil || counters["requests"] != 1 || counters["injected"] != 1 {
		t.Errorf("reverted: %v %v", counters, err)
	}
	get(http.StatusOK)
	for _, f := range []order.Fault{{ID: "a", Packets: &order.Packets{Kind: order.Delay}}, {ID: "b", HTTP: &order.HTTP{Egress: &order.Egress{}}}, {ID: "c", Pressure: &order.Pressure{Cores: 1}}} {
		if err := l.Apply(t.Context(), f); err == nil {
			t.Errorf("a proxy did %s", f.ID)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	close(calls)
	var sum order.Calls
	for c := range calls {
		sum.Total += c.Total
		sum.Injected += c.Injected
		sum.Calls = append(sum.Calls, c.Calls...)
	}
	if sum.Total != 3 || sum.Injected != 1 || len(sum.Calls) != 3 || sum.Calls[0].Caller != "web-1" {
		t.Errorf("told of %+v", sum)
	}
}

func TestAThirdParty(t *testing.T) {
	from, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	third := order.ThirdParty{TLS: true, Names: []string{"pay.example"}, Routes: []order.Route{{Method: "GET", Path: "/ok", Status: 201}}}
	_, l := connected(t, order.Hello{Authority: &from, Proxy: &order.Proxy{Service: "payments", Listen: "127.0.0.1:0", KeyHeader: "Idempotency-Key", ThirdParty: &third}}, link.Sink{})
	opened, err := authority.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	transport.TLSClientConfig = &tls.Config{RootCAs: opened.Pool()}
	defer transport.CloseIdleConnections()
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Ready().Listening)
	}
	resp, err := (&http.Client{Transport: transport}).Get("https://pay.example/ok")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 201 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestResources(t *testing.T) {
	_, l := connected(t, order.Hello{Pressure: true}, link.Sink{})
	if why, tried := l.Ready().Can["memfd"]; !tried || why != "" {
		t.Skipf("memory cannot be held here: %s", why)
	}
	if err := l.Apply(t.Context(), order.Fault{ID: "memory", Pressure: &order.Pressure{Memory: 1 << 20}}); err != nil {
		t.Fatal(err)
	}
	if r, err := l.Probe(t.Context(), order.Probe{Usage: true}); err != nil || r.Value != 1<<20 {
		t.Errorf("usage: %+v %v", r, err)
	}
	if counters, err := l.Revert(t.Context(), "memory"); err != nil || counters["bytes"] != 1<<20 {
		t.Errorf("reverted: %v %v", counters, err)
	}
	if r, err := l.Probe(t.Context(), order.Probe{Usage: true}); err != nil || r.Value != 0 {
		t.Errorf("usage after: %+v %v", r, err)
	}
}

func TestItSaysWhatItCanDo(t *testing.T) {
	_, l := connected(t, order.Hello{}, link.Sink{})
	can := l.Ready().Can
	for _, what := range []string{"nftables", "nfqueue", "redirect", "dns", "memfd"} {
		if _, tried := can[what]; !tried {
			t.Errorf("nothing is said of %s: %v", what, can)
		}
	}
	if err := l.Apply(t.Context(), order.Fault{ID: "a", Packets: &order.Packets{Kind: order.Delay}}); err == nil {
		t.Error("it did a fault")
	}
}

func TestItEndsWhenItIsTold(t *testing.T) {
	for name, tell := range map[string]func(*exec.Cmd, pipes){
		"end of input": func(_ *exec.Cmd, p pipes) { _ = p.CloseWrite() },
		"SIGTERM":      func(c *exec.Cmd, _ pipes) { _ = c.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			cmd, conn := process(t)
			if _, err := fmt.Fprintln(conn, `{"id":1,"hello":{"protocol":1,"lease":60000000000,"pressure":true}}`); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintln(conn, `{"id":2,"apply":{"id":"m","seed":1,"for":1,"pressure":{"memory":4096}}}`); err != nil {
				t.Fatal(err)
			}
			said := make([]byte, 4096)
			heard := ""
			for !strings.Contains(heard, `{"id":2}`) {
				n, err := conn.Read(said)
				if err != nil {
					t.Fatalf("it said %s: %v", heard, err)
				}
				heard += string(said[:n])
			}
			_ = cmd.Process.Signal(syscall.SIGINT) // is for the harness
			tell(cmd, conn)
			rest, _ := io.ReadAll(conn)
			if want := `{"counters":{"bytes":4096},"reverted":"m","by":"end"}`; !strings.Contains(string(rest), want) {
				t.Errorf("its last words: %s", rest)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestItIsLight logs what an idle agent costs, and holds it to what is promised
// as far as that does not depend on what else the machine does.
func TestItIsLight(t *testing.T) {
	for name, hello := range map[string]order.Hello{
		"resources": {Pressure: true},
		"proxy":     {Proxy: &order.Proxy{Service: "api", Listen: "127.0.0.1:0", Upstream: "127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			program(t)
			begin := time.Now()
			cmd, _ := connected(t, hello, link.Sink{})
			start := time.Since(begin)
			pid := cmd.Process.Pid
			before := cpuTime(t, pid)
			const span = 3 * time.Second
			if os.Getenv("SHAKEDOWN_MEASURE") != "" {
				time.Sleep(span)
				t.Logf("idle: %.2f %% of a core", 100*(cpuTime(t, pid)-before).Seconds()/span.Seconds())
			}
			rss := resident(t, pid)
			t.Logf("ready after %s, %.1f MiB resident", start, float64(rss)/(1<<20))
			if rss > 15<<20 {
				t.Errorf("it is resident with %.1f MiB, over 15", float64(rss)/(1<<20))
			}
		})
	}
}

func resident(t *testing.T, pid int) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// cpuTime is what a process has used, by its threads' own counts.
func cpuTime(t *testing.T, pid int) (used time.Duration) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has ended
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		used += time.Duration(ns)
	}
	return used
}

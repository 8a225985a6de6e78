package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/journal"
)

// duplex is one end of a connection made of two pipes.
type duplex struct {
	io.Reader
	io.Writer
	close func() error
}

func (d duplex) Close() error { return d.close() }

// inProcess runs an agent on pipes; what it returns comes over the channel.
func inProcess() (io.ReadWriteCloser, <-chan error) {
	commands, in := io.Pipe()
	out, replies := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := ServeAgent(commands, replies)
		_ = replies.Close()
		ended <- err
	}()
	return duplex{out, in, func() error { _ = out.Close(); return in.Close() }}, ended
}

// subprocess runs the real agent.
func subprocess(t *testing.T) (io.ReadWriteCloser, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(agentBinary(t), "gateway")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return duplex{out, in, func() error { return in.Close() }}, cmd
}

var builtAgent string

func agentBinary(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds shakedown-agent; not with -short")
	}
	if builtAgent == "" {
		dir, err := os.MkdirTemp("", "shakedown-agent")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "shakedown-agent")
		build := exec.Command("go", "build", "-o", path, "../../cmd/shakedown-agent")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
		builtAgent = path
	}
	return builtAgent
}

func linkConfig() Config {
	return Config{Service: "api", Listen: "127.0.0.1:0", First: 1, Ready: Probe{Period: 5 * time.Millisecond}}
}

func TestLink(t *testing.T) {
	t.Run("in process", func(t *testing.T) {
		conn, ended := inProcess()
		wholeLife(t, conn)
		if err := <-ended; err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	})
	t.Run("agent", func(t *testing.T) {
		conn, cmd := subprocess(t)
		wholeLife(t, conn)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	})
}

// wholeLife takes a link from its beginning to its end.
func wholeLife(t *testing.T, conn io.ReadWriteCloser) {
	r, clk := newRecorder(), clock.Start()
	l, err := Connect(t.Context(), conn, linkConfig(), clk, r.emit, nil)
	if err != nil {
		t.Fatal(err)
	}
	await(t, r, func(n journal.Note) bool { return strings.Contains(n.Text, "clock is known to ±") })
	if err := l.Add("api-1", upstream(t, answers(okResponse))); err != nil {
		t.Fatal(err)
	}
	awaitListed(t, r, "api-1")
	if status := l.Status("api-1"); status != "listed" {
		t.Errorf("status %q", status)
	}
	from := clk.Now()
	for _, path := range []string{"/1", "/2"} {
		fetch(t, l, path)
	}
	to := clk.Now()
	first, end := requestAt(t, r, "/1")
	const tolerance = 100 * time.Millisecond // of the measured offset; TestLinkConvertsTimes is exact
	if first.Start < from-tolerance || end > to+tolerance || first.Start > end {
		t.Errorf("request from %s to %s, sent between %s and %s", first.Start, end, from, to)
	}
	if err := l.Add("api-1", "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("add again: %v", err)
	}
	if err := l.Terminate("api-1", 0); err != nil {
		t.Error(err)
	}
	if err := l.Remove("api-1"); err != nil {
		t.Error(err)
	}
	await(t, r, func(e journal.EndpointRemoved) bool { return e.Reason == "terminating" })
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
	<-l.Done()
	if sum := totals(r); sum.Total != 2 || sum.Individual != 1 {
		t.Errorf("tallies %+v", sum)
	}
	if err := l.Remove("api-1"); err == nil {
		t.Error("a command after close: no error")
	}
	for _, n := range of[journal.Note](r) {
		if n.Level == "warning" {
			t.Errorf("warning %q", n.Text)
		}
	}
}

func fetch(t *testing.T, l *Link, path string) {
	t.Helper()
	conn, err := net.Dial("tcp", l.Listening())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("got %+v, %v", resp, err)
	}
}

func TestLinkReportsATakenPort(t *testing.T) {
	g, _ := start(t, Config{})
	cfg := linkConfig()
	cfg.Listen = g.Listening()
	conn, ended := inProcess()
	_, err := Connect(t.Context(), conn, cfg, clock.Start(), newRecorder().emit, nil)
	if err == nil || !strings.Contains(err.Error(), "is taken") {
		t.Errorf("got %v", err)
	}
	<-ended
}

func TestLinkNoticesTheDeathOfTheAgent(t *testing.T) {
	conn, cmd := subprocess(t)
	r := newRecorder()
	l, err := Connect(t.Context(), conn, linkConfig(), clock.Start(), r.emit, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	<-l.Done()
	await(t, r, func(n journal.Note) bool { return n.Level == "warning" && strings.Contains(n.Text, "ended unasked") })
	if err := l.Add("api-1", "127.0.0.1:1"); err == nil {
		t.Error("add to a dead gateway: no error")
	}
	if err := l.Close(); err == nil {
		t.Error("close of a dead gateway: no error")
	}
}

func TestAgentEndsWithItsInput(t *testing.T) {
	conn, cmd := subprocess(t)
	if _, err := Connect(t.Context(), conn, linkConfig(), clock.Start(), newRecorder().emit, nil); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close() // the harness dies
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent ended with %v, want status 0", err)
	}
}

// An interrupt on the terminal is for the harness; SIGTERM ends the agent in
// order.
func TestAgentAndSignals(t *testing.T) {
	conn, cmd := subprocess(t)
	r := newRecorder()
	l, err := Connect(t.Context(), conn, linkConfig(), clock.Start(), r.emit, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Add("api-1", upstream(t, answers(okResponse))); err != nil {
		t.Fatal(err)
	}
	awaitListed(t, r, "api-1")
	_ = cmd.Process.Signal(os.Interrupt)
	fetch(t, l, "/after-interrupt")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	<-l.Done()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent ended with %v, want status 0", err)
	}
	requestAt(t, r, "/after-interrupt")
}

func TestConnectToSomethingElse(t *testing.T) {
	for _, test := range []struct{ name, says, want string }{
		{"not an agent", "exec: no such file\n", `it says "exec: no such file"`},
		{"nothing", "", "ended at once"},
		{"other version", `{"hello":99}` + "\n", "build both from one version"},
		{"endless line", strings.Repeat("x", maxLine+1), "longer than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn := duplex{strings.NewReader(test.says), io.Discard, func() error { return nil }}
			_, err := Connect(t.Context(), conn, linkConfig(), clock.Start(), newRecorder().emit, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestConnectGivesUpWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	conn := duplex{r, writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil }), w.Close}
	_, err := Connect(ctx, conn, linkConfig(), clock.Start(), newRecorder().emit, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// fakeAgent answers a handshake, its clock standing at 1 ns, then says more and
// ends.
func fakeAgent(more string) io.ReadWriteCloser {
	commands, in := io.Pipe()
	out, replies := io.Pipe()
	go func() {
		lines := bufio.NewScanner(commands)
		for _, answer := range append([]string{fmt.Sprintf(`{"hello":%d}`, Protocol)}, strings.Split(strings.Repeat(`{"now":1},`, syncRounds)+`{"listening":"x"}`, ",")...) {
			if !lines.Scan() {
				return
			}
			_, _ = io.WriteString(replies, answer+"\n")
		}
		_, _ = io.WriteString(replies, more)
		_ = replies.Close()
		_, _ = io.Copy(io.Discard, commands)
	}()
	return duplex{out, in, func() error { _ = out.Close(); return in.Close() }}
}

// What happened at the agent's time of the handshake happened at the run's time
// of the handshake.
func TestLinkConvertsTimes(t *testing.T) {
	r, clk := newRecorder(), clock.Start()
	before := clk.Now()
	conn := fakeAgent(`{"event":{"t":1,"type":"request","body":{"path":"/x","start":1,"conn_age":5}}}` + "\n")
	l, err := Connect(t.Context(), conn, linkConfig(), clk, r.emit, nil)
	if err != nil {
		t.Fatal(err)
	}
	after := clk.Now()
	<-l.Done()
	q, at := requestAt(t, r, "/x")
	if at < before || at > after || q.Start != at || q.ConnAge != 5 {
		t.Errorf("request %+v at %s, want it between %s and %s", q, at, before, after)
	}
	_ = l.Close()
}

// What an agent says in its last moment reaches the reader of the run.
func TestLastWordsOfTheAgent(t *testing.T) {
	r := newRecorder()
	l, err := Connect(t.Context(), fakeAgent("fatal error: out of memory\n"), linkConfig(), clock.Start(), r.emit, nil)
	if err != nil {
		t.Fatal(err)
	}
	<-l.Done()
	await(t, r, func(n journal.Note) bool {
		return strings.Contains(n.Text, "its last words: fatal error: out of memory")
	})
	_ = l.Close()
}

func TestAgentRefusesWhatIsNoCommand(t *testing.T) {
	for _, input := range []string{"hello\n", "{\"add\":7}\n", "[]\n", "{\"hello\":1}"} {
		if err := ServeAgent(strings.NewReader(input), io.Discard); err == nil {
			t.Errorf("%q: no error", input)
		}
	}
	var out strings.Builder
	if err := ServeAgent(strings.NewReader(`{"id":1,"remove":"x"}`+"\n"+`{"id":2}`+"\n"), &out); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "no gateway yet") {
		t.Errorf("said %q", out.String())
	}
}

// The agent is copied into every stack: it must stay small.
func TestAgentDependsOnLittle(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../../cmd/shakedown-agent").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		for _, heavy := range []string{"yaml", "prometheus", "docker", "urfave", "compose", "jsonschema", "vegeta"} {
			if strings.Contains(name, heavy) {
				t.Errorf("shakedown-agent depends on %s", name)
			}
		}
	}
}

func FuzzEventLine(f *testing.F) {
	for _, body := range []journal.Body{journal.Request{Path: "/", Start: 7}, journal.Tally{Failed: map[journal.Failure]int{"reset": 2}},
		journal.EndpointAdded{Initialized: new(bool)}, journal.Note{Text: "x"}, journal.SessionSignal{Account: "a"}} {
		line, err := encodeEvent(journal.Event{T: 5, Body: body})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line.Type, []byte(line.Body), int64(line.T))
	}
	f.Fuzz(func(t *testing.T, kind string, body []byte, at int64) {
		e, err := (&eventLine{T: time.Duration(at), Type: kind, Body: body}).event(3)
		if err != nil {
			return
		}
		if e.Body.Kind() != kind || e.T != time.Duration(at)+3 {
			t.Fatalf("decoded %+v", e)
		}
		again, err := encodeEvent(e)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := again.event(0); err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%+v became %+v, %v", e, back, err)
		}
	})
}

func FuzzAgentInput(f *testing.F) {
	f.Add([]byte(`{"hello":1}` + "\n" + `{"ping":2}` + "\n"))
	f.Add([]byte(`{"id":1,"add":{"instance":"a","addr":"b"}}` + "\n" + `{"id":2,"terminate":{"instance":"a","lag":5}}` + "\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		if strings.Contains(strings.ToLower(string(input)), "config") {
			return // opens ports
		}
		var out strings.Builder
		_ = ServeAgent(strings.NewReader(string(input)), &out)
		for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			if line != "" && line[0] != '{' {
				t.Fatalf("said %q", line)
			}
		}
	})
}

package link_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/agent"
	"github.com/shakedown-dev/shakedown/chaos/link"
	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/clock"
)

// injector remembers what is in force and what happened.
type injector struct {
	mu     sync.Mutex
	force  map[string]bool
	events []string
	refuse error // of Revert
	hold   chan struct{}
}

func newInjector() *injector { return &injector{force: map[string]bool{}} }

func (i *injector) Apply(f order.Fault) error {
	if i.hold != nil {
		<-i.hold
	}
	if f.DNS != nil {
		return errors.New("no look-ups here")
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.force[f.ID] = true
	i.events = append(i.events, "+"+f.ID)
	return nil
}

func (i *injector) Revert(id string) (map[string]int64, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse != nil {
		return nil, i.refuse
	}
	if !i.force[id] {
		return nil, nil
	}
	delete(i.force, id)
	i.events = append(i.events, "-"+id)
	return map[string]int64{"packets": 7}, nil
}

func (i *injector) Counters() map[string]map[string]int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := map[string]map[string]int64{}
	for id := range i.force {
		all[id] = map[string]int64{"packets": 3}
	}
	return all
}

func (i *injector) Close() error { return nil }

func (i *injector) story() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.events, " ")
}

// half is a connection of which each direction can be closed alone, as an
// attached container's.
type half struct {
	io.Reader
	io.Writer
	in, out io.Closer
}

func (h half) CloseWrite() error { return h.out.Close() }
func (h half) Close() error      { _ = h.out.Close(); return h.in.Close() }

// far is an agent on pipes.
type far struct {
	injector *injector
	voice    agent.Voice
	ended    chan error
}

func serve() (half, *far) {
	commands, in := io.Pipe()
	out, replies := io.Pipe()
	f := &far{injector: newInjector(), ended: make(chan error, 1)}
	go func() {
		err := agent.Serve(commands, replies, agent.Deps{Become: f.become})
		_ = commands.Close()
		_ = replies.Close()
		f.ended <- err
	}()
	return half{out, in, out, in}, f
}

func (f *far) become(h order.Hello, v agent.Voice) (agent.Body, error) {
	f.voice = v
	if h.Proxy != nil && h.Proxy.Listen == "taken" {
		return agent.Body{}, errors.New("port 443 is taken")
	}
	return agent.Body{
		Ready:    order.Ready{Listening: "10.0.0.7:8080"},
		Injector: func(order.Fault) (order.Injector, error) { return f.injector, nil },
		Held:     func() int64 { return 4096 },
	}, nil
}

// told is what reached a sink.
type told struct {
	mu    sync.Mutex
	lines []string
	calls []order.Calls
	gone  chan error
}

func (s *told) sink() link.Sink {
	s.gone = make(chan error, 1)
	return link.Sink{
		Agent:    "agent beside api-2",
		Counters: func(fault string, c map[string]int64) { s.add(fmt.Sprintf("%s %v", fault, c)) },
		Calls: func(c order.Calls) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.calls = append(s.calls, c)
		},
		Reverted: func(fault, by string) { s.add(fault + " by " + by) },
		Gone:     func(err error) { s.gone <- err },
	}
}

func (s *told) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *told) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

const lease = 4 * time.Second

// inVirtualTime connects to an agent with a lease of 4 s.
func inVirtualTime(t *testing.T, test func(t *testing.T, l *link.Link, f *far, s *told)) {
	synctest.Test(t, func(t *testing.T) {
		conn, f := serve()
		s := &told{}
		l, err := link.Connect(t.Context(), conn, order.Hello{Lease: lease, Namespace: true}, clock.Start(), s.sink())
		if err != nil {
			t.Fatal(err)
		}
		test(t, l, f, s)
		_ = l.Close()
		<-f.ended
	})
}

func packets(id string) order.Fault {
	return order.Fault{ID: id, Packets: &order.Packets{Kind: order.Delay, Direction: order.Both}}
}

func apply(t *testing.T, l *link.Link, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := l.Apply(t.Context(), packets(id)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConversation(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, s *told) {
		if got := l.Ready(); got.Listening != "10.0.0.7:8080" || got.Protocol != order.Protocol {
			t.Errorf("ready: %+v", got)
		}
		apply(t, l, "delay")
		if err := l.Apply(t.Context(), packets("delay")); err == nil || !strings.Contains(err.Error(), "apply delay: delay is in force already") {
			t.Errorf("second apply: %v", err)
		}
		err := l.Apply(t.Context(), order.Fault{ID: "dns", DNS: &order.DNS{}})
		if err == nil || err.Error() != "apply dns: no look-ups here" {
			t.Errorf("refused apply: %v", err)
		}
		counters, err := l.Revert(t.Context(), "delay")
		if err != nil || counters["packets"] != 7 {
			t.Errorf("revert: %v %v", counters, err)
		}
		if counters, err := l.Revert(t.Context(), "dns"); err != nil || counters != nil {
			t.Errorf("revert of what is not there: %v %v", counters, err)
		}
		reading, err := l.Probe(t.Context(), order.Probe{Usage: true})
		if err != nil || reading.Value != 4096 || reading.Unit != "B" {
			t.Errorf("probe: %+v %v", reading, err)
		}
		if err := l.Name("10.0.0.9", "web-1"); err != nil {
			t.Error(err)
		}
		if got := f.injector.story(); got != "+delay -delay" {
			t.Errorf("the injector saw %s", got)
		}
	})
}

func TestCountersOnceASecondWhileInForce(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, _ *far, s *told) {
		apply(t, l, "a", "b")
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		line := "map[packets:3]"
		want := strings.Join([]string{"a " + line, "b " + line, "a " + line, "b " + line}, "\n")
		if s.all() != want {
			t.Errorf("told:\n%s\nwant:\n%s", s.all(), want)
		}
	})
}

func TestLeaseIsRenewedByItself(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, s *told) {
		apply(t, l, "a")
		time.Sleep(10 * lease)
		synctest.Wait()
		if got := f.injector.story(); got != "+a" {
			t.Errorf("after ten leases: %s", got)
		}
	})
}

func TestAHarnessThatHangsLosesItsFaultsAndIsTold(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, s *told) {
		apply(t, l, "a", "b")
		l.Pause(3 * lease / 2)
		time.Sleep(lease - time.Millisecond)
		synctest.Wait()
		if got := f.injector.story(); got != "+a +b" {
			t.Errorf("before the end of the lease: %s", got)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if got := f.injector.story(); got != "+a +b -b -a" {
			t.Errorf("after the end of the lease: %s", got)
		}
		// What is counted once a second, at the very moment, may still come behind it.
		if want := "b map[packets:7]\nb by lease\na map[packets:7]\na by lease"; !strings.Contains(s.all(), want) {
			t.Errorf("told:\n%s", s.all())
		}
		time.Sleep(2 * lease) // it is there again
		apply(t, l, "a")
		time.Sleep(3 * lease)
		synctest.Wait()
		if got := f.injector.story(); got != "+a +b -b -a +a" {
			t.Errorf("after it came back: %s", got)
		}
	})
}

func TestCloseRevertsInReverseAndTellsNothingMore(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, s *told) {
		apply(t, l, "a", "b", "c")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-l.Done():
		default:
			t.Error("closed, and not done")
		}
		if got := f.injector.story(); got != "+a +b +c -c -b -a" {
			t.Errorf("the injector saw %s", got)
		}
		if strings.Contains(s.all(), " by ") {
			t.Errorf("what was asked for was told as news:\n%s", s.all())
		}
		if len(s.gone) != 0 {
			t.Errorf("it is said to have gone: %v", <-s.gone)
		}
		if err := l.Apply(t.Context(), packets("d")); err == nil || !strings.Contains(err.Error(), "the agent beside api-2 was closed") {
			t.Errorf("apply after the end: %v", err)
		}
	})
}

func TestCloseTellsWhatCouldNotBeReverted(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, _ *told) {
		apply(t, l, "a")
		f.injector.mu.Lock()
		f.injector.refuse = errors.New("the kernel says no")
		f.injector.mu.Unlock()
		err := l.Close()
		if err == nil || err.Error() != "the agent beside api-2 could not revert a: the kernel says no" {
			t.Errorf("close: %v", err)
		}
	})
}

func TestAnErrorOfApplyLeavesNothing(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, _ *told) {
		f.injector.hold = make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := l.Apply(ctx, packets("slow"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("apply: %v", err)
		}
		close(f.injector.hold)
		synctest.Wait()
		if got := f.injector.story(); got != "+slow -slow" {
			t.Errorf("the injector saw %s", got)
		}
	})
}

func TestSlowFaultsKeepNobodyWaiting(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, _ *told) {
		f.injector.hold = make(chan struct{})
		applied := make(chan error, 1)
		go func() { applied <- l.Apply(t.Context(), packets("slow")) }()
		synctest.Wait()
		if _, err := l.Probe(t.Context(), order.Probe{Usage: true}); err != nil {
			t.Error(err)
		}
		time.Sleep(3 * lease) // heartbeats go on
		close(f.injector.hold)
		if err := <-applied; err != nil {
			t.Error(err)
		}
	})
}

func TestTimesAreTheRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.Start()
		time.Sleep(time.Hour) // before the agent starts
		conn, f := serve()
		s := &told{}
		l, err := link.Connect(t.Context(), conn, order.Hello{Lease: lease}, clk, s.sink())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		f.voice.Calls(order.Calls{At: f.voice.Clock.Now(), Total: 1, Calls: []order.Call{{At: f.voice.Clock.Now() - time.Second, Method: "GET"}}})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		want := []order.Calls{{At: time.Hour + time.Minute, Total: 1, Calls: []order.Call{{At: time.Hour + time.Minute - time.Second, Method: "GET"}}}}
		if !reflect.DeepEqual(s.calls, want) {
			t.Errorf("calls %+v, want %+v", s.calls, want)
		}
		<-f.ended
	})
}

func TestASlowSinkDoesNotHoldAnswersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, f := serve()
		blocked := make(chan struct{})
		var seen []int
		sink := link.Sink{Calls: func(c order.Calls) { <-blocked; seen = append(seen, c.Total) }}
		l, err := link.Connect(t.Context(), conn, order.Hello{Lease: lease}, clock.Start(), sink)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			f.voice.Calls(order.Calls{Total: n + 1})
		}
		apply(t, l, "a")
		close(blocked)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for n, total := range seen {
			if total != n+1 {
				t.Fatalf("out of order: %v", seen)
			}
		}
		if len(seen) != 100 {
			t.Errorf("%d of 100 calls came", len(seen))
		}
		<-f.ended
	})
}

func TestAFaultThatFailsIsTakenBackAndTold(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, l *link.Link, f *far, s *told) {
		apply(t, l, "a")
		f.voice.Failed("a", errors.New("the queue was closed"))
		f.voice.Failed("unknown", errors.New("nothing"))
		synctest.Wait()
		if want := "a map[packets:7]\na by failed"; s.all() != want {
			t.Errorf("told:\n%s", s.all())
		}
	})
}

// answering connects to somebody who answers lines by a function.
func answering(t *testing.T, hello order.Hello, answer func(line string) string) error {
	t.Helper()
	near, other := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer other.Close()
		in := bufio.NewScanner(other)
		for in.Scan() {
			said := answer(in.Text())
			if _, err := io.WriteString(other, said); err != nil || !strings.HasPrefix(said, "{") {
				return
			}
		}
	}()
	l, err := link.Connect(t.Context(), near, hello, clock.Start(), link.Sink{})
	if err == nil {
		_ = l.Close()
	}
	<-done
	return err
}

func TestConnectSaysWhoAnswersWrong(t *testing.T) {
	for _, test := range []struct {
		name   string
		hello  order.Hello
		answer string
		want   string
	}{
		{"another version", order.Hello{Lease: lease, Proxy: &order.Proxy{Service: "api"}}, `{"id":1,"ready":{"protocol":9},"error":"no"}` + "\n",
			"connect to the proxy of api: shakedown-agent speaks protocol 9, this shakedown 1: build both from one version"},
		{"a gateway", order.Hello{Lease: lease, Namespace: true}, `{"id":1}` + "\n",
			"connect to the network agent: what answers is not shakedown-agent chaos: it was greeted and is not ready; build agent and shakedown from one version"},
		{"a crash", order.Hello{Lease: lease, Pressure: true}, "exec format error",
			"connect to the resource agent: the resource agent ended unasked, and its faults with it; see its log"},
		{"a panic", order.Hello{Lease: lease}, "panic: nil map\n",
			`connect to the agent: the agent ended unasked, and its faults with it; see its log; its last words: "panic: nil map"`},
		{"a port that is taken", order.Hello{Lease: lease, Proxy: &order.Proxy{Service: "pay", ThirdParty: &order.ThirdParty{}}}, `{"id":1,"error":"listen on :443: permission denied"}` + "\n",
			"connect to the third party pay: listen on :443: permission denied"},
		{"no lease", order.Hello{}, "", "connect to the agent: a lease of 0s is none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := 0
			err := answering(t, test.hello, func(string) string {
				if n++; n > 1 || test.answer == "" {
					return ""
				}
				return test.answer
			})
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestRealAgentRefusesAnotherVersion(t *testing.T) {
	conn, f := serve()
	if _, err := io.WriteString(conn, `{"id":1,"hello":{"protocol":99,"lease":5,"what":{}}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	var r order.Reply
	if err := json.NewDecoder(conn).Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Ready == nil || r.Ready.Protocol != order.Protocol || !strings.Contains(r.Error, "the harness 99: build both from one version") {
		t.Errorf("answer: %+v", r)
	}
	_ = conn.Close()
	<-f.ended
}

func TestConnectEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, other := net.Pipe()
		defer other.Close()
		go func() { _, _ = io.Copy(io.Discard, other) }() // it never answers
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := link.Connect(ctx, near, order.Hello{Lease: lease}, clock.Start(), link.Sink{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("connect: %v", err)
		}
	})
}

// deaf is an agent that stops answering after the handshake.
func deaf(t *testing.T, s *told) (l *link.Link, silence func(), other net.Conn) {
	t.Helper()
	near, other := net.Pipe()
	var mu sync.Mutex
	quiet := false
	go func() {
		in := bufio.NewScanner(other)
		for in.Scan() {
			var c order.Command
			_ = json.Unmarshal(in.Bytes(), &c)
			mu.Lock()
			silent := quiet
			mu.Unlock()
			r := order.Reply{ID: c.ID, Pong: c.Ping}
			if c.Hello != nil {
				r.Ready = &order.Ready{Protocol: order.Protocol}
			}
			if line, _ := json.Marshal(r); !silent {
				_, _ = other.Write(append(line, '\n'))
			}
		}
	}()
	l, err := link.Connect(t.Context(), near, order.Hello{Lease: lease, Namespace: true}, clock.Start(), s.sink())
	if err != nil {
		t.Fatal(err)
	}
	return l, func() { mu.Lock(); quiet = true; mu.Unlock() }, other
}

func TestAnAgentThatFallsSilentIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &told{}
		l, silence, other := deaf(t, s)
		defer other.Close()
		time.Sleep(10 * lease)
		select {
		case err := <-s.gone:
			t.Fatalf("it answers, and is gone: %v", err)
		default:
		}
		silence()
		begin := time.Now()
		err := l.Apply(t.Context(), packets("a")) // it waits for an answer
		if took := time.Since(begin); took > 2*lease {
			t.Errorf("it took %s to see that nobody answers", took)
		}
		const text = "has said nothing for 4s"
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("apply: %v", err)
		}
		if err := <-s.gone; err == nil || !strings.Contains(err.Error(), "the agent beside api-2 "+text) {
			t.Errorf("gone: %v", err)
		}
		<-l.Done()
		_ = l.Close()
	})
}

func TestAnAgentThatDiesIsGoneAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &told{}
		l, silence, other := deaf(t, s)
		silence()
		asked := make(chan error, 1)
		go func() { _, err := l.Revert(t.Context(), "a"); asked <- err }()
		synctest.Wait()
		_, _ = io.WriteString(other, "fatal error: out of memory\n{\"id\":")
		_ = other.Close()
		for _, err := range []error{<-asked, <-s.gone} {
			if err == nil || !strings.Contains(err.Error(), `the agent beside api-2 ended unasked`) || !strings.Contains(err.Error(), `its last words: "fatal error: out of memory"`) {
				t.Errorf("told: %v", err)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("close of what is gone: %v", err)
		}
	})
}

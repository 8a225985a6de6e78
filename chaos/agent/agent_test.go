package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// injector remembers what is in force and what happened.
type injector struct {
	mu     sync.Mutex
	force  map[string]bool
	events []string
	hang   chan struct{} // what Revert waits for
	voice  Voice
	names  []order.Naming
	closed int
}

func (i *injector) Apply(f order.Fault) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.force[f.ID] {
		return errors.New("twice")
	}
	i.force[f.ID] = true
	i.events = append(i.events, "+"+f.ID)
	return nil
}

func (i *injector) Revert(id string) (map[string]int64, error) {
	if i.hang != nil {
		<-i.hang
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.force, id)
	i.events = append(i.events, "-"+id)
	return map[string]int64{"n": 1}, nil
}

func (i *injector) Counters() map[string]map[string]int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := map[string]map[string]int64{}
	for id := range i.force {
		all[id] = map[string]int64{"n": 1}
	}
	return all
}

func (i *injector) Close() error { i.closed++; return nil }

func (i *injector) story() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.events, " ")
}

func (i *injector) deps() Deps {
	i.force = map[string]bool{}
	return Deps{Become: func(h order.Hello, v Voice) (Body, error) {
		i.voice = v
		if h.Proxy != nil {
			return Body{}, errors.New("no proxies here")
		}
		return Body{
			Injector: func(f order.Fault) (order.Injector, error) {
				if f.DNS != nil {
					return nil, errors.New("no look-ups here")
				}
				return i, nil
			},
			Name:  func(n order.Naming) error { i.names = append(i.names, n); return nil },
			Close: i.Close,
		}, nil
	}}
}

const greeting = `{"id":1,"hello":{"protocol":1,"lease":5000000000}}` + "\n"

func TestWhatIsAnswered(t *testing.T) {
	fault := `"packets":{"kind":"delay","direction":"both"}`
	for _, test := range []struct{ name, say, want string }{
		{"not greeted", `{"id":2,"apply":{"id":"a","for":1,` + fault + `}}`, `{"id":2,"error":"a conversation begins with hello"}`},
		{"a ping before", `{"ping":4}`, `{"pong":4}`},
		{"greeted twice", greeting + greeting, `{"id":1,"error":"it was greeted before"}`},
		{"without a lease", `{"id":1,"hello":{"protocol":1,"lease":0}}`, `{"id":1,"error":"a lease of 0s is none"}`},
		{"of two sorts", `{"id":1,"hello":{"protocol":1,"lease":5,"namespace":true,"pressure":true}}`, `{"id":1,"error":"an agent is of one sort: proxy, namespace or pressure"}`},
		{"what it cannot be", `{"id":1,"hello":{"protocol":1,"lease":5,"proxy":{"service":"","listen":"","key_header":"","seed":0}}}`, `{"id":1,"error":"no proxies here"}`},
		{"another version", `{"id":1,"hello":{"protocol":2,"lease":5,"more":1}}`, `{"id":1,"ready":{"protocol":1},"error":"shakedown-agent speaks protocol 1, the harness 2: build both from one version"}`},
		{"unknown member", greeting + `{"id":3,"apply":{"id":"a","pakets":{}}}`, `{"id":3,"error":"not understood, so nothing was done: json: unknown field \"pakets\" (in {\"id\":3,\"apply\":{\"id\":\"a\",\"pakets\":{}}})"}`},
		{"unknown command", greeting + `{"id":3,"dance":true}`, `{"id":3,"error":"not understood, so nothing was done: json: unknown field \"dance\" (in {\"id\":3,\"dance\":true})"}`},
		{"nothing", greeting + `{"id":3}`, `{"id":3,"error":"a command has one member that says what is wanted; this one has 0"}`},
		{"two things", greeting + `{"id":3,"revert":"a","renew":true}`, `{"id":3,"error":"a command has one member that says what is wanted; this one has 2"}`},
		{"two values", greeting + `{"id":3,"revert":"a"}{"id":4,"revert":"b"}`, ``},
		{"no fault", greeting + `{"id":3,"apply":{"id":"a","seed":0,"for":0}}`, `{"id":3,"error":"a: a fault is of one sort; this one is of 0"}`},
		{"no name", greeting + `{"id":3,"apply":{"id":"","seed":0,"for":0,` + fault + `}}`, `{"id":3,"error":"a fault needs an id"}`},
		{"nobody does it", greeting + `{"id":3,"apply":{"id":"a","seed":0,"for":0,"dns":{"answer":"slow"}}}`, `{"id":3,"error":"no look-ups here"}`},
		{"revert of nothing", greeting + `{"id":3,"revert":"a"}`, `{"id":3}`},
		{"name", greeting + `{"id":3,"name":{"address":"10.0.0.1","name":"api-1"}}`, `{"id":3}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				i := &injector{}
				err := Serve(strings.NewReader(strings.TrimSpace(test.say)+"\n"), &out, i.deps())
				if test.want == "" {
					if err == nil {
						t.Error("that was no error")
					}
					return
				}
				if err != nil {
					t.Error(err)
				}
				lines := strings.Split(strings.TrimSpace(out.String()), "\n")
				if got := lines[len(lines)-1]; got != test.want {
					t.Errorf("answer %s\nwant   %s", got, test.want)
				}
				if got := i.story(); got != "" {
					t.Errorf("the injector saw %s", got)
				}
			})
		})
	}
}

func TestWhatIsNoCommandEndsItWithEverythingReverted(t *testing.T) {
	fault := `{"id":2,"apply":{"id":"a","seed":1,"for":1,"packets":{"kind":"delay","direction":"in"}}}` + "\n"
	for _, test := range []struct{ name, end, want string }{
		{"end of input", "", ""},
		{"half a line", `{"id":3,"apply":{"id":"b","seed":1`, ""},
		{"a whole command without its end", `{"id":3,"apply":{"id":"b","seed":1,"for":1,"packets":{"kind":"delay","direction":"in"}}}`, ""},
		{"garbage", "GET / HTTP/1.1\r\n\r\n", `read commands: "GET / HTTP/1.1" is not one`},
		{"a number", "17\n", `read commands: "17" is not one`},
		{"a line without end", strings.Repeat("x", order.MaxLine+1), "read commands: a line is longer than 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			i := &injector{}
			err := Serve(strings.NewReader(greeting+fault+test.end), &out, i.deps())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.want)) {
				t.Errorf("ended with %v, want %q", err, test.want)
			}
			if got := i.story(); got != "+a -a" || i.closed != 1 {
				t.Errorf("the injector saw %s and was closed %d times", got, i.closed)
			}
			if !strings.Contains(out.String(), `"reverted":"a","by":"end"`) {
				t.Errorf("it said:\n%s", out.String())
			}
		})
	}
}

func TestTheLeaseRunsWithoutTheHarness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, say := io.Pipe()
		i := &injector{}
		ended := make(chan error, 1)
		go func() { ended <- Serve(in, io.Discard, i.deps()) }()
		_, _ = io.WriteString(say, greeting)
		for _, id := range []string{"a", "b"} {
			fmt.Fprintf(say, `{"id":2,"apply":{"id":"%s","seed":1,"for":1,"packets":{"kind":"loss","direction":"in"}}}`+"\n", id)
			synctest.Wait()
		}
		time.Sleep(4999 * time.Millisecond)
		synctest.Wait()
		_, _ = io.WriteString(say, `{"renew":true}`+"\n")
		time.Sleep(4999 * time.Millisecond)
		synctest.Wait()
		if got := i.story(); got != "+a +b" {
			t.Errorf("within the lease: %s", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := i.story(); got != "+a +b -b -a" {
			t.Errorf("at its end: %s", got)
		}
		_ = say.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestAReaderThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, say := io.Pipe()
		out, heard := io.Pipe()
		i := &injector{}
		ended := make(chan error, 1)
		go func() { ended <- Serve(in, heard, i.deps()) }()
		go func() { _, _ = io.WriteString(say, greeting) }()
		buf := make([]byte, 1)
		_, _ = out.Read(buf) // and no more
		synctest.Wait()
		big := order.Call{Path: strings.Repeat("p", 1000)}
		const seconds, each = 100, 500 // some 50 MB
		for range seconds {
			calls := make([]order.Call, each)
			for n := range calls {
				calls[n] = big
			}
			i.voice.Calls(order.Calls{For: time.Second, Total: each, Told: 1, Calls: calls})
		}
		_, _ = io.WriteString(say, `{"id":2,"apply":{"id":"a","seed":1,"for":1,"packets":{"kind":"loss","direction":"in"}}}`+"\n")
		synctest.Wait()
		if got := i.story(); got != "+a" {
			t.Errorf("the injector saw %s", got)
		}
		var total, told, single, suppressed int
		var span time.Duration
		answered := make(chan bool, 1)
		go func() { // it reads again
			d := json.NewDecoder(io.MultiReader(bytes.NewReader(buf), out))
			for {
				var r order.Reply
				if d.Decode(&r) != nil {
					answered <- false
					return
				}
				if r.ID == 2 {
					answered <- r.Error == ""
				}
				if c := r.Calls; c != nil {
					total, told, single, suppressed, span = total+c.Total, told+c.Told, single+len(c.Calls), suppressed+c.Suppressed, span+c.For
				}
			}
		}()
		if !<-answered {
			t.Error("the fault was not confirmed")
		}
		synctest.Wait()
		i.voice.Calls(order.Calls{For: time.Second, Total: each, Calls: make([]order.Call, each)})
		_ = say.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = heard.Close()
		<-answered
		if want := (seconds + 1) * each; total != want || told != seconds || single+suppressed != want || span != (seconds+1)*time.Second {
			t.Errorf("told of %d calls, %d told to wait, %d single and %d suppressed ones, in %s; want %d calls", total, told, single, suppressed, span, want)
		}
		if single == 0 || single > 10_000 {
			t.Errorf("%d single calls were kept; memory is bounded otherwise", single)
		}
	})
}

func TestARevertThatHangsEndsWithTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &injector{hang: make(chan struct{})}
		say := greeting + `{"id":2,"apply":{"id":"a","seed":1,"for":1,"packets":{"kind":"loss","direction":"in"}}}` + "\n"
		begin := time.Now()
		err := Serve(strings.NewReader(say), io.Discard, i.deps())
		if err == nil || time.Since(begin) != endPatience {
			t.Errorf("ended after %s with %v", time.Since(begin), err)
		}
		close(i.hang)
		synctest.Wait()
	})
}

func TestTwoAsksForOneRevert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, say := io.Pipe()
		i := &injector{}
		var out bytes.Buffer
		ended := make(chan error, 1)
		go func() { ended <- Serve(in, &out, i.deps()) }()
		_, _ = io.WriteString(say, greeting+`{"id":2,"apply":{"id":"a","seed":1,"for":1,"packets":{"kind":"loss","direction":"in"}}}`+"\n")
		synctest.Wait()
		i.hang = make(chan struct{})
		_, _ = io.WriteString(say, `{"id":3,"revert":"a"}`+"\n"+`{"id":4,"revert":"a"}`+"\n")
		close(i.hang)
		_ = say.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if got := i.story(); got != "+a -a" {
			t.Errorf("the injector saw %s", got)
		}
		for _, want := range []string{`{"id":3,"counters":{"n":1}}`, `{"id":4,"counters":{"n":1}}`} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %s in\n%s", want, out.String())
			}
		}
	})
}

func FuzzCommands(f *testing.F) {
	for _, line := range []string{
		`{"id":2,"apply":{"id":"a","seed":1,"for":1,"packets":{"kind":"loss","direction":"in"}}}`,
		`{"id":3,"revert":"a"}`, `{"ping":3}`, `{"renew":true}`, `{"id":5,"probe":{"usage":true}}`,
		`{"id":6,"name":{"address":"10.0.0.1","name":"a"}}`, `{"id":7,"apply":null}`, `{"id":1e99}`, `[]`, `{`, "null", "\x00",
		`{"id":1,"hello":{"protocol":1,"lease":1}}`, `{"id":8,"apply":{"id":"b","http":{"match":{}}},"revert":"a"}`,
	} {
		f.Add([]byte(line))
		f.Add([]byte(greeting + line + "\n" + line))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		if bytes.Contains(said, []byte("probe")) && !bytes.Contains(said, []byte("usage")) {
			return // it would look at the world
		}
		var out bytes.Buffer
		i := &injector{}
		_ = Serve(bytes.NewReader(said), &out, i.deps())
		if len(i.force) > 0 {
			t.Errorf("left in force: %v", i.force)
		}
		for line := range strings.Lines(out.String()) {
			var r order.Reply
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Errorf("it said %q: %v", line, err)
			}
		}
	})
}

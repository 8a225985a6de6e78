package traffic

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/measure"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// raw serves connections by hand: handle gets each one after the head of a
// request has been read from it.
func raw(t *testing.T, handle func(net.Conn)) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					handle(conn)
				}
			})
		}
	})
	t.Cleanup(func() { _ = listener.Close(); serving.Wait() })
	return listener.Addr().String()
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

// reset makes closing send a reset.
func reset(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }

// silence waits until the client has gone.
func silence(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// closedPort is an address where nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		handle  func(net.Conn) // nil: nothing listens
		want    measure.Outcome
		message string
	}{
		"a right answer":              {says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), ok, ""},
		"a body up to the close":      {says("HTTP/1.1 200 OK\r\n\r\nhi"), ok, ""},
		"a wrong status":              {says("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"), fail, "status 500"},
		"no instance":                 {says("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"), fail, "status 503"},
		"refused":                     {nil, fail, "connection refused"},
		"no answer":                   {silence, unknown, "no complete answer within 200ms"},
		"half a head, then nothing":   {func(c net.Conn) { says("HTTP/1.1 200")(c); silence(c) }, unknown, "no complete answer within 200ms"},
		"half a body, then nothing":   {func(c net.Conn) { says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")(c); silence(c) }, unknown, "no complete answer within 200ms"},
		"closed":                      {func(net.Conn) {}, unknown, "connection closed before an answer"},
		"reset":                       {reset, unknown, "connection reset before an answer"},
		"closed in the head":          {says("HTTP/1.1 200 OK\r\nContent-"), unknown, "connection lost in the middle of the answer"},
		"closed in the body":          {says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"), unknown, "connection lost in the middle of the answer"},
		"closed in a chunk":           {says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), unknown, "connection lost in the middle of the answer"},
		"a wrong status, but cut off": {says("HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nhi"), unknown, "connection lost in the middle of the answer"},
		"not HTTP":                    {says("SSH-2.0-OpenSSH_9.2\r\n\r\n"), unknown, "what came back is not HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := closedPort(t)
			if c.handle != nil {
				addr = raw(t, c.handle)
			}
			first, second := get("/first"), get("/second")
			first.Timeout = ms(200)
			totals, rec := play(t, planOf(10, ms(100), first, second), addr)
			want := counts{intended: 1, sent: 1}
			want.add(c.want)
			if got := rec.sum("", "first"); got != want {
				t.Errorf("the step counts %+v, want %+v", got, want)
			}
			if c.want == ok {
				return // the second step is another connection's story
			}
			if got := rec.sum("", ""); got != want {
				t.Errorf("the session counts %+v, want %+v", got, want)
			}
			if got := rec.sum("", "second"); got != (counts{}) || totals.Intended != 1 {
				t.Errorf("the step after a step that went wrong counts %+v", got)
			}
			if n := rec.times("", "first", "response").TotalCount(); n != 0 {
				t.Errorf("%d response times of requests that went wrong", n)
			}
			if n := rec.times("", "first", "lag").TotalCount(); n != 1 {
				t.Errorf("%d lags, want 1", n)
			}
			if len(rec.groups) != 1 || rec.groups[0].Message != c.message || rec.groups[0].Outcome != c.want.String() {
				t.Errorf("groups %+v, want one %s with %q", rec.groups, c.want, c.message)
			}
		})
	}
}

// A request that finds no free connection in time was surely not processed.
func TestNoFreeConnectionIsAFail(t *testing.T) {
	hold, wait := get("/hold"), get("/wait")
	hold.Timeout, wait.Timeout = ms(1000), ms(100)
	plan := planOf(50, ms(20), hold)
	plan.Journeys["other"] = []scenarios.PlannedStep{wait}
	plan.Load = append(plan.Load, scenarios.PlannedLoad{Journey: "other", Segments: []scenarios.PlannedSegment{constant(40, 60, 50)}})
	_, rec := play(t, connections(plan, 1), raw(t, silence))
	if got, want := rec.sum("", "hold"), (counts{intended: 1, sent: 1, unknown: 1}); got != want {
		t.Errorf("the one with the connection: %+v, want %+v", got, want)
	}
	if got, want := rec.sum("", "wait"), (counts{intended: 1, failed: 1}); got != want {
		t.Errorf("the one without: %+v, want %+v", got, want)
	}
	if !strings.Contains(messages(rec), "no connection within 100ms") {
		t.Errorf("messages %s", messages(rec))
	}
}

func messages(rec *recorder) string {
	var all []string
	for _, g := range rec.groups {
		all = append(all, g.Message)
	}
	return strings.Join(all, "; ")
}

func TestRequestsAsSent(t *testing.T) {
	var mutex sync.Mutex
	var seen []string
	numbers := map[string]bool{}
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mutex.Lock()
		defer mutex.Unlock()
		numbers[r.Header.Get(RequestHeader)] = true
		seen = append(seen, strings.Join([]string{r.Method, r.RequestURI, r.Host, r.Header.Get("X-Session"), r.UserAgent(), string(body)}, " | "))
		_, _ = io.WriteString(w, `{"id": "a\"b"}`)
	})
	create := scenarios.PlannedStep{
		Name: "create", Service: "api", Method: "POST", Path: "/v1/${session}?q=%20x", Body: `{"s": "${session}"}`,
		Headers: map[string]string{"content-type": "application/json", "x-session": "n${session}", "host": "shop.test"},
		Extract: map[string]scenarios.Extract{"id": {JSON: "$.id"}},
	}
	use := scenarios.PlannedStep{
		Name: "use", Service: "api", Method: "PUT", Path: "/", Body: `{"id": "${id}"}`,
		Headers: map[string]string{"Content-Type": "application/json"},
	}
	totals, _ := play(t, planOf(10, ms(100), create, use), addr, func(c *Config) { c.Version = "1.2" })
	want := []string{
		`POST | /v1/1?q=%20x | shop.test | n1 | shakedown/1.2 | {"s": "1"}`,
		`PUT | / | ` + addr + ` |  | shakedown/1.2 | {"id": "a\"b"}`,
	}
	if totals.OK != 2 || strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("%+v, the server saw\n%s\nwant\n%s", totals, strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	if len(numbers) != 2 || numbers[""] {
		t.Errorf("numbers %v, want two different ones", numbers)
	}
}

// What a variable holds must not become another header, request or host.
func TestVariablesCannotInject(t *testing.T) {
	for name, c := range map[string]struct {
		value   string
		step    scenarios.PlannedStep
		message string
	}{
		"a header":       {"x\r\nX-Admin: 1", scenarios.PlannedStep{Path: "/", Headers: map[string]string{"X-A": "${v}"}}, "header X-A: a variable in it holds a line break"},
		"a bell":         {"x\x07", scenarios.PlannedStep{Path: "/", Headers: map[string]string{"X-A": "${v}"}}, "header X-A: a variable in it holds"},
		"a virtual host": {"x\x7f", scenarios.PlannedStep{Path: "/", Headers: map[string]string{"Host": "${v}"}}, "header Host: a variable in it holds"},
		"a request":      {"x HTTP/1.1\r\n\r\n", scenarios.PlannedStep{Path: "/${v}"}, "path: a variable in it holds"},
		"a space":        {"a b", scenarios.PlannedStep{Path: "/${v}"}, "path: a variable in it holds"},
		"a host":         {"/evil.test/", scenarios.PlannedStep{Path: "/${v}"}, "path: a variable in it holds"},
		"no value (url)": {"", scenarios.PlannedStep{Path: "/${w}"}, "path: variable w has no value"},
		"no value":       {"", scenarios.PlannedStep{Path: "/", Body: "${w}"}, "body: variable w has no value"},
	} {
		st, err := compileStep(c.step, serviceTarget("api", "127.0.0.1:1"), "test")
		if err != nil {
			t.Fatal(err)
		}
		v := sessionOf(scenarios.PlannedLoad{}, 0)
		v.set("v", variable{text: c.value})
		var r exchange.Request
		if err := st.fill(&r, v); err == nil || !strings.HasPrefix(err.Error(), c.message) {
			t.Errorf("%s: %v, want %q", name, err, c.message)
		}
	}
}

func TestLargeBodiesAreReadInBoundedMemory(t *testing.T) {
	const size = keepBody + 300_000
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", size)+"end")
	})
	step := get("/large")
	step.Expect.Contains = "end"
	_, rec := play(t, planOf(20, ms(100), step), addr)
	want := "the body (its first 1048576 bytes) does not contain"
	if len(rec.groups) != 1 || !strings.HasPrefix(rec.groups[0].Message, want) || rec.groups[0].Count != 2 {
		t.Errorf("groups %+v, want 2 of %q", rec.groups, want)
	}
}

package agent

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

func TestProbes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	cache := miniredis.RunT(t)
	_ = cache.Set("a", "1")
	_ = cache.Set("b", "1")
	mute, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts: it connects, and nothing is said
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	const wait = 50 * time.Millisecond
	for _, test := range []struct {
		name  string
		probe order.Probe
		unit  string
		value float64 // 0: any above
		want  string  // detail, or part of the error
	}{
		{"connect", order.Probe{Connect: address}, "s", 0, ""},
		{"connect to nobody", order.Probe{Connect: gone.Addr().String()}, "", 0, "connection refused"},
		{"look", order.Probe{Look: "localhost"}, "s", 0, "127.0.0.1"},
		{"look at nothing", order.Probe{Look: "nobody.invalid", Wait: 2 * time.Second}, "", 0, "nobody.invalid"},
		{"fetch", order.Probe{Fetch: server.URL}, "s", 0, "418"},
		{"fetch from the mute", order.Probe{Fetch: "http://" + mute.Addr().String(), Wait: wait}, "", 0, "within 50ms: nothing came in time"},
		{"fetch no address", order.Probe{Fetch: "http://[::"}, "", 0, "missing ']' in host"},
		{"redis", order.Probe{Redis: cache.Addr()}, "", 2, ""},
		{"redis that is mute", order.Probe{Redis: mute.Addr().String(), Wait: wait}, "", 0, "nothing came in time"},
		{"redis that is a web server", order.Probe{Redis: address}, "", 0, "it is no Redis"},
		{"disk", order.Probe{Disk: t.TempDir()}, "%", 0, ""},
		{"disk that is not there", order.Probe{Disk: "/nowhere/at/all"}, "", 0, "/nowhere/at/all"},
		{"nothing", order.Probe{}, "", 0, "a probe looks at one thing; this one at 0"},
		{"two", order.Probe{Connect: address, Usage: true}, "", 0, "a probe looks at one thing; this one at 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := &agent{life: context.Background()}
			r := a.look(test.probe)
			switch failed := r.Error != ""; {
			case failed && test.want == "" || failed && !strings.Contains(r.Error, test.want):
				t.Errorf("reading %+v, want %q", r, test.want)
			case failed:
			case r.Detail != test.want || r.Value <= 0 || test.value != 0 && r.Value != test.value || r.Unit != test.unit:
				t.Errorf("reading %+v", r)
			}
		})
	}
}

func TestProbesEndWithTheAgent(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	in, say := io.Pipe()
	i := &injector{}
	ended := make(chan error, 1)
	go func() { ended <- Serve(in, io.Discard, i.deps()) }()
	_, _ = io.WriteString(say, greeting+`{"id":2,"probe":{"fetch":"http://`+mute.Addr().String()+`","wait":3600000000000}}`+"\n")
	conn, err := mute.Accept() // the probe is under way
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = say.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("a probe holds the end up")
	}
}

package gateway

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Another container may have the address of one that has exited: a request for
// the one must never be answered by the other, as long as the lag may last.
func TestAnInstanceThatHasExitedIsConnectedToNoMore(t *testing.T) {
	g, r := start(t, Config{})
	add(t, g, r, "api-1", upstream(t, answers(okResponse)))
	if err := g.Terminate("api-1", time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := g.Exited("api-1"); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", g.Listening())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprint(conn, "GET /after HTTP/1.1\r\nHost: a\r\n\r\n")
	request, _ := await(t, r, func(b journal.Request) bool { return b.Path == "/after" })
	if request.Failure != journal.Refused || request.Instance != "api-1" {
		t.Errorf("%+v: somebody answered in the name of api-1", request)
	}
	await(t, r, func(b journal.ProbeChanged) bool { return b.Instance == "api-1" && !b.Ready })
	if err := g.Exited("api-9"); err == nil {
		t.Error("the exit of an unknown instance: no error")
	}
}

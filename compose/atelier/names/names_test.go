package names_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/shakedown-dev/shakedown/compose/atelier/names"
)

func TestTheFirstAnswerIsKept(t *testing.T) {
	first, err := net.Listen("tcp", "127.77.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, port, _ := net.SplitHostPort(first.Addr().String())
	answers := [][]string{nil, {"127.77.0.1"}, {"127.77.0.2"}}
	f := names.Forever{Lookup: func(_ context.Context, host string) ([]string, error) {
		answer := answers[0]
		answers = answers[1:]
		if answer == nil {
			return nil, errors.New(host + " is not known")
		}
		return answer, nil
	}}
	if _, err := f.DialContext(t.Context(), "tcp", "db:"+port); err == nil {
		t.Error("a name that is not known was connected to")
	}
	for range 2 { // an error is not kept, an address is
		c, err := f.DialContext(t.Context(), "tcp", "db:"+port)
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(c.RemoteAddr().String()); host != "127.77.0.1" {
			t.Errorf("connected to %s", host)
		}
		c.Close()
	}
	if len(answers) != 1 {
		t.Errorf("looked up %d times", 3-len(answers))
	}
	if _, err := f.DialContext(t.Context(), "tcp", "db"); err == nil {
		t.Error("an address without a port was connected to")
	}
}

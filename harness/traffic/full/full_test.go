package full_test

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/clock"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange/enginetest"
	"github.com/shakedown-dev/shakedown/harness/traffic/full"
	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func maker(t *testing.T, l *loop.Loop, target exchange.Target, limits exchange.Limits) exchange.Engine {
	t.Helper()
	e, err := full.New(l, target, limits)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEngine(t *testing.T) { enginetest.Run(t, maker, enginetest.Options{}) }

// A request that cannot be written as HTTP must fail by itself, on a new
// connection and on one that was used, and leave the connection to the next.
func TestARequestThatIsNoneFailsAlone(t *testing.T) {
	s, err := lab.Start(lab.Behaviour{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l, err := loop.New(clock.Start())
	if err != nil {
		t.Fatal(err)
	}
	engine := maker(t, l, exchange.Target{Name: "api", Addr: s.Addr()}, exchange.Limits{Max: 1, Reuse: true})
	var errs []error
	values := []string{"a\nb", "a", "a\nb", "a"}
	var next func()
	next = func() {
		if len(errs) == len(values) {
			engine.Close()
			l.Stop()
			return
		}
		x := &exchange.Exchange{Deadline: l.Now() + time.Minute, Done: func(x *exchange.Exchange) {
			var failed error
			if x.Err != nil {
				failed = x.Err
			}
			errs = append(errs, failed)
			next()
		}}
		x.Request = exchange.Request{Method: "GET", Path: "/", Host: "api", Header: []exchange.Field{{Name: "X-A", Value: values[len(errs)]}}}
		engine.Begin(x)
	}
	l.Post(next)
	l.Run()
	for i, err := range errs {
		if wrong := strings.Contains(values[i], "\n"); wrong != (err != nil) || wrong && !strings.Contains(err.Error(), "write request: ") {
			t.Errorf("value %q: %v", values[i], err)
		}
	}
	if s.Requests() != 2 || s.Connections() != 1 {
		t.Errorf("%d requests on %d connections, want 2 on 1", s.Requests(), s.Connections())
	}
}

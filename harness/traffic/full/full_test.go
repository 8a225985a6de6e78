package full_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange/enginetest"
	"github.com/shakedown-dev/shakedown/harness/traffic/full"
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

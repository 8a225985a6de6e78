//go:build linux

package plain

import (
	"testing"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/exchange/enginetest"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

var _ exchange.Engine = (*Engine)(nil)

func TestConformance(t *testing.T) {
	enginetest.Run(t, func(t *testing.T, l *loop.Loop, target exchange.Target, limits exchange.Limits) exchange.Engine {
		t.Helper()
		e, err := New(l, target, limits)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}, enginetest.Options{NoStreams: true, NoTLS: true, NoHTTP2: true})
}

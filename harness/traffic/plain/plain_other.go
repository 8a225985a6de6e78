//go:build !linux

package plain

import (
	"errors"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/harness/traffic/loop"
)

// Engine exists on Linux only.
type Engine struct{ exchange.Engine }

// New fails.
func New(*loop.Loop, exchange.Target, exchange.Limits) (*Engine, error) {
	return nil, errors.New("the event-driven engine needs Linux; use the full one")
}

// Can is always false.
func Can(exchange.Target, *exchange.Request) bool { return false }

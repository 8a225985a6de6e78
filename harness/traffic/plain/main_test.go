//go:build linux

package plain

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also is the other processes that tests and benchmarks start.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == roleServer {
		if err := serveBenchmark(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// roleVariable tells a process that it is not here for tests.
const (
	roleVariable = "SHAKEDOWN_PLAIN_ROLE"
	roleServer   = "server"
)

package verify

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/race"
)

func TestMain(m *testing.M) {
	race.LessChecks()
	goleak.VerifyTestMain(m)
}

package reports

import (
	"os"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/race"
)

func TestMain(m *testing.M) {
	race.LessChecks()
	os.Exit(m.Run())
}

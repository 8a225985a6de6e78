package pressure

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(helperVariable) != "" {
		help()
	}
	goleak.VerifyTestMain(m)
}

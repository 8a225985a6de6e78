package race

import (
	"flag"
	"strconv"
)

// underWatch is how many cases a property is tried on under the race detector; rapid's
// own default is 100.
const underWatch = 20

// LessChecks makes all properties of a test program be tried on fewer cases under the
// race detector. -rapid.checks still overrules it, where TestMain calls it first.
func LessChecks() {
	if f := flag.Lookup("rapid.checks"); On && f != nil {
		_ = f.Value.Set(strconv.Itoa(underWatch))
	}
}

// Package yardstick holds what the benchmarks of this tree share: children with a core
// of their own, and how busy the machine is.
package yardstick

import (
	"os"
	"strings"
)

// LoadAverage is the machine's over one, five and fifteen minutes, "unknown" where
// it does not say.
func LoadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

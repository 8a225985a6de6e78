package scenarios

import (
	"fmt"
	"slices"
)

// ParseControl reads the name of a control; "" is none. The error of an unknown
// name suggests a known one.
func ParseControl(name string) (Control, error) {
	c := Control(name)
	if c == NoControl || slices.Contains(Controls(), c) {
		return c, nil
	}
	var names []string
	for _, known := range Controls() {
		names = append(names, string(known))
	}
	return NoControl, fmt.Errorf("there is no control %q; %s", name, didYouMean(name, names))
}

// Package defects holds the switches that break one behaviour of the services
// on purpose, so that a check can be shown to fail.
package defects

import (
	"fmt"
	"slices"
	"strings"
)

// Env is the environment variable that lists the defects, comma-separated.
const Env = "ATELIER_DEFECT"

// Defect is the name of one broken behaviour.
type Defect string

// The defects there are.
const (
	// DrainIgnored exits at once on SIGTERM; what is in flight is lost.
	DrainIgnored Defect = "drain-ignored"
	// DrainListenerFirst closes the listener and idle connections at SIGTERM,
	// without waiting until the endpoint list has moved on.
	DrainListenerFirst Defect = "drain-listener-first"
	// ReadyEarly reports ready from process start, while initialization runs.
	ReadyEarly Defect = "ready-early"
)

var known = []Defect{DrainIgnored, DrainListenerFirst, ReadyEarly}

// Set is the defects of one process. The zero value has none. It is read-only
// after Parse and so safe for concurrent use.
type Set map[Defect]bool

// Parse reads a comma-separated list; blanks and empty entries are ignored. An
// unknown name is an error that lists the known ones: a misspelt defect must
// not look like a healthy stack.
func Parse(list string) (Set, error) {
	set := Set{}
	for entry := range strings.SplitSeq(list, ",") {
		name := Defect(strings.TrimSpace(entry))
		switch {
		case name == "":
		case slices.Contains(known, name):
			set[name] = true
		default:
			return nil, fmt.Errorf("%s: there is no defect %q; use any of %s, or leave it empty", Env, name, join(known))
		}
	}
	return set, nil
}

// Has tells whether the defect is switched on.
func (s Set) Has(d Defect) bool { return s[d] }

// String lists the defects that are on in the order of their documentation.
func (s Set) String() string {
	var on []Defect
	for _, d := range known {
		if s[d] {
			on = append(on, d)
		}
	}
	return join(on)
}

func join(defects []Defect) string {
	names := make([]string, len(defects))
	for i, d := range defects {
		names[i] = string(d)
	}
	return strings.Join(names, ", ")
}

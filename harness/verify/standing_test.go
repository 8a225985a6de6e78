package verify

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Walking through the changes of all instances finds what looking at each of
// them finds, at every moment.
func TestStandingsOfAllAreThoseOfEach(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(&journal.Record{Events: drawEvents(rt)}, everyCheck())
		instances := h.of("api")
		standings(instances, func(at time.Duration, number map[standing]int) {
			for _, s := range []standing{listed, unready} {
				n := 0
				for _, i := range instances {
					if i.standingAt(at) == s {
						n++
					}
				}
				if n != number[s] {
					rt.Fatalf("at %v: %d instances stand as %d, want %d", at, number[s], s, n)
				}
			}
		})
	})
}

// An outage lies in the traffic, and never while an instance is listed.
func TestNoOutageWhileOneIsListed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(&journal.Record{Events: drawEvents(rt)}, everyCheck())
		for _, o := range h.outages("api") {
			if o.from < h.window.from || o.to > h.window.to || o.instances < several {
				rt.Fatalf("%+v, traffic from %v to %v", o, h.window.from, h.window.to)
			}
			for _, i := range h.of("api") {
				if i.standingAt(o.from) == listed || i.standingAt(o.to-1) == listed {
					rt.Fatalf("%s is listed in %+v", i.name, o)
				}
			}
		}
	})
}

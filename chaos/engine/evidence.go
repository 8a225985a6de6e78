package engine

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// evidence is what is known of a fault on one target. It is a value: the
// judgements of the kinds are functions of it alone.
type evidence struct {
	fault    scenarios.PlannedFault
	target   string
	backend  string
	counters map[string]int64
	// What was looked at, by the key of the look.
	before, during, after map[string]order.Reading
	exited                *journal.InstanceExited // of the target, since the fault began
	there                 bool                    // the target runs
	replaced              []string                // who took its place
	trouble               string                  // of what goes on in the background
	forsaken              bool                    // nobody is to take its place any more
}

// A look is one thing that is looked at.
type look struct {
	key  string
	what string // for the journal
	take func(ctx context.Context) order.Reading
	// counted tells that the fault's own counters count it: it is taken only once they
	// show what others did.
	counted bool
}

// count is the first counter of some names that there is.
func (e evidence) count(names ...string) int64 {
	for _, n := range names {
		if v, ok := e.counters[n]; ok {
			return v
		}
	}
	return 0
}

// value is that of a reading; not ok when there is none.
func value(of map[string]order.Reading, key string) (float64, bool) {
	r, ok := of[key]
	return r.Value, ok && r.Error == ""
}

// failed is the error of a reading.
func failed(of map[string]order.Reading, key string) string { return of[key].Error }

// injected judges faults of requests by the injector's own counters. Noun is
// what is counted.
func injected(noun string, did func(n int64) string) func(e evidence) (string, string) {
	return func(e evidence) (string, string) {
		done := e.count("injected")
		if e.fault.Spec.Outage != nil || e.fault.Spec.Flapping != nil || e.fault.Spec.TLSReset != nil { // what is cut before it is a request
			done = max(done, e.counters["reset"])
		}
		seen := max(done, e.counters["requests"], e.counters["connections"])
		switch {
		case seen == 0:
			return journal.FaultNoEffect, fmt.Sprintf("0 %ss came by while it lasted", noun)
		case done == 0:
			return journal.FaultNoEffect, fmt.Sprintf("%s came by, and it was done to none of them", plural(seen, noun))
		}
		return journal.FaultApplied, fmt.Sprintf("%s of %s", did(done), plural(seen, noun))
	}
}

// passed judges faults of packets. Names are the counters of what was done to them.
func passed(did string, names ...string) func(e evidence) (string, string) {
	return func(e evidence) (string, string) {
		var done int64
		for _, n := range names {
			done += e.counters[n]
		}
		seen := max(e.count("packets"), done)
		switch {
		case seen == 0:
			return journal.FaultNoEffect, "0 packets came by while it lasted"
		case done == 0:
			return journal.FaultNoEffect, plural(seen, "packet") + " came by, and none was " + did
		}
		return journal.FaultApplied, fmt.Sprintf("%d of %s %s%s", done, plural(seen, "packet"), did, e.compared("connect"))
	}
}

// compared says what a look saw before and during.
func (e evidence) compared(key string) string {
	before, ok := value(e.before, key)
	if !ok {
		return ""
	}
	during, ok := value(e.during, key)
	switch {
	case ok:
		return fmt.Sprintf("; %s took %s, before %s", key, seconds(during), seconds(before))
	case failed(e.during, key) != "":
		return fmt.Sprintf("; %s: %s, before it took %s", key, failed(e.during, key), seconds(before))
	}
	return ""
}

// quick judges that what took a time before takes about as long after.
func quick(key string, slack time.Duration) func(e evidence) (bool, string) {
	return func(e evidence) (bool, string) {
		before, was := value(e.before, key)
		after, is := value(e.after, key)
		switch {
		case failed(e.after, key) != "" && was:
			return false, fmt.Sprintf("%s: %s, before the fault it took %s", key, failed(e.after, key), seconds(before))
		case is && was && after > before+max(before, slack.Seconds()):
			return false, fmt.Sprintf("%s takes %s, before the fault %s", key, seconds(after), seconds(before))
		case is && was:
			return true, fmt.Sprintf("%s takes %s again, before the fault %s", key, seconds(after), seconds(before))
		}
		return confirmed(e)
	}
}

// confirmed takes the word of whoever did it.
func confirmed(evidence) (bool, string) { return true, "whoever did it confirmed that it is gone" }

// again judges by who took the place of what was taken away.
func again(e evidence) (bool, string) {
	switch {
	case e.fault.Spec.Permanent:
		return true, "it is permanent: " + e.target + " stays gone"
	case len(e.replaced) > 0:
		return true, strings.Join(e.replaced, ", ") + " took its place"
	case e.forsaken:
		return true, "nothing takes its place: the run was aborted"
	}
	return true, "whoever scales the service takes care of what takes its place"
}

// ended judges by the end of the target.
func ended(e evidence) (string, string) {
	switch {
	case e.exited != nil && e.exited.OOM:
		return journal.FaultApplied, fmt.Sprintf("%s was killed for want of memory", e.target)
	case e.exited != nil:
		return journal.FaultApplied, fmt.Sprintf("%s exited with code %d", e.target, e.exited.Code)
	case !e.there && e.trouble == "":
		return journal.FaultApplied, e.target + " is gone"
	case e.trouble != "":
		return journal.FaultNoEffect, e.trouble
	}
	return journal.FaultNoEffect, e.target + " did not exit"
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Microsecond).String()
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		noun = stem + "ie"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

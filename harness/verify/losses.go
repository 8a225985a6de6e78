package verify

import (
	"cmp"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// maxNamed bounds how many lost requests a finding names one by one for each
// instance; all of them are counted.
const maxNamed = 10

// losses is what became of a set of requests of one instance, or of several.
type losses struct {
	instance string
	zero     time.Duration // what times count from
	event    string        // what happened then

	total, fresh, reused int
	abandoned            int // given up by the client
	spoiled              int // failed, but a fault may be the reason
	fault                string
	failed               int
	failedFresh          int // of those that failed, on new connections
	failedReused         int
	kinds                map[journal.Failure]int
	requests             []exchange // those that failed
	first, last          time.Duration
	from, lastStart, to  time.Duration // first start, last start and last end of all
}

// losses looks at those exchanges of an instance that a rule is about. What
// reached the instance before it was initialized is not among them.
func (i *instance) losses(zero time.Duration, event string, about func(exchange) bool) losses {
	l := losses{instance: i.name, zero: zero, event: event, kinds: map[journal.Failure]int{}}
	for _, x := range i.exchanges {
		if about(x) && !i.early(x.Start) {
			l.add(x)
		}
	}
	return l
}

func (l *losses) add(x exchange) {
	if l.total == 0 {
		l.from, l.lastStart, l.to = x.Start, x.Start, x.end
	}
	l.from, l.lastStart, l.to = min(l.from, x.Start), max(l.lastStart, x.Start), max(l.to, x.end)
	l.total++
	if x.Reused {
		l.reused++
	} else {
		l.fresh++
	}
	switch {
	case !x.bad():
	case x.fault != "":
		l.spoiled, l.fault = l.spoiled+1, x.fault
	default:
		l.addFailed(x)
	}
	if x.abandoned() {
		l.abandoned++
	}
}

// addFailed counts a failure at the moment at which it showed.
func (l *losses) addFailed(x exchange) {
	if l.failed == 0 {
		l.first, l.last = x.end, x.end
	}
	l.first, l.last = min(l.first, x.end), max(l.last, x.end)
	l.failed++
	l.kinds[x.Failure]++
	l.requests = append(l.requests, x)
	if x.Reused {
		l.failedReused++
	} else {
		l.failedFresh++
	}
}

// merge adds the figures of another instance, for a table cell.
func (l *losses) merge(o losses) {
	l.total += o.total
	l.fresh += o.fresh
	l.reused += o.reused
	l.abandoned += o.abandoned
	l.spoiled += o.spoiled
	l.fault = cmp.Or(l.fault, o.fault)
	l.failed += o.failed
	l.failedFresh += o.failedFresh
	l.failedReused += o.failedReused
}

// measured is the table cell.
func (l losses) measured(where string) string {
	var s string
	switch {
	case l.total == 0:
		return "no request " + where
	case l.failed > 0:
		s = fmt.Sprintf("%s of %s failed: %s on new, %s on reused connections",
			count(l.failed), count(l.total), count(l.failedFresh), count(l.failedReused))
	default:
		none := ", none failed"
		if l.spoiled > 0 {
			none = ""
		}
		s = fmt.Sprintf("%s %s%s: %s on new, %s on reused connections",
			count(l.total), where, none, count(l.fresh), count(l.reused))
	}
	return s + l.given()
}

// given mentions what a fault may have spoiled, and what the client gave up.
func (l losses) given() string {
	s := ""
	if l.spoiled > 0 {
		s = fmt.Sprintf("; %s failed while fault %s lasted", count(l.spoiled), l.fault)
	}
	if l.abandoned > 0 {
		s += fmt.Sprintf("; %s given up by the client", count(l.abandoned))
	}
	return s
}

// reason is the sentence on a failure: which instance, how many, when, how.
func (l losses) reason(where string) string {
	return fmt.Sprintf("%s: %s%s failed %s (%s on new, %s on reused connections; %s)",
		l.instance, plural(l.failed, "request"), where, l.when(l.first, l.last), count(l.failedFresh), count(l.failedReused), kinds(l.kinds))
}

// when says when something was, counted from zero.
func (l losses) when(first, last time.Duration) string {
	if last < l.zero {
		return between(l.zero-last, l.zero-first) + " before " + l.event
	}
	if first < l.zero {
		return offset(l.zero-first) + " before to " + offset(last-l.zero) + " after " + l.event
	}
	return between(first-l.zero, last-l.zero) + " after " + l.event
}

// strays is the sentence on requests that should not have been routed.
func (l losses) strays() string {
	s := fmt.Sprintf("%s: %s routed to it %s (%s on new, %s on reused connections)",
		l.instance, plural(l.total, "request"), l.when(l.from, l.lastStart), count(l.fresh), count(l.reused))
	if l.failed > 0 {
		s += fmt.Sprintf(", %s failed (%s)", count(l.failed), kinds(l.kinds))
	}
	return s
}

// evidence points at the requests of one instance and names the lost ones.
func (l losses) evidence(where string) []Evidence {
	if l.total == 0 {
		return nil
	}
	text := fmt.Sprintf("%s %s", plural(l.total, "request"), where)
	if l.failed > 0 {
		text += fmt.Sprintf(", %s failed (%s)", count(l.failed), kinds(l.kinds))
	} else if l.spoiled == 0 {
		text += ", none failed"
	}
	list := []Evidence{{Text: text + l.given(), Instance: l.instance, From: l.from, To: l.to, Count: l.total}}
	for n, x := range l.requests {
		if n == maxNamed {
			list = append(list, Evidence{Text: plural(l.failed-n, "more lost request"), Instance: l.instance,
				From: x.Start, To: l.last, Count: l.failed - n})
			break
		}
		list = append(list, Evidence{Text: l.name(x), Instance: l.instance, From: x.Start, To: x.end, Count: 1})
	}
	return list
}

// name identifies one lost request.
func (l losses) name(x exchange) string {
	s := "lost: " + x.Method + " " + x.Path
	if x.ID != "" {
		s += " (request " + x.ID + ")"
	}
	s += ": " + string(x.Failure)
	if x.Status != 0 {
		s += fmt.Sprintf(", status %d", x.Status)
	}
	if x.Reused {
		s += ", on a reused connection, "
	} else {
		s += ", on a new connection, "
	}
	return s + l.when(x.end, x.end)
}

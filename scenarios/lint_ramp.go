package scenarios

import (
	"fmt"
	"math"
	"time"
)

// latency is the time from a rise of the load until another instance takes a
// part of it: two readings, a look at them, the window that holds back, and the
// start.
func (l *linter) latency() time.Duration {
	waits := l.scaler.Resolution + l.scaler.Every
	if h := l.scaler.HPA; h != nil && h.Behavior != nil && h.Behavior.ScaleUp != nil && h.Behavior.ScaleUp.StabilizationWindowSeconds != nil {
		waits += Duration(*h.Behavior.ScaleUp.StabilizationWindowSeconds) * Duration(time.Second)
	}
	return scale(waits, l.plan.Tempo).Std() + startUp
}

// A ramp is a climb of the load within the time until another instance helps, and
// what the instances carry that are there when it begins.
type ramp struct {
	from, to float64 // requests a second
	carried  float64 // requests a second; 0 where nobody knows what they carry
	n        int     // instances
}

// survivable holds the worst climb that is planned against that which the
// instances survive until others come. Text and level go by the same number.
func (l *linter) survivable() {
	target, most, known := l.target()
	if !known || l.deaf(target, most) {
		return
	}
	wait := l.latency()
	worst, climbs := l.worstRamp(wait, target/most)
	if !climbs {
		return
	}
	until := fmt.Sprintf("within %s, the time until another instance helps (readings every %s, a look every %s, %s to start)",
		round(wait), round(scale(l.scaler.Resolution, l.plan.Tempo).Std()), round(scale(l.scaler.Every, l.plan.Tempo).Std()), startUp)
	planned := fmt.Sprintf("the plan climbs from %.3g/s to %.3g/s in such a time", worst.from, worst.to)
	text, bad := "", false
	if worst.carried > 0 {
		text = fmt.Sprintf("%s of %s survive a climb of %.3g/s each second from %.3g/s on: they carry %.3g/s, and %.3g/s more come %s",
			plural(worst.n, "instance"), l.name, max(0, worst.carried-worst.from)/wait.Seconds(), worst.from, worst.carried, worst.to-worst.from, until)
		planned = fmt.Sprintf("the plan climbs by %.3g/s each second, to %.3g/s", (worst.to-worst.from)/wait.Seconds(), worst.to)
		bad = worst.to > worst.carried
	} else {
		text = fmt.Sprintf("%s carries a climb to %.2gx %s, because %.0f%% of %.0f%% are in use when it is content", l.name, most/target, until, target*100, most*100)
		bad = worst.to > worst.from*most/target
		if worst.from > 0 {
			planned += fmt.Sprintf(", %.2gx", worst.to/worst.from)
		}
	}
	other := l.other()
	switch {
	case bad && other != "":
		planned += fmt.Sprintf(": requests will queue, unless %s, by which it is scaled as well, has more instances there by then", other)
	case bad:
		planned += ": requests will queue; lower the target, start with more instances, or schedule them ahead"
	}
	l.remark("survivable-ramp", bad && other == "", "%s; %s", text, planned)
}

// worstRamp is the climb that goes furthest beyond what is carried; where nobody
// knows that, the steepest. Share is that of its capacity that an instance uses when
// the autoscaler is content: as many instances are there as the load before the climb
// asks for. False where the load never climbs.
func (l *linter) worstRamp(wait time.Duration, share float64) (worst ramp, climbs bool) {
	c, beyond := float64(l.scaler.Capacity), math.Inf(-1)
	l.samples(func(at Duration, rate float64) {
		r := ramp{from: rate, to: l.rate(min(at+Duration(wait), l.plan.Duration-1))}
		if r.to <= r.from || l.unmeasured() {
			return
		}
		by := r.to - r.from
		if c > 0 {
			r.n = max(l.first(), min(int(math.Ceil(rate/(c*share)*(1-1e-9))), l.scaler.Max))
			r.carried = float64(r.n) * c
			by = r.to - r.carried
		}
		if by > beyond {
			worst, beyond, climbs = r, by, true
		}
	})
	return worst, climbs
}

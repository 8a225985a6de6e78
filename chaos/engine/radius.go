package engine

import (
	"fmt"
	"slices"
	"sync"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// radius counts what faults have in hand, against the cap of the plan.
type radius struct {
	cap    *scenarios.BlastRadius
	mu     sync.Mutex
	inHand map[string]map[string]int // service -> instance -> by how many faults
}

// take takes instances of a service in hand, all or none of them. Running are those that
// there are.
func (r *radius) take(service string, instances, running []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := r.inHand[service]
	if r.cap != nil {
		if slices.Contains(r.cap.Protect, service) {
			return fmt.Errorf("blast_radius protects %s", service)
		}
		all, after := set(running), set(instances)
		for i := range held {
			all[i], after[i] = true, true
		}
		if most, why := r.most(len(all)); len(after) > most {
			return fmt.Errorf("faults would have %d of %s of %s in hand; blast_radius allows %d (%s)", len(after), plural(int64(len(all)), "instance"), service, most, why)
		}
	}
	if r.inHand == nil {
		r.inHand = map[string]map[string]int{}
	}
	if held == nil {
		held = map[string]int{}
		r.inHand[service] = held
	}
	for _, i := range instances {
		held[i]++
	}
	return nil
}

// most is how many of so many instances may be in hand.
func (r *radius) most(of int) (n int, why string) {
	n, why = of, "all"
	if p := r.cap.Percent; p != nil {
		n, why = int(float64(of)*float64(*p)/100+1e-9), p.String()
	}
	if i := r.cap.Instances; i != nil && *i < n {
		n, why = *i, plural(int64(*i), "instance")
	}
	return n, why
}

// give lets go of an instance.
func (r *radius) give(service, instance string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if held := r.inHand[service]; held[instance] > 1 {
		held[instance]--
	} else {
		delete(held, instance)
	}
}

func set(names []string) map[string]bool {
	s := map[string]bool{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

package ordertest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// sides is from how many goroutines an injector is used at a time.
const sides = 4

// contended applies and reverts one ID from all sides: each time one of them wins.
func contended(t *testing.T, s Subject) {
	c := s.Cases[0]
	for range 3 {
		var won atomic.Int32
		all(func(int) {
			if s.Injector.Apply(c.Fault) == nil {
				won.Add(1)
			}
		})
		if won.Load() != 1 {
			t.Fatalf("%s was applied %d times at once", c.Fault.ID, won.Load())
		}
		see(t, c, true, "in force")
		all(func(int) {
			if _, err := s.Injector.Revert(c.Fault.ID); err != nil {
				t.Errorf("revert: %v", err)
			}
			// Whoever's revert returns finds the fault gone, whoever did it.
			if c.Effect(t) {
				t.Errorf("the effect is there after a revert that ran beside another")
			}
		})
	}
}

// concurrent does many faults under IDs of their own, with looks at the
// counters beside them.
func concurrent(t *testing.T, s Subject) {
	stop := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.Injector.Counters()
			}
		}
	})
	all(func(side int) {
		for _, c := range s.Cases {
			f := c.Fault
			f.ID = fmt.Sprintf("%s-%d", f.ID, side)
			if err := s.Injector.Apply(f); err != nil {
				t.Errorf("apply %s: %v", f.ID, err)
				continue
			}
			if !c.Shared && !c.Effect(t) {
				t.Errorf("%s is in force and has no effect", f.ID)
			}
			if _, err := s.Injector.Revert(f.ID); err != nil {
				t.Errorf("revert %s: %v", f.ID, err)
			}
		}
	})
	close(stop)
	looking.Wait()
	for _, c := range s.Cases {
		see(t, c, false, "after all")
	}
	if left := s.Injector.Counters(); len(left) != 0 {
		t.Fatalf("counters of %v are left", left)
	}
}

func all(do func(side int)) {
	var wg sync.WaitGroup
	for side := range sides {
		wg.Go(func() { do(side) })
	}
	wg.Wait()
}

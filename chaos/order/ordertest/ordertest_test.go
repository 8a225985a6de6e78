package ordertest

import (
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// model is the simplest injector: a fault is in force when it is in the map.
type model struct {
	mu     sync.Mutex
	faults map[string]map[string]int64
	closed bool
}

func (m *model) Apply(f order.Fault) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || f.Flush == nil || m.faults[f.ID] != nil {
		return errors.New("no")
	}
	m.faults[f.ID] = map[string]int64{"looks": 0, "at " + f.Flush.Address: 0}
	return nil
}

func (m *model) Revert(id string) (map[string]int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	counters := m.faults[id]
	delete(m.faults, id)
	return counters, nil
}

func (m *model) Counters() map[string]map[string]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string]map[string]int64{}
	for id, counters := range m.faults {
		all[id] = maps.Clone(counters)
	}
	return all
}

func (m *model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed, m.faults = true, map[string]map[string]int64{}
	return nil
}

// effect is there where any fault is done to that address.
func (m *model) effect(address string) func(testing.TB) bool {
	return func(testing.TB) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		found := false
		for _, counters := range m.faults {
			if _, there := counters["at "+address]; there {
				counters["looks"]++
				found = true
			}
		}
		return found
	}
}

func TestRunPassesTheModel(t *testing.T) {
	Run(t, func(*testing.T) Subject {
		m := &model{faults: map[string]map[string]int64{}}
		c := func(id string) Case {
			return Case{Fault: order.Fault{ID: id, Flush: &order.Flush{Address: id}}, Effect: m.effect(id), Counter: "looks"}
		}
		return Subject{Injector: m, Cases: []Case{c("one"), c("two")}, Wrong: []order.Fault{{HTTP: &order.HTTP{}}}}
	})
}

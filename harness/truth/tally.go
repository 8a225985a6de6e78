package truth

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
)

// mostKeys is how many keys of a kind a ledger names.
const mostKeys = 20

// A tally counts how often each key was found, and which were acknowledged. It
// knows keys by their hashes alone.
type tally struct {
	seed  maphash.Seed
	most  int // how many keys there may be, and rows
	known map[uint64]state

	acknowledged int // different keys

	// Of the present reading.
	rows           int
	present        int // acknowledged keys that were found
	repeated       int
	repeatedKeys   []string
	foundKeys      []string
	again          int
	mostDeliveries int
}

// A state is what is known of a key.
type state struct {
	acknowledged bool
	again        bool  // its work was delivered more than once
	found        uint8 // 2 stands for any number beyond
}

func newTally(most int) *tally {
	return &tally{seed: maphash.MakeSeed(), most: most, known: map[uint64]state{}}
}

// acknowledge takes a key that was acknowledged, once or several times.
func (t *tally) acknowledge(text []byte) error {
	hash := maphash.Bytes(t.seed, text)
	if t.known[hash].acknowledged {
		return nil
	}
	if t.acknowledged == t.most {
		return fmt.Errorf("more than %d keys, which is more than can be compared; run for a shorter time", t.most)
	}
	t.known[hash] = state{acknowledged: true}
	t.acknowledged++
	return nil
}

// reset forgets what was found.
func (t *tally) reset() {
	for hash, s := range t.known {
		if s.acknowledged {
			t.known[hash] = state{acknowledged: true}
		} else {
			delete(t.known, hash)
		}
	}
	t.rows, t.present, t.repeated, t.again, t.mostDeliveries = 0, 0, 0, 0, 0
	t.repeatedKeys, t.foundKeys = nil, nil
}

// find takes a key that was read, and how often its work was delivered.
func (t *tally) find(text string, deliveries int64) error {
	if t.rows == t.most {
		return fmt.Errorf("more than %d keys, which is more than can be compared; read fewer", t.most)
	}
	t.rows++
	hash := maphash.String(t.seed, text)
	s := t.known[hash]
	switch s.found {
	case 0:
		s.found = 1
		if s.acknowledged {
			t.present++
		}
	case 1:
		s.found = 2
		t.repeated++
		t.repeatedKeys = keep(t.repeatedKeys, text)
	}
	if deliveries > 1 && !s.again {
		s.again = true
		t.again++
	}
	t.mostDeliveries = max(t.mostDeliveries, int(deliveries))
	t.known[hash] = s
	t.foundKeys = keep(t.foundKeys, text)
	return nil
}

// keep appends a copy of a key to a list of some.
func keep(keys []string, text string) []string {
	if len(keys) == mostKeys {
		return keys
	}
	return append(keys, strings.Clone(text)) // not the page or row that it may be part of
}

// missing is how many acknowledged keys were not found.
func (t *tally) missing() int { return t.acknowledged - t.present }

// errEnough ends a search for names.
var errEnough = errors.New("enough")

// names are the texts of some missing keys.
type names struct {
	*tally
	named map[uint64]bool
	keys  []string
}

func (t *tally) missingNames() *names { return &names{tally: t, named: map[uint64]bool{}} }

// take looks at a key that was acknowledged; errEnough: no more are needed.
func (n *names) take(text []byte) error {
	hash := maphash.Bytes(n.seed, text)
	if n.known[hash].found > 0 || n.named[hash] {
		return nil
	}
	n.named[hash] = true
	n.keys = append(n.keys, string(text))
	if len(n.keys) == min(mostKeys, n.missing()) {
		return errEnough
	}
	return nil
}

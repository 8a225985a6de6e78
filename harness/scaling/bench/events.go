package main

import (
	"bufio"
	"encoding/json"
	"io"
	"time"
)

// A line is what is read of a line of scale-events.ndjson.
type line struct {
	Type    string        `json:"type"`
	At      time.Duration `json:"t_ns"`
	Change  int           `json:"change"`
	Started []struct {
		Started *time.Duration `json:"started_ns"`
	} `json:"started"`
}

// read returns, by the number of instances that a decision asked for, how long it
// took until the last of them was started. Decisions that did not bring as many
// are left out.
func read(r io.Reader) (map[int][]time.Duration, error) {
	found := map[int][]time.Duration{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, err
		}
		if took, ok := l.took(); ok {
			found[l.Change] = append(found[l.Change], took)
		}
	}
	return found, lines.Err()
}

// took is from the decision to the start of its last instance.
func (l line) took() (longest time.Duration, ok bool) {
	if l.Type != "decision" || l.Change <= 0 || len(l.Started) != l.Change {
		return 0, false
	}
	for _, s := range l.Started {
		if s.Started == nil {
			return 0, false
		}
		longest = max(longest, *s.Started-l.At)
	}
	return longest, true
}

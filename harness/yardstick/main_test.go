package yardstick

import (
	"errors"
	"fmt"
	"testing"
)

func TestTheStatusTellsAMissFromAFailure(t *testing.T) {
	for err, want := range map[error]int{nil: 0, ErrMissed: 1, fmt.Errorf("row one: %w", ErrMissed): 1, errors.New("no engine"): 2} {
		if got := status(err); got != want {
			t.Errorf("%v: status %d, want %d", err, got, want)
		}
	}
}

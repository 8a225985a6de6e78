package harness

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A run that hangs is ended in order, and at once when the order hangs as well.
func TestTheDeadlineEndsFirstInOrderThenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		soft, hard, release := WithDeadline(t.Context(), t.Context(), 20*time.Minute, 3*time.Minute)
		defer release()
		<-soft.Done()
		if at := time.Since(began); at != 20*time.Minute || hard.Err() != nil {
			t.Errorf("soft ended after %v, hard is %v", at, hard.Err())
		}
		<-hard.Done()
		if at := time.Since(began); at != 23*time.Minute {
			t.Errorf("hard ended after %v", at)
		}
		for _, ctx := range []context.Context{soft, hard} {
			var late DeadlineError
			if !errors.As(Overdue(ctx), &late) || late.After != 20*time.Minute {
				t.Errorf("it does not say that it was the deadline: %v", Overdue(ctx))
			}
		}
	})
}

// Who interrupts a run has not run into its deadline, even if that passes later.
func TestAnInterruptIsNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, interrupt := context.WithCancel(t.Context())
		soft, hard, release := WithDeadline(parent, parent, time.Minute, time.Minute)
		if Overdue(soft) != nil {
			t.Error("overdue before anything ended")
		}
		interrupt()
		<-soft.Done()
		time.Sleep(time.Hour) // of the bubble
		if Overdue(soft) != nil || Overdue(hard) != nil {
			t.Errorf("%v, %v", Overdue(soft), Overdue(hard))
		}
		release()
	})
}

// Releasing is no deadline either: a run that is over was not late.
func TestReleaseIsNoDeadline(t *testing.T) {
	soft, _, release := WithDeadline(t.Context(), t.Context(), time.Hour, time.Hour)
	release()
	if soft.Err() == nil || Overdue(soft) != nil {
		t.Errorf("%v, %v", soft.Err(), Overdue(soft))
	}
}

// The record names the deadline.
func TestARunEndedByItsDeadlineSaysSo(t *testing.T) {
	want := journal.RunEnded{Reason: "error", Error: DeadlineError{After: time.Minute}.Error()}
	if have := ended(DeadlineError{After: time.Minute}, false, false); have != want {
		t.Errorf("%+v", have)
	}
}

// No limit inside of a run is beyond the deadline that is taken when none is given.
func TestTheDefaultDeadlineCoversThePlan(t *testing.T) {
	plan := &scenarios.Plan{
		Duration: scenarios.Duration(time.Hour),
		Services: map[string]scenarios.PlannedService{"api": {Drain: scenarios.Drain{Grace: scenarios.Duration(5 * time.Minute)}}, "web": {}},
		Ledgers:  []scenarios.PlannedLedger{{Within: scenarios.Duration(2 * time.Minute)}},
	}
	least := time.Hour + 2*time.Minute + patience(plan) + answerPatience + downPatience
	if have := Deadline(plan, 0); have < least+2*time.Minute || have > least+15*time.Minute {
		t.Errorf("%v for what takes up to %v and two starts", have, least)
	}
	if with, without := Deadline(plan, 10*time.Minute), Deadline(plan, 0); with-without != 18*time.Minute {
		t.Errorf("%v with a start limit of 10m, %v with 1m: two services start", with, without)
	}
}

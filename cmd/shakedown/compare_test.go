package main

import (
	"strings"
	"testing"
)

// Four times the same run, by name or as copies, would be told from four times another one
// with p = 0.03, though nothing was repeated.
func TestARunCountsOnceOnItsSide(t *testing.T) {
	a, b := storedFixture(t), storedFixture(t)
	for _, args := range [][]string{{"compare", a, a, "--", b}, {"compare", a, "--", a, b}, {"compare", "--base", b, "--new", a, "--new", a}} {
		if code, _, stderr := called(t, args...); code != 2 || !strings.Contains(stderr, "are the same run (8f3a): name each run once") {
			t.Errorf("%q: exit code %d\n%s", args, code, stderr)
		}
	}
	if code, _, stderr := called(t, "compare", a, a); code != 0 {
		t.Errorf("a run beside itself: exit code %d\n%s", code, stderr)
	}
}

// What the README shows of comparing is understood, up to the runs that are not there.
func TestTheComparisonOfTheREADMEIsUnderstood(t *testing.T) {
	args := shownCommand(t, "$ shakedown compare ")
	if code, _, stderr := called(t, args...); code != 1 || !strings.Contains(stderr, "read run before: there is no run") {
		t.Errorf("%q: exit code %d\n%s", args, code, stderr)
	}
}

package draws

import (
	"time"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// longest bounds a walk that is written: a repetition may be of billions.
const longest = 1000

// A Stride is one request of a session and the think time before it.
type Stride struct {
	Step  string             `json:"step"`
	Think scenarios.Duration `json:"think,omitempty"`
}

// Walk is the way that a session takes through a journey if every step
// succeeds, with its choices and repetitions resolved; whole is false when
// more than the first 1,000 requests, choices and repetitions would be needed
// for it. It draws in the order in which a driver does, the think time of a
// step when the one before it has ended, and moves the session on by that.
func Walk(s *Session, steps []scenarios.PlannedStep) (strides []Stride, whole bool) {
	w := walk{session: s, left: longest}
	whole = w.through(steps)
	return w.strides, whole
}

// walk is a Walk under way.
type walk struct {
	session *Session
	strides []Stride
	left    int // of what it may take
	pending time.Duration
}

// through walks steps, false when it has become too long.
func (w *walk) through(steps []scenarios.PlannedStep) bool {
	for _, step := range steps {
		if w.left--; w.left < 0 {
			return false
		}
		w.pending += w.session.Think(step.Think)
		switch {
		case step.Repeat != nil:
			for range w.session.Times(step.Repeat.Times) {
				if w.left--; w.left < 0 || !w.through(step.Repeat.Steps) {
					return false
				}
			}
		case step.Choose != nil:
			if way := w.session.Choose(weights(step.Choose)); way >= 0 && !w.through(step.Choose[way].Steps) {
				return false
			}
		default:
			w.strides = append(w.strides, Stride{step.Name, scenarios.Duration(w.pending)})
			w.pending = 0
		}
	}
	return true
}

func weights(options []scenarios.PlannedOption) []int {
	all := make([]int, len(options))
	for i, option := range options {
		all[i] = option.Weight
	}
	return all
}

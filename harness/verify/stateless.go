package verify

import "github.com/shakedown-dev/shakedown/scenarios"

// stateless judges whether sessions survive the loss of an instance.
func (h *history) stateless(c scenarios.StatelessCheck) []Finding {
	return nil
}

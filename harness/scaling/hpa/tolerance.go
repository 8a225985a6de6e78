package hpa

// tolerances are how far the ratio of a metric to its target may be from 1 before
// anything changes, in each direction.
type tolerances struct{ down, up float64 }

// within includes both ends.
func (t tolerances) within(ratio float64) bool {
	return 1-t.down <= ratio && ratio <= 1+t.up
}

// tolerances are the controller's, or the HPA's own where it has any.
func (in *Input) tolerances() tolerances {
	t := tolerances{down: in.Config.Tolerance, up: in.Config.Tolerance}
	behavior := in.Spec.Behavior
	if behavior == nil {
		return t
	}
	if behavior.ScaleDown != nil && behavior.ScaleDown.Tolerance != nil {
		t.down = behavior.ScaleDown.Tolerance.AsApproximateFloat64()
	}
	if behavior.ScaleUp != nil && behavior.ScaleUp.Tolerance != nil {
		t.up = behavior.ScaleUp.Tolerance.AsApproximateFloat64()
	}
	return t
}

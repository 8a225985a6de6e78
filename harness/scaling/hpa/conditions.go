package hpa

import "github.com/shakedown-dev/shakedown/harness/journal"

// The types and states of conditions.
const (
	ableToScale    = "AbleToScale"
	scalingActive  = "ScalingActive"
	scalingLimited = "ScalingLimited"

	yes = "True"
	no  = "False"
)

// conditions are those of an HPA in the order in which upstream comes by them;
// one without a type has not been set yet.
type conditions [3]journal.ScaleCondition

func (c *conditions) set(one journal.ScaleCondition) {
	switch one.Type {
	case ableToScale:
		c[0] = one
	case scalingActive:
		c[1] = one
	case scalingLimited:
		c[2] = one
	}
}

func (c *conditions) list() []journal.ScaleCondition {
	list := make([]journal.ScaleCondition, 0, len(c))
	for _, one := range c {
		if one.Type != "" {
			list = append(list, one)
		}
	}
	return list
}

func condition(kind, status, reason, message string) journal.ScaleCondition {
	return journal.ScaleCondition{Type: kind, Status: status, Reason: reason, Message: message}
}

// Reasons and messages of conditions are upstream's, word for word: people look
// them up.
var (
	gotScale = condition(ableToScale, yes, "SucceededGetScale",
		"the HPA controller was able to get the target's current scale")
	readyForNewScale = condition(ableToScale, yes, "ReadyForNewScale",
		"recommended size matches current size")
	scaleUpStabilized = condition(ableToScale, yes, "ScaleUpStabilized",
		"recent recommendations were lower than current one, applying the lowest recent recommendation")
	scaleDownStabilized = condition(ableToScale, yes, "ScaleDownStabilized",
		"recent recommendations were higher than current one, applying the highest recent recommendation")

	scalingDisabled = condition(scalingActive, no, "ScalingDisabled",
		"scaling is disabled since the replica count of the target is zero")

	withinRange = condition(scalingLimited, no, "DesiredWithinRange",
		"the desired count is within the acceptable range")
	scaleUpLimit = condition(scalingLimited, yes, "ScaleUpLimit",
		"the desired replica count is increasing faster than the maximum scale rate")
	scaleDownLimit = condition(scalingLimited, yes, "ScaleDownLimit",
		"the desired replica count is decreasing faster than the maximum scale rate")
	tooManyReplicas = condition(scalingLimited, yes, "TooManyReplicas",
		"the desired replica count is more than the maximum replica count")
	tooFewReplicas = condition(scalingLimited, yes, "TooFewReplicas",
		"the desired replica count is less than the minimum replica count")
)

// validMetric is the condition of an HPA whose metrics say how much is needed.
func validMetric(name string) journal.ScaleCondition {
	return condition(scalingActive, yes, "ValidMetricFound",
		"the HPA was able to successfully calculate a replica count from "+name)
}

// unable is the condition of an HPA that does not know how much is needed.
func unable(reason string, err error) journal.ScaleCondition {
	return condition(scalingActive, no, reason,
		"the HPA was unable to compute the replica count: "+err.Error())
}

package hpa

import (
	"math"

	corev1 "k8s.io/api/core/v1"
)

// An aim is the target of a metric: a percentage of what pods request, or a value
// in thousandths.
type aim struct {
	percent int64 // 0: the value is the target
	value   int64
	unit    string
}

func percentOf(target int32) aim { return aim{percent: int64(target), unit: "%"} }

func valueOf(milli int64, resource corev1.ResourceName) aim {
	if resource == corev1.ResourceMemory {
		return aim{value: milli, unit: "B"}
	}
	return aim{value: milli}
}

// target is the aim in its unit.
func (a aim) target() float64 {
	if a.percent != 0 {
		return float64(a.percent)
	}
	return float64(a.value) / 1000
}

// shown is a value in the unit of the aim; a percentage is counted in whole ones,
// everything else in thousandths.
func (a aim) shown(value int64) float64 {
	if a.percent != 0 {
		return float64(value)
	}
	return float64(value) / 1000
}

// level is where one pod or more stand in the aim's measure: the percentage of all
// requests together, or the mean value, both whole numbers cut off. It reports
// false where they request nothing that there could be a percentage of.
//
// The cut-off steps are what makes an HPA coarse: at a target of 50 % a
// utilization of 55.9 % is 55/50 = 1.1, and within the usual tolerance.
func (a aim) level(of sum) (int64, bool) {
	if a.percent != 0 {
		if of.requests == 0 {
			return 0, false
		}
		return int64(int32(of.usage * 100 / of.requests)), true
	}
	return of.usage / int64(of.pods), true
}

// ratio is that of a level to the target.
func (a aim) ratio(level int64) float64 {
	if a.percent != 0 {
		return float64(level) / float64(a.percent)
	}
	return float64(level) / float64(a.value)
}

// assumed is what a pod without a metric is taken to use while there is less to do
// than the target: its whole request, or the target where that is more; of
// values, the target.
func (a aim) assumed(request int64) int64 {
	if a.percent != 0 {
		return request * max(100, a.percent) / 100
	}
	return a.value
}

// ceil rounds up to a number of replicas. One that no int32 holds becomes the
// least, as in a controller on amd64: Go leaves that conversion to the machine,
// and an absurd ratio then asks for no replicas at all.
func ceil(replicas float64) int32 { return number(math.Ceil(replicas)) }

func number(f float64) int32 {
	if f > math.MinInt32-1 && f < math.MaxInt32+1 {
		return int32(f)
	}
	return math.MinInt32
}

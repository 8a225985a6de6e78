package scenarios

import (
	"fmt"
	"slices"
)

// beginning tells of a number of instances that the autoscaler changes at its first
// look, whatever the load.
func (l *linter) beginning() {
	if len(l.plan.Phases) > 0 && slices.Contains(l.scaler.PausedIn, l.plan.Phases[0].Name) {
		return // it only looks at first
	}
	n, least, most := l.service.Replicas, l.scaler.Min, l.scaler.Max
	of := "of its autoscaler"
	if l.scaler.HPA != nil {
		of = "of its manifest"
	}
	switch {
	case n > most:
		l.remark("replicas", true, "%s begins with %s, and the most %s is %d: its first look removes %s; lower replicas, or raise the most", l.name, plural(n, "instance"), of, most, fmt.Sprint(n-most))
	case n < least:
		l.remark("replicas", false, "%s begins with %s, and the least %s is %d: its first look adds %s, whatever the load; raise replicas if that is not meant", l.name, plural(n, "instance"), of, least, fmt.Sprint(least-n))
	}
}

// workload tells of a manifest that a cluster would apply to something of another
// name: it may be the file of another service.
func (l *linter) workload() {
	if l.scaler.HPA == nil {
		return
	}
	if ref := l.scaler.HPA.ScaleTargetRef; ref.Name != "" && ref.Name != l.name {
		l.remark("workload", false, "%s is scaled by the manifest of %s %s: what scaleTargetRef names is not looked at; is it the right file?", l.name, ref.Kind, ref.Name)
	}
}

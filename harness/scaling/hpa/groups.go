package hpa

import corev1 "k8s.io/api/core/v1"

// standing is what becomes of a pod in a calculation.
type standing int

const (
	counted standing = iota
	ignored          // on its way out
	unready          // not at work yet: its metric tells nothing
	missing          // without a metric
)

// A sum is of several pods: what they use and what they request.
type sum struct {
	pods            int
	usage, requests int64
}

func (s sum) plus(other sum) sum {
	return sum{pods: s.pods + other.pods, usage: s.usage + other.usage, requests: s.requests + other.requests}
}

// groups are the pods of a target by their standing, for one metric.
type groups struct {
	ready   int // counted ones
	known   sum // they, and metrics of pods that are not in the list (any more)
	missing sum // with what they are assumed to use while there is little to do
	unready sum // with no use
}

// group sorts the pods. With a resource it reads their requests; an error says
// whose are not set.
func group(in *Input, metrics map[string]PodMetric, resource corev1.ResourceName, container string, aim aim) (groups, error) {
	var (
		g        groups
		found    int
		requests = requested{resource: resource, container: container, needed: aim.percent != 0}
	)
	for i := range in.Pods {
		pod := &in.Pods[i]
		metric, measured := metrics[pod.Name]
		if measured {
			found++
		}
		request := requests.of(pod)
		switch in.standing(pod, metric, measured, resource == corev1.ResourceCPU) {
		case counted:
			g.ready++
			g.known = g.known.plus(sum{1, metric.Value, request})
		case missing:
			g.missing = g.missing.plus(sum{1, aim.assumed(request), request})
		case unready:
			g.unready = g.unready.plus(sum{1, 0, request})
		}
	}
	if found < len(metrics) {
		g.known = g.known.plus(strangers(in.Pods, metrics, aim))
	}
	return g, requests.err()
}

// standing tells what becomes of a pod. Only for CPU it matters whether the pod is
// ready: starting takes CPU that says nothing of the load.
func (in *Input) standing(pod *Pod, metric PodMetric, measured, cpu bool) standing {
	switch {
	case pod.Deleting || pod.Phase == Failed:
		return ignored
	case pod.Phase == Pending:
		return unready
	case !measured:
		return missing
	case cpu && in.starting(pod, metric):
		return unready
	}
	return counted
}

// starting tells whether the CPU that a pod used is that of its start. Early on,
// a ready pod's metric must cover a window after it got ready; later, only a pod
// that has never been ready is left out.
func (in *Input) starting(pod *Pod, metric PodMetric) bool {
	if pod.Ready == nil || pod.Started.IsZero() {
		return true
	}
	if pod.Started.Add(in.Config.CPUInitializationPeriod).After(in.Now) {
		return !*pod.Ready || metric.At.Before(pod.Changed.Add(metric.Window))
	}
	return !*pod.Ready && pod.Started.Add(in.Config.InitialReadinessDelay).After(pod.Changed)
}

// strangers are metrics of pods that are not listed. Upstream counts them among
// the pods that it calculates with; their use counts towards a mean value, and
// for want of a request not towards utilization.
func strangers(listed []Pod, metrics map[string]PodMetric, aim aim) sum {
	names := make(map[string]bool, len(listed))
	for i := range listed {
		names[listed[i].Name] = true
	}
	var s sum
	for name, metric := range metrics {
		if names[name] {
			continue
		}
		s.pods++
		if aim.percent == 0 {
			s.usage += metric.Value
		}
	}
	return s
}

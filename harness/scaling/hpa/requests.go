package hpa

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// requested reads what pods request of a resource, in all of their containers or
// in the one that is named, and remembers what is not set.
type requested struct {
	resource  corev1.ResourceName
	container string
	needed    bool // only utilization is a share of requests
	lacks     string
	pod       string // the first by name that lacks it
}

// of is the request of a pod, in thousandths; 0 where none is needed.
func (r *requested) of(pod *Pod) int64 {
	if !r.needed {
		return 0
	}
	var request int64
	for i := range pod.Containers {
		c := &pod.Containers[i]
		if r.container != "" && r.container != c.Name {
			continue
		}
		set := r.in(c)
		if set == nil {
			r.missed(pod, fmt.Sprintf("missing request for %s in container %s of Pod %s", r.resource, c.Name, pod.Name))
			return 0
		}
		request += *set
		if r.container != "" {
			return request
		}
	}
	if r.container != "" {
		r.missed(pod, fmt.Sprintf("container %s not found in Pod %s", r.container, pod.Name))
	}
	return request
}

func (r *requested) in(c *Container) *int64 {
	switch r.resource {
	case corev1.ResourceCPU:
		return c.MilliCPU
	case corev1.ResourceMemory:
		return c.MilliMemory
	}
	return nil
}

func (r *requested) missed(pod *Pod, lacks string) {
	if r.lacks == "" || pod.Name < r.pod {
		r.lacks, r.pod = lacks, pod.Name
	}
}

func (r *requested) err() error {
	if r.lacks == "" {
		return nil
	}
	return errors.New(r.lacks)
}

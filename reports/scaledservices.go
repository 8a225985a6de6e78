package reports

import (
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// A ScaledService is what a service that something scales or resizes had and
// used from the start of traffic to the end of the last phase.
type ScaledService struct {
	Service    string `json:"service"`
	Autoscaler string `json:"autoscaler"` // its kind, "" for none
	Policy     string `json:"policy"`     // of prescaling, "" for none
	// Min and Max are the autoscaler's limits, 0 without one; Least and Most how
	// many instances took work at a time.
	Min   int `json:"min"`
	Max   int `json:"max"`
	Least int `json:"least"`
	Most  int `json:"most"`
	// Changes is how many decisions added or removed instances, of Evaluations.
	Changes     int `json:"changes"`
	Evaluations int `json:"evaluations"`
	// ReplicaSeconds is the sum of the times for which its instances ran, whether
	// they took work or not; CPUSeconds what they used, null where nobody measured.
	ReplicaSeconds float64  `json:"replica_seconds"`
	CPUSeconds     *float64 `json:"cpu_seconds"`
	// Resizes counts those that went through, Refused the claims that were rejected.
	Resizes  int `json:"resizes"`
	Refused  int `json:"refused"`
	OOMKills int `json:"oom_kills"`
	// Exits counts instances that ended although nobody had asked, OOM kills too.
	Exits int `json:"exits"`
}

func scaledServicesOf(run Run, w window) []ScaledService {
	w.silent = w.traffic + rated(run, w) // what follows the last phase is not scaled
	list := []ScaledService{}
	names := managed(run)
	if len(names) == 0 {
		return list
	}
	events := run.events()
	lanes := lanesOf(events, w)
	cpu := cpuSeconds(events, w)
	index := map[string]int{}
	for i, name := range names {
		s := ScaledService{Service: clean(name), ReplicaSeconds: round(replicaSeconds(lanes, name, w), 1)}
		s.Least, s.Most = servingOf(lanes, name).within(w.traffic, w.silent)
		if used, ok := cpu[name]; ok {
			seconds := round(used.Seconds(), 1)
			s.CPUSeconds = &seconds
		}
		if p := run.planned()[name]; p.Autoscale != nil {
			s.Autoscaler, s.Min, s.Max = p.Autoscale.Kind(), p.Autoscale.Min, p.Autoscale.Max
		}
		if p := run.planned()[name]; p.Prescale != nil {
			s.Policy = p.Prescale.Policy
		}
		index[name], list = i, append(list, s)
	}
	for _, e := range events {
		if _, over := e.Body.(journal.RunEnded); over {
			break // how instances end in the tear-down says nothing about them
		}
		countScaling(list, index, e.Body)
	}
	return list
}

func countScaling(list []ScaledService, index map[string]int, body journal.Body) {
	of := func(service string) *ScaledService {
		if i, ok := index[service]; ok {
			return &list[i]
		}
		return &ScaledService{}
	}
	switch b := body.(type) {
	case journal.ScaleDecision:
		s := of(b.Service)
		s.Evaluations++
		if b.Desired != b.Current && b.Held == "" {
			s.Changes++
		}
	case journal.Resized:
		if b.Error == "" && !b.Created {
			of(b.Service).Resizes++
		}
	case journal.Claim:
		if b.State == "rejected" {
			of(b.Service).Refused++
		}
	case journal.InstanceExited:
		s := of(b.Service)
		if b.OOM {
			s.OOMKills++
		}
		if !b.Wanted {
			s.Exits++
		}
	}
}

// replicaSeconds is for how long the instances of a service ran while traffic
// flowed, added up.
func replicaSeconds(lanes []*lane, service string, w window) float64 {
	var sum time.Duration
	for _, l := range lanes {
		if l.service != service || l.job {
			continue
		}
		for _, s := range l.stretches {
			if s.state != ghost {
				sum += max(0, min(s.to, w.silent)-max(s.from, w.traffic))
			}
		}
	}
	return sum.Seconds()
}

// cpuSeconds is the CPU that the instances of each service used while traffic
// flowed, of services that were measured. What an instance used before its first
// reading counts when it started while traffic flowed.
func cpuSeconds(events []journal.Event, w window) map[string]time.Duration {
	type reading struct {
		service     string
		first, last time.Duration
	}
	fresh, readings := map[string]bool{}, map[string]*reading{}
	for _, e := range events {
		switch b := e.Body.(type) {
		case journal.InstanceStarted:
			fresh[b.Instance] = e.T >= w.traffic
		case journal.Usage:
			if e.T < w.traffic || e.T > w.silent {
				continue
			}
			r := readings[b.Instance]
			if r == nil {
				r = &reading{service: b.Service, first: b.CPU}
				if fresh[b.Instance] {
					r.first = 0
				}
				readings[b.Instance] = r
			}
			r.last = max(r.last, b.CPU)
		}
	}
	sums := map[string]time.Duration{} // whole numbers: their sum does not hang on the order
	for _, r := range readings {
		sums[r.service] += max(0, r.last-r.first)
	}
	return sums
}

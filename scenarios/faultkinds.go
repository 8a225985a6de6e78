package scenarios

import "slices"

// The groups of kinds, by what does them and what they are done to.
const (
	lifeCycleKinds = iota
	networkKinds
	resourceKinds
	requestKinds // of HTTP and of third parties, decided for each request
	tlsKinds
	dataKinds
)

// groupOf is the group of a kind.
func groupOf(kind string) int {
	switch kind {
	case "kill", "stop", "pause", "restart", "crash_loop", "zone_loss", "reclaim":
		return lifeCycleKinds
	case "delay", "loss", "bandwidth", "partition", "reset", "connection_limit", "dns":
		return networkKinds
	case "cpu_pressure", "cpu_throttle", "memory_pressure", "disk_fill":
		return resourceKinds
	case "tls_handshake", "tls_reset", "tls_expired":
		return tlsKinds
	case "cache_flush", "pool_exhaustion", "slow_queries":
		return dataKinds
	}
	return requestKinds
}

// defaultPick is the word that stands for a selection that has none.
func (f Fault) defaultPick() string {
	if groupOf(f.Kind()) == lifeCycleKinds && f.ZoneLoss == nil {
		return PickOne
	}
	return PickAll
}

// proxied tells that a kind is done by a proxy, be it the one in front of a
// service or one that connections are redirected to. An outage of a service
// without a port is not.
func proxied(kind string) bool {
	return slices.Contains([]int{requestKinds, tlsKinds}, groupOf(kind))
}

// ofDatabase tells that a kind is done to a database as such, over connections of
// the run's own, and not to instances.
func ofDatabase(kind string) bool { return kind == "pool_exhaustion" || kind == "slow_queries" }

// takesAway tells that the instances of the fault are gone while it lasts, so that
// another one cannot pick them.
func (f Fault) takesAway() bool {
	return f.Kill != nil || f.Stop != nil || f.Reclaim != nil || f.ZoneLoss != nil && f.ZoneLoss.As != zonePartition
}

// The words of ZoneLossFault.As.
const (
	zoneKill      = "kill"
	zonePartition = "partition"
)

package reports

import (
	"cmp"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// firstVersion is what a run begins with.
const firstVersion = "v1"

// versionsOf are the versions of the instances, by name, of those services of
// which the run had more than one. Jobs have none.
func versionsOf(events []journal.Event) map[string]string {
	all := map[string]map[string]string{} // service -> instance -> version
	for _, e := range events {
		b, ok := e.Body.(journal.InstanceStarted)
		if !ok || b.Job {
			continue
		}
		if all[b.Service] == nil {
			all[b.Service] = map[string]string{}
		}
		all[b.Service][b.Instance] = cmp.Or(b.Version, firstVersion)
	}
	versions := map[string]string{}
	for _, instances := range all {
		different := map[string]bool{}
		for _, v := range instances {
			different[v] = true
		}
		if len(different) < 2 {
			continue
		}
		for name, v := range instances {
			versions[name] = v
		}
	}
	return versions
}

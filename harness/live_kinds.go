package harness

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shakedown-dev/shakedown/chaos/engine"
	"github.com/shakedown-dev/shakedown/harness/steer"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// examples are the parameters of each kind as somebody may begin with.
var examples = map[string]string{
	"kill": "{}", "stop": "{}", "pause": "{}", "restart": "{}", "crash_loop": "{every: 5s}", "zone_loss": "{}", "reclaim": "{notice: 30s}",
	"delay": "{latency: 200ms, jitter: 50ms}", "loss": "{share: 5%}", "bandwidth": "{rate: 100KiB}", "partition": "{}", "reset": "{}",
	"connection_limit": "{limit: 10}", "dns": "{answer: nxdomain}",
	"cpu_pressure": "{cores: 1}", "cpu_throttle": "{cpus: 0.25}", "memory_pressure": "{fill: 80%}", "disk_fill": "{volume: VOLUME, fill: 90%}",
	"http_latency": "{p50: 300ms, p99: 2s}", "http_errors": "{statuses: {503: 1}}", "http_abort": "{}", "http_slow_body": "{rate: 1KiB}",
	"http_truncate": "{}", "http_corrupt": "{}",
	"brownout": "{p50: 200ms, p99: 1s, peak: 4x}", "flapping": "{down: 5s, up: 10s}", "rate_limit": "{rate: 10/s}", "outage": "{}",
	"tls_handshake": "{delay: 2s}", "tls_reset": "{}", "tls_expired": "{}",
	"cache_flush": "{}", "pool_exhaustion": "{access: {ACCESS}}", "slow_queries": "{access: {ACCESS}}",
}

// nowhere says why a kind cannot be done where there is nothing that it could be tried on.
var nowhere = map[string]string{
	"disk_fill":       "no service has a named volume",
	"pool_exhaustion": noDatabase,
	"slow_queries":    noDatabase,
}

const noDatabase = "the run reaches databases by ports that it publishes at its start: name this one in an integrity check or in a fault of the scenario"

// findKinds tries every kind on what there is, and says why none of it will do where
// that is so.
func (l *live) findKinds() []steer.Kind {
	all := []steer.Kind{}
	for _, k := range engine.Catalogue() {
		kind := steer.Kind{Name: k.Name, Group: k.Group, Does: k.Summary}
		first := errors.New(nowhere[k.Name])
		if nowhere[k.Name] == "" {
			first = nil
		}
		for _, text := range l.candidates(k.Name) {
			err := l.possible(text)
			if err == nil {
				kind.Example, first = text, nil
				break
			}
			first = cmp.Or(first, err)
			kind.Example = cmp.Or(kind.Example, text)
		}
		if first != nil {
			kind.Not = brief(first)
		}
		all = append(all, kind)
	}
	return all
}

// possible says why a fault could not be injected at the start of traffic.
func (l *live) possible(text string) error {
	f, err := l.compiler.Fault(text, scenarios.Underway{})
	if err != nil {
		return err
	}
	if frozen(l.r.Loaded.Plan) {
		return errors.New("nothing is broken in this run (control frozen)")
	}
	trial := *l.r.Loaded.Plan
	trial.Faults = []scenarios.PlannedFault{f}
	for _, p := range engine.Check(&trial, l.r.Platform.Name(), nil) {
		return errors.New(p.Reason)
	}
	return nil
}

// candidates are faults of a kind on everything that there is: what has most instances
// first, third parties before that where there are any.
func (l *live) candidates(kind string) (all []string) {
	plan := l.r.Loaded.Plan
	services := slices.SortedFunc(maps.Keys(plan.Services), func(a, b string) int {
		return cmp.Or(cmp.Compare(plan.Services[b].Replicas, plan.Services[a].Replicas), cmp.Compare(a, b))
	})
	services = slices.DeleteFunc(services, func(name string) bool { return l.left(plan.Services[name]) })
	add := func(target, parameters string) {
		all = append(all, fmt.Sprintf("target: %s\nfor: 30s\n%s: %s\n", target, kind, parameters))
	}
	switch parameters := examples[kind]; kind {
	case "zone_loss":
		for _, name := range services {
			for _, zone := range plan.Services[name].Zones {
				add("{service: "+name+", zone: "+zone+"}", parameters)
			}
		}
		add("{zone: a}", parameters)
	case "disk_fill":
		info := l.r.Loaded.Project.Info()
		for _, name := range services {
			for _, volume := range info.Services[name].Volumes {
				add(name, strings.ReplaceAll(parameters, "VOLUME", volume))
			}
		}
	case "pool_exhaustion", "slow_queries":
		for _, ledger := range plan.Ledgers {
			if ledger.SQL == nil {
				continue
			}
			for _, name := range services {
				add(name, strings.ReplaceAll(parameters, "ACCESS", "service: "+ledger.SQL.Service+", url_from: "+ledger.SQL.URLFrom))
			}
		}
	case "restart", "cache_flush":
		for _, name := range services {
			all = append(all, fmt.Sprintf("target: %s\n%s: %s\n", name, kind, parameters))
		}
	default:
		for _, name := range append(slices.Sorted(maps.Keys(plan.ThirdParties)), services...) {
			add(name, parameters)
		}
	}
	return all
}

package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// The catalogue and the language have the same kinds, in the same order, and
// each says everything that is asked of one.
func TestCatalogue(t *testing.T) {
	var kinds []string
	for _, k := range Catalogue() {
		kinds = append(kinds, k.Name)
		for what, text := range map[string]string{"a group": k.Group, "a summary": k.Summary, "evidence": k.Evidence, "a class": string(k.Revert), "a backend": strings.Join(k.Backends, "")} {
			if text == "" {
				t.Errorf("%s has no %s", k.Name, what)
			}
		}
		if k.ways == nil || k.effect == nil || k.gone == nil {
			t.Errorf("%s is not whole", k.Name)
		}
	}
	if want := scenarios.FaultKinds(); !slices.Equal(kinds, want) {
		t.Errorf("catalogue %q\nlanguage  %q", kinds, want)
	}
}

func TestDescribe(t *testing.T) {
	table := func(platform string, can map[string]string) map[string]string {
		rows := map[string]string{}
		for _, r := range Describe(platform, can) {
			rows[r.Name] = r.Backend + "|" + r.Why
			if r.Backend != "" && can == nil && r.Backend != r.Backends[0] && platform == "docker" {
				t.Errorf("%s: %s is not the first of %q", r.Name, r.Backend, r.Backends)
			}
		}
		return rows
	}
	docker, process := table("docker", nil), table("process", nil)
	bare := table("docker", map[string]string{"nfqueue": "gone", "numgen": "", "redirect": "gone", "net_admin": ""})
	for name, row := range docker {
		if strings.HasPrefix(row, "|") {
			t.Errorf("docker: %s: %s", name, row)
		}
	}
	for _, c := range []struct {
		in               map[string]string
		name, has, whose string
	}{
		{process, "delay", "|it needs containers", ""},
		{process, "cpu_throttle", "|it needs containers", ""},
		{process, "pool_exhaustion", "|it needs PostgreSQL", ""},
		{process, "kill", "engine|", ""},
		{process, "http_errors", "proxy|", ""},
		{process, "cache_flush", "engine|", ""},
		{bare, "loss", "kernel|drawn by the kernel", ""},
		{bare, "delay", "|it needs NFQUEUE in the kernel: gone", ""},
		{bare, "partition", "kernel|", ""},
	} {
		if got := c.in[c.name]; !strings.HasPrefix(got, c.has) {
			t.Errorf("%s: %s, want %s", c.name, got, c.has)
		}
	}
}

func TestCheck(t *testing.T) {
	delayTo := delayOf("all")
	delayTo.Delay.Peer = "db"
	hang := scenarios.Fault{Outage: &scenarios.OutageFault{As: "hang"}}
	refuse := scenarios.Fault{Outage: &scenarios.OutageFault{As: "refuse"}}
	pay := scenarios.Fault{HTTPErrors: &scenarios.HTTPErrorsFault{}, Egress: "api.pay.example:443"}
	plan := &scenarios.Plan{
		Services: map[string]scenarios.PlannedService{
			"api": {Interposed: &scenarios.Interposed{Port: 80}}, "web": {TrustCA: true}, "db": {}, "cache": {},
		},
		ThirdParties: map[string]scenarios.PlannedThirdParty{"pay": {ThirdParty: scenarios.ThirdParty{TLS: true}}, "sms": {}},
	}
	for _, c := range []struct {
		fault    scenarios.PlannedFault
		platform string
		can      map[string]string
		want     string // a backend, or a problem
	}{
		{planned("f", "delay", 0, second, delayOf("all"), "api"), "docker", nil, "nfqueue"},
		{planned("f", "delay", 0, second, delayTo, "web"), "docker", map[string]string{"nfqueue": "no"}, "redirect"},
		{planned("f", "delay", 0, second, delayOf("all"), "api"), "docker", map[string]string{"nfqueue": "no"}, "proxy"},
		{planned("f", "delay", 0, second, delayOf("all"), "db"), "docker", map[string]string{"nfqueue": "no"}, "fault f (delay): it needs NFQUEUE in the kernel: no"},
		{planned("f", "delay", 0, second, delayOf("one"), "api"), "docker", map[string]string{"nfqueue": "no"}, "fault f (delay): it needs NFQUEUE in the kernel: no"},
		{planned("f", "partition", 0, second, scenarios.Fault{Partition: &scenarios.PartitionFault{}}, "db"), "docker", map[string]string{"nftables": "no such protocol"}, "fault f (partition): it needs nftables in the kernel: no such protocol"},
		{planned("f", "partition", 0, second, scenarios.Fault{Partition: &scenarios.PartitionFault{}}, "db"), "docker", map[string]string{"net_admin": "the engine refuses it"}, "fault f (partition): it needs an agent with CAP_NET_ADMIN in the target's network: the engine refuses it"},
		{planned("f", "partition", 0, second, scenarios.Fault{Partition: &scenarios.PartitionFault{}}, "db"), "docker", map[string]string{"owner": "too old"}, "fault f (partition): it needs nftables tables that end with their owner (Linux 5.12): too old"},
		{planned("f", "kill", 0, second, killOf("one"), "db"), "process", nil, "engine"},
		{planned("f", "zone_loss", 0, second, scenarios.Fault{ZoneLoss: &scenarios.ZoneLossFault{As: "partition"}}, "db"), "process", nil, "fault f (zone_loss): it needs containers"},
		{planned("f", "zone_loss", 0, second, scenarios.Fault{ZoneLoss: &scenarios.ZoneLossFault{As: "kill"}}, "db"), "process", nil, "engine"},
		{planned("f", "outage", 0, second, refuse, "cache"), "process", nil, "engine"},
		{planned("f", "outage", 0, second, hang, "cache"), "process", nil, "engine"},
		{planned("f", "outage", 0, second, hang, "cache"), "docker", nil, "kernel"},
		{planned("f", "outage", 0, second, scenarios.Fault{Outage: &scenarios.OutageFault{}}, "cache"), "docker", nil, "fault f (outage): no proxy stands in front of cache: it needs a port in the scenario, or egress; without one it can be refuse, reset or hang"},
		{planned("f", "outage", 0, second, hang, "sms"), "process", nil, "proxy"},
		{planned("f", "http_errors", 0, second, pay, "api"), "docker", nil, "fault f (http_errors): http_errors is inside of TLS, which can be taken apart only for services that trust the run's authority; set trust_ca: true on api"},
		{planned("f", "http_errors", 0, second, pay, "web"), "docker", nil, "redirect"},
		{planned("f", "http_errors", 0, second, pay, "web"), "process", nil, "fault f (http_errors): egress: it needs containers"},
		{planned("f", "tls_expired", 0, second, scenarios.Fault{TLSExpired: &scenarios.TLSExpiredFault{}}, "pay"), "process", nil, "proxy"},
		{planned("f", "tls_expired", 0, second, scenarios.Fault{TLSExpired: &scenarios.TLSExpiredFault{}}, "sms"), "docker", nil, "fault f (tls_expired): sms does not speak TLS to its callers"},
		{planned("f", "memory_pressure", 0, second, scenarios.Fault{MemoryPressure: &scenarios.MemoryPressureFault{OOM: true}}, "db"), "docker", map[string]string{"memfd": "no"}, "fault f (memory_pressure): it needs memfd_create of the kernel: no"},
		{planned("f", "chaos", 0, second, scenarios.Fault{}, "db"), "docker", nil, "fault f (chaos): there is no such kind"},
	} {
		plan.Faults = []scenarios.PlannedFault{c.fault}
		got := fmt.Sprint(Check(plan, c.platform, c.can))
		if got == "[]" {
			w, err := choose(c.fault, Ground{c.platform, plan, c.can})
			if err != nil {
				t.Error(err)
			}
			got = "[" + w.backend
		}
		if !strings.HasPrefix(got, "["+c.want) {
			t.Errorf("%s on %s with %v: %s, want %s", c.fault.Kind, c.platform, c.can, got, c.want)
		}
	}
}

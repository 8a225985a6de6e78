package stack

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/harness/gateway"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// A layout is what a run wants to exist: the compose project rewritten for
// gateways and for the platform. It is pure data, made by arrange.
type layout struct {
	networks map[string]types.NetworkConfig
	volumes  map[string]types.VolumeConfig
	services []*service // a service stands after those it depends on
	parties  []*service // third parties: they have a proxy and nothing else
	jobs     []*service // of the plan's actions
	notes    []string   // what of the compose project is not taken over, for the user
}

// A service is one compose service after rewriting.
type service struct {
	name   string
	plan   scenarios.PlannedService
	config types.ServiceConfig // of each instance, but for what spec adds
	needs  []need
	// exposed is the first port the compose file exposes or publishes, 0 if none.
	exposed     int
	healthcheck bool                    // the compose file declares one
	completes   bool                    // another service waits for its completion, so its exit is wanted
	optional    bool                    // others depend on it and none requires it, so that Up goes on without it
	image       bool                    // its image must be made available before instances are created
	hook        bool                    // its gateway takes announcements of sessions
	headers     *gateway.SessionHeaders // by which its gateway sees sessions; nil for none
	given       map[string]string       // environment that the harness gives
	// party is the third party that stands in for the service, and order what its
	// proxy is told; nil for a service.
	party *scenarios.PlannedThirdParty
	order *order.ThirdParty
	// publish are ports at which the harness itself reaches the instances.
	publish []int
	// names are the addresses that take the place of service names; nil where
	// names resolve.
	names map[string]string
	// job is the service that a job was made from, "" for a service; extra is the
	// job's own environment.
	job   string
	extra map[string]string
	// joins are the networks of the gateway, with the aliases the compose file gives.
	joins map[string]*types.ServiceNetworkConfig
}

// A need is a depends_on entry.
type need struct {
	on        string
	condition string
	optional  bool // its failure is a warning (required: false)
}

// ground is what a platform offers to rewriting.
type ground struct {
	agent   string // path of the shakedown-agent program
	process bool   // instances are processes: they run x-shakedown.process
	images  bool
	address func(service string, n int) string // nil where names resolve
	shared  string                             // replaces {shared}
}

// at is the ground on which an instance has the address of another number; 0 is
// its own.
func (on ground) at(seat int) ground {
	if address := on.address; seat > 0 && address != nil {
		on.address = func(service string, _ int) string { return address(service, seat) }
	}
	return on
}

// gatewayed says whether a gateway fronts the service.
func (s *service) gatewayed() bool { return s.plan.Port > 0 }

// zoneLabel is the label of a container with the failure domain of its instance.
const zoneLabel = "shakedown.zone"

func gatewayName(service string) string { return "gateway-" + service }

func instanceName(service string, n int) string { return fmt.Sprintf("%s-%d", service, n) }

// service finds a service by name, nil if the run has none of it.
func (l *layout) service(name string) *service { return named(l.services, name) }

func named(services []*service, name string) *service {
	i := slices.IndexFunc(services, func(s *service) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return services[i]
}

// arrange rewrites a project for a run. Its errors are mistakes of the user.
func arrange(project *Project, plan *scenarios.Plan, on ground) (*layout, error) {
	l := &layout{networks: map[string]types.NetworkConfig{}, volumes: map[string]types.VolumeConfig{}}
	roles, omitted := roles(project, plan, on)
	for name := range plan.Services {
		if _, ok := project.compose.Services[name]; !ok {
			return nil, fmt.Errorf("service %s of the scenario is not in the compose project", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		s, notes, err := rewrite(project.compose.Services[name], roles[name], omitted, on)
		if err != nil {
			return nil, err
		}
		l.services = append(l.services, s)
		l.notes = append(l.notes, notes...)
	}
	if restarting := restarting(project, roles); len(restarting) > 0 {
		l.notes = append(l.notes, "restart policies of "+list(restarting)+" are not applied: an instance that exits stays down, so that the run can tell")
	}
	l.services = inDependencyOrder(l.services)
	if err := errors.Join(l.checkInterposed(), l.takeThirdParties(project, plan, on)); err != nil {
		return nil, err
	}
	if err := l.takeSessions(plan); err != nil {
		return nil, err
	}
	if on.process {
		if err := onProcesses(l, on); err != nil {
			return nil, err
		}
	} else {
		l.takeNetworksAndVolumes(project.compose)
	}
	if err := l.takeActions(plan, on); err != nil {
		return nil, err
	}
	return l, errors.Join(l.takeLedgers(plan, on), l.takeFaults(plan, on))
}

// restarting lists the services that an engine would start again by itself, but
// for those whose controller replaces what exits.
func restarting(project *Project, roles map[string]scenarios.PlannedService) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(roles)) {
		if roles[name].Autoscale != nil || roles[name].Prescale != nil {
			continue
		}
		if policy := project.compose.Services[name].Restart; policy != "" && policy != types.RestartPolicyNo {
			names = append(names, name)
		}
	}
	return names
}

// roles gives every service that takes part its plan; services without a role
// in the scenario run as the compose file says.
func roles(project *Project, plan *scenarios.Plan, on ground) (map[string]scenarios.PlannedService, map[string]bool) {
	taking, omitted := map[string]scenarios.PlannedService{}, map[string]bool{}
	for name, config := range project.compose.Services {
		role, ok := plan.Services[name]
		if !ok {
			role = scenarios.PlannedService{Replicas: config.GetScale()}
			if config.StopGracePeriod != nil {
				role.Drain.Grace = scenarios.Duration(*config.StopGracePeriod)
			}
		}
		if role.Process == nil {
			role.Process = project.extensions[name].Process
		}
		if _, stood := plan.ThirdParties[name]; stood || on.process && role.Process != nil && role.Process.Omit {
			omitted[name] = true
			continue
		}
		if role.Drain.Grace == 0 {
			role.Drain.Grace = scenarios.Duration(10 * time.Second) // compose's own default
		}
		taking[name] = role
	}
	return taking, omitted
}

// rewrite turns one compose service into what its instances are made from.
func rewrite(config types.ServiceConfig, role scenarios.PlannedService, omitted map[string]bool, on ground) (*service, []string, error) {
	s := &service{name: config.Name, plan: role, image: on.images}
	for _, name := range slices.Sorted(maps.Keys(config.DependsOn)) {
		if d := config.DependsOn[name]; !omitted[name] {
			s.needs = append(s.needs, need{on: name, condition: cmp.Or(d.Condition, types.ServiceConditionStarted), optional: !d.Required})
		}
	}
	if s.gatewayed() && config.NetworkMode != "" && !on.process {
		return nil, nil, fmt.Errorf("service %s has network_mode %q, but a gateway needs a network of its own to take over the name; "+
			"remove network_mode or the service's port", s.name, config.NetworkMode)
	}
	if exposed := ports(config); len(exposed) > 0 {
		s.exposed = exposed[0]
	}
	s.healthcheck = config.HealthCheck != nil && !config.HealthCheck.Disable
	notes := dropped(config, on)
	config.ContainerName, config.Restart, config.DependsOn, config.Ports = "", "", nil, nil
	config.Environment = maps.Clone(config.Environment)
	s.joins = withoutAddresses(config.Networks, true)
	config.Networks = withoutAddresses(config.Networks, !s.gatewayed())
	config.MacAddress = ""
	s.config = config
	return s, notes, nil
}

// withoutAddresses copies the networks of a service without fixed addresses,
// which cannot hold for several instances or several runs.
func withoutAddresses(networks map[string]*types.ServiceNetworkConfig, aliases bool) map[string]*types.ServiceNetworkConfig {
	copies := map[string]*types.ServiceNetworkConfig{}
	for name, network := range networks {
		if network == nil {
			copies[name] = nil
			continue
		}
		c := *network
		c.Ipv4Address, c.Ipv6Address, c.MacAddress, c.LinkLocalIPs = "", "", "", nil
		if !aliases {
			c.Aliases = nil
		}
		copies[name] = &c
	}
	return copies
}

// dropped says what of a compose service does not hold in a run.
func dropped(config types.ServiceConfig, on ground) []string {
	var notes []string
	note := func(is bool, format string, args ...any) {
		if is {
			notes = append(notes, config.Name+": "+fmt.Sprintf(format, args...))
		}
	}
	note(config.ContainerName != "", "container_name %q is not used; instances are called %s-1, %s-2, …", config.ContainerName, config.Name, config.Name)
	if on.process {
		return notes
	}
	fixed := func(n *types.ServiceNetworkConfig) bool {
		return n != nil && (n.Ipv4Address != "" || n.Ipv6Address != "")
	}
	note(slices.ContainsFunc(slices.Collect(maps.Values(config.Networks)), fixed), "fixed network addresses are not used; reach it by its name")
	return notes
}

// takeNetworksAndVolumes keeps those that a service uses, as the run's own:
// also external ones, because runs must not touch what they did not make.
func (l *layout) takeNetworksAndVolumes(project *types.Project) {
	for _, s := range l.services {
		for name := range s.joins {
			config := project.Networks[name]
			if _, seen := l.networks[name]; !seen && (bool(config.External) || len(config.Ipam.Config) > 0) {
				l.notes = append(l.notes, fmt.Sprintf("network %s: the run makes its own, with addresses the engine chooses", name))
			}
			config.External, config.Ipam, config.Name = false, types.IPAMConfig{}, ""
			l.networks[name] = config
		}
		for _, mount := range s.config.Volumes {
			config, ok := project.Volumes[mount.Source]
			if mount.Type != types.VolumeTypeVolume || !ok {
				continue
			}
			if _, seen := l.volumes[mount.Source]; !seen && bool(config.External) {
				l.notes = append(l.notes, fmt.Sprintf("volume %s: external volumes are not used; the run makes an empty one", mount.Source))
			}
			config.External, config.Name = false, ""
			l.volumes[mount.Source] = config
		}
	}
	slices.Sort(l.notes)
}

// inDependencyOrder sorts services so that each stands after those it needs,
// by name where that leaves a choice. The compose loader has refused cycles.
func inDependencyOrder(services []*service) []*service {
	byName := map[string]*service{}
	for _, s := range services {
		byName[s.name] = s
	}
	var ordered []*service
	placed := map[string]bool{}
	var place func(s *service)
	place = func(s *service) {
		if s == nil || placed[s.name] {
			return
		}
		placed[s.name] = true
		for _, n := range s.needs {
			place(byName[n.on])
		}
		ordered = append(ordered, s)
	}
	for _, s := range services {
		place(s)
	}
	required := map[*service]bool{} // of those that others depend on
	for _, s := range ordered {     // required: false on a service of a profile that is off
		s.needs = slices.DeleteFunc(s.needs, func(n need) bool { return byName[n.on] == nil })
		for _, n := range s.needs {
			on := byName[n.on]
			on.completes = on.completes || n.condition == types.ServiceConditionCompletedSuccessfully
			required[on] = required[on] || !n.optional
		}
	}
	for s, required := range required {
		s.optional = !required
	}
	return ordered
}

// spec is what the platform is asked to create for instance n.
func (s *service) spec(n int, on ground) (platform.Spec, error) {
	name := instanceName(s.name, n)
	spec := platform.Spec{Name: name, Service: cmp.Or(s.job, s.name), Aliases: []string{s.name}, Config: s.config}
	if zone := scenarios.ZoneOf(s.plan.Zones, n); zone != "" && s.job == "" {
		spec.Config.Labels = maps.Clone(spec.Config.Labels)
		if spec.Config.Labels == nil {
			spec.Config.Labels = types.Labels{}
		}
		spec.Config.Labels[zoneLabel] = zone
	}
	if s.gatewayed() || s.job != "" {
		spec.Aliases = []string{name}
	}
	for _, port := range s.publish {
		spec.Publish = append(spec.Publish, platform.Publish{Port: port})
	}
	if !on.process {
		spec.Config.Hostname = cmp.Or(spec.Config.Hostname, name)
		return spec, nil
	}
	if spec.Address = on.address(s.name, n); spec.Address == "" {
		return spec, fmt.Errorf("there is no loopback address left for it")
	}
	return spec, s.expand(&spec, on)
}

// gatewaySpec is what the platform is asked to create for the gateway, and the
// address on which the gateway is to listen.
func (s *service) gatewaySpec(on ground) (spec platform.Spec, listen string) {
	spec = platform.Spec{
		Name:    gatewayName(s.name),
		Aliases: []string{s.name},
		Program: on.agent,
		Config: types.ServiceConfig{
			Name:          gatewayName(s.name),
			ContainerSpec: types.ContainerSpec{Command: types.ShellCommand{"gateway"}, Networks: s.joins},
		},
		Attach: true,
	}
	if s.proxied() { // which has the name, and what comes with it
		spec.Aliases, spec.Config.Networks = nil, withoutAddresses(s.joins, false)
	} else {
		spec.Publish = s.publishes()
	}
	if on.address != nil {
		spec.Address = s.gatewayAddress(on)
	}
	return spec, fmt.Sprintf("%s:%d", spec.Address, s.plan.Port)
}

func list(names []string) string { return strings.Join(names, ", ") }

package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// An Operation is one step of a plan: one call to the engine, one exchange with
// a gateway, or the wait for a condition.
type Operation struct {
	Op      string // "network.create", "instance.start", "wait.healthy", ...
	Subject string // the network, volume, instance or (image, waits) service
	Cause   string // why, for the journal
	After   []int  // indexes of the operations that must have ended before

	service  string
	number   int           // of the instance; 0 is the gateway
	proxy    bool          // it is about the proxy of the service, not about its gateway
	optional bool          // its failure is a warning
	version  *version      // of the instance; nil: the service's present one
	within   time.Duration // limit of a wait for an instance; 0: Config.StartTimeout
}

// The kinds of operations. Those before opReady are calls that take a
// place among the few made at once; the others wait.
const (
	opNetwork   = "network.create"
	opVolume    = "volume.create"
	opImage     = "image.ensure"
	opCreate    = "instance.create"
	opAttach    = "instance.attach"
	opStart     = "instance.start"
	opConnect   = "gateway.connect"
	opAdd       = "endpoint.add"
	opHold      = "endpoint.hold"
	opReady     = "wait.ready"
	opHealthy   = "wait.healthy"
	opCompleted = "wait.completed"
	opTerminate = "instance.terminate"
	opGreet     = "agent.connect" // as a call
	opPause     = "instance.pause"
	opResume    = "instance.resume"
	opLimit     = "instance.limit"
	opRemove    = "instance.remove"
)

// A Plan is the operations that lead from what exists to what is wanted. An
// operation stands after all those it waits for.
type Plan struct{ Operations []Operation }

// String is a table with a line an operation: number, operation, subject,
// cause, and the numbers of those it waits for.
func (p *Plan) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, op := range p.Operations {
		after := ""
		for _, a := range op.After {
			after += fmt.Sprintf(" %d", a+1)
		}
		if after != "" {
			after = "after" + after
		}
		fmt.Fprintf(w, "%3d\t%s\t%s\t%s\t%s\n", i+1, op.Op, op.Subject, op.Cause, after)
	}
	_ = w.Flush() // a strings.Builder takes everything
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Outline is the plan by which Up would bring the stack up on a platform of
// this name ("docker" or "process"), found without touching it. Its errors are
// mistakes in project or plan.
func Outline(project *Project, plan *scenarios.Plan, platform string) (*Plan, error) {
	on := ground{images: true, agent: "shakedown-agent"}
	if platform == "process" {
		on = ground{process: true, address: func(string, int) string { return "127.0.0.1" }}
	}
	l, err := arrange(project, plan, on)
	if err != nil {
		return nil, err
	}
	return reconcile(l, observed{}, l.initial()), nil
}

// observed is what a run has already made.
type observed struct {
	networks, volumes map[string]bool
	gateways          map[string]bool  // by service
	proxies           map[string]bool  // by service or third party
	instances         map[string][]int // numbers of those that are there and not leaving, by service
	next              map[string]int   // least number never used, by service; 0 counts as 1
}

// has says whether an instance is there and not leaving.
func (o observed) has(i *instance) bool { return slices.Contains(o.instances[i.of.name], i.number) }

// lose makes an instance not count any more.
func (o observed) lose(i *instance) {
	o.instances[i.of.name] = slices.DeleteFunc(o.instances[i.of.name], func(n int) bool { return n == i.number })
}

// wanted is what should be there.
type wanted struct {
	replicas map[string]int // by service; services that are not named stay as they are
	cause    string         // of every change; "" for the bring-up, which says more
}

// initial is what Up wants.
func (l *layout) initial() wanted {
	w := wanted{replicas: map[string]int{}}
	for _, s := range l.services {
		w.replicas[s.name] = s.plan.Replicas
	}
	return w
}

// reconcile plans the way from what is observed to what is wanted. It is a
// pure function.
func reconcile(l *layout, seen observed, want wanted) *Plan {
	r := &reconciler{layout: l, seen: seen, want: want, plan: &Plan{}, made: map[string]int{}, of: map[string]*serviceOps{}}
	r.images()
	r.shared("network", opNetwork, slices.Sorted(maps.Keys(l.networks)), seen.networks, r.joining)
	r.shared("volume", opVolume, slices.Sorted(maps.Keys(l.volumes)), seen.volumes, r.mounting)
	for _, s := range l.parties {
		if !seen.proxies[s.name] && want.cause == "" {
			r.standIns = append(r.standIns, r.proxy(s, fmt.Sprintf("stands in for %s on port %d", s.name, s.plan.Port)))
		}
	}
	for _, s := range l.services {
		r.of[s.name] = &serviceOps{}
		if replicas, ok := want.replicas[s.name]; ok {
			r.grow(s, replicas)
			r.shrink(s, replicas)
		}
	}
	return r.plan
}

// reconciler is the state of one planning.
type reconciler struct {
	layout   *layout
	seen     observed
	want     wanted
	plan     *Plan
	made     map[string]int // index of the operation that makes "network default", ...
	of       map[string]*serviceOps
	pictures []int // those that make images available
	standIns []int // those after which third parties answer
}

// serviceOps are the indexes of the operations that others wait for.
type serviceOps struct{ starts, ready []int }

func (r *reconciler) add(op Operation) int {
	slices.Sort(op.After)
	op.After = slices.Compact(op.After)
	if r.want.cause != "" {
		op.Cause = r.want.cause
	}
	r.plan.Operations = append(r.plan.Operations, op)
	return len(r.plan.Operations) - 1
}

// images plans to make available what the services that begin to exist run:
// each image once, by way of a service that can build it if there is one.
func (r *reconciler) images() {
	users := map[string][]*service{}
	var order []string
	for _, s := range r.layout.services {
		wanted, ok := r.want.replicas[s.name]
		later := ok && s.plan.Autoscale != nil // there may be none at first
		if !s.image || wanted == 0 && !later || r.seen.next[s.name] > 0 {
			continue
		}
		image := imageOf(s)
		if users[image] == nil {
			order = append(order, image)
		}
		users[image] = append(users[image], s)
	}
	for _, image := range order {
		var names []string
		from := users[image][0]
		for _, s := range users[image] {
			names = append(names, s.name)
			if from.config.Build == nil {
				from = s
			}
		}
		at := r.add(Operation{Op: opImage, Subject: image, Cause: "run by " + list(names), service: from.name})
		r.made["image "+image] = at
		r.pictures = append(r.pictures, at)
	}
}

// imageOf names the image of a service; one without a name is built for the
// service alone.
func imageOf(s *service) string {
	if s.config.Image != "" {
		return s.config.Image
	}
	return "(build of " + s.name + ")"
}

// shared plans networks or volumes.
func (r *reconciler) shared(kind, op string, names []string, seen map[string]bool, users func(string) []string) {
	var after []int
	if kind == "network" { // nothing starts before all images are there
		after = r.pictures
	}
	verb := map[string]string{"network": "joined", "volume": "mounted"}[kind]
	for _, name := range names {
		if !seen[name] {
			r.made[kind+" "+name] = r.add(Operation{
				Op: op, Subject: name, Cause: verb + " by " + list(users(name)), After: slices.Clone(after),
			})
		}
	}
}

func (r *reconciler) joining(network string) []string {
	names := r.services(func(s *service) bool { _, ok := s.joins[network]; return ok })
	for _, s := range r.layout.parties {
		if _, ok := s.joins[network]; ok {
			names = append(names, s.name)
		}
	}
	return names
}

func (r *reconciler) mounting(volume string) []string {
	return r.services(func(s *service) bool {
		return slices.ContainsFunc(s.config.Volumes, func(v types.ServiceVolumeConfig) bool {
			return v.Type == types.VolumeTypeVolume && v.Source == volume
		})
	})
}

func (r *reconciler) services(which func(*service) bool) []string {
	var names []string
	for _, s := range r.layout.services {
		if which(s) {
			names = append(names, s.name)
		}
	}
	return names
}

// places are the networks and volumes that must be there before a creation.
func (r *reconciler) places(s *service) []int {
	var after []int
	for _, name := range slices.Sorted(maps.Keys(s.joins)) {
		if at, ok := r.made["network "+name]; ok {
			after = append(after, at)
		}
	}
	for _, mount := range s.config.Volumes {
		if at, ok := r.made["volume "+mount.Source]; ok && mount.Type == types.VolumeTypeVolume {
			after = append(after, at)
		}
	}
	return after
}

// grow plans the gateway and the instances that are missing.
func (r *reconciler) grow(s *service, replicas int) {
	here := r.seen.instances[s.name]
	missing := replicas - len(here)
	front := slices.Clone(r.standIns)
	if s.gatewayed() && !r.seen.gateways[s.name] {
		front = append(front, r.gateway(s))
	}
	if s.proxied() && !r.seen.proxies[s.name] {
		front = append(front, r.proxy(s, "stands in front of "+gatewayName(s.name)))
	}
	if missing <= 0 {
		return
	}
	before := r.places(s)
	if at, ok := r.made["image "+imageOf(s)]; ok {
		before = append(before, at)
	}
	needs := r.needs(s)
	for i := range missing {
		n := max(r.seen.next[s.name], 1) + i
		op := Operation{
			Subject: instanceName(s.name, n), Cause: fmt.Sprintf("initial replica %d of %d", len(here)+i+1, replicas),
			service: s.name, number: n,
		}
		r.instance(s, op, before, needs, front)
	}
}

// instance plans one new instance.
func (r *reconciler) instance(s *service, op Operation, before, needs, front []int) {
	step := func(kind string, after ...int) int {
		op.Op, op.After = kind, after
		return r.add(op)
	}
	created := step(opCreate, before...)
	ops := r.of[s.name]
	started := step(opStart, slices.Concat([]int{created}, needs, front)...)
	if !s.gatewayed() {
		ops.starts = append(ops.starts, started)
		ops.ready = append(ops.ready, started)
		if s.healthcheck && r.want.cause != "" { // a bring-up waits where others need it
			step(opReady, started)
		}
		return
	}
	added := step(opAdd, started)
	ops.starts = append(ops.starts, added)
	ops.ready = append(ops.ready, step(opReady, added))
}

// gateway plans the gateway of a service; it listens before instances start.
func (r *reconciler) gateway(s *service) int {
	op := Operation{
		Subject: gatewayName(s.name), Cause: fmt.Sprintf("fronts %s on port %d", s.name, s.plan.Port), service: s.name,
	}
	after := r.places(s)
	for _, kind := range []string{opCreate, opAttach, opStart, opConnect} {
		op.Op, op.After = kind, after
		after = []int{r.add(op)}
	}
	return after[0]
}

// proxy plans the proxy of a service, or a third party; it listens before whoever
// calls it starts.
func (r *reconciler) proxy(s *service, cause string) int {
	op := Operation{Subject: proxyName(s.name), Cause: cause, service: s.name, proxy: true}
	after := r.places(s)
	for _, kind := range []string{opCreate, opAttach, opStart, opGreet} {
		op.Op, op.After = kind, after
		after = []int{r.add(op)}
	}
	return after[0]
}

// needs plans the waits for what a service depends on and returns what its
// instances start after.
func (r *reconciler) needs(s *service) []int {
	var after []int
	for _, n := range s.needs {
		ops := r.of[n.on]
		if len(ops.starts) == 0 {
			continue // it was there before
		}
		kind := map[string]string{
			types.ServiceConditionHealthy: opHealthy, types.ServiceConditionCompletedSuccessfully: opCompleted,
		}[n.condition]
		if kind == "" {
			after = append(after, ops.starts...)
			continue
		}
		wait := kind + " " + n.on
		if n.optional {
			wait += " optional"
		}
		if _, ok := r.made[wait]; !ok {
			r.made[wait] = r.add(Operation{
				Op: kind, Subject: n.on, Cause: "needed by " + list(r.dependants(n)), After: slices.Clone(ops.ready),
				service: n.on, optional: n.optional,
			})
		}
		after = append(after, r.made[wait])
	}
	return after
}

func (r *reconciler) dependants(of need) []string {
	return r.services(func(s *service) bool { return slices.Contains(s.needs, of) })
}

// shrink plans the departure of the highest numbers, all at once.
func (r *reconciler) shrink(s *service, replicas int) {
	here := slices.Sorted(slices.Values(r.seen.instances[s.name]))
	slices.Reverse(here)
	for i := range max(0, len(here)-replicas) {
		r.add(Operation{
			Op: opTerminate, Subject: instanceName(s.name, here[i]), Cause: "too many", service: s.name, number: here[i],
		})
	}
}

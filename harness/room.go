package harness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// sizePatience bounds the question how large the machine is.
const sizePatience = 10 * time.Second

// roomRule marks the remarks of room.
const roomRule = "machine"

// room holds the limits of a plan against the machine that instances run on, where
// the platform can tell. More memory than there is, an engine accepts: it is no limit
// at all then, and what is to be shown by it shows nothing. More CPUs it refuses,
// in mid-run where that is a larger class. What makes checks worthless or
// the run impossible is refused here; the rest becomes remarks of the plan.
func room(ctx context.Context, loaded *Loaded, on platform.Platform) error {
	sizer, ok := on.(platform.Sizer)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sizePatience)
	defer cancel()
	machine, err := sizer.Size(ctx)
	if err != nil {
		return fmt.Errorf("ask how large the machine is that instances run on: %w", err)
	}
	if refused := beyond(loaded, machine); len(refused) > 0 {
		return refused
	}
	plan := loaded.Plan
	plan.Lint = slices.DeleteFunc(plan.Lint, func(r scenarios.LintRemark) bool { return r.Rule == roomRule })
	plan.Lint = append(plan.Lint, tight(plan, machine)...)
	return nil
}

// beyond are the limits that cannot be had: CPUs, which the engine refuses, and the
// memory of larger classes.
func beyond(loaded *Loaded, machine platform.Resources) (refused scenarios.Problems) {
	for _, name := range slices.Sorted(maps.Keys(loaded.Plan.Services)) {
		service := loaded.Plan.Services[name]
		if tooManyCPUs(service.Limits, machine) {
			refused = append(refused, loaded.Document.ServiceProblem(name, "limits",
				fmt.Sprintf("%s may use %s CPUs by the compose file, and the engine has %s: it refuses to create such a container",
					name, service.Limits.CPUs, cpus(machine)), "lower deploy.resources.limits.cpus, or run it on a larger machine"))
		}
		prescale := service.Prescale
		if prescale == nil || prescale.Policy == scenarios.OffPolicy {
			continue
		}
		const suggestion = "give the large class less than the machine has, or run it on a larger machine"
		if tooManyCPUs(prescale.Large, machine) {
			refused = append(refused, loaded.Document.ServiceProblem(name, "prescale",
				fmt.Sprintf("the large class of %s has %s CPUs, and the engine has %s: it refuses such a resize", name, prescale.Large.CPUs, cpus(machine)), suggestion))
		}
		if tooMuchMemory(prescale.Large, machine) {
			refused = append(refused, loaded.Document.ServiceProblem(name, "prescale",
				fmt.Sprintf("the large class of %s has %s of memory, and the engine's machine has %s: that is no limit, and what it is to show it cannot show",
					name, prescale.Large.Memory, memory(machine.Memory)), suggestion))
		}
	}
	return refused
}

// tight are remarks on memory limits that the machine cannot hold, of one instance
// or of all that there may be.
func tight(plan *scenarios.Plan, machine platform.Resources) (remarks []scenarios.LintRemark) {
	var sum, largest int64
	instances, most := 0, ""
	for _, name := range slices.Sorted(maps.Keys(plan.Services)) {
		service := plan.Services[name]
		if tooMuchMemory(service.Limits, machine) {
			remarks = append(remarks, scenarios.LintRemark{Rule: roomRule, Service: name, Level: "warning", Text: fmt.Sprintf(
				"the compose file limits its memory to %s, and the engine's machine has %s: that is no limit, and nothing runs out of memory by it",
				service.Limits.Memory, memory(machine.Memory))})
			continue
		}
		count := service.Replicas
		if service.Autoscale != nil {
			count = max(count, service.Autoscale.Max)
		}
		if of := int64(count) * int64(service.Limits.Memory); of > 0 {
			sum, instances = sum+of, instances+count
			if of > largest {
				largest, most = of, name
			}
		}
	}
	if machine.Memory > 0 && sum > machine.Memory {
		remarks = append(remarks, scenarios.LintRemark{Rule: roomRule, Service: most, Level: "info", Text: fmt.Sprintf(
			"the memory limits of all instances that there may be (%d, %s of it those of %s) come to %s, and the engine's machine has %s: if all used theirs, the kernel would kill some below their limit",
			instances, memory(largest), most, memory(sum), memory(machine.Memory))})
	}
	return remarks
}

func tooManyCPUs(of scenarios.ResourceClass, machine platform.Resources) bool {
	return machine.CPUs > 0 && float64(of.CPUs) > machine.CPUs
}

func tooMuchMemory(of scenarios.ResourceClass, machine platform.Resources) bool {
	return machine.Memory > 0 && int64(of.Memory) > machine.Memory
}

func cpus(machine platform.Resources) scenarios.Cores { return scenarios.Cores(machine.CPUs) }

// memory is an amount that need not be a round number.
func memory(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.0fMiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.1fGiB", float64(bytes)/(1<<30))
}

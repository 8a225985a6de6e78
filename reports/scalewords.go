package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
)

// Words that reports and progress have in common for what autoscalers do.

// DecisionWords is a decision of an autoscaler as a line: from how many
// instances to how many, who asked for it, by what metric, and why.
func DecisionWords(d journal.ScaleDecision) string {
	text := fmt.Sprintf("%s: %d to %s", d.Service, d.Current, plural(d.Desired, "instance"))
	because := d.Autoscaler
	if m := deciding(d.Metrics); m != nil {
		because += ": " + metricWords(*m)
	}
	text += " (" + after(because, "; ", d.Reason) + ")"
	if d.Held != "" {
		text += ", not applied: " + d.Held
	}
	return clean(text)
}

// ResizeWords is a change of an instance's resources, or the attempt at one, as
// a line.
func ResizeWords(b journal.Resized) string {
	switch {
	case b.Error != "":
		return clean(fmt.Sprintf("%s could not be made %s: %s", b.Instance, b.Class, b.Error))
	case b.Created:
		return clean(fmt.Sprintf("%s created %s: %s", b.Instance, b.Class, resources(b.CPUs, b.Memory)))
	}
	return clean(fmt.Sprintf("%s made %s: %s", b.Instance, b.Class, resizing(b)))
}

// ClaimWords is how an account stands that needs larger instances, as a line.
func ClaimWords(b journal.Claim) string {
	text := fmt.Sprintf("%s: account %s %s", b.Service, b.Account, b.State)
	if b.Instance != "" {
		text += " on " + b.Instance
	}
	if b.Waited > 0 {
		text += " after " + span(b.Waited)
	}
	return clean(after(text, ": ", b.Reason))
}

// NoticeWords is an interruption as a line.
func NoticeWords(b journal.Interrupted) string {
	return clean(fmt.Sprintf("%s of notice for %s of %s", length(b.Notice), listed(b.Instances, 8), b.Service))
}

// resizing is what of the resources changes: "0.25 to 1 CPU, 192 MiB to 512 MiB".
func resizing(b journal.Resized) string {
	var parts []string
	if b.FromCPUs != b.CPUs {
		parts = append(parts, cores(b.FromCPUs)+" to "+cores(b.CPUs)+" CPU")
	}
	if b.FromMemory != b.Memory {
		parts = append(parts, memory(b.FromMemory)+" to "+memory(b.Memory))
	}
	if len(parts) == 0 {
		return resources(b.CPUs, b.Memory) + " as before"
	}
	return strings.Join(parts, ", ")
}

// resources are limits in words: "1 CPU, 512 MiB".
func resources(cpus float64, bytes int64) string {
	return cores(cpus) + " CPU, " + memory(bytes)
}

// cores is a limit of CPU, 0 for none.
func cores(n float64) string {
	if n <= 0 {
		return "unlimited"
	}
	return digits(n)
}

// memory is an amount of memory, 0 for no limit.
func memory(bytes int64) string {
	if bytes <= 0 {
		return "unlimited"
	}
	return size(float64(bytes))
}

// size is a number of bytes with three significant digits.
func size(bytes float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for bytes >= 999.5 && i < len(units)-1 {
		bytes, i = bytes/1024, i+1
	}
	return digits(bytes) + " " + units[i]
}

// valued is a value of a metric in its unit.
func valued(v float64, unit string) string {
	switch unit {
	case "%":
		return number(v) + " %"
	case "/s":
		return rate(v)
	case "B":
		return size(v)
	case "s":
		if v == 0 {
			return "0 s"
		}
		return span(time.Duration(min(max(v, -1e9), 1e9) * float64(time.Second)))
	}
	return clean(number(v) + unit)
}

// number is a plain number: whole with commas, else with three significant digits.
func number(v float64) string {
	if math.IsNaN(v) || math.Abs(v) > 1e15 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	if v >= 999.5 || v == float64(int(v)) {
		return count(int(v + 0.5))
	}
	return digits(v)
}

// metricWords is a metric with its target: "cpu 92 % of 60 %". One that could
// not be read says so.
func metricWords(m journal.ScaleMetric) string {
	if m.Value == nil {
		return clean(m.Name + " not read")
	}
	return clean(m.Name + " " + valued(*m.Value, m.Unit) + " of " + valued(m.Target, m.Unit))
}

// deciding is the metric that asks for most instances, or where none says how
// many, the first; nil without metrics.
func deciding(metrics []journal.ScaleMetric) *journal.ScaleMetric {
	if len(metrics) == 0 {
		return nil
	}
	most := &metrics[0]
	for i := range metrics[1:] {
		m := &metrics[i+1]
		if m.Proposed != nil && (most.Proposed == nil || *m.Proposed > *most.Proposed) {
			most = m
		}
	}
	return most
}

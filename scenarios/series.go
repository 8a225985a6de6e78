package scenarios

import (
	"regexp"
	"strings"
)

// The parts of a series: a name, and labels in braces, as a metrics page has them.
var (
	seriesForm = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?$`)
	labelForm  = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*("(?:[^"\\\n]|\\[\\"n])*")\s*(?:,|$)`)
)

// parseSeries reads the name of a series and the labels that it must have, and
// returns them without spaces: queue_depth{queue="orders"}.
func parseSeries(s string) (string, error) {
	err := badForm(s, "is not a series", `write a name, with labels if need be: queue_depth{queue="orders"}`)
	parts := seriesForm.FindStringSubmatch(strings.TrimSpace(s))
	if parts == nil {
		return "", err
	}
	var labels []string
	seen := map[string]bool{}
	for rest := parts[2]; strings.TrimSpace(rest) != ""; {
		label := labelForm.FindStringSubmatch(rest)
		if label == nil || seen[label[1]] {
			return "", err
		}
		seen[label[1]] = true
		labels = append(labels, label[1]+"="+label[2])
		rest = rest[len(label[0]):]
	}
	if len(labels) == 0 {
		return parts[1], nil
	}
	return parts[1] + "{" + strings.Join(labels, ",") + "}", nil
}

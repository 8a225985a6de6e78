package engine

import (
	"fmt"
	"maps"
	"slices"
)

// roughly is an amount of memory to three digits, in the unit that people read:
// "65 MiB".
func roughly(bytes int64) string {
	const unit = 1 << 10
	amount, names := float64(bytes), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for len(names) > 1 && amount >= unit-0.5 {
		amount, names = amount/unit, names[1:]
	}
	if amount >= 100 {
		return fmt.Sprintf("%.0f %s", amount, names[0])
	}
	return fmt.Sprintf("%.3g %s", amount, names[0])
}

// text is an error in words, "" for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func names(instances []Instance) (all []string) {
	for _, i := range instances {
		all = append(all, i.Name)
	}
	return all
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

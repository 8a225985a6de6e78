package reports

import "strings"

// pageFaults is the section on what was broken on purpose.
type pageFaults struct {
	Rows    []pageFault
	More    int
	Calls   []string
	Stopped string
}

type pageFault struct {
	Cells                                 []string
	Means, Timing, Counted, Detail, Looks string
	Grave                                 bool
}

// maxFaults bounds the table of faults.
const maxFaults = 200

// pageFaultsOf is nil for a run in which nothing is broken.
func pageFaultsOf(f *Faults) *pageFaults {
	if f == nil {
		return nil
	}
	p := &pageFaults{More: max(0, len(f.Faults)-maxFaults)}
	for _, r := range firstOf(f.Faults, maxFaults) {
		var looks []string
		for _, t := range r.On {
			looks = append(looks, t.looks()...)
		}
		p.Rows = append(p.Rows, pageFault{
			Cells: r.cells(), Means: r.means(), Timing: r.timing(), Counted: r.counted(), Detail: r.Detail,
			Looks: strings.Join(firstOf(looks, maxParts), "\n"), Grave: !r.sound(),
		})
	}
	for _, c := range f.Calls {
		p.Calls = append(p.Calls, c.line())
	}
	if f.Stopped != nil {
		p.Stopped = f.Stopped.line()
	}
	return p
}

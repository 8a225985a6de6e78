// Package baseline keeps the figures of the last runs of a scenario, by class of machine,
// for later runs to be held to: small JSON files, one a baseline, that can be committed or
// kept in a cache of CI. They lie at DIR/<scenario>/<class>/<name>.json.
package baseline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/verify"
	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	// DefaultDir is where baselines lie, relative to the working directory.
	DefaultDir = ".shakedown/baselines"
	// DefaultKeep is how many runs of a baseline are kept.
	DefaultKeep = 20
	// formatVersion is that of the files: members are added, never renamed or removed.
	formatVersion = 1
)

// A Key names a baseline.
type Key struct {
	Scenario string // with "@variant" for one
	Class    string // of machine
	Name     string
}

// KeyOf is the baseline of that name that a run belongs to.
func KeyOf(intent rundir.Intent, name string) Key {
	k := Key{Class: Class(intent), Name: name}
	if intent.Plan != nil {
		k.Scenario = intent.Plan.Scenario
		if intent.Plan.Variant != "" {
			k.Scenario += "@" + intent.Plan.Variant
		}
	}
	return k
}

// partForm is what a part of a key looks like: it becomes the name of a file.
var partForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(@[a-z0-9][a-z0-9-]*)?$`)

// check refuses what cannot be the name of a file.
func (k Key) check() error {
	for _, part := range []struct{ what, name string }{{"scenario", k.Scenario}, {"class of machine", k.Class}, {"baseline", k.Name}} {
		if !partForm.MatchString(part.name) || len(part.name) > 200 {
			return fmt.Errorf("%q is not the name of a %s: lower-case letters, digits and dashes are", part.name, part.what)
		}
	}
	return nil
}

// A File is a baseline as it is stored.
type File struct {
	Version  int    `json:"version"`
	Scenario string `json:"scenario"`
	Class    string `json:"class"`
	Machine  string `json:"machine"` // the class in words
	Name     string `json:"name"`
	Runs     []Run  `json:"runs"` // the oldest first
}

// A Run is what is kept of a run.
type Run struct {
	Run     string    `json:"run"` // its id
	Started time.Time `json:"started"`
	Version string    `json:"shakedown"` // that made it
	Seed    int64     `json:"seed"`
	// Traffic is the digest of the traffic that was planned: only runs with the same
	// one are held against each other.
	Traffic string         `json:"traffic"`
	Verdict verify.Verdict `json:"verdict"`
	// Figures are by journey and metric, as in journal.BaselineRun.
	Figures map[string]float64 `json:"figures"`
}

// RunOf is what is kept of a stored run.
func RunOf(intent rundir.Intent, rec *journal.Record, result verify.Result) Run {
	r := Run{
		Run: intent.Run, Started: intent.Started.UTC().Truncate(time.Second), Version: intent.Version,
		Traffic: Traffic(intent.Plan), Verdict: result.Verdict, Figures: map[string]float64{},
	}
	if intent.Plan != nil {
		r.Seed = intent.Plan.Seed
	}
	for _, f := range verify.Figures(rec, intent.Plan) {
		r.Figures[f.Name()] = rounded(f.Value)
	}
	return r
}

// rounded keeps a millionth: what files show beyond it is noise.
func rounded(v float64) float64 { return float64(int64(v*1e6+0.5)) / 1e6 }

// Class is the class of machine of a run: what changes figures though nothing of the
// system did. Versions of kernel and engine are not in it, or every update would begin
// baselines anew; the model of the CPUs is not known.
func Class(intent rundir.Intent) string {
	m := intent.Machine
	return plain(m.OS) + "-" + plain(m.Arch) + fmt.Sprintf("-%dcpu-", m.CPUs) + plain(intent.Platform)
}

// Words are the class of machine in words.
func Words(intent rundir.Intent) string {
	m := intent.Machine
	cpus := fmt.Sprintf("%d CPUs", m.CPUs)
	if m.CPUs == 1 {
		cpus = "1 CPU"
	}
	return fmt.Sprintf("%s on %s with %s, instances on %s", m.OS, m.Arch, cpus, intent.Platform)
}

// plain makes a text part of a file's name.
func plain(text string) string {
	text = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(text), "-"), "-")
	if text == "" {
		return "unknown"
	}
	return text
}

// Traffic is the digest of a plan's traffic as run.json has it: phases, arrivals, journeys
// and connections, without the seed and without paths of files. It is "" without a plan.
func Traffic(plan *scenarios.Plan) string {
	if plan == nil {
		return ""
	}
	b, err := json.Marshal([]any{plan.Phases, plan.Load, plan.Journeys, plan.Connections, plan.Tempo, plan.Multiple})
	if err != nil {
		return ""
	}
	var parts any
	if json.Unmarshal(b, &parts) != nil {
		return ""
	}
	b, err = json.Marshal(withoutFiles(parts))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:6])
}

// withoutFiles takes out where files lie.
func withoutFiles(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "file")
		delete(v, "body_file")
		for name := range v {
			v[name] = withoutFiles(v[name])
		}
	case []any:
		for i := range v {
			v[i] = withoutFiles(v[i])
		}
	}
	return v
}

// Read is what a run of that traffic is held to: the runs kept of the same traffic, but
// for the run itself. Left is how many of other traffic were left out.
func (f File) Read(traffic, run string) (read journal.BaselineRead, left int) {
	read = journal.BaselineRead{Name: f.Name, Class: f.Class, Runs: []journal.BaselineRun{}}
	for _, r := range f.Runs {
		switch {
		case r.Traffic != traffic:
			left++
		case r.Run != run:
			read.Runs = append(read.Runs, journal.BaselineRun{Run: r.Run, Figures: r.Figures})
		}
	}
	return read, left
}

// with is the baseline with more runs, of which the last keep stay. A run that is there
// already is taken anew.
func (f File) with(runs []Run, keep int) File {
	all := slices.Clone(f.Runs)
	for _, r := range runs {
		all = slices.DeleteFunc(all, func(old Run) bool { return old.Run == r.Run })
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b Run) int { return a.Started.Compare(b.Started) })
	f.Runs = all[max(0, len(all)-keep):]
	return f
}

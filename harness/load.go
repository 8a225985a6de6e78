package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/library"
)

// Loaded is a scenario with its compose project, ready to run.
type Loaded struct {
	Document *scenarios.Document
	Project  *stack.Project
	Plan     *scenarios.Plan
}

// LoadOptions change how a scenario is loaded.
type LoadOptions struct {
	Set  []string // path=value overrides
	Seed *int64   // nil: as the scenario says
	// Variant is the variant of the scenario to load, "" for the scenario itself.
	// Set wins over it.
	Variant string
	// Multiple multiplies every arrival; 0 is 1.
	Multiple scenarios.Factor
	Environ  []string // for interpolation of compose files, NAME=value
	// Control is what the run is to do wrong on purpose; "" for nothing.
	Control scenarios.Control
}

// Load reads a scenario by library name or file and compiles it. Mistakes in
// the scenario are returned as scenarios.Problems, all of them; other errors
// are about files that cannot be read.
func Load(ctx context.Context, nameOrFile string, opts LoadOptions) (*Loaded, error) {
	file, dir, source, err := find(nameOrFile)
	if err != nil {
		return nil, err
	}
	document, problems := scenarios.Parse(file, source, scenarios.Options{Set: opts.Set, Variant: opts.Variant, Dir: dir})
	if document == nil {
		return nil, problems
	}
	if opts.Seed != nil {
		document.Scenario.Seed = *opts.Seed
	}
	document.Multiple = float64(opts.Multiple)
	files := document.ComposeFiles()
	if missing := missingFiles(document, files); len(missing) > 0 {
		return nil, append(problems, missing...)
	}
	if len(files) == 0 && len(problems) > 0 {
		return nil, problems
	}
	project, err := stack.Load(ctx, files, document.Scenario.Stack.Profiles, opts.Environ)
	if err != nil {
		return nil, withProblems(problems, err)
	}
	plan, problems := document.Compile(project.Info())
	if problems = append(problems, measurable(document, plan)...); len(problems) > 0 {
		return nil, problems
	}
	plan.Lint = append(plan.Lint, remarkable(plan)...)
	plan.Control = opts.Control
	return &Loaded{Document: document, Project: project, Plan: plan}, nil
}

// missingFiles are the compose files that are not there.
func missingFiles(document *scenarios.Document, files []string) (missing scenarios.Problems) {
	for i, file := range files {
		if info, err := os.Stat(file); err != nil || info.IsDir() {
			missing = append(missing, document.ComposeProblem(i, "there is no compose file "+file, "paths are relative to the scenario file"))
		}
	}
	return missing
}

// withProblems keeps the scenario's own mistakes in sight when its compose
// files cannot be loaded, so that all are reported at once.
func withProblems(problems scenarios.Problems, err error) error {
	var more scenarios.Problems
	switch {
	case errors.As(err, &more):
		return append(problems, more...)
	case len(problems) > 0:
		return append(problems, scenarios.Problem{Message: err.Error()})
	}
	return err
}

// find reads the scenario's source; dir is what its compose files are relative to.
func find(nameOrFile string) (file, dir string, source []byte, err error) {
	source, err = os.ReadFile(nameOrFile)
	if err == nil {
		return nameOrFile, filepath.Dir(nameOrFile), source, nil
	}
	looksLikeName := !strings.ContainsAny(nameOrFile, `/\.`)
	if source, ok := library.Read(nameOrFile); ok && errors.Is(err, fs.ErrNotExist) {
		dir, err := referenceStack()
		return nameOrFile + ".yaml", dir, source, err
	}
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return "", "", nil, fmt.Errorf("read the scenario: %w; name a scenario file, or one of the library (shakedown scenarios lists it)", err)
	case !looksLikeName:
		return "", "", nil, fmt.Errorf("read the scenario: %w; shakedown init writes one for a compose file, shakedown scenarios lists the library", err)
	}
	return "", "", nil, fmt.Errorf("no scenario %q: neither a file nor in the library; %s (shakedown scenarios lists the library)",
		nameOrFile, scenarios.DidYouMean(nameOrFile, library.Names()))
}

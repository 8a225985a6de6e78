package scenarios

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// A file that names no seed runs with this one, the same every time.
const defaultSeed = 1

// Options say how a scenario file is read.
type Options struct {
	// Set holds overrides, "path=value" each, applied in order before anything
	// is checked: "traffic.phases[0].for=10s", "traffic.phases[steady].for=10s".
	// The value is YAML; an empty one takes the key away.
	Set []string
	// Variant is the variant of the scenario that is wanted, "" for the scenario
	// itself. Its overrides are applied before those of Set.
	Variant string
	// Dir is what the paths in the file are relative to; default: the file's
	// directory.
	Dir string
}

// A Document is a scenario file that was read, with or without mistakes. It
// does not change after Parse and may be used from many goroutines.
type Document struct {
	// Scenario is as much as could be read. Defaults are not filled in, but for
	// the seed. A caller may set the seed before Compile.
	Scenario Scenario
	// Multiple multiplies every arrival: rates, and the numbers of sessions in
	// bursts and closed loops. A caller may set it before Compile; 0 means 1.
	Multiple float64
	// File is the name given to Parse, Dir what the paths in it are relative to.
	File, Dir string
	// Source is the file, or its content after overrides, without comments,
	// where there are any.
	Source []byte
	// Variant is the one that was asked for, "" for the scenario itself.
	Variant string

	text     []byte // the file
	set      []string
	src      *source
	root     *node
	problems Problems
}

// Parse reads a scenario and reports every mistake that can be seen without
// its compose project, in the order of the file. The Document is nil when the
// file cannot be read as one YAML document (syntax, empty, too large, two), and otherwise
// holds what is right. File is only a name; nothing is opened.
func Parse(file string, text []byte, opts Options) (*Document, Problems) {
	src := newSource(file, text)
	documents, problem := readYAML(src, text)
	if problem != nil {
		return nil, Problems{*problem}
	}
	d := &Document{File: file, Dir: opts.Dir, Source: text, Variant: opts.Variant, text: text, set: opts.Set, src: src}
	if d.Dir == "" {
		d.Dir = filepath.Dir(file)
	}
	c := newConverter(src)
	d.root = c.convert(documents[0], "")
	d.problems = c.problems
	if len(documents) > 1 {
		return nil, Problems{src.problem(c.place(documents[1]), "", "a second document begins before this", "a file holds one scenario; remove the --- above or what follows it")}
	}
	if c.tooMuch {
		return nil, d.problems
	}
	d.override()
	d.Scenario.Seed = defaultSeed
	dec := &decoder{src: src}
	dec.decode(d.root, reflect.ValueOf(&d.Scenario).Elem(), "", rules{})
	d.problems = append(d.problems, dec.problems...)
	d.checkTraffic()
	d.checkReferences()
	d.checkVariants()
	d.problems = d.problems.sorted()
	return d, d.problems
}

// ComposeProblem is a mistake about the i-th compose file, placed where the
// scenario names it.
func (d *Document) ComposeProblem(i int, message, suggestion string) Problem {
	files := d.root.get("stack").get("compose")
	var at place
	if files != nil && i < len(files.items) {
		at = files.items[i].at
	}
	return d.src.problem(at, fmt.Sprintf("stack.compose[%d]", i), message, suggestion)
}

// FaultProblem is a mistake about the fault that a plan names so, which only the
// machine that the plan is for shows.
func (d *Document) FaultProblem(id, message string) Problem {
	i := slices.Index(faultIDs(d.Scenario.Faults), id)
	if i < 0 {
		return Problem{File: d.File, Message: message}
	}
	at, path := d.find(location{"faults", i})
	return d.src.problem(at, path, message, "")
}

// ServiceProblem is a mistake about a key of a service, which only the platform
// that the plan is for shows. It is placed at the key, or at the nearest above it
// where the compose file has that.
func (d *Document) ServiceProblem(service, key, message, suggestion string) Problem {
	at, path := d.find(location{"stack", "services", service, key})
	return d.src.problem(at, path, message, suggestion)
}

// override applies the variant and the --set flags to the tree. Flags about
// variants come first: they may be about this one.
func (d *Document) override() {
	for _, flag := range d.set {
		if aboutVariants(flag) {
			d.overrideByFlag(flag)
		}
	}
	d.overrideByVariant()
	for _, flag := range d.set {
		if !aboutVariants(flag) {
			d.overrideByFlag(flag)
		}
	}
	if len(d.set) == 0 && d.Variant == "" {
		return
	}
	if text, err := yaml.Marshal(d.root.ordered()); err == nil {
		d.Source = text
	}
}

func (d *Document) overrideByFlag(flag string) {
	if problem := overrideByFlag(d.src, d.root, flag); problem != nil {
		d.problems = append(d.problems, *problem)
	}
}

// ordered is the value with mappings in their order, for rendering as YAML.
func (n *node) ordered() any {
	switch n.kind {
	case mapKind:
		m := make(yaml.MapSlice, len(n.fields))
		for i, f := range n.fields {
			m[i] = yaml.MapItem{Key: f.name, Value: f.value.ordered()}
		}
		return m
	case listKind:
		l := make([]any, len(n.items))
		for i, item := range n.items {
			l[i] = item.ordered()
		}
		return l
	case textKind:
		if strings.ContainsAny(n.text, "\r\n") {
			return quoted(n.text)
		}
	}
	return n.value
}

// quoted is text that is written in double quotes: in the block that several
// lines are written as by default, some line breaks at its ends get lost.
type quoted string

// MarshalYAML implements yaml.BytesMarshaler. JSON's strings are YAML's.
func (q quoted) MarshalYAML() ([]byte, error) { return json.Marshal(string(q)) }

// ComposeFiles are the paths of the compose files, resolved against Dir:
// absolute, or relative to the working directory.
func (d *Document) ComposeFiles() []string {
	files := slices.Clone(d.Scenario.Stack.Compose)
	for i, f := range files {
		files[i] = d.resolve(f)
	}
	return files
}

// resolve is a path of the scenario against Dir: absolute, or relative to the
// working directory.
func (d *Document) resolve(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(d.Dir, file)
}

// A location is a value's path, as keys and indexes, for pointing at it.
type location []any

// to is the location of something below.
func (l location) to(steps ...any) location { return append(slices.Clone(l), steps...) }

// report adds a problem at a location.
func (d *Document) report(l location, message, suggestion string) {
	at, path := d.find(l)
	d.problems.add(d.src, at, path, message, suggestion)
}

// reportKey adds a problem at the key of a location instead of its value.
func (d *Document) reportKey(l location, message, suggestion string) {
	at, path := d.find(l)
	if parent := d.node(l[:len(l)-1]); parent != nil {
		if f := parent.field(fmt.Sprint(l[len(l)-1])); f != nil {
			at = f.at
		}
	}
	d.problems.add(d.src, at, path, message, suggestion)
}

// find is the place of a location, or of the nearest value above it that is
// there, and its path.
func (d *Document) find(l location) (place, string) {
	n, path := d.root, ""
	at := n.at
	for _, step := range l {
		switch s := step.(type) {
		case string:
			path, n = child(path, s), n.get(s)
		case int:
			switch {
			case n != nil && n.kind == listKind && s < len(n.items):
				n, path = n.items[s], n.element(path, s)
			case n != nil && n.kind == listKind:
				n = nil
			} // else a list that was written as its only item
		}
		if n != nil {
			at = n.at
		}
	}
	return at, path
}

// node is the node at a location, nil when it is not there.
func (d *Document) node(l location) *node {
	n := d.root
	for _, step := range l {
		switch s := step.(type) {
		case string:
			n = n.get(s)
		case int:
			switch {
			case n == nil || n.kind != listKind:
			case s < len(n.items):
				n = n.items[s]
			default:
				n = nil
			}
		}
	}
	return n
}

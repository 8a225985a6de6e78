package scenarios

import "reflect"

// SettingsFile is the name of a project's file of settings.
const SettingsFile = ".shakedown.yaml"

// Settings are what a project sets for all of its runs, in SettingsFile at the root of
// its repository or below. Flags, SHAKEDOWN_* variables and what scenarios say of
// themselves win over them; "" and 0 mean that nothing is set.
type Settings struct {
	// Platform is what runs the instances.
	Platform string `json:"platform,omitempty" yaml:"platform" jsonschema:"enum=auto,enum=docker,enum=process"`
	// Progress is how progress is shown.
	Progress string `json:"progress,omitempty" yaml:"progress" jsonschema:"enum=auto,enum=tty,enum=plain,enum=json,enum=quiet"`
	// StartTimeout is how long an instance may take from its start to ready.
	StartTimeout Duration `json:"start_timeout,omitempty" yaml:"start_timeout"`
	// Deadline is how long a run may take in all.
	Deadline Duration `json:"deadline,omitempty" yaml:"deadline"`
	// FailOn is which verdicts fail a gate.
	FailOn string `json:"fail_on,omitempty" yaml:"fail_on" jsonschema:"enum=fail,enum=inconclusive"`
	// Set holds overrides of every scenario, path=value each, before those of
	// SHAKEDOWN_SET and of --set.
	Set []string `json:"set,omitempty" yaml:"set"`
}

// ParseSettings reads a project's settings as strictly as a scenario. File is only a
// name; nothing is opened. An empty file sets nothing.
func ParseSettings(file string, text []byte) (Settings, Problems) {
	var settings Settings
	src := newSource(file, text)
	if blank(src) {
		return settings, nil
	}
	documents, problem := readYAML(src, text)
	if problem != nil {
		return settings, Problems{*problem}
	}
	c := newConverter(src)
	root := c.convert(documents[0], "")
	if len(documents) > 1 {
		return settings, Problems{src.problem(c.place(documents[1]), "", "a second document begins before this", "a file holds one project's settings; remove the --- above or what follows it")}
	}
	d := &decoder{src: src, problems: c.problems}
	if !c.tooMuch {
		d.decode(root, reflect.ValueOf(&settings).Elem(), "", rules{})
	}
	return settings, d.problems.sorted()
}

// blank tells whether there is nothing but comments.
func blank(src *source) bool {
	for _, line := range src.lines {
		for _, r := range line {
			if r == '#' {
				break
			}
			if r != ' ' && r != '\t' {
				return false
			}
		}
	}
	return true
}

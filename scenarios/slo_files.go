package scenarios

import (
	"cmp"
	"fmt"

	"github.com/shakedown-dev/shakedown/scenarios/slofile"
)

// readSLOs reads the files of SLOs, and checks that every SLO has a name of its own.
func (c *compiler) readSLOs() {
	c.filed = map[int][]slofile.SLO{}
	seen := map[string]bool{}
	take := func(at location, name string) {
		if name != "" && seen[name] {
			c.doc.report(at, fmt.Sprintf("a second slo has the name %q", shorten(name)), "give each slo a name of its own under name")
		}
		seen[name] = true
	}
	for i, s := range c.doc.Scenario.SLOs {
		at := location{"slos", i}
		if c.doc.reported(at) {
			continue // nobody knows what it is
		}
		if s.fileKey() == "" {
			take(at.to("name"), s.Name)
			continue
		}
		key := s.fileKey()
		c.filed[i] = c.readSLOFile(at.to(key), key, s.file())
		if n := len(c.filed[i]); n > 1 && s.Name != "" {
			c.doc.report(at.to("name"), fmt.Sprintf("the file has %d SLOs, and this is one name", n), "leave it out: each has a name in the file")
			continue
		}
		for j := range c.filed[i] {
			if s.Name != "" {
				c.filed[i][j].Name = s.Name
			}
			take(at, c.filed[i][j].Name)
		}
	}
}

// fileKey is the key of the file of an SLO, "" where it has none.
func (s SLO) fileKey() string {
	switch {
	case s.OpenSLO != "":
		return "openslo"
	case s.Sloth != "":
		return "sloth"
	}
	return ""
}

// file is the file of an SLO.
func (s SLO) file() string { return cmp.Or(s.OpenSLO, s.Sloth) }

// readSLOFile reads one file; what is wrong with it is reported in it.
func (c *compiler) readSLOFile(at location, key, file string) []slofile.SLO {
	if !c.regular(at, file) {
		return nil
	}
	text, err := readLimited(c.absolute(file))
	if err != nil {
		c.doc.report(at, fmt.Sprintf("file %q cannot be read: %v", shorten(file), cause(err)), "")
		return nil
	}
	slos, problems := decodeSLOs(key, c.doc.resolve(file), text)
	c.doc.problems = append(c.doc.problems, problems...)
	return slos
}

// decodeSLOs reads the text of a file, of the form that a key of the language stands
// for. File is only a name; nothing is opened.
func decodeSLOs(key, file string, text []byte) ([]slofile.SLO, Problems) {
	src := newSource(file, text)
	documents, problem := readYAML(src, text)
	if problem != nil {
		return nil, Problems{*problem}
	}
	var roots []*Document
	var values []any
	var problems Problems
	for _, document := range documents {
		c := newConverter(src)
		d := &Document{File: file, src: src, root: c.convert(document, "")}
		d.problems = c.problems
		problems = append(problems, c.problems...)
		roots, values = append(roots, d), append(values, d.root.any())
	}
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	read := slofile.OpenSLO
	if key == "sloth" {
		read = slofile.Sloth
	}
	slos, found := read(values)
	for _, p := range found {
		d, suggestion := roots[min(p.Doc, len(roots)-1)], p.Suggestion
		report := d.report
		if p.Key {
			report, suggestion = d.reportKey, didYouMean(fmt.Sprint(p.Path[len(p.Path)-1]), p.Known)
		}
		report(location(p.Path), p.Message, suggestion)
	}
	for _, d := range roots {
		problems = append(problems, d.problems...)
	}
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	return slos, nil
}

// sloNames are the names of all SLOs, in their order.
func (c *compiler) sloNames() []string {
	var all []string
	for i, s := range c.doc.Scenario.SLOs {
		if s.fileKey() == "" && s.Name != "" {
			all = append(all, s.Name)
		}
		for _, filed := range c.filed[i] {
			all = append(all, filed.Name)
		}
	}
	return all
}

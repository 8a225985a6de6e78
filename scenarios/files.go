package scenarios

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// openFiles looks at every file that traffic names, and reads those that the
// plan depends on.
func (c *compiler) openFiles() {
	t := c.doc.Scenario.Traffic
	c.days = map[string][]float64{}
	c.readDays(location{"traffic", "arrivals"}, t.Arrivals)
	for i, cohort := range t.Cohorts {
		c.readDays(location{"traffic", "cohorts", i, "arrivals"}, cohort.Arrivals)
	}
	for _, name := range keys(t.Journeys) {
		t.Journeys[name].each(location{"traffic", "journeys", name}, func(at location, s JourneyStep) {
			if s.BodyFile != "" {
				c.regular(at.to("body_file"), s.BodyFile)
			}
		})
	}
	for _, name := range keys(t.Targets) {
		if t.Targets[name].CA != "" {
			c.regular(location{"traffic", "targets", name, "ca"}, t.Targets[name].CA)
		}
	}
	c.readRecordings()
}

// absolute is a path of the scenario as the plan has it.
func (c *compiler) absolute(file string) string {
	path := c.doc.resolve(file)
	if absolute, err := filepath.Abs(path); err == nil {
		return absolute
	}
	return path
}

// regular reports a file that is not there or is none: a directory, a device
// that has no end.
func (c *compiler) regular(at location, file string) bool {
	return c.regularOf(at, file, "paths are relative to the scenario file")
}

// regularOf is regular with what paths are relative to.
func (c *compiler) regularOf(at location, file, relative string) bool {
	info, err := os.Stat(c.absolute(file))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.doc.report(at, fmt.Sprintf("there is no file %q", shorten(file)), relative)
	case err != nil:
		c.doc.report(at, fmt.Sprintf("file %q cannot be opened: %v", shorten(file), cause(err)), "")
	case info.IsDir():
		c.doc.report(at, fmt.Sprintf("%q is a directory", shorten(file)), "name a file in it")
	case !info.Mode().IsRegular():
		c.doc.report(at, fmt.Sprintf("%q is not a regular file", shorten(file)), "name a file that has an end")
	default:
		return true
	}
	return false
}

// cause is an error of the file system without the path, which messages name
// as the scenario has it.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// readDays reads the measured values that shapes name.
func (c *compiler) readDays(at location, arrivals Arrivals) {
	for i, a := range arrivals {
		c.readDays(at.to(i, "sum"), a.Sum)
		if a.Day == nil || a.Day.File == "" {
			continue
		}
		here := at.to(i, "day", "file")
		if !c.regular(here, a.Day.File) {
			continue
		}
		values, err := readDay(c.absolute(a.Day.File))
		if err != nil {
			c.doc.report(here, fmt.Sprintf("file %q: %v", shorten(a.Day.File), err), "write one number a line, or lines whose last column is the number")
		}
		c.days[a.Day.File] = values
	}
}

// The most values that a measured day may have: each becomes a part of the
// plan.
const mostMeasured = 10_000

// readDay reads one number a line, the last column of each. Empty lines and
// those that begin with # are passed over, and so is a first line whose last
// column is a word: a heading.
func readDay(file string) ([]float64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = f.Close() }() // only read
	var values []float64
	lines := bufio.NewScanner(f)
	for number, first := 1, true; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		columns := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;\t ", r) })
		last := ""
		if len(columns) > 0 {
			last = strings.Trim(columns[len(columns)-1], `"`)
		}
		value, err := parseNumber(last)
		heading := first && last != "" && !strings.ContainsAny(last[:1], "0123456789.+-")
		first = false
		switch {
		case err != nil && heading:
			continue
		case err != nil || math.IsInf(value, 0):
			return nil, fmt.Errorf("line %d: %q is not a number", number, shorten(last))
		case value < 0:
			return nil, fmt.Errorf("line %d: %s is negative", number, last)
		case len(values) == mostMeasured:
			return nil, fmt.Errorf("line %d: there are more than %d values; take the average of several", number, mostMeasured)
		}
		values = append(values, value)
	}
	return values, checkMeasured(values, lines.Err())
}

// checkMeasured checks the values of a file as a whole.
func checkMeasured(values []float64, err error) error {
	if err != nil {
		return cause(err)
	}
	if len(values) < 2 {
		return fmt.Errorf("there are %d values, and a day has at least 2", len(values))
	}
	for _, v := range values {
		if v > 0 {
			return nil
		}
	}
	return errors.New("every value is zero")
}

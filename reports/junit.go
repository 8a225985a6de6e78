package reports

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/harness/verify"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property,omitempty"`
	Cases      []junitCase     `xml:"testcase"`
	Output     string          `xml:"system-out,omitempty"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitProblem `xml:"failure,omitempty"`
	Error   *junitProblem `xml:"error,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

// junitProblem says the same in its attribute and its body, because CI
// systems show one or the other.
type junitProblem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Body    string `xml:",chardata"`
}

// JUnit writes the verdict as JUnit XML: the scenario is the class, each check
// a case. A check without a verdict is an error of type "inconclusive", so
// that CI does not take it for a pass; so is a run that did not complete or
// that judged nothing.
func JUnit(w io.Writer, run Run) error {
	suite := junitSuiteOf(run)
	suites := junitSuites{
		Name: "shakedown", Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors,
		Time: suite.Time, Suites: []junitSuite{suite},
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(suites); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitSuiteOf(run Run) junitSuite {
	name := clean(scenarioName(run))
	suite := junitSuite{Name: name, Time: seconds(recorded(run))}
	if !run.Intent.Started.IsZero() {
		suite.Timestamp = run.Intent.Started.UTC().Format("2006-01-02T15:04:05")
	}
	for _, f := range factsOf(run) {
		suite.Properties = append(suite.Properties, junitProperty{strings.ToLower(f.name), f.value})
	}
	sums := run.sums()
	if g := generatorOf(run, sums, timesOf(sums)); g.words() != "" {
		suite.Properties = append(suite.Properties, junitProperty{"generator", g.words() + "; " + g.verdict()})
	}
	for _, l := range ledgersOf(run) {
		suite.Properties = append(suite.Properties, junitProperty{"ledger " + l.ID, strings.TrimPrefix(l.String(), l.ID+": ")})
	}
	suite.Properties = append(suite.Properties, junitHypotheses(run)...)
	for _, f := range run.Result.Checks {
		suite.Cases = append(suite.Cases, junitCaseOf(name, f))
	}
	if c, ok := junitRunCase(name, run); ok {
		suite.Cases = append(suite.Cases, c)
	}
	for _, c := range suite.Cases {
		suite.Tests++
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Error != nil {
			suite.Errors++
		}
	}
	var remarks []string
	if text := spoiled(run); text != "" {
		suite.Properties = append(suite.Properties, junitProperty{"control", controlOf(run)})
		remarks = append(remarks, text)
	}
	for _, r := range remarksOf(run) {
		remarks = append(remarks, r.text)
	}
	suite.Output = strings.Join(append(remarks, "To run it again: "+reproduce(run)), "\n")
	return suite
}

func junitCaseOf(class string, f verify.Finding) junitCase {
	c := junitCase{Class: class, Name: clean(f.ID)}
	facts := clean("wanted: "+f.Wanted) + "\n" + clean("measured: "+f.Measured)
	if f.Verdict == verify.Pass {
		c.Output = facts
		return c
	}
	body := []string{clean(f.Reason), facts}
	for _, e := range f.Evidence {
		body = append(body, "- "+strings.Join(evidenceLines(e), "\n    "))
	}
	problem := &junitProblem{Type: clean(string(f.Verdict)), Message: clean(f.Reason), Body: strings.Join(body, "\n")}
	if f.Verdict == verify.Fail {
		c.Failure = problem
		return c
	}
	problem.Type = string(verify.Inconclusive)
	c.Error = problem
	return c
}

// junitRunCase is the case that stands for the run as a whole, if there is
// something to say about it.
func junitRunCase(class string, run Run) (junitCase, bool) {
	reason := partial(run)
	if reason == "" && len(run.Result.Checks) == 0 {
		reason = "nothing was judged"
	}
	if reason == "" {
		return junitCase{}, false
	}
	return junitCase{Class: class, Name: "run", Error: &junitProblem{Type: string(verify.Inconclusive), Message: reason, Body: reason}}, true
}

// recorded is how long the recorded run took.
func recorded(run Run) time.Duration {
	if events := run.events(); len(events) > 0 {
		return max(0, events[len(events)-1].T)
	}
	return 0
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

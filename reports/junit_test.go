package reports

import (
	"encoding/xml"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/verify"
)

// checkJUnit holds a file to the rules that CI systems agree on
// (github.com/testmoapp/junitxml): known elements in known places, counts that are those
// of the cases, times in seconds, and what is wrong in the attribute and in the body.
func checkJUnit(text string) (problems []string) {
	type element struct {
		XMLName  xml.Name
		Attrs    []xml.Attr `xml:",any,attr"`
		Body     string     `xml:",chardata"`
		Children []element  `xml:",any"`
	}
	parents := map[string]string{"testsuite": "testsuites", "properties": "testsuite", "property": "properties",
		"testcase": "testsuite", "failure": "testcase", "error": "testcase", "skipped": "testcase", "system-out": "testsuite testcase"}
	var root element
	if err := xml.Unmarshal([]byte(text), &root); err != nil {
		return []string{err.Error()}
	}
	bad := func(what string) { problems = append(problems, what) }
	if root.XMLName.Local != "testsuites" {
		bad("the root is " + root.XMLName.Local)
	}
	var count func(e element, counts map[string]int)
	var walk func(e element)
	count = func(e element, counts map[string]int) {
		counts[e.XMLName.Local]++
		for _, child := range e.Children {
			count(child, counts)
		}
	}
	walk = func(e element) {
		name, attrs := e.XMLName.Local, map[string]string{}
		for _, a := range e.Attrs {
			attrs[a.Name.Local] = a.Value
		}
		if seconds, ok := attrs["time"]; ok {
			if f, err := strconv.ParseFloat(seconds, 64); err != nil || f < 0 {
				bad(name + " takes " + seconds)
			}
		}
		switch name {
		case "testsuites", "testsuite":
			counts := map[string]int{}
			count(e, counts)
			for attr, of := range map[string]string{"tests": "testcase", "failures": "failure", "errors": "error"} {
				if attrs[attr] != strconv.Itoa(counts[of]) {
					bad(name + " counts " + attrs[attr] + " " + attr)
				}
			}
		case "testcase":
			if attrs["name"] == "" || attrs["classname"] == "" {
				bad("a case without name or class")
			}
		case "failure", "error":
			if attrs["type"] == "" || !strings.Contains(e.Body, attrs["message"]) {
				bad("a " + name + " whose message " + attrs["message"] + " is not in its body")
			}
		}
		for _, child := range e.Children {
			if !strings.Contains(" "+parents[child.XMLName.Local]+" ", " "+name+" ") {
				bad(child.XMLName.Local + " in " + name)
			}
			walk(child)
		}
	}
	walk(root)
	return problems
}

func TestJUnitKeepsToTheCommonRules(t *testing.T) {
	for name, run := range map[string]Run{"failing": failingRun(), "healthy": healthyRun(), "scaling": scalingRun(), "faults": faultsRun(), "hostile": hostileRun(), "nothing": {}} {
		if problems := checkJUnit(render(t, run, JUnit)); len(problems) > 0 {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

// The rules can be broken.
func TestTheRulesOfJUnitAreRules(t *testing.T) {
	whole := render(t, failingRun(), JUnit)
	for name, change := range map[string][2]string{
		"a count":    {`failures="`, `failures="9`},
		"a time":     {`time="`, `time="about `},
		"a message":  {`message="`, `message="another `},
		"an element": {"<failure ", "<note></note><failure "},
		"a class":    {`classname="scale-under-load"`, `classname=""`},
	} {
		if spoiled := strings.Replace(whole, change[0], change[1], 1); spoiled == whole || len(checkJUnit(spoiled)) == 0 {
			t.Errorf("%s was spoiled and nothing was said", name)
		}
	}
}

// Whatever a service answers, and so stands in findings and notes, the file can be read.
func FuzzJUnit(f *testing.F) {
	for _, text := range []string{"", "plain", "]]>", "\x00\x1b[31m\x0b", "\xff\xfe", "<&\"'>", "\ufffe\uffff", "a\r\nb\t", "\u2028\U0001F600"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		run := Run{Dir: text, Problems: []string{text}, Record: &journal.Record{Events: []journal.Event{
			{T: 1, Body: journal.Note{Level: "warning", Text: text}}, {T: 2, Body: journal.RunEnded{Reason: text, Error: text}},
		}}}
		run.Intent.Run, run.Intent.Platform = text, text
		for _, v := range []verify.Verdict{verify.Pass, verify.Fail, verify.Inconclusive, verify.Verdict(text)} {
			run.Result.Checks = append(run.Result.Checks, verify.Finding{ID: "slo/" + text, Verdict: v, Wanted: text, Measured: text, Reason: text, Evidence: []verify.Evidence{{Text: text, Instance: text}}})
		}
		out := render(t, run, JUnit)
		if problems := checkJUnit(out); len(problems) > 0 || !utf8.ValidString(out) {
			t.Errorf("%q: %q\n%s", text, problems, out)
		}
	})
}

package traffic

import (
	"bufio"
	"fmt"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/wire"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// answered is an answer as the wire gives it.
func answered(t *testing.T, status int, headers, body string) *answer {
	t.Helper()
	head := &wire.Head{}
	text := fmt.Sprintf("HTTP/1.1 %d X\r\n%s\r\n\r\n", status, headers)
	if err := head.ReadResponse(bufio.NewReader(strings.NewReader(text)), wire.MaxHead); err != nil {
		t.Fatal(err)
	}
	return &answer{status: status, head: head, body: []byte(body)}
}

// judged is what a step makes of an answer in a session of tenant acme's that
// has extracted an order.
func judged(t *testing.T, s *step, a *answer) verdict {
	t.Helper()
	c, err := s.conditions(&variables{tenant: "acme", values: []binding{{"order", variable{text: "o-7"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return s.judge(a, c)
}

func TestExpectations(t *testing.T) {
	type expect = scenarios.Expect
	secret := "Set-Cookie: sid=abc123"
	for name, c := range map[string]struct {
		expect expect
		status int
		header string
		body   string
		want   string // the message, "" when all is right
	}{
		"any status below 400":         {expect{}, 302, "A: b", "", ""},
		"400 is not":                   {expect{}, 400, "A: b", "", "status 400"},
		"the gateway has no instance":  {expect{}, 503, "A: b", "", "status 503"},
		"the status":                   {expect{Status: []int{404}}, 404, "A: b", "", ""},
		"one of the statuses":          {expect{Status: []int{200, 201}}, 201, "A: b", "", ""},
		"none of the statuses":         {expect{Status: []int{200, 201}}, 204, "A: b", "", "status 204, expected 200 or 201"},
		"an error that is not the one": {expect{Status: []int{404}}, 500, "A: b", "", "status 500, expected 404"},
		"text":                         {expect{Contains: "lo w"}, 200, "A: b", "hello world", ""},
		"other text":                   {expect{Contains: "bye"}, 200, "A: b", "hello", `the body does not contain "bye"`},
		"the status comes first":       {expect{Contains: "bye"}, 500, "A: b", "hello", "status 500"},
		"a header":                     {expect{Headers: map[string]string{"x-kind": "a"}}, 200, "X-Kind: a", "", ""},
		"a header with any value":      {expect{Headers: map[string]string{"x-kind": ""}}, 200, "X-Kind: a", "", ""},
		"no such header":               {expect{Headers: map[string]string{"x-kind": ""}}, 200, "A: b", "", "no header X-Kind"},
		"a header's value, not quoted": {expect{Headers: map[string]string{"set-cookie": "x"}}, 200, secret, "", "header Set-Cookie is not the expected one"},
		"text that must not be":        {expect{Lacks: "error"}, 200, "A: b", "an error", `the body contains "error"`},
		"text that is not":             {expect{Lacks: "error"}, 200, "A: b", "fine", ""},
		"an expression":                {expect{Matches: `o{2}`}, 200, "A: b", "food", ""},
		"another expression":           {expect{Matches: `o{3}`}, 200, "A: b", "food", "the body does not match o{3}"},
		"a value":                      {expect{JSON: map[string]string{"$.a": "x", "$.b[0]": "7", "$.c": `{"d":true}`}}, 200, "A: b", `{"a":"x","b":[7],"c":{"d":true}}`, ""},
		"another value":                {expect{JSON: map[string]string{"$.a": "x"}}, 200, "A: b", `{"a":"y"}`, `$.a is "y", expected "x"`},
		"a value that may be a secret": {expect{JSON: map[string]string{"$.a": "x"}}, 200, "A: b", `{"a":"` + strings.Repeat("k", 40) + `"}`, `$.a is something else than "x"`},
		"no value":                     {expect{JSON: map[string]string{"$.a": "x"}}, 200, "A: b", `{}`, `nothing at $.a`},
		"no JSON":                      {expect{JSON: map[string]string{"$.a": "x"}}, 200, "A: b", `<a>`, `the body is not JSON`},
		"a variable":                   {expect{Contains: "for ${order}", Lacks: "${tenant}s", Headers: map[string]string{"a": "${order}"}, JSON: map[string]string{"$.of": "${tenant}"}}, 200, "A: o-7", `{"of":"acme","x":"for o-7"}`, ""},
		"not what a variable holds":    {expect{Contains: "for ${order}"}, 200, "A: b", "for o-8", "the body does not contain \"for ${order}\""},
		"just what a variable holds":   {expect{Lacks: "${order}"}, 200, "A: b", "o-7", "the body contains \"${order}\""},
		"another value than its":       {expect{JSON: map[string]string{"$.of": "${tenant}"}}, 200, "A: b", `{"of":"else"}`, `$.of is "else", expected "${tenant}"`},
		"another header than its":      {expect{Headers: map[string]string{"a": "${order}"}}, 200, "A: b", "", "header A is not the expected one"},
		"the first of two headers":     {expect{Headers: map[string]string{"b": "", "a": ""}}, 200, "C: d", "", "no header A"},
	} {
		t.Run(name, func(t *testing.T) {
			got := judged(t, stepOf(t, scenarios.PlannedStep{Expect: c.expect}), answered(t, c.status, c.header, c.body)).trouble
			switch {
			case c.want == "" && got != nil:
				t.Errorf("%q, want ok", got.message)
			case c.want != "" && (got == nil || got.message != c.want || got.outcome != fail):
				t.Errorf("%+v, want fail with %q", got, c.want)
			}
		})
	}
}

func TestExtractions(t *testing.T) {
	type extract = scenarios.Extract
	body := `{"id": 12345678901234567890, "name": "a b", "items": [{"n": 1}, {"n": 2}], "gone": null, "on": true}`
	for name, c := range map[string]struct {
		extract extract
		want    string // the value
		message string // or what is wrong
	}{
		"a number, exactly":  {extract{JSON: "$.id"}, "12345678901234567890", ""},
		"text":               {extract{JSON: "$.name"}, "a b", ""},
		"inside":             {extract{JSON: "$.items[-1].n"}, "2", ""},
		"an object":          {extract{JSON: "$.items[0]"}, `{"n":1}`, ""},
		"a truth":            {extract{JSON: "$.on"}, "true", ""},
		"nothing there":      {extract{JSON: "$.token"}, "", "extract v: nothing at $.token"},
		"null":               {extract{JSON: "$.gone"}, "", "extract v: nothing at $.gone"},
		"a header":           {extract{Header: "location"}, "/orders/7", ""},
		"no header":          {extract{Header: "etag"}, "", "extract v: no header Etag"},
		"a group":            {extract{Regexp: `"name": "(\w)`}, "a", ""},
		"an expression":      {extract{Regexp: `a b`}, "a b", ""},
		"nothing that match": {extract{Regexp: `z+`}, "", "extract v: nothing in the body matches z+"},
	} {
		t.Run(name, func(t *testing.T) {
			s := stepOf(t, scenarios.PlannedStep{Extract: map[string]extract{"v": c.extract}})
			v := judged(t, s, answered(t, 200, "Location: /orders/7", body))
			got := v.trouble
			switch {
			case c.message == "" && (got != nil || len(v.found) != 1 || v.found[0].name != "v" || v.found[0].value.text != c.want):
				t.Errorf("%+v, %+v, want %q", v.found, got, c.want)
			case c.message != "" && (got == nil || got.message != c.message || got.outcome != fail || len(v.found) > 0):
				t.Errorf("%+v, want %q", got, c.message)
			case c.message != "" && !strings.Contains(got.sample, "12345678901234567890"):
				t.Errorf("sample %q does not show what came back", got.sample)
			}
		})
	}
}

func TestExtractFromWhatIsNotJSON(t *testing.T) {
	s := stepOf(t, scenarios.PlannedStep{Extract: map[string]scenarios.Extract{"v": {JSON: "$.a"}}})
	a := answered(t, 200, "A: b", "<html>"+strings.Repeat("x", 1000))
	a.cut = true
	got := judged(t, s, a).trouble
	if got == nil || got.message != "extract v: the body (its first 1006 bytes) is not JSON" {
		t.Fatalf("%+v", got)
	}
	if !strings.Contains(got.sample, "<html>") || len(got.sample) > sampleBody+50 {
		t.Errorf("sample %q, want the beginning of the body and no more", got.sample)
	}
}

func TestCompileRefuses(t *testing.T) {
	for want, planned := range map[string]scenarios.PlannedStep{
		"path: ":                  {Path: "/${"},
		"body: ":                  {Body: "${}"},
		"header X-A":              {Headers: map[string]string{"X-A": "${a b}"}},
		"extract v: ":             {Extract: map[string]scenarios.Extract{"v": {JSON: "items"}}},
		"header Content-Length: ": {Headers: map[string]string{"content-length": "1"}},
		"\"a b\" is not a method": {Method: "a b"},
		"expect: matches: ":       {Expect: scenarios.Expect{Matches: "("}},
		"expect: json: ":          {Expect: scenarios.Expect{JSON: map[string]string{"a": "b"}}},
		"poll: until: ":           {Poll: &scenarios.Poll{Until: scenarios.Expect{Matches: "("}}},
		"poll: unless: ":          {Poll: &scenarios.Poll{Unless: &scenarios.Expect{Matches: "("}}},
		"body: count of the":      {Payload: &scenarios.Payload{Count: "${"}},
		"body: stat /nowhere":     {BodyFile: "/nowhere"},
		"extract w: ":             {Extract: map[string]scenarios.Extract{"w": {Regexp: "("}}},
	} {
		if _, err := compileStep(planned, nil, "test"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want an error that begins with %q", planned, err, want)
		}
	}
}

// stepOf is a step on its own.
func stepOf(t *testing.T, planned scenarios.PlannedStep) *step {
	t.Helper()
	s, err := compileStep(planned, serviceTarget("api", "127.0.0.1:1"), "test")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

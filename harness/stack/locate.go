package stack

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/shakedown-dev/shakedown/scenarios"
)

// The compose loader's messages carry a path into the document, but no
// position; these find the path.
var (
	unknownKey   = regexp.MustCompile(`validating (\S+): *(\S*) *additional properties '([^']+)' not allowed`)
	falseSchema  = regexp.MustCompile(`validating (\S+): *(\S+) false schema`)
	validating   = regexp.MustCompile(`validating (\S+): *(\S+) (.*)`)
	decoding     = regexp.MustCompile(`'(\w+)\[([^\]]+)\]([^']*)' (.*)`)
	dependsOn    = regexp.MustCompile(`service "([^"]+)" depends on undefined service "([^"]+)"`)
	undefined    = regexp.MustCompile(`service "([^"]+)" refers to undefined (network|volume|secret|config) ([^\s:]+)`)
	ofService    = regexp.MustCompile(`service "([^"]+)"`)
	cycle        = regexp.MustCompile(`dependency cycle detected: (\S+)`)
	interpolated = regexp.MustCompile(`(?:interpolating|interpolation format for) ([^\s]+?)[.:]?(?:\s|$)`)
	notCast      = regexp.MustCompile(`failed to cast to expected type: strconv\.(\w+): parsing ("[^"]*").*`)
	badFormat    = regexp.MustCompile(`(?s)invalid interpolation format for .*\n(.+)$`)
	bareMessage  = regexp.MustCompile(`(?s)interpolating [^\s]+?: (.*)`)
	anyPath      = regexp.MustCompile(`\b((?:services|networks|volumes|secrets|configs)\.[^\s:,]+)`)
	yamlLine     = regexp.MustCompile(`line (\d+)`)
	envFile      = regexp.MustCompile(`env file (\S+) not found`)
	invalidMark  = regexp.MustCompile(`: invalid compose project$`)
)

// locate turns an error of the compose loader into a problem that says in
// which file and, if its message tells, at which line it is.
func locate(files []string, sources [][]byte, err error) scenarios.Problem {
	if problem, ok := syntaxError(files, sources); ok {
		return problem
	}
	mistake := explain(err)
	problem := scenarios.Problem{
		File: strings.Join(files, ", "), Path: mistake.path, Message: mistake.message, Suggestion: mistake.suggestion,
	}
	if len(files) == 1 {
		problem.File = files[0]
	}
	if i, at := position(sources, mistake); at != nil {
		return placed(problem, files[i], sources[i], at)
	}
	if line := yamlLine.FindAllStringSubmatch(err.Error(), -1); len(line) > 0 && len(files) == 1 {
		problem.Line, _ = strconv.Atoi(line[len(line)-1][1])
		problem.Column = 1
	}
	return problem
}

// placed fills in where a problem is.
func placed(problem scenarios.Problem, file string, source []byte, at *token.Token) scenarios.Problem {
	problem.File = file
	problem.Line, problem.Column = at.Position.Line, at.Position.Column
	problem.Excerpt = excerpt(strings.Split(string(source), "\n"), problem.Line, problem.Column)
	return problem
}

// excerpt shows a line, the one before, and a caret, as problems of scenario
// files do.
func excerpt(lines []string, line, column int) string {
	if line < 1 || line > len(lines) {
		return ""
	}
	show := func(n int) string {
		return fmt.Sprintf("%5d | %s\n", n, strings.TrimRight(strings.ReplaceAll(lines[n-1], "\t", " "), "\r"))
	}
	before := ""
	if line > 1 && strings.TrimSpace(lines[line-2]) != "" {
		before = show(line - 1)
	}
	return before + show(line) + "      | " + strings.Repeat(" ", max(0, column-1)) + "^\n"
}

// mistake is what a message of the compose loader says.
type mistake struct {
	path, message, suggestion string
	value                     bool // the position wanted is that of the value, not of the key
}

// explain takes a message of the compose loader apart. Messages of unknown
// form stand as they are.
func explain(err error) mistake {
	text := invalidMark.ReplaceAllString(strings.TrimSpace(err.Error()), "")
	if m := unknownKey.FindStringSubmatch(text); m != nil {
		return unknown(strings.TrimPrefix(m[2]+"."+m[3], "."))
	}
	if m := falseSchema.FindStringSubmatch(text); m != nil {
		return unknown(m[2])
	}
	if m := validating.FindStringSubmatch(text); m != nil {
		return mistake{path: m[2], message: m[3], value: true}
	}
	if m := dependsOn.FindStringSubmatch(text); m != nil {
		return mistake{
			path: "services." + m[1] + ".depends_on", message: text,
			suggestion: fmt.Sprintf("define the service %s, or switch on the profile it belongs to under stack.profiles", m[2]),
		}
	}
	if m := undefined.FindStringSubmatch(text); m != nil {
		return mistake{
			path: "services." + m[1] + "." + m[2] + "s", message: text,
			suggestion: fmt.Sprintf("add %s under %ss at the top level of the compose file", m[3], m[2]),
		}
	}
	if m := decoding.FindStringSubmatch(text); m != nil {
		path := m[1] + "." + m[2] + m[3]
		return mistake{path: path, message: m[4], value: true}
	}
	return explainLoose(text)
}

func explainLoose(text string) mistake {
	if m := interpolated.FindStringSubmatch(text); m != nil {
		found := mistake{path: m[1], message: strings.ReplaceAll(text, "\n", " "), value: true}
		if rest := bareMessage.FindStringSubmatch(text); rest != nil {
			found.message = rest[1]
		}
		if rest := badFormat.FindStringSubmatch(text); rest != nil {
			found.message = rest[1] + " cannot be interpolated"
			found.suggestion = "write ${NAME} or ${NAME:-default} for a variable, $$ for a dollar sign"
		}
		if rest := notCast.FindStringSubmatch(text); rest != nil {
			found.message = rest[2] + " is not " + map[bool]string{true: "true or false", false: "a number"}[rest[1] == "ParseBool"]
		}
		if strings.Contains(text, "is missing a value") {
			found.suggestion = "set the variable in the environment, or in the .env file beside the first compose file"
		}
		return found
	}
	if m := envFile.FindStringSubmatch(text); m != nil {
		return mistake{path: "", message: text, suggestion: "create the file, or write it as {path: …, required: false}"}
	}
	if m := cycle.FindStringSubmatch(text); m != nil {
		return mistake{path: "services." + m[1] + ".depends_on", message: text, suggestion: "take one depends_on out of the circle"}
	}
	if m := ofService.FindStringSubmatch(text); m != nil {
		return mistake{path: "services." + m[1], message: text}
	}
	if m := anyPath.FindStringSubmatch(text); m != nil {
		return mistake{path: m[1], message: text}
	}
	return mistake{message: text}
}

func unknown(path string) mistake {
	parent, key := "the top level", path
	if i := strings.LastIndex(path, "."); i >= 0 {
		parent, key = path[:i], path[i+1:]
	}
	return mistake{
		path:    path,
		message: fmt.Sprintf("compose knows no key %s in %s", key, parent),
		suggestion: fmt.Sprintf("check the spelling of %s and its indentation; keys of your own begin with x-",
			key),
	}
}

// syntaxError finds the first file that is no YAML at all.
func syntaxError(files []string, sources [][]byte) (scenarios.Problem, bool) {
	for i, source := range sources {
		_, err := parser.ParseBytes(source, 0)
		var syntax yaml.Error
		if err == nil || !errors.As(err, &syntax) {
			continue
		}
		problem := scenarios.Problem{File: files[i], Message: syntax.GetMessage()}
		if at := syntax.GetToken(); at != nil {
			problem = placed(problem, files[i], source, at)
		}
		return problem, true
	}
	return scenarios.Problem{}, false
}

// position finds the deepest part of the path that stands in a file; of files
// that have it equally, the last one, which won the merge.
func position(sources [][]byte, m mistake) (int, *token.Token) {
	var index, depth int
	var best *token.Token
	for i := len(sources) - 1; i >= 0 && m.path != ""; i-- {
		document, err := parser.ParseBytes(sources[i], 0)
		if err != nil || len(document.Docs) == 0 {
			continue
		}
		if at, matched := find(document.Docs[0].Body, m.path, m.value); matched > depth {
			index, best, depth = i, at, matched
		}
	}
	return index, best
}

// find walks along a dotted path, whose keys may contain dots themselves, and
// returns the token of the last key found (or of its value) and how many bytes
// of the path it matched.
func find(node ast.Node, path string, value bool) (*token.Token, int) {
	var at *token.Token
	matched, rest := 0, path
	for rest != "" {
		step, key := child(node, rest)
		if step == nil {
			break
		}
		node = step.Value
		at = step.Key.GetToken()
		matched += len(key) + 1
		rest = strings.TrimPrefix(rest[len(key):], ".")
	}
	if value && rest == "" && node != nil && node.GetToken() != nil {
		at = node.GetToken()
	}
	return at, matched
}

// child finds the entry of a mapping whose key the path begins with.
func child(node ast.Node, path string) (*ast.MappingValueNode, string) {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		node = anchor.Value
	}
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	}
	for _, entry := range entries {
		key := entry.Key.GetToken().Value
		if path == key || strings.HasPrefix(path, key+".") {
			return entry, key
		}
	}
	return nil, ""
}

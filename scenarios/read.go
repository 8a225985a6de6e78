package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may hold. The YAML parser takes time quadratic in the number of
// tokens and in the depth, so both are bounded before it sees them; aliases
// multiply, so the values they expand to are bounded as well.
const (
	mostBytes  = 1 << 20
	mostTokens = 40_000
	mostDepth  = 100
	mostValues = 50_000
)

// readYAML parses a file to its documents, directives left out. A nil result
// comes with exactly one problem.
func readYAML(src *source, text []byte) ([]ast.Node, *Problem) {
	if problem := unreadable(src, text); problem != nil {
		return nil, problem
	}
	tokens := lexer.Tokenize(string(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	if problem := tooMuch(src, tokens); problem != nil {
		return nil, problem
	}
	file, err := parseTokens(tokens)
	if err != nil {
		p := syntaxProblem(src, err)
		return nil, &p
	}
	var documents []ast.Node
	for _, d := range file.Docs {
		if _, directive := d.Body.(*ast.DirectiveNode); d.Body != nil && !directive {
			documents = append(documents, d.Body)
		}
	}
	if len(documents) == 0 {
		p := src.problem(place{line: 1, column: 1}, "", "the file is empty", "")
		return nil, &p
	}
	return documents, nil
}

// parseTokens turns a panic of the parser into an error: it has some left for
// broken input, and a broken file must not end the program.
func parseTokens(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the YAML parser gave up: %v", r)
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// unreadable refuses what is too big or no text.
func unreadable(src *source, text []byte) *Problem {
	if len(text) > mostBytes {
		p := Problem{File: src.file, Line: 1, Column: 1,
			Message:    fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(text), mostBytes),
			Suggestion: "is it the right file?"}
		return &p
	}
	for i, line := range src.lines {
		if !utf8.ValidString(line) {
			p := src.problem(place{line: i + 1, column: 1}, "", "the line is not UTF-8 text", "save the file as UTF-8")
			return &p
		}
	}
	return nil
}

// tooMuch refuses files that would keep the parser busy for long.
func tooMuch(src *source, tokens token.Tokens) *Problem {
	depth := 0
	for i, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		var message string
		switch {
		case depth > mostDepth:
			message = fmt.Sprintf("brackets are nested more than %d deep", mostDepth)
		case i >= mostTokens:
			message = fmt.Sprintf("the file has more than %d YAML tokens", mostTokens)
		default:
			continue
		}
		p := src.problem(placeOf(t), "", message, "is it the right file?")
		return &p
	}
	return nil
}

// syntaxProblem reports what the YAML parser did not understand.
func syntaxProblem(src *source, err error) Problem {
	at, message := place{line: 1, column: 1}, err.Error()
	var y yaml.Error
	if errors.As(err, &y) {
		message = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			at = placeOf(t)
		}
	}
	message = strings.ReplaceAll(message, "\t", `\t`)
	hint := syntaxHint(message)
	if hint == "" && bareVariable(src.line(at.line)) {
		hint = `inside of { } and [ ], text with ${...} in it needs quotes: "${...}"`
	}
	return src.problem(at, "", "not valid YAML: "+message, hint)
}

// quotedText is what stands in quotes on a line.
var quotedText = regexp.MustCompile(`"(?:\\.|[^"\\])*"|'[^']*'`)

// bareVariable tells whether a line has a variable in text without quotes, the
// braces of which YAML takes for its own in a mapping on one line.
func bareVariable(line string) bool {
	return strings.Contains(quotedText.ReplaceAllString(line, ""), "${")
}

// syntaxHint explains the commonest messages of the parser.
func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "tab character"), strings.Contains(message, `\t`):
		return "indent with spaces"
	case strings.Contains(message, "mapping value is not allowed"):
		return `is a quote missing around text that has ": " in it?`
	case strings.Contains(message, "value is not allowed"), strings.Contains(message, "non-map value"):
		return "check the indentation of this line and the one above"
	case strings.Contains(message, "not found"):
		return "close the bracket or brace that is opened here"
	case strings.Contains(message, "could not find end character"):
		return "close the quote that is opened here"
	}
	return ""
}

// placeOf is where a token stands.
func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{line: 1, column: 1}
	}
	return place{line: max(1, t.Position.Line), column: max(1, t.Position.Column)}
}

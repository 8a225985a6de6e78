package alerts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one reason why rule files cannot be loaded.
type Problem struct {
	File string // as the caller named it, "" for none
	// Line and Column count from 1, columns in characters; 0 where the file as a whole
	// is meant.
	Line, Column int
	Group        string // "" outside of groups
	Rule         string // "alert HighErrorRate", "record job:errors:rate5m", "rule 3" when it has no name
	Message      string
}

// Error is the problem in one line: "api.yaml:12:5: group api, alert HighErrorRate: …".
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
		}
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
		b.WriteString(": ")
	}
	if p.Group != "" {
		b.WriteString("group " + p.Group)
		if p.Rule != "" {
			b.WriteString(", " + p.Rule)
		}
		b.WriteString(": ")
	}
	return b.String() + p.Message
}

// sorted puts the problems of one file in its order and drops repetitions.
func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(problems)
}

package redact

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// table is an immutable set of secrets, ready for searching.
type table struct {
	replacer  *strings.Replacer // nil without secrets
	forms     []string          // everything that is replaced, longest first
	longest   int               // bytes of the longest form
	multiline []string          // the forms that contain a newline
}

func newTable(secrets map[string]string) *table {
	t := &table{}
	names := map[string]string{} // form -> name
	for _, value := range slices.Sorted(maps.Keys(secrets)) {
		for _, form := range forms(value) {
			if have, ok := names[form]; !ok || secrets[value] < have {
				names[form] = secrets[value]
			}
		}
	}
	t.forms = slices.SortedFunc(maps.Keys(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	var pairs []string
	for _, form := range t.forms {
		pairs = append(pairs, form, t.mark(names[form]))
		t.longest = max(t.longest, len(form))
		if strings.Contains(form, "\n") {
			t.multiline = append(t.multiline, form)
		}
	}
	if len(pairs) > 0 {
		t.replacer = strings.NewReplacer(pairs...)
	}
	return t
}

// mark is what stands for a secret: its name, unless the name cannot stand in
// JSON as it is or would itself give a secret away.
func (t *table) mark(name string) string {
	mark := "[env " + name + "]"
	if name == "" || !plain(name) || t.find(mark) {
		return hidden
	}
	return mark
}

// plain tells whether text needs no escaping in JSON, HTML or Markdown.
func plain(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c >= utf8.RuneSelf || strings.IndexByte("\"\\<>&`|*[]", c) >= 0 {
			return false
		}
	}
	return true
}

// find tells whether any secret stands in text.
func (t *table) find(text string) bool {
	for _, form := range t.forms {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// rounds bounds how often a text is gone over: a mark and the text around it
// may together read like another secret.
const rounds = 4

func (t *table) redact(text string) string {
	for range rounds {
		next := hidePatterns(text)
		if t.replacer != nil {
			next = t.replacer.Replace(next)
		}
		if next == text {
			return text
		}
		text = next
	}
	if t.find(text) {
		return hidden
	}
	return text
}

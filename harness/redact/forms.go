package redact

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// forms lists the ways in which a value may be written.
func forms(value string) []string {
	list := []string{value}
	add := func(form string) {
		if !slices.Contains(list, form) && secret(form) {
			list = append(list, form)
		}
	}
	for _, encode := range []func(string) string{jsonHTML, jsonPlain, jsonASCII, jsonSlash} {
		once := encode(value)
		add(once)
		add(encode(once)) // a JSON text inside a JSON string
	}
	for _, form := range urlForms(value) {
		add(form)
	}
	for _, form := range slices.Clone(list) {
		add(hidePatterns(form)) // what is left of it when the patterns have gone over a text
	}
	return list
}

// jsonHTML escapes as encoding/json does by default.
func jsonHTML(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return s
	}
	return string(b[1 : len(b)-1])
}

// jsonPlain escapes as encoding/json does without HTML escaping, and as most
// other encoders do.
func jsonPlain(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return s
	}
	text := strings.TrimSuffix(b.String(), "\n")
	return text[1 : len(text)-1]
}

// jsonASCII escapes everything outside ASCII, as Python's encoder does.
func jsonASCII(s string) string {
	var b strings.Builder
	for _, r := range jsonPlain(s) {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// jsonSlash escapes slashes too, as PHP's encoder does.
func jsonSlash(s string) string { return strings.ReplaceAll(jsonPlain(s), "/", `\/`) }

// urlForms are the escapings of a value in queries, paths and user info.
func urlForms(s string) []string {
	_, password, _ := strings.Cut(url.UserPassword("", s).String(), ":")
	return []string{url.QueryEscape(s), url.PathEscape(s), password}
}

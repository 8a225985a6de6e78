// Package redact keeps secrets out of everything a run leaves behind: the
// values of environment variables, user info in URLs, and what stands in
// authorization and cookie headers.
package redact

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// minLength is the shortest value, in bytes, that is taken for a secret:
// replacing shorter ones would ruin every text and hide nothing.
const minLength = 4

// hidden stands where something was that has no name.
const hidden = "[redacted]"

// Redactor knows secrets and replaces them. The zero value is not usable; see
// New. All methods may be called from any number of goroutines at once, Add
// as well: what it adds is known to every call that begins after it returned.
type Redactor struct {
	mu      sync.Mutex            // guards secrets
	secrets map[string]string     // value -> name
	table   atomic.Pointer[table] // of all secrets; nil when one was added since
}

// New returns a Redactor that knows no secret yet. Headers and user info are
// replaced from the start.
func New() *Redactor {
	return &Redactor{secrets: map[string]string{}}
}

// Add makes a value known as a secret, to be replaced by "[env NAME]", in the
// forms in which it may turn up: as it stands, escaped for JSON, for a URL, or
// for JSON inside JSON. What cannot be a secret is ignored: values of less than
// four bytes, numbers, booleans and durations. A value that has two names
// keeps the one that comes first in the alphabet.
func (r *Redactor) Add(name, value string) {
	value = strings.TrimSpace(value)
	if !secret(value) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if have, ok := r.secrets[value]; ok && have <= name {
		return
	}
	r.secrets[value] = name
	r.table.Store(nil)
}

// current is the table of all secrets added so far.
func (r *Redactor) current() *table {
	if t := r.table.Load(); t != nil {
		return t
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.table.Load(); t != nil {
		return t
	}
	t := newTable(r.secrets)
	r.table.Store(t)
	return t
}

// secret tells whether a value is worth hiding. Parts of the mark itself
// would be found again in every text that was redacted.
func secret(value string) bool {
	if len(value) < minLength || strings.Contains(hidden, value) {
		return false
	}
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return false
	}
	if _, err := time.ParseDuration(value); err == nil {
		return false
	}
	switch strings.ToLower(value) {
	case "true", "false", "none", "null":
		return false
	}
	return true
}

// Bytes returns text with every secret replaced; text itself is not changed.
// JSON stays JSON of the same shape as long as no secret is a piece of its
// syntax; where member names and identifiers must survive too, use JSON.
func (r *Redactor) Bytes(text []byte) []byte { return []byte(r.String(string(text))) }

// String is Bytes for a string.
func (r *Redactor) String(text string) string { return r.current().redact(text) }

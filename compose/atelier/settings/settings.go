// Package settings reads a service's configuration from the environment and
// reports every mistake at once.
package settings

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Env reads typed values from environment variables. Its methods return the
// default for a value that is wrong and remember the mistake; ask Err after the
// last of them. It is not for concurrent use.
type Env struct {
	lookup   func(name string) string
	problems []string
}

// New reads through lookup, usually os.Getenv. An empty value counts as unset,
// because that is how compose files pass on what nobody has set.
func New(lookup func(name string) string) *Env { return &Env{lookup: lookup} }

// String returns the variable, or fallback when it is unset.
func (e *Env) String(name, fallback string) string {
	if v := e.lookup(name); v != "" {
		return v
	}
	return fallback
}

// Required returns a variable that has no sensible default; example shows the
// reader what to set.
func (e *Env) Required(name, example string) string {
	v := e.lookup(name)
	if v == "" {
		e.problem("%s is not set; set it, for example to %s", name, example)
	}
	return v
}

// Duration returns a duration such as 1.5s; it must not be negative.
func (e *Env) Duration(name string, fallback time.Duration) time.Duration {
	v := e.lookup(name)
	if v == "" {
		return fallback
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		e.problem("%s is %q; write a duration that is not negative, such as 500ms or 1.5s", name, v)
		return fallback
	}
	return d
}

// DurationRange returns a range written as 60ms-200ms, or a single duration
// that stands for both ends.
func (e *Env) DurationRange(name string, low, high time.Duration) (from, to time.Duration) {
	v := e.lookup(name)
	if v == "" {
		return low, high
	}
	first, second, isRange := strings.Cut(v, "-")
	if !isRange {
		second = first
	}
	from, err1 := time.ParseDuration(first)
	to, err2 := time.ParseDuration(second)
	if err1 != nil || err2 != nil || from < 0 || to < from {
		e.problem("%s is %q; write a range from low to high such as 60ms-200ms, or one duration", name, v)
		return low, high
	}
	return from, to
}

// Int returns an integer between least and most, both included.
func (e *Env) Int(name string, fallback, least, most int) int {
	v := e.lookup(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		e.problem("%s is %q; write a whole number from %d to %d", name, v, least, most)
		return fallback
	}
	return n
}

// Check adds an error found elsewhere to those that Err reports.
func (e *Env) Check(err error) {
	if err != nil {
		e.problem("%s", err)
	}
}

// Err returns nil, or one error that names every mistake.
func (e *Env) Err() error {
	if len(e.problems) == 0 {
		return nil
	}
	return fmt.Errorf("configuration: %s", strings.Join(e.problems, "; "))
}

func (e *Env) problem(format string, args ...any) {
	e.problems = append(e.problems, fmt.Sprintf(format, args...))
}

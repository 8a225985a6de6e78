package docker

import "testing"

func TestMainOf(t *testing.T) {
	for _, c := range []struct {
		name      string
		titles    []string
		processes [][]string
		want      string
	}{
		{"by its id, not by its place", []string{"PID", "COMMAND"}, [][]string{{"7", "worker"}, {"42", "/shop serve "}}, "/shop serve"},
		{"the first, where ids are others", []string{"PID", "COMMAND"}, [][]string{{"1", "/shop serve"}, {"9", "sh"}}, "/shop serve"},
		{"words apart", []string{"PID", "CMD"}, [][]string{{"42", "/shop", "serve"}}, "/shop serve"},
		{"short rows", []string{"PID", "CMD"}, [][]string{{"42"}, {}}, ""},
		{"no commands", []string{"PID"}, [][]string{{"42"}}, ""},
		{"nothing", nil, nil, ""},
	} {
		if have := mainOf(c.titles, c.processes, "42"); have != c.want {
			t.Errorf("%s: %q, want %q", c.name, have, c.want)
		}
	}
}

package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/scaffold"
)

var asked = []scaffold.Service{{Name: "api", Ports: []int{8000, 9090}}, {Name: "web", Ports: []int{80}, Ready: "/healthz"}, {Name: "db", Data: "a database"}}

func TestTheInterview(t *testing.T) {
	for _, c := range []struct {
		name, answers string
		given, want   scaffold.Choices
		questions     int
	}{
		{"Enter takes what is likely", strings.Repeat("\n", 9), scaffold.Choices{}, scaffold.Choices{Template: "smoke", Service: "web", Path: "/", Rate: "20/s"}, 4},
		{"answers", "drain\napi\n9090\n/up\n/v1\n5/s\n", scaffold.Choices{}, scaffold.Choices{Template: "drain", Service: "api", Port: 9090, Ready: "/up", Path: "/v1", Rate: "5/s"}, 6},
		{"flags are not asked for", "/x\n", scaffold.Choices{Template: "smoke", Service: "web", Rate: "1/s"}, scaffold.Choices{Template: "smoke", Service: "web", Path: "/x", Rate: "1/s"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			have, err := (interview{in: bufio.NewReader(strings.NewReader(c.answers)), out: &out}).ask(asked, c.given)
			if err != nil || have.Template != c.want.Template || have.Service != c.want.Service || have.Port != c.want.Port || have.Ready != c.want.Ready || have.Path != c.want.Path || have.Rate != c.want.Rate {
				t.Errorf("%+v, %v; want %+v", have, err, c.want)
			}
			if n := strings.Count(out.String(), "]: ") + strings.Count(out.String(), "?: "); n != c.questions {
				t.Errorf("%d questions, want %d:\n%s", n, c.questions, &out)
			}
		})
	}
}

func TestWhoDoesNotAnswerIsToldOfFlags(t *testing.T) {
	_, err := (interview{in: bufio.NewReader(strings.NewReader("")), out: &strings.Builder{}}).ask(asked, scaffold.Choices{})
	if err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("it says %v", err)
	}
}

// --force is for scenarios: the compose file is never written over by what was made from it.
func TestInitSparesTheComposeFile(t *testing.T) {
	compose := filepath.Join(t.TempDir(), "compose.yaml")
	text := "services: {web: {image: web, expose: [\"8080\"]}}\n"
	if err := os.WriteFile(compose, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{compose, filepath.Dir(compose) + "/./compose.yaml", "-"} {
		if code, _, stderr := called(t, "init", "--yes", "--force", "--from", compose, "--out", out); code != 2 || !strings.Contains(stderr, "--out "+out) {
			t.Errorf("exit code %d\n%s", code, stderr)
		}
	}
	if b, err := os.ReadFile(compose); err != nil || string(b) != text {
		t.Errorf("%v, %s", err, b)
	}
}

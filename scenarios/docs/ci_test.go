package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// kept are what a job must upload: the reports, and what they can be made from again.
var kept = []string{"report.html", "junit.xml", "summary.md", "run.json", "verdict.json", "seal.json", "journal.ndjson", "latency.hlog", "logs/"}

// githubJob is what matters of the example.
type githubJob struct {
	Timeout int `yaml:"timeout-minutes"`
	Steps   []struct {
		Name string            `yaml:"name"`
		If   string            `yaml:"if"`
		Uses string            `yaml:"uses"`
		Run  string            `yaml:"run"`
		Env  map[string]string `yaml:"env"`
		With map[string]any    `yaml:"with"`
	} `yaml:"steps"`
}

func TestGitHubExample(t *testing.T) {
	var workflow struct {
		On   map[string]any       `yaml:"on"`
		Jobs map[string]githubJob `yaml:"jobs"`
	}
	source := parse(t, "ci/github-actions.yml", &workflow)
	job, ok := workflow.Jobs["shakedown"]
	if !ok || workflow.On == nil {
		t.Fatalf("no job, or nothing that it runs on: %+v", workflow)
	}
	deadline, uploaded := time.Duration(0), ""
	for _, step := range job.Steps {
		if text := step.Env["SHAKEDOWN_DEADLINE"]; text != "" && strings.HasPrefix(step.Run, "shakedown run ") {
			deadline = duration(t, text)
		}
		if strings.HasPrefix(step.Uses, "actions/upload-artifact@") {
			if uploaded = step.With["path"].(string); step.If != "always()" {
				t.Errorf("the report is uploaded only %q", step.If)
			}
		}
	}
	holds(t, time.Duration(job.Timeout)*time.Minute, deadline, strings.Fields(uploaded))
	known(t, source)
}

func TestGitLabExample(t *testing.T) {
	var pipeline struct {
		Rehearsal struct {
			Timeout   string            `yaml:"timeout"`
			Variables map[string]string `yaml:"variables"`
			Script    []string          `yaml:"script"`
			Artifacts struct {
				When    string            `yaml:"when"`
				Paths   []string          `yaml:"paths"`
				Reports map[string]string `yaml:"reports"`
			} `yaml:"artifacts"`
		} `yaml:"rehearsal"`
	}
	source := parse(t, "ci/gitlab-ci.yml", &pipeline)
	job := pipeline.Rehearsal
	minutes := strings.ReplaceAll(strings.TrimSuffix(job.Timeout, "inutes"), " ", "")
	holds(t, duration(t, minutes), duration(t, job.Variables["SHAKEDOWN_DEADLINE"]), job.Artifacts.Paths)
	if job.Artifacts.When != "always" || job.Artifacts.Reports["junit"] != "rehearsal/junit.xml" || len(job.Script) == 0 {
		t.Errorf("%+v", job.Artifacts)
	}
	known(t, source)
}

// parse reads an example strictly: a key twice is a mistake, as it is to its reader.
func parse(t *testing.T, file string, into any) string {
	t.Helper()
	source, err := os.ReadFile(file)
	must(t, err)
	must(t, yaml.UnmarshalWithOptions(source, into))
	return string(source)
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	must(t, err)
	return d
}

// holds what both examples promise.
func holds(t *testing.T, timeout, deadline time.Duration, uploaded []string) {
	t.Helper()
	if deadline <= 0 || timeout < deadline+10*time.Minute {
		t.Errorf("the job is killed after %v, and the run is ended after %v: there has to be time for its end", timeout, deadline)
	}
	for _, name := range kept {
		if !slices.Contains(uploaded, "rehearsal/"+name) {
			t.Errorf("%s is not uploaded", name)
		}
	}
}

var used = regexp.MustCompile(`(?m)(?:run:|-) shakedown ([a-z]+)`)

// known wants the commands of an example to be in the program.
func known(t *testing.T, source string) {
	t.Helper()
	main, err := os.ReadFile(filepath.Join("..", "..", "cmd", "shakedown", "main.go"))
	must(t, err)
	matches := used.FindAllStringSubmatch(source, -1)
	if len(matches) < 3 {
		t.Errorf("only %d commands: %q", len(matches), matches)
	}
	for _, match := range matches {
		if !strings.Contains(string(main), match[1]+"Command()") {
			t.Errorf("there is no command shakedown %s", match[1])
		}
	}
}

// Every page that a page points to is there.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)`)
	for _, pattern := range []string{"*.md", "checks/*.md", "faults/*.md"} {
		files, err := filepath.Glob(pattern)
		must(t, err)
		for _, file := range files {
			source, err := os.ReadFile(file)
			must(t, err)
			for _, match := range link.FindAllStringSubmatch(string(source), -1) {
				if _, err := os.Stat(filepath.Join(filepath.Dir(file), match[1])); err != nil && !strings.Contains(match[1], "://") {
					t.Errorf("%s: %v", file, err)
				}
			}
		}
	}
}

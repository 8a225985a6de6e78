package gameday

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/harness/steer"
)

func portOf(t *testing.T, base string) int {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestBadCommandsAreRefusedBeforeTheRunHearsOfThem(t *testing.T) {
	s, run := begun(t, nil)
	drive(s, run, 0, 1)
	for body, want := range map[string]string{
		``:                                  "read the command",
		`{`:                                 "read the command",
		`[]`:                                "read the command",
		`null`:                              "there is no command",
		note + note:                         "more after it",
		`{"verb":"explode","by":"ada"}`:     `no command \"explode\"`,
		`{"verb":"pause"}`:                  "say who asks",
		`{"verb":"pause","by":"ada","x":1}`: "unknown field",
		`{"verb":"load","by":"ada"}`:        "say the load",
		`{"verb":"load","by":"ada","multiple":null}`:                          "say the load",
		`{"verb":"scale","by":"ada","service":"api"}`:                         "say how many",
		`{"verb":"load","by":"ada","multiple":-1}`:                            "from 0 to 100",
		`{"verb":"load","by":"ada","multiple":1e9}`:                           "from 0 to 100",
		`{"verb":"inject","by":"ada"}`:                                        "which fault",
		`{"verb":"revert","by":"ada"}`:                                        "by its id",
		`{"verb":"scale","by":"ada","replicas":2}`:                            "which service",
		`{"verb":"scale","by":"ada","service":"api","replicas":-2}`:           "0 or more",
		`{"verb":"note","by":"ada","text":" "}`:                               "needs a text",
		`{"verb":"note","by":"` + strings.Repeat("a", 61) + `","text":"x"}`:   "60 characters",
		`{"verb":"note","by":"a","text":"` + strings.Repeat("a", 2001) + `"}`: "2000 characters",
		`{"verb":"note","by":"a","text":"` + strings.Repeat("a", maxBody):     "65536 bytes",
	} {
		status, answer := post(t, s, body, nil)
		if status < 400 || status > 413 || !strings.Contains(answer, want) {
			t.Errorf("%.60s: %d %s, want %q", body, status, answer, want)
		}
	}
	if asked := run.commands(); len(asked) > 0 {
		t.Errorf("the run was asked %v", asked)
	}
}

// Until there is traffic only abort works, as an interrupt.
func TestBeforeTraffic(t *testing.T) {
	interrupted := make(chan error, 1)
	s, _ := begun(t, func(c *Config) { c.Interrupt = func(why error) { interrupted <- why } })
	if status, answer := post(t, s, note, nil); status != http.StatusConflict || !strings.Contains(answer, "no traffic yet") {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := post(t, s, `{"verb":"abort","by":"ada"}`, nil); status != 200 || !strings.Contains(answer, "interrupted") {
		t.Errorf("%d %s", status, answer)
	}
	select {
	case why := <-interrupted:
		if early := new(steer.EarlyAbort); !errors.As(why, &early) || early.By != "ada" {
			t.Errorf("interrupted because %v, want it to say who", why)
		}
	default:
		t.Error("nothing was interrupted")
	}
}

// The run knows its token as a secret before anybody has it.
func TestTheTokenIsHidden(t *testing.T) {
	hidden := ""
	s, _ := begun(t, func(c *Config) { c.Hide = func(token string) { hidden = token } })
	if hidden == "" || !strings.HasSuffix(s.URL(), "token="+hidden) {
		t.Errorf("%q is hidden, and the address is %s", hidden, s.URL())
	}
}

// The socket is for its owner alone, works without the page, and is gone afterwards.
func TestControlSocket(t *testing.T) {
	long := rundir.Dir(filepath.Join(t.TempDir(), strings.Repeat("long/", 30)))
	if err := os.MkdirAll(string(long), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]rundir.Dir{"short": rundir.Dir(t.TempDir()), "long": long} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", "/tmp")
			s, err := Start(Config{Dir: dir, Run: "8f3a", Plan: plan})
			if err != nil {
				t.Fatal(err)
			}
			run := &fakeRun{clock: func() time.Duration { return time.Second }, events: func(journal.Event) {}}
			s.Live(run)
			if s.URL() != "" || files(t, dir) != "control.sock 600" {
				t.Errorf("page %q, files %s", s.URL(), files(t, dir))
			}
			client, err := Dial(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			reply, err := client.Steer(t.Context(), steer.Command{Verb: steer.Inject, By: "ada", Fault: "kill"})
			if err != nil || reply.ID != "by-hand-1" {
				t.Errorf("%v, %v", reply, err)
			}
			status, err := client.Status(t.Context())
			if err != nil || status.Scenario != "friday" || len(status.State.Faults) != 1 {
				t.Errorf("%+v, %v", status, err)
			}
			for range 2 {
				_, err = client.Steer(t.Context(), steer.Command{Verb: steer.Revert, By: "ada", Fault: "x"})
			}
			if err == nil || !strings.Contains(err.Error(), "no such fault") {
				t.Errorf("the run's word is lost: %v", err)
			}
			if err := s.Close("pass"); err != nil || files(t, dir) != "" {
				t.Errorf("%v; left: %s", err, files(t, dir))
			}
			if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNoRun) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

func TestTheOnlyRun(t *testing.T) {
	root := t.TempDir()
	if _, err := Only(t.Context(), root); !errors.Is(err, ErrNoRun) || !strings.Contains(err.Error(), "--run") {
		t.Error(err)
	}
	for _, name := range []string{"a", "dead"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Start(Config{Dir: rundir.Dir(filepath.Join(root, "a")), Plan: plan})
	if err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(root, "dead", "control.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false) // as after kill -9
	dead.Close()
	client, err := Only(t.Context(), root)
	if err != nil || filepath.Base(string(client.Dir())) != "a" {
		t.Errorf("%v, %v", client, err)
	}
	// Of two none is taken: both are listed, to choose from.
	other := rundir.Dir(filepath.Join(root, "b"))
	if err := os.MkdirAll(string(other), 0o755); err != nil {
		t.Fatal(err)
	}
	second, err := Start(Config{Dir: other, Plan: plan})
	if err != nil {
		t.Fatal(err)
	}
	client, err = Only(t.Context(), root)
	if client != nil || !errors.Is(err, ErrSeveral) {
		t.Fatalf("%v, %v", client, err)
	}
	for _, words := range []string{"--run " + filepath.Join(root, "a") + "  (friday, starting", "--run " + string(other)} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is not in: %v", words, err)
		}
	}
	if err := errors.Join(s.Close(""), second.Close("")); err != nil {
		t.Error(err)
	}
}

// The address of the page is for its owner alone.
func TestAddressIsSecret(t *testing.T) {
	s, _ := begun(t, nil)
	if have := files(t, s.config.Dir); have != "control.sock 600, gameday.url 600" {
		t.Error(have)
	}
	content, err := os.ReadFile(urlFile(s.config.Dir))
	if err != nil || strings.TrimSpace(string(content)) != s.URL() || len(s.token) != 32 {
		t.Errorf("%s, %v", content, err)
	}
	if !strings.HasPrefix(s.URL(), "http://127.0.0.1:") {
		t.Errorf("the page is at %s", s.URL())
	}
}

func TestPortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := rundir.Dir(t.TempDir())
	_, err = Start(Config{Dir: dir, Plan: plan, Page: true, Port: taken.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "--port 0") || files(t, dir) != "" {
		t.Errorf("%v; left: %s", err, files(t, dir))
	}
}

// stream reads frames until one satisfies a reader.
func stream(t *testing.T, s *Server, last string, enough func(frame map[string]any) bool) map[string]any {
	t.Helper()
	base, _, _ := strings.Cut(s.URL(), "?")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var f map[string]any
		if err := json.Unmarshal([]byte(data), &f); err != nil {
			t.Fatal(err)
		}
		if enough(f) {
			return f
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return nil
}

// A stream begins with everything, goes on with what is new, and begins where the
// reader left off when it comes back.
func TestStream(t *testing.T) {
	s, run := begun(t, nil)
	drive(s, run, 0, 5)
	first := stream(t, s, "", func(map[string]any) bool { return true })
	if first["full"] != true || len(first["points"].([]any)) != 5 {
		t.Errorf("the first frame is %v", first)
	}
	s.publish()
	go drive(s, run, 5, 1)
	next := stream(t, s, "", func(f map[string]any) bool { return f["full"] != true && f["points"] != nil })
	if p := next["points"].([]any)[0].([]any); fmt.Sprint(p) != "[15 50 48 3 0 20 90 1 0]" {
		t.Errorf("the new point is %v", p)
	}
	back := stream(t, s, fmt.Sprint(next["seq"].(float64)-1), func(map[string]any) bool { return true })
	if back["full"] == true || back["seq"] != next["seq"] {
		t.Errorf("who comes back gets %v", back)
	}
	unknown := stream(t, s, "99999", func(map[string]any) bool { return true })
	if unknown["full"] != true {
		t.Errorf("who comes back from elsewhere gets %v", unknown)
	}
}

// Close waits for no browser, and the last frame says what came of the run.
func TestOpenStreamsDoNotHoldTheEnd(t *testing.T) {
	s, run := begun(t, nil)
	drive(s, run, 0, 1)
	closed := make(chan struct{})
	opened := false
	last := stream(t, s, "", func(f map[string]any) bool {
		if !opened {
			opened = true
			go func() { defer close(closed); _ = s.Close("fail") }()
		}
		return f["head"].(map[string]any)["stage"] == "over"
	})
	<-closed
	if last["head"].(map[string]any)["outcome"] != "fail" {
		t.Errorf("the last frame is %v", last)
	}
}

func TestSecretsDoNotReachThePage(t *testing.T) {
	s, run := begun(t, func(c *Config) {
		c.Redact = func(text string) string { return strings.ReplaceAll(text, "hunter2", "[secret]") }
	})
	drive(s, run, 0, 1)
	if _, answer := post(t, s, `{"verb":"note","by":"ada","text":"the password is hunter2"}`, nil); strings.Contains(answer, "hunter2") {
		t.Error(answer)
	}
	run.events(journal.Event{T: 20 * time.Second, Body: journal.FaultStarted{Fault: "f", Detail: "hunter2"}})
	run.events(journal.Event{T: 20 * time.Second, Body: journal.FaultState{Fault: "f", Target: "api", State: "applied", Reason: "hunter2"}})
	f := stream(t, s, "", func(map[string]any) bool { return true })
	if text := fmt.Sprint(f); strings.Contains(text, "hunter2") || !strings.Contains(text, "the password is [secret]") {
		t.Error(text)
	}
}

// What is called off before it began is not in force, cannot be reverted, and stays in sight.
func TestPlannedFaultsAreCalledOffOnThePage(t *testing.T) {
	s, run := begun(t, nil)
	drive(s, run, 0, 1)
	run.plan(steer.Fault{ID: "later", Kind: "delay", Targets: []string{"api"}, State: "planned"})
	asked := false
	f := stream(t, s, "", func(f map[string]any) bool {
		if !asked {
			asked = true
			if code, answer := post(t, s, `{"verb":"revert","by":"ada","fault":"later"}`, nil); code != http.StatusOK {
				t.Errorf("%d: %s", code, answer)
			}
		}
		return strings.Contains(fmt.Sprint(f["state"]), "state:called off")
	})
	client, err := Dial(t.Context(), s.config.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	status, err := client.Status(t.Context())
	if err != nil || len(status.State.Faults) != 1 || status.State.Faults[0].State != "called off" {
		t.Errorf("%+v, %v; the frame was %v", status.State, err, f)
	}
	whole := fmt.Sprint(stream(t, s, "", func(map[string]any) bool { return true }))
	for _, want := range []string{"doubt:true from:30 id:later label:later: called off state:called off to:30", "text:called off by hand before it began"} {
		if !strings.Contains(whole, want) {
			t.Errorf("no %q in %s", want, whole)
		}
	}
}

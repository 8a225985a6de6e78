package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
	"github.com/shakedown-dev/shakedown/harness/platform/platformtest"
)

func openPlatform(run, owner string) (platform.Platform, error) { return Open(run, owner, Options{}) }

func TestMain(m *testing.M) { platformtest.Main(m, openPlatform, func(string) {}) }

func TestConformance(t *testing.T) {
	platformtest.Run(t, func(t *testing.T) platformtest.Fixture {
		if runtime.GOOS != "linux" {
			t.Skip("loopback addresses other than 127.0.0.1 and /proc are Linux's")
		}
		return platformtest.Fixture{Open: openPlatform, Cleaner: Cleaner{}, Left: left, Orphaned: orphaned}
	})
}

// left looks for a run's processes and directory with nothing of the package.
func left(run string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(os.TempDir(), "*"+run+"*"))
	if err != nil {
		return nil, err
	}
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range environs {
		environ, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(environ), "SHAKEDOWN_RUN="+run+"\x00") {
			found = append(found, file)
		}
	}
	return found, err
}

// orphaned: the kernel ends the main processes of a killed harness; what those
// had started is left to a clean.
func orphaned(t *testing.T, run string) {
	deadline := time.Now().Add(time.Minute)
	for {
		all, err := markedProcesses()
		if err != nil {
			t.Fatal(err)
		}
		left := slices.DeleteFunc(all, func(m marked) bool {
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", m.pid))
			return m.run != run || !strings.HasSuffix(string(command), "\x00family\x00")
		})
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("outlived the harness: %+v", left)
		}
	}
}

func openTest(t *testing.T, run string) *Platform {
	t.Helper()
	p, err := Open(run, owner.Self(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.TearDown(context.Background()); err != nil {
			t.Errorf("tear down: %v", err)
		}
	})
	return p
}

func TestAddresses(t *testing.T) {
	one, two := openTest(t, "same"), openTest(t, "same")
	given := map[string]string{}
	for _, p := range []*Platform{one, two} {
		for n := range 300 { // more than one block holds
			address := p.Address("api", n)
			place := fmt.Sprintf("%p api-%d", p, n)
			if other, ok := given[address]; ok {
				t.Fatalf("%s given to %s and %s", address, other, place)
			}
			if ip := net.ParseIP(address); ip == nil || !ip.IsLoopback() {
				t.Fatalf("%s is no loopback address", address)
			}
			given[address] = place
		}
	}
	if again := one.Address("api", 7); given[again] != fmt.Sprintf("%p api-7", one) {
		t.Errorf("the address of api-7 changed to %s", again)
	}
	listener, err := net.Listen("tcp4", one.Address("api", 0)+":0")
	if err != nil {
		t.Fatalf("an address cannot be listened on: %v", err)
	}
	_ = listener.Close()
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	p, err := Open("taken", owner.Self(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.TearDown(context.Background()) })
	for _, c := range []struct{ name, run, dir, want string }{
		{"a run that exists", "taken", dir, "in use"},
		{"a path", "../up", dir, "run id"},
		{"an empty id", "", dir, "run id"},
		{"no directory", "fine", filepath.Join(dir, "missing"), "make the run's directory"},
	} {
		if _, err := Open(c.run, "", Options{Dir: c.dir}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	rest, err := os.ReadDir(dir)
	if err != nil || len(rest) != 1 {
		t.Errorf("refused runs left %v, %v", rest, err)
	}
}

func TestProgramLookup(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"tool": 0o700, "data": 0o600} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, program, want, wrong string }{
		{"in PATH", "tool", filepath.Join(dir, "tool"), ""},
		{"beside the executable", filepath.Base(self), self, ""},
		{"by path", filepath.Join(dir, "tool"), filepath.Join(dir, "tool"), ""},
		{"nowhere", "atelier", "", "program atelier not found: looked in " + filepath.Dir(self) + " and in PATH"},
		{"not executable", filepath.Join(dir, "data"), "", "permission denied"},
		{"not there", filepath.Join(dir, "none"), "", "no such file"},
	} {
		got, err := lookUp(c.program)
		if got != c.want || (err == nil) != (c.wrong == "") || (err != nil && !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s: lookUp(%q) = %q, %v; want %q, %q", c.name, c.program, got, err, c.want, c.wrong)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	p := openTest(t, "create")
	for _, c := range []struct {
		name, want string
		spec       platform.Spec
	}{
		{"no command", "no program to run", platform.Spec{Name: "api-1"}},
		{"a name that is a path", "not a usable name", platform.Spec{Name: "../api", Program: "/bin/true"}},
	} {
		if err := p.Create(t.Context(), c.spec); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestStartExplains(t *testing.T) {
	p := openTest(t, "start")
	script := filepath.Join(t.TempDir(), "foreign")
	if err := os.WriteFile(script, []byte("\x00not a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	foreign := platform.Spec{Name: "foreign", Program: script}
	misplaced := platform.Spec{Name: "misplaced", Program: "/bin/sh"}
	misplaced.Config.WorkingDir = "/no/such/place"
	for spec, want := range map[*platform.Spec]string{&foreign: "not for this machine", &misplaced: "working directory /no/such/place"} {
		if err := p.Create(t.Context(), *spec); err != nil {
			t.Fatal(err)
		}
		if err := p.Start(t.Context(), spec.Name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", spec.Name, err, want)
		}
	}
}

// TestMainProcessTakesItsGroup: what the main process leaves behind ends with
// it, as in a container.
func TestMainProcessTakesItsGroup(t *testing.T) {
	p := openTest(t, "group")
	spec := platform.Spec{Name: "family-1", Program: platformtest.Program(t, runtime.GOOS)}
	spec.Config.Command = []string{"family"}
	if err := errors.Join(p.Create(t.Context(), spec), p.Start(t.Context(), spec.Name)); err != nil {
		t.Fatal(err)
	}
	found := make(chan struct{})
	go func() { _ = p.Logs(t.Context(), spec.Name, true, closer{found}) }()
	<-found
	before, err := markedProcesses()
	if err != nil || ofRun(before, "group") != 3 {
		t.Fatalf("%+v, %v; want the instance and two children", before, err)
	}
	if _, _, err := platform.Stop(t.Context(), p, spec.Name, time.Minute); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for { // the one in a session of its own is left to TearDown
		after, err := markedProcesses()
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v; the child in the group outlived the instance", after, err)
		}
		if ofRun(after, "group") == 1 {
			break
		}
	}
	if err := p.TearDown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end, err := markedProcesses(); err != nil || ofRun(end, "group") > 0 {
		t.Errorf("%+v, %v; a child outlived the run", end, err)
	}
}

type closer struct{ found chan struct{} }

// Write closes found at the first output.
func (c closer) Write(b []byte) (int, error) {
	select {
	case <-c.found:
	default:
		close(c.found)
	}
	return len(b), nil
}

func ofRun(all []marked, run string) int {
	n := 0
	for _, m := range all {
		if m.run == run {
			n++
		}
	}
	return n
}

func TestNotedProcesses(t *testing.T) {
	p := openTest(t, "noted")
	c := Cleaner{Dir: filepath.Dir(p.root)}
	self := os.Getpid()
	for name, record := range map[string]string{
		"recycled": strconv.Itoa(self) + " 1",
		"doubtful": strconv.Itoa(self) + " ",
		"group":    "-1 1", "everything": "0 1", "text": "x",
	} {
		if err := os.WriteFile(filepath.Join(p.root, pidsDir, name), []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := c.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var items string
	for _, l := range found {
		if l.Run == "noted" {
			items = strings.Join(l.Items, "\n")
		}
	}
	if !strings.Contains(items, "doubtful), if it is still that one") || strings.Contains(items, "recycled") ||
		!strings.Contains(items, "directory "+p.root) {
		t.Errorf("Discover lists:\n%s", items)
	}
	if err := c.Clean(t.Context(), "noted"); err != nil { // and this process still runs
		t.Error(err)
	}
	if _, err := os.Stat(p.root); err == nil {
		t.Error("the directory is still there")
	}
}

func TestCleanLeavesOtherDirectories(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "shakedown-notes")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	c := Cleaner{Dir: dir}
	found, err := c.Discover(t.Context())
	for _, l := range found {
		if l.Run == "notes" {
			t.Errorf("a directory without an owner is listed: %+v, %v", l, err)
		}
	}
	for _, run := range []string{"notes", "..", "../" + filepath.Base(dir), ""} {
		_ = c.Clean(t.Context(), run)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a directory without an owner was deleted: %v", err)
	}
}

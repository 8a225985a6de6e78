package platformtest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/platform/owner"
)

func twoRuns(t *testing.T, f Fixture) {
	one, two := open(t, f), open(t, f)
	for _, w := range []*world{one, two} {
		spec := w.spec("api-1", "serve", "")
		spec.Config.Command[1] = spec.Address + ":8080"
		spec.Publish = []platform.Publish{{Port: 8080}}
		w.create(spec)
		w.must(w.CreateVolume(t.Context(), "data", types.VolumeConfig{}))
		w.must(w.Start(t.Context(), "api-1"))
		w.says("api-1", "ready")
	}
	first, err := one.Endpoint(t.Context(), "api-1", 8080)
	one.must(err)
	second, err := two.Endpoint(t.Context(), "api-1", 8080)
	two.must(err)
	if first.Published == second.Published {
		t.Errorf("both runs answer on %s", first.Published)
	}
	if alive, items := leftover(t, f, one.run); !alive || len(items) == 0 {
		t.Errorf("Discover of a living run: alive %v, %q", alive, items)
	}
	one.must(one.TearDown(t.Context()))
	<-one.seen.closed
	if got := fetch(t, second.Published); got != "hello\n" {
		t.Errorf("after the other run's end the instance answers %q", got)
	}
	if events, _ := two.seen.of("api-1"); len(events) != 1 {
		t.Errorf("events = %+v; want its own start alone", events)
	}
}

func tearDown(t *testing.T, f Fixture) {
	w := open(t, f)
	w.must(w.CreateVolume(t.Context(), "data", types.VolumeConfig{}))
	for _, name := range []string{"one", "two"} {
		w.must(w.Create(t.Context(), w.spec(name, "stubborn")))
		w.must(w.Start(t.Context(), name))
		w.says(name, "ready")
	}
	w.must(w.Create(t.Context(), w.spec("unstarted", "stubborn")))
	cancelled, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 1)
	go func() {
		_, err := w.Wait(t.Context(), "one")
		waiting <- err
	}()
	cancel()
	_ = w.Start(cancelled, "unstarted") // whatever an interrupted call leaves must go too

	w.must(w.TearDown(t.Context()))
	<-w.seen.closed
	w.must(<-waiting)
	for _, name := range []string{"one", "two"} {
		if got := w.event(name, platform.Exited, 1).Exit; got.Code != 137 {
			t.Errorf("%s exited with %+v", name, got)
		}
	}
	nothingLeft(t, f, w.run)
	w.must(w.TearDown(t.Context()))
	if err := w.Create(t.Context(), w.spec("late", "stubborn")); err == nil {
		t.Error("an instance was created after the tear-down")
	}
}

// nothingLeft checks that a run has left nothing.
func nothingLeft(t *testing.T, f Fixture, run string) {
	t.Helper()
	if _, items := leftover(t, f, run); len(items) > 0 {
		t.Errorf("Discover still lists %q", items)
	}
	left, err := f.Left(run)
	if err != nil || len(left) > 0 {
		t.Errorf("there still is %q (%v)", left, err)
	}
}

// leftover is what Discover says of a run.
func leftover(t *testing.T, f Fixture, run string) (alive bool, items []string) {
	t.Helper()
	all, err := f.Cleaner.Discover(t.Context())
	if err != nil {
		t.Fatalf("discover: %v", err)
	}
	for _, l := range all {
		if l.Run == run {
			return l.Alive, l.Items
		}
	}
	return false, nil
}

// The environment that turns a test binary into the harness to be killed.
const (
	victimRun     = "PLATFORMTEST_VICTIM_RUN"
	victimProgram = "PLATFORMTEST_VICTIM_PROGRAM"
)

// killedHarness kills a harness with SIGKILL while its run is up.
func killedHarness(t *testing.T, f Fixture) {
	run := runID()
	victim := exec.Command(os.Args[0], "-test.run=^$")
	victim.Env = append(os.Environ(), victimRun+"="+run, victimProgram+"="+Program(t, f.GOOS))
	victim.Stderr = os.Stderr
	hold, err := victim.StdinPipe() // its end tells the victim that this test is gone
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Close() }()
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Cleaner.Clean(context.Background(), run) })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("the harness to be killed said %q, %v", line, err)
	}
	if alive, items := leftover(t, f, run); !alive || len(items) < 2 {
		t.Errorf("before the kill: alive %v, %q", alive, items)
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait() // "signal: killed"
	alive, items := leftover(t, f, run)
	if alive || len(items) == 0 {
		t.Errorf("after the kill: alive %v, %q; want what it left", alive, items)
	}
	if f.Orphaned != nil {
		f.Orphaned(t, run)
	}
	for range 2 {
		if err := f.Cleaner.Clean(t.Context(), run); err != nil {
			t.Errorf("clean: %v", err)
		}
	}
	nothingLeft(t, f, run)
}

// Main is for the TestMain of an implementation: it runs the tests, fails if
// they leak goroutines, and plays the harness that is killed. At the end it
// calls forget with the path of each program that Program made.
func Main(m *testing.M, open Open, forget func(program string)) {
	if run := os.Getenv(victimRun); run != "" {
		beVictim(run, open)
		os.Exit(1)
	}
	code := m.Run()
	for _, path := range builds.made {
		forget(path)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if builds.dir != "" {
		_ = os.RemoveAll(builds.dir)
	}
	os.Exit(code)
}

// beVictim brings a run up and waits to be killed, or for the end of the test.
func beVictim(run string, open Open) {
	p, err := open(run, owner.Self())
	if err == nil {
		err = occupy(p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println("up")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

// occupy makes something of everything a run can leave.
func occupy(p platform.Platform) error {
	ctx := context.Background()
	if err := p.CreateNetwork(ctx, "default", types.NetworkConfig{}); err != nil {
		return err
	}
	if err := p.CreateVolume(ctx, "data", types.VolumeConfig{}); err != nil {
		return err
	}
	spec := platform.Spec{Name: "family-1", Service: "family", Program: os.Getenv(victimProgram)}
	spec.Config.Command = []string{"family"}
	spec.Config.Networks = map[string]*types.ServiceNetworkConfig{"default": nil}
	if err := p.Create(ctx, spec); err != nil {
		return err
	}
	if err := p.Start(ctx, spec.Name); err != nil {
		return err
	}
	ready, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen := &waiter{want: "ready\n", found: cancel}
	err := p.Logs(ready, spec.Name, true, seen)
	if !seen.has() {
		return fmt.Errorf("%s is not ready: %q, %w", spec.Name, strings.TrimSpace(seen.text()), err)
	}
	return nil
}

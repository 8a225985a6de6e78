package platformtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

func servesAndStops(t *testing.T, w *world) {
	before := time.Now()
	spec := w.spec("web-1", "serve", "")
	spec.Config.Command[1] = spec.Address + ":8080"
	spec.Publish = []platform.Publish{{Port: 8080}}
	w.create(spec)
	w.must(w.Start(t.Context(), "web-1"))
	if at := w.event("web-1", platform.Started, 1).At; at.Before(before) || at.After(time.Now()) {
		t.Errorf("the start is dated %v, outside of the test", at)
	}
	w.says("web-1", "ready")
	at, err := w.Endpoint(t.Context(), "web-1", 8080)
	w.must(err)
	if !strings.HasPrefix(at.Published, "127.") {
		t.Errorf("published on %q, which is no loopback address", at.Published)
	}
	if got := fetch(t, at.Published); got != "hello\n" {
		t.Errorf("the instance answers %q", got)
	}
	exit, killed, err := platform.Stop(t.Context(), w, "web-1", patience)
	if err != nil || killed || exit != (platform.Exit{}) {
		t.Errorf("Stop = %+v, killed %v, %v; want a clean exit", exit, killed, err)
	}
	if got := w.event("web-1", platform.Exited, 1).Exit; got != exit {
		t.Errorf("the event says %+v, Wait says %+v", got, exit)
	}
	if log := w.logs("web-1"); !strings.Contains(log, "ready\n") || !strings.Contains(log, "terminated\n") {
		t.Errorf("the log lacks standard output or error:\n%s", log)
	}
	if _, err := w.Endpoint(t.Context(), "web-1", 8080); err == nil {
		t.Error("an exited instance still has an endpoint")
	}
	w.must(w.Remove(t.Context(), "web-1"))
	if again := w.wait("web-1"); again != exit {
		t.Errorf("after removal, Wait = %+v, want %+v", again, exit)
	}
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func exitsAtOnce(t *testing.T, w *world) {
	w.start("brief-1", "exit", "7")
	want := platform.Exit{Code: 7}
	if got := w.wait("brief-1"); got != want {
		t.Errorf("Wait = %+v, want %+v", got, want)
	}
	if got := w.event("brief-1", platform.Exited, 1).Exit; got != want {
		t.Errorf("event = %+v, want %+v", got, want)
	}
	events, _ := w.seen.of("brief-1")
	if len(events) != 2 || events[0].Kind != platform.Started || events[1].At.Before(events[0].At) {
		t.Errorf("events = %+v, want started, then exited", events)
	}
	if log := w.logs("brief-1"); log != "exiting with 7\n" {
		t.Errorf("log = %q", log)
	}
	if _, err := w.Stats(t.Context(), "brief-1"); err == nil {
		t.Error("an exited instance still has stats")
	}
}

func isKilledAfterGrace(t *testing.T, w *world) {
	w.start("stubborn-1", "stubborn")
	w.says("stubborn-1", "ready")
	exit, killed, err := platform.Stop(t.Context(), w, "stubborn-1", 200*time.Millisecond)
	if want := (platform.Exit{Code: 137}); err != nil || !killed || exit != want {
		t.Errorf("Stop = %+v, killed %v, %v; want killed with %+v", exit, killed, err, want)
	}
	if got := w.event("stubborn-1", platform.Exited, 1).Exit; got.OOM {
		t.Error("SIGKILL was taken for want of memory")
	}
}

func getsSignals(t *testing.T, w *world) {
	w.start("signals-1", "signals")
	w.says("signals-1", "ready")
	w.must(w.Signal(t.Context(), "signals-1", syscall.SIGHUP))
	w.says("signals-1", "got hangup")
	w.must(w.Signal(t.Context(), "signals-1", syscall.SIGTERM))
	if exit := w.wait("signals-1"); exit.Code != 0 {
		t.Errorf("exit = %+v\n%s", exit, w.logs("signals-1"))
	}
}

func startsAgain(t *testing.T, w *world) {
	w.start("again-1", "exit", "4")
	w.wait("again-1")
	w.event("again-1", platform.Exited, 1)
	w.must(w.Start(t.Context(), "again-1"))
	if exit := w.wait("again-1"); exit.Code != 4 {
		t.Errorf("second exit = %+v", exit)
	}
	w.event("again-1", platform.Started, 2)
	w.event("again-1", platform.Exited, 2)
}

func isRemovedWhileRunning(t *testing.T, w *world) {
	w.start("removed-1", "stubborn")
	w.says("removed-1", "ready")
	waited := make(chan platform.Exit, 1)
	go func() { waited <- w.wait("removed-1") }()
	w.must(w.Remove(t.Context(), "removed-1"))
	if exit := <-waited; exit.Code != 137 {
		t.Errorf("exit = %+v, want 137", exit)
	}
	w.event("removed-1", platform.Exited, 1)
	w.start("removed-1", "exit", "0") // the name is free again
	if exit := w.wait("removed-1"); exit.Code != 0 {
		t.Errorf("exit of the second instance = %+v", exit)
	}
}

func goneIsNoError(t *testing.T, w *world) {
	w.start("gone-1", "exit", "0")
	w.wait("gone-1")
	for range 2 {
		w.must(w.Signal(t.Context(), "gone-1", syscall.SIGTERM))
		w.must(w.Remove(t.Context(), "gone-1"))
	}
	w.must(w.Signal(t.Context(), "gone-1", syscall.SIGTERM))
	if err := w.Start(t.Context(), "gone-1"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("Start of a removed instance: %v, want ErrNotFound", err)
	}
	if err := w.Logs(t.Context(), "gone-1", true, io.Discard); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("Logs of a removed instance: %v, want ErrNotFound", err)
	}
}

func unknownIsNotFound(t *testing.T, w *world) {
	ctx := t.Context()
	for call, err := range map[string]error{
		"Start":    w.Start(ctx, "nobody"),
		"Signal":   w.Signal(ctx, "nobody", syscall.SIGTERM),
		"Pause":    w.Pause(ctx, "nobody"),
		"Resume":   w.Resume(ctx, "nobody"),
		"Resize":   w.Resize(ctx, "nobody", platform.Resources{CPUs: 1}),
		"Logs":     w.Logs(ctx, "nobody", false, io.Discard),
		"Wait":     second(w.Wait(ctx, "nobody")),
		"Stats":    second(w.Stats(ctx, "nobody")),
		"Health":   second(w.Health(ctx, "nobody")),
		"Endpoint": second(w.Endpoint(ctx, "nobody", 80)),
		"Attach":   second(w.Attach(ctx, "nobody")),
	} {
		if !errors.Is(err, platform.ErrNotFound) || !strings.Contains(err.Error(), "nobody") {
			t.Errorf("%s: %v, want ErrNotFound with the name", call, err)
		}
	}
	w.must(w.Remove(ctx, "nobody"))
	w.create(w.spec("unstarted-1", "exit", "0"))
	if _, err := w.Wait(ctx, "unstarted-1"); err == nil || !strings.Contains(err.Error(), "unstarted-1") {
		t.Errorf("Wait for an instance that was never started: %v", err)
	}
	if err := w.Create(ctx, w.spec("unstarted-1", "exit", "0")); err == nil {
		t.Error("a name was given twice")
	}
}

func second[T any](_ T, err error) error { return err }

func programMissing(t *testing.T, w *world) {
	spec := w.spec("missing-1", "serve")
	spec.Program = "/nowhere/to/be/found"
	err := w.Create(t.Context(), spec)
	if err == nil || !strings.Contains(err.Error(), spec.Program) || !strings.Contains(err.Error(), "make build") {
		t.Errorf("Create = %v; want the path and what to do", err)
	}
}

func environment(t *testing.T, w *world) {
	value, empty := "a=b c", ""
	spec := w.spec("env-1", "env", "GIVEN,EMPTY,UNSET,"+leak)
	spec.Config.Environment = map[string]*string{"GIVEN": &value, "EMPTY": &empty, "UNSET": nil}
	w.create(spec)
	w.must(w.Start(t.Context(), spec.Name))
	w.wait(spec.Name)
	want := `GIVEN="a=b c" true` + "\n" + `EMPTY="" true` + "\n" + `UNSET="" false` + "\n" + leak + `="" false` + "\n"
	if got := w.logs(spec.Name); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func waitCancelled(t *testing.T, w *world) {
	w.start("waited-1", "stubborn")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Wait(ctx, "waited-1"); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want context.Canceled", err)
	}
}

// mainProcess holds the platforms that can tell what runs.
func mainProcess(t *testing.T, w *world) {
	inspector, ok := w.Platform.(platform.Inspector)
	if !ok {
		t.Skipf("the %s platform cannot tell what runs as a main process", w.Name())
	}
	ctx := t.Context()
	w.start("main-1", "stubborn", "two words")
	w.says("main-1", "ready")
	command, err := inspector.MainProcess(ctx, "main-1")
	if err != nil || !strings.Contains(command, "program") || !strings.HasSuffix(command, " stubborn two words") {
		t.Errorf("the main process is %q (%v), want the program with its arguments", command, err)
	}
	w.must(w.Signal(ctx, "main-1", syscall.SIGKILL))
	w.wait("main-1")
	if command, err := inspector.MainProcess(ctx, "main-1"); err == nil || !strings.Contains(err.Error(), "main-1") {
		t.Errorf("of an exited instance: %q, %v; want an error with its name", command, err)
	}
	if _, err := inspector.MainProcess(ctx, "nobody"); !errors.Is(err, platform.ErrNotFound) {
		t.Errorf("of an unknown instance: %v, want ErrNotFound", err)
	}
}

func manyAtOnce(t *testing.T, w *world) {
	const many = 4
	var all sync.WaitGroup
	failures := make(chan error, many)
	for n := range many {
		spec := w.spec(fmt.Sprintf("many-%d", n), "exit", fmt.Sprint(n))
		all.Go(func() {
			err := errors.Join(w.Create(t.Context(), spec), w.Start(t.Context(), spec.Name))
			if err == nil {
				exit, waitErr := w.Wait(t.Context(), spec.Name)
				err = errors.Join(waitErr, w.Remove(t.Context(), spec.Name))
				if exit.Code != n {
					err = errors.Join(err, fmt.Errorf("%s exited with %+v", spec.Name, exit))
				}
			}
			failures <- err
		})
	}
	all.Wait()
	for range many {
		w.must(<-failures)
	}
}

package undo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// The test binary is the helper, or a harness with one, where this says so.
const roleVariable = "SHAKEDOWN_UNDO_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "helper":
		Immune()
		if Serve(os.Stdin, os.Stdout, note{os.Getenv("SHAKEDOWN_UNDO_NOTES")}) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	case "harness":
		harness()
	}
	goleak.VerifyTestMain(m)
}

// note writes the steps it takes to a file.
type note struct{ path string }

func (n note) take(step Step) error {
	f, err := os.OpenFile(n.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, step.Act, step.ID)
	return errors.Join(err, f.Close())
}

func (n note) Resume(_ context.Context, s Step) error { return n.take(s) }
func (n note) Limit(_ context.Context, s Step) error  { return n.take(s) }
func (n note) Start(_ context.Context, s Step) error  { return n.take(s) }

// scene is where a harness and its helper write.
type scene struct{ file, notes string }

func newScene(t *testing.T) scene {
	dir := t.TempDir()
	s := scene{filepath.Join(dir, "undo.ndjson"), filepath.Join(dir, "notes")}
	t.Setenv("SHAKEDOWN_UNDO_NOTES", s.notes)
	t.Setenv("SHAKEDOWN_UNDO_FILE", s.file)
	return s
}

// taken are the steps that were taken, once there are as many as wanted or the
// helper is gone.
func (s scene) taken(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.notes)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), ", ")
}

// start starts a helper of this test binary.
func (s scene) start(t *testing.T, lease time.Duration) *Helper {
	t.Helper()
	h, err := Start([]string{"/usr/bin/env", roleVariable + "=helper", os.Args[0]}, s.file, lease)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (s scene) pending(t *testing.T, want ...string) {
	t.Helper()
	steps, err := Pending(s.file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range steps {
		got = append(got, step.ID)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("pending %v, want %v", got, want)
	}
}

func register(t *testing.T, h *Helper, ids ...string) (numbers []int) {
	t.Helper()
	for _, id := range ids {
		n, err := h.Register(Step{Platform: "docker", Act: ToResume, ID: id})
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func TestAnOrderlyEndTakesNothing(t *testing.T) {
	s := newScene(t)
	h := s.start(t, time.Minute)
	ids := register(t, h, "a", "b")
	s.pending(t, "a", "b")
	for _, id := range ids {
		if err := h.Done(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	<-h.Gone()
	if got := s.taken(t); got != "" {
		t.Errorf("taken: %s", got)
	}
	s.pending(t)
}

func TestCloseTakesWhatIsLeft(t *testing.T) {
	s := newScene(t)
	h := s.start(t, time.Minute)
	ids := register(t, h, "a", "b", "c")
	if err := h.Done(ids[1]); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if got := s.taken(t); got != "resume c, resume a" {
		t.Errorf("taken: %s", got)
	}
	if got := h.Taken(); len(got) != 2 || got[0].Step.ID != "c" {
		t.Errorf("told: %+v", got)
	}
	s.pending(t)
}

// harness is one that dies, or hangs: it registers and says so.
func harness() {
	h, err := Start([]string{"/usr/bin/env", roleVariable + "=helper", os.Args[0]}, os.Getenv("SHAKEDOWN_UNDO_FILE"), 400*time.Millisecond)
	if err == nil {
		for _, step := range []Step{{Act: ToResume, ID: "1"}, {Act: ToLimit, ID: "2", CPUs: 0.5}, {Act: ToStart, ID: "3"}} {
			if _, err = h.Register(step); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("registered", h.cmd.Process.Pid)
	<-h.Gone()
	fmt.Println("told:", h.Err(), "taken", len(h.Taken()))
	if _, err := h.Register(Step{Act: ToResume, ID: "4"}); !errors.Is(err, ErrLease) {
		fmt.Println("registered with nobody:", err)
	}
	os.Exit(0)
}

// fork starts a harness and returns when its steps are registered.
func fork(t *testing.T) (p *exec.Cmd, out *bufio.Reader, helper string) {
	t.Helper()
	p = exec.Command(os.Args[0])
	p.Env = append(os.Environ(), roleVariable+"=harness")
	pipe, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	out = bufio.NewReader(pipe)
	line, err := out.ReadString('\n')
	helper, ok := strings.CutPrefix(strings.TrimSpace(line), "registered ")
	if !ok {
		t.Fatalf("the harness says %q, %v", line, err)
	}
	return p, out, helper
}

const all = "start 3, limit 2, resume 1"

// awaitTaken waits until the helper has taken everything.
func (s scene) awaitTaken(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	for deadline := begin.Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if left, err := Pending(s.file); err == nil && len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("only taken: %s", s.taken(t))
		}
	}
	if got := s.taken(t); got != all {
		t.Errorf("taken: %s, want %s", got, all)
	}
	return time.Since(begin)
}

func TestAHarnessThatIsKilledHasItsStepsTaken(t *testing.T) {
	s := newScene(t)
	p, _, _ := fork(t)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	t.Logf("taken %s after the kill", s.awaitTaken(t))
}

// flaky fails so many times with each step.
type flaky struct {
	mu    sync.Mutex
	fails int
	seen  []string
}

func (f *flaky) try(ctx context.Context, s Step) error {
	if _, ok := ctx.Deadline(); !ok {
		return errors.New("without a deadline")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, s.Act+" "+s.ID)
	if f.fails--; f.fails >= 0 {
		return errors.New("the engine is busy")
	}
	return nil
}

func (f *flaky) Resume(ctx context.Context, s Step) error { return f.try(ctx, s) }
func (f *flaky) Limit(ctx context.Context, s Step) error  { return f.try(ctx, s) }
func (f *flaky) Start(ctx context.Context, s Step) error  { return f.try(ctx, s) }

func TestTakeGoesOnAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flaky{fails: attempts + 1}
		taken, err := Take(t.Context(), []Step{{Act: ToStart, ID: "a"}, {Act: "dance", ID: "b"}, {Act: ToLimit, ID: "c"}}, f)
		if got := strings.Join(f.seen, ", "); got != "limit c, limit c, limit c, start a, start a" {
			t.Errorf("tried: %s", got)
		}
		want := `give c its CPU limit back: the engine is busy` + "\n" + `dance b: nobody knows how to "dance"`
		if err == nil || err.Error() != want {
			t.Errorf("error:\n%v\nwant:\n%s", err, want)
		}
		if len(taken) != 3 || taken[0].Error == "" || taken[2].Error != "" {
			t.Errorf("taken: %+v", taken)
		}
	})
}

func TestTheLeaseInVirtualTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "undo.ndjson")
	synctest.Test(t, func(t *testing.T) {
		in, say := io.Pipe()
		f := &flaky{}
		ended := make(chan error, 1)
		go func() { ended <- Serve(in, io.Discard, f) }()
		fmt.Fprintf(say, `{"hello":{"protocol":1,"lease":5000000000,"file":%q}}`+"\n", file)
		_, _ = io.WriteString(say, `{"register":1,"step":{"platform":"docker","act":"resume","id":"a","mark":""}}`+"\n")
		time.Sleep(4999 * time.Millisecond)
		_, _ = io.WriteString(say, `{"renew":true}`+"\n")
		time.Sleep(4999 * time.Millisecond)
		synctest.Wait()
		f.mu.Lock()
		if len(f.seen) > 0 {
			t.Errorf("taken within the lease: %v", f.seen)
		}
		f.mu.Unlock()
		time.Sleep(time.Millisecond)
		if err := <-ended; err != nil || len(f.seen) != 1 {
			t.Errorf("at its end: %v, %v", f.seen, err)
		}
		_ = say.Close()
	})
}

func TestPendingReadsWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"cut off", `{"register":1,"step":{"id":"a"}}` + "\n" + `{"register":2,"step":{"id":`, "a"},
		{"done and taken", `{"register":1,"step":{"id":"a"}}
{"register":2,"step":{"id":"b"}}
{"register":3,"step":{"id":"c"}}
{"done":1}
{"taken":3,"error":"the engine is gone"}
{"taken":2}
`, "c"},
		{"damaged", "{\n{}\n", "error"},
	} {
		path := filepath.Join(dir, test.name)
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		steps, err := Pending(path)
		got := ""
		for _, s := range steps {
			got += s.ID
		}
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q (%v)", test.name, got, test.want, err)
		}
	}
	if steps, err := Pending(filepath.Join(dir, "none")); steps != nil || err != nil {
		t.Errorf("of no file: %v, %v", steps, err)
	}
}

//go:build unix

package undo

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAHarnessThatHangsHasItsStepsTakenAndIsTold(t *testing.T) {
	s := newScene(t)
	p, out, _ := fork(t)
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Logf("taken %s after it was frozen", s.awaitTaken(t))
	if err := p.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	line, _ := out.ReadString('\n')
	if want := "told: " + ErrLease.Error() + ": the undo helper has brought back 3 instances taken 3\n"; line != want {
		t.Errorf("the harness says %q, want %q", line, want)
	}
	if line, _ := out.ReadString('\n'); line != "" {
		t.Errorf("the harness says %q", line)
	}
}

func TestSignalsForEverybodyDoNotReachTheHelper(t *testing.T) {
	s := newScene(t)
	p, _, helper := fork(t)
	pid, err := strconv.Atoi(helper)
	if err != nil {
		t.Fatal(err)
	}
	if session, err := syscall.Getpgid(pid); err != nil || session != pid {
		t.Errorf("the helper is in process group %d, %v", session, err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM} {
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.awaitTaken(t)
}

func TestAHelperThatIsKilledIsNoticed(t *testing.T) {
	s := newScene(t)
	h := s.start(t, time.Minute)
	ids := register(t, h, "a", "b")
	if err := h.cmd.Process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	<-h.Gone()
	const want = "the undo helper ended unasked: signal: killed"
	if err := h.Err(); err == nil || err.Error() != want {
		t.Errorf("told: %v", err)
	}
	if _, err := h.Register(Step{Act: ToResume, ID: "c"}); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("register: %v", err)
	}
	if err := h.Done(ids[1]); err == nil { // the run has undone it; it is not to be done again
		t.Error("done was confirmed by nobody")
	}
	if err := h.Close(); err == nil || err.Error() != want {
		t.Errorf("close: %v", err)
	}
	s.pending(t, "a") // what was written down can still be taken
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	s := newScene(t)
	for _, test := range []struct {
		name    string
		command []string
		file    string
		want    string
	}{
		{"no program", []string{"/nowhere/shakedown", "undo"}, s.file, "no such file"},
		{"another program", []string{"/bin/false"}, s.file, "start the undo helper: the undo helper ended unasked: exit status 1"},
		{"no command", nil, s.file, "a command and a lease are needed"},
		{"no folder", []string{"/bin/false"}, "/nowhere/at/all", "/nowhere/at/all"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Start(test.command, test.file, time.Second)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestTheHelperGivesUpWhatItCannotDoAndSaysSo(t *testing.T) {
	s := newScene(t)
	t.Setenv("SHAKEDOWN_UNDO_NOTES", "/nowhere/notes")
	h := s.start(t, time.Minute)
	register(t, h, "a", "b")
	err := h.Close()
	for _, want := range []string{"resume b: ", "resume a: ", "/nowhere/notes"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("close: %v, want %s", err, want)
		}
	}
	s.pending(t, "a", "b")
	if errors.Is(err, ErrLease) {
		t.Error("it was not the lease")
	}
}

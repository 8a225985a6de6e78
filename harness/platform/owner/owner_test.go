package owner

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestAliveKnowsItself(t *testing.T) {
	if mark := Self(); !Alive(mark) {
		t.Errorf("Alive(%q) = false for the process that asks", mark)
	}
}

func TestAliveAfterExit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("start times are read from /proc")
	}
	child := exec.Command(os.Args[0], "-test.run=^$")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pid := child.Process.Pid
	mark := strings.Join([]string{strconv.Itoa(pid), Started(pid), boot(), namespace()}, ":")
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if Alive(mark) {
		t.Errorf("Alive(%q) = true after the process has exited", mark)
	}
}

func TestAliveOfOtherMarks(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("start times are read from /proc")
	}
	parts := strings.Split(Self(), ":")
	with := func(i int, value string) string {
		changed := append([]string{}, parts...)
		changed[i] = value
		return strings.Join(changed, ":")
	}
	for _, c := range []struct {
		name, mark string
		want       bool
	}{
		{"empty", "", false},
		{"not a mark", "somebody", false},
		{"no process id", with(0, "x"), false},
		{"negative process id, which would be a group", with(0, "-1"), false},
		{"recycled process id", with(1, "1"), false},
		{"before the last boot", with(2, "0000"), false},
		{"other process namespace", with(3, "1"), true},
	} {
		if got := Alive(c.mark); got != c.want {
			t.Errorf("%s: Alive(%q) = %v, want %v", c.name, c.mark, got, c.want)
		}
	}
}

func TestMatches(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("start times are read from /proc")
	}
	if !Matches(os.Getpid(), Started(os.Getpid())) {
		t.Error("the process that asks does not match its own start time")
	}
	if Matches(os.Getpid(), "1") || Matches(os.Getpid(), "") {
		t.Error("another start time matches")
	}
}

package docker

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/docker/docker/api/types"
)

func TestLocate(t *testing.T) {
	const standard = "unix:///var/run/docker.sock"
	for _, c := range []struct {
		name      string
		env       map[string]string
		there     string // the one socket that is there
		want      string
		complaint string
	}{
		{"nothing set", nil, "/var/run/docker.sock", standard, ""},
		{"nothing anywhere", map[string]string{"HOME": "/home/me"}, "", standard, ""},
		{"rootless", map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/docker.sock", "unix:///run/user/7/docker.sock", ""},
		{"desktop", map[string]string{"HOME": "/Users/me"}, "/Users/me/.docker/run/docker.sock", "unix:///Users/me/.docker/run/docker.sock", ""},
		{"a socket", map[string]string{"DOCKER_HOST": "unix:///x.sock"}, "", "unix:///x.sock", ""},
		{"a pipe", map[string]string{"DOCKER_HOST": "npipe:////./pipe/docker_engine"}, "", "npipe:////./pipe/docker_engine", ""},
		{"this machine by number", map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:2375"}, "", "tcp://127.0.0.1:2375", ""},
		{"this machine by name", map[string]string{"DOCKER_HOST": "tcp://localhost:2375"}, "", "tcp://localhost:2375", ""},
		{"this machine in IPv6", map[string]string{"DOCKER_HOST": "tcp://[::1]:2375"}, "", "tcp://[::1]:2375", ""},
		{"another machine", map[string]string{"DOCKER_HOST": "tcp://192.0.2.7:2375"}, "", "", "DOCKER_HOST=tcp://192.0.2.7:2375 is an engine on another machine"},
		{"any address", map[string]string{"DOCKER_HOST": "tcp://0.0.0.0:2375"}, "", "", "another machine"},
		{"another machine by name", map[string]string{"DOCKER_HOST": "tcp://docker:2376"}, "", "", "127.0.0.1 of the engine's machine"},
		{"over ssh", map[string]string{"DOCKER_HOST": "ssh://me:secret@build.example"}, "", "", "DOCKER_HOST=ssh://build.example is"},
		{"nonsense", map[string]string{"DOCKER_HOST": "::"}, "", "", "not an address"},
	} {
		got, err := locate(func(key string) string { return c.env[key] }, func(path string) bool { return path == c.there })
		if got != c.want || (err == nil) != (c.complaint == "") || err != nil && !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s: %q, %v; want %q, %q", c.name, got, err, c.want, c.complaint)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells a password: %v", c.name, err)
		}
	}
}

func TestGreet(t *testing.T) {
	current := types.Version{Version: "20.10.24", APIVersion: "1.41", Arch: "arm64"}
	for _, c := range []struct {
		name   string
		engine *fake
		want   string
	}{
		{"not there", &fake{broken: errors.New("no such file or directory")}, "at unix:///x does not answer: no such file"},
		{"not ours", &fake{broken: os.ErrPermission}, "member of the group"},
		{"for Windows containers", &fake{ping: types.Ping{OSType: "windows"}, vers: current}, "Linux containers"},
		{"too old", &fake{vers: types.Version{Version: "18.09", APIVersion: "1.39"}}, "version 18.09 (API 1.39)"},
	} {
		if _, err := greet(t.Context(), c.engine, "unix:///x"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	t.Setenv("DOCKER_CONTEXT", "colima")
	_, err := greet(t.Context(), &fake{broken: errors.New("refused")}, "unix:///x")
	if err == nil || !strings.Contains(err.Error(), "DOCKER_CONTEXT=colima is not read") {
		t.Errorf("with a context: %v", err)
	}
	if arch, err := greet(t.Context(), &fake{ping: types.Ping{OSType: "linux"}, vers: current}, "unix:///x"); arch != "arm64" || err != nil {
		t.Errorf("greet = %q, %v", arch, err)
	}
}

func TestOpenWithoutEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/none.sock")
	_, err := Open(t.Context(), "run", "owner")
	if err == nil || !strings.Contains(err.Error(), "none.sock does not answer") || !strings.Contains(err.Error(), "--platform process") {
		t.Errorf("Open = %v; want the address and what to do", err)
	}
	if _, err := (Cleaner{}).Discover(t.Context()); err == nil {
		t.Error("Discover without an engine returns no error")
	}
	if _, err := Open(t.Context(), "../up", "owner"); err == nil || !strings.Contains(err.Error(), "run id") {
		t.Errorf("Open with a path for an id: %v", err)
	}
}

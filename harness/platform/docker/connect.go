package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// answerWithin is how long an engine has to answer the first question.
const answerWithin = 5 * time.Second

// oldestAPI is that of Docker Engine 20.10, the oldest that was tried.
const oldestAPI = "1.41"

// connect finds the engine, checks that it is on this machine, runs Linux
// containers and is not too old, and returns the architecture it runs on.
func connect(ctx context.Context) (e engine, arch string, err error) {
	host, err := locate(os.Getenv, present)
	if err != nil {
		return nil, "", noEngine{err}
	}
	options := []client.Opt{client.WithHost(host), client.WithVersionFromEnv(), client.WithAPIVersionNegotiation()}
	if strings.HasPrefix(host, "tcp:") {
		options = append(options, client.WithTLSClientConfigFromEnv())
	}
	c, err := client.NewClientWithOpts(options...)
	if err != nil {
		return nil, "", fmt.Errorf("docker engine at %s: %w; check DOCKER_HOST and DOCKER_CERT_PATH", host, err)
	}
	if arch, err = greet(ctx, c, host); err != nil {
		return nil, "", errors.Join(noEngine{err}, c.Close())
	}
	return c, arch, nil
}

// noEngine marks an error of connecting as platform.ErrNoEngine without
// changing what it says.
type noEngine struct{ error }

func (e noEngine) Unwrap() error        { return e.error }
func (e noEngine) Is(target error) bool { return target == platform.ErrNoEngine }

// greet asks an engine who it is.
func greet(ctx context.Context, e engine, host string) (arch string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	ping, err := e.Ping(ctx)
	if err != nil {
		return "", unreachable(host, err)
	}
	version, err := e.ServerVersion(ctx)
	if err != nil {
		return "", unreachable(host, err)
	}
	switch {
	case ping.OSType != "" && ping.OSType != "linux":
		return "", fmt.Errorf("docker engine at %s runs %s containers; switch it to Linux containers", host, ping.OSType)
	case versions.LessThan(version.APIVersion, oldestAPI):
		return "", fmt.Errorf("docker engine at %s is version %s (API %s); shakedown needs 20.10 (API %s) or newer",
			host, version.Version, version.APIVersion, oldestAPI)
	}
	return version.Arch, nil
}

func unreachable(host string, err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("docker engine at %s: no permission to use it (%w); run as a member of the group that owns the socket "+
			"(often: docker), or use --platform process", host, err)
	}
	hint := ""
	if name := os.Getenv("DOCKER_CONTEXT"); name != "" && name != "default" {
		hint = fmt.Sprintf(" (DOCKER_CONTEXT=%s is not read: put the context's endpoint into DOCKER_HOST)", name)
	}
	return fmt.Errorf("docker engine at %s does not answer: %w; start it, or set DOCKER_HOST to one on this machine, "+
		"or use --platform process%s", host, err, hint)
}

// locate is the address of the engine: DOCKER_HOST, else the first socket that
// is there. An engine elsewhere is refused.
func locate(env func(string) string, present func(string) bool) (string, error) {
	host := env("DOCKER_HOST")
	if host == "" {
		return socket(env, present), nil
	}
	at, err := url.Parse(host)
	if err != nil {
		return "", fmt.Errorf("DOCKER_HOST=%s is not an address like unix:///var/run/docker.sock", host)
	}
	switch at.Scheme {
	case "unix", "npipe":
		return host, nil
	case "tcp", "http", "https":
		if ip := net.ParseIP(at.Hostname()); at.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
			return "tcp://" + at.Host, nil
		}
	}
	at.User = nil // may be a name that is nobody's business
	return "", fmt.Errorf("DOCKER_HOST=%s is an engine on another machine: the stack's ports are published on 127.0.0.1 of the "+
		"engine's machine, where the load generator cannot reach them; unset DOCKER_HOST or run shakedown on that machine", at)
}

// socket is where engines on this machine listen, by order of likelihood.
func socket(env func(string) string, present func(string) bool) string {
	if runtime.GOOS == "windows" {
		return client.DefaultDockerHost
	}
	candidates := []string{strings.TrimPrefix(client.DefaultDockerHost, "unix://")}
	if dir := env("XDG_RUNTIME_DIR"); dir != "" { // rootless
		candidates = append(candidates, filepath.Join(dir, "docker.sock"))
	}
	if home := env("HOME"); home != "" { // Docker Desktop
		candidates = append(candidates, filepath.Join(home, ".docker", "run", "docker.sock"))
	}
	for _, path := range candidates {
		if present(path) {
			return "unix://" + path
		}
	}
	return client.DefaultDockerHost
}

func present(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/shakedown-dev/shakedown/harness/platform/platformtest"
)

func body(lines ...string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(strings.Join(lines, "\n"))), nil
}

// contextDir is a build context with files.
func contextDir(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEnsureImage(t *testing.T) {
	here := map[string]bool{"api:1": true}
	answers := func(context.Context) (io.ReadCloser, error) { return body(`{"status":"Pulling"}`, `{"status":"Done"}`) }
	denies := func(context.Context) (io.ReadCloser, error) { return nil, errors.New("pull access denied") }
	dir := contextDir(t, map[string]string{"Dockerfile": "FROM scratch"})
	section := &types.BuildConfig{Context: dir}
	for _, c := range []struct {
		name          string
		engine        *fake
		service       types.ServiceConfig
		force         bool
		how           string
		pulls, builds int
		complaints    []string
	}{
		{"present", &fake{images: here}, service("api:1", "", section), false, "present", 0, 0, nil},
		{"present, build forced", &fake{images: here}, service("api:1", "", section), true, "built", 0, 1, nil},
		{"present, build forced without a section", &fake{images: here}, service("api:1", "", nil), true, "present", 0, 0, nil},
		{"present, pull always", &fake{images: here, pull: answers}, service("api:1", "always", nil), false, "pulled", 1, 0, nil},
		{"present, pull always, no registry", &fake{images: here, pull: denies}, service("api:1", "always", nil), false, "present", 1, 0, nil},
		{"pulled", &fake{pull: answers}, service("api:1", "", section), false, "pulled", 1, 0, nil},
		{"built", &fake{pull: denies}, service("api:1", "", section), false, "built", 1, 1, nil},
		{"built, never pulled", &fake{}, service("api:1", "never", section), false, "built", 0, 1, nil},
		{"built, has no name", &fake{}, service("", "", section), false, "built", 0, 1, nil},
		{"neither", &fake{pull: denies}, service("api:1", "", nil), false, "", 1, 0,
			[]string{"image api:1 of service api", "pull: pull access denied", "build: the service has no build section", "docker load"}},
		{"not even a name", &fake{}, service("", "", nil), false, "", 0, 0, []string{"service api has neither image nor build"}},
		{"build fails", &fake{pull: denies, output: `{"stream":"Step 1/2\n"}{"stream":"no compiler here\n"}{"errorDetail":{"message":"returned a non-zero code: 2"}}`},
			service("api:1", "", section), false, "", 1, 1, []string{"pull access denied", "non-zero code: 2", "no compiler here"}},
		{"build needs BuildKit", &fake{pull: denies, output: `{"errorDetail":{"message":"the --mount option requires BuildKit"}}`},
			service("api:1", "", section), false, "", 1, 1, []string{"run docker compose build api"}},
		{"build section needs BuildKit", &fake{}, service("api:1", "never", &types.BuildConfig{Context: dir, SSH: types.SSHConfig{{ID: "x"}}}), false, "", 0, 0,
			[]string{"uses ssh", "docker compose build api"}},
		{"no Dockerfile", &fake{}, service("api:1", "never", &types.BuildConfig{Context: t.TempDir()}), false, "", 0, 0, []string{"read the Dockerfile"}},
		{"no context", &fake{}, service("api:1", "never", &types.BuildConfig{Context: dir + "/none"}), false, "", 0, 0, []string{dir + "/none"}},
	} {
		p := &Platform{engine: c.engine}
		how, err := p.EnsureImage(t.Context(), c.service, c.force)
		if err != nil {
			how = ""
		}
		if how != c.how || (err == nil) != (c.complaints == nil) {
			t.Errorf("%s: %q, %v; want %q", c.name, how, err, c.how)
		}
		if c.engine.pulls != c.pulls || c.engine.builds != c.builds {
			t.Errorf("%s: pulled %d and built %d times, want %d and %d", c.name, c.engine.pulls, c.engine.builds, c.pulls, c.builds)
		}
		for _, want := range c.complaints {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\n lacks %q", c.name, err, want)
			}
		}
	}
}

func service(image, policy string, section *types.BuildConfig) types.ServiceConfig {
	s := types.ServiceConfig{Name: "api"}
	s.Image, s.PullPolicy, s.Build = image, policy, section
	return s
}

// TestSilentRegistry: a registry that does not answer costs its time once.
func TestSilentRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{pull: func(ctx context.Context) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		p, begin := &Platform{engine: f}, time.Now()
		for range 2 {
			_, err := p.EnsureImage(context.Background(), service("registry.test:5000/api", "", nil), false)
			if err == nil || !strings.Contains(err.Error(), "registry registry.test:5000 did not answer within 5s") {
				t.Errorf("EnsureImage = %v", err)
			}
		}
		if f.pulls != 1 || time.Since(begin) != firstWord {
			t.Errorf("asked %d times in %v", f.pulls, time.Since(begin))
		}
	})
}

// TestSlowRegistry: one that has begun to answer may take longer, but not stall.
func TestSlowRegistry(t *testing.T) {
	for _, stalls := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{pull: func(ctx context.Context) (io.ReadCloser, error) {
				r, w := io.Pipe()
				go func() {
					for range 20 {
						_, _ = io.WriteString(w, `{"status":"Downloading"}`)
						time.Sleep(nextWord / 2)
					}
					if stalls {
						<-ctx.Done()
					}
					_ = w.CloseWithError(ctx.Err())
				}()
				return r, nil
			}}
			how, err := (&Platform{engine: f}).EnsureImage(context.Background(), service("api", "", nil), false)
			if stalls && (err == nil || !strings.Contains(err.Error(), "registry docker.io sent nothing for 1m0s")) {
				t.Errorf("stalled: %v", err)
			}
			if !stalls && (how != "pulled" || err != nil) {
				t.Errorf("slow: %q, %v", how, err)
			}
		})
	}
}

func TestEnsureImageCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{pull: func(context.Context) (io.ReadCloser, error) { cancel(); return nil, ctx.Err() }}
	_, err := (&Platform{engine: f}).EnsureImage(ctx, service("api", "", &types.BuildConfig{Context: t.TempDir()}), false)
	if !errors.Is(err, context.Canceled) || f.builds > 0 {
		t.Errorf("EnsureImage = %v after %d builds, want context.Canceled and none", err, f.builds)
	}
}

func TestRegistryOf(t *testing.T) {
	for ref, want := range map[string]string{
		"redis": "docker.io", "redis:7": "docker.io", "library/redis:7": "docker.io", "ghcr.io/a/b:1": "ghcr.io",
		"localhost/a": "localhost", "registry:5000/a": "registry:5000", "a/b/c": "docker.io",
	} {
		if got := registryOf(ref); got != want {
			t.Errorf("registryOf(%q) = %q, want %q", ref, got, want)
		}
	}
}

func TestPackContext(t *testing.T) {
	files := map[string]string{
		"Dockerfile": "FROM scratch", "main.go": "code", "docs/a.md": "a", "docs/keep.md": "k", "bin/tool": "x", "sub/Dockerfile": "FROM base",
	}
	for _, c := range []struct {
		name, dockerfile, inline, ignore string
		want                             []string
	}{
		{"all", "", "", "", []string{"Dockerfile", "bin/", "bin/tool", "docs/", "docs/a.md", "docs/keep.md", "main.go", "sub/", "sub/Dockerfile"}},
		{"ignored", "", "", "docs\nbin\nsub\n", []string{".dockerignore", "Dockerfile", "main.go"}},
		{"exception", "", "", "docs\n!docs/keep.md\nbin\nsub", []string{".dockerignore", "Dockerfile", "docs/keep.md", "main.go"}},
		{"everything, but it needs the Dockerfile", "", "", "*", []string{"Dockerfile"}},
		{"everything, but it needs the Dockerfile below", "sub/Dockerfile", "", "*", []string{"sub/", "sub/Dockerfile"}},
		{"inline", "", "FROM scratch\nLABEL a=b", "*\n!main.go", []string{outsideDockerfile, "main.go"}},
	} {
		dir := contextDir(t, files)
		if c.ignore != "" {
			if err := os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte(c.ignore), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		section := types.BuildConfig{Context: dir, Dockerfile: c.dockerfile, DockerfileInline: c.inline}
		options := buildOptions("ref", types.ServiceConfig{WorkloadSpec: types.WorkloadSpec{Build: &section}})
		r, err := packContext(&section, &options)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := tarNames(t, r)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if !slices.Contains(got, options.Dockerfile) {
			t.Errorf("%s: the Dockerfile %s is not in it", c.name, options.Dockerfile)
		}
	}
}

func tarNames(t *testing.T, r io.Reader) (names []string) {
	t.Helper()
	for packed := tar.NewReader(r); ; {
		header, err := packed.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if header.Uid != 0 || header.Uname != "" {
			t.Errorf("%s carries its owner", header.Name)
		}
	}
}

func TestCheckProgram(t *testing.T) {
	static := platformtest.Program(t, "linux")
	text := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(text, []byte("#!/bin/sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	other := map[string]string{"amd64": "arm64"}[runtime.GOARCH]
	if other == "" {
		other = "amd64"
	}
	for _, c := range []struct{ name, path, arch, want string }{
		{"static", static, runtime.GOARCH, ""},
		{"unknown engine", static, "z80", ""},
		{"other architecture", static, other, "GOARCH=" + other},
		{"not a program", text, runtime.GOARCH, "not a Linux program"},
		{"dynamic", dynamic(t), runtime.GOARCH, "CGO_ENABLED=0"},
	} {
		if c.path == "" {
			continue
		}
		err := checkProgram(c.path, c.arch)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// dynamic is a dynamically linked program, if this machine has a usual one.
func dynamic(t *testing.T) string {
	path, err := filepath.EvalSymlinks("/bin/ls")
	if runtime.GOOS != "linux" || err != nil {
		t.Log("no dynamically linked program to try")
		return ""
	}
	return path
}

func TestProgressKeepsTheLastLines(t *testing.T) {
	var stream bytes.Buffer
	for range 100_000 {
		stream.WriteString(`{"stream":"a line of the output of a long build\n"}`)
	}
	stream.WriteString(`{"stream":"the last\n"}`)
	stream.WriteString(`{"errorDetail":{"message":"broken"}}`)
	last, err := progress(&stream, func() {})
	if err == nil || err.Error() != "broken" || strings.Count(last, "\n") != shownLines-1 || !strings.HasSuffix(last, "the last") {
		t.Errorf("progress = %q, %v", last, err)
	}
	if _, err := progress(strings.NewReader(`{"stream":`), func() {}); err == nil {
		t.Error("a stream that was cut off is no error")
	}
}

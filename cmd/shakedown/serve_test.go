package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/shakedown-dev/shakedown/harness/observe/api/apitest"
)

// serving runs the command until the test ends it, and returns its address.
func serving(t *testing.T, path string) (url string, stop func() error) {
	t.Helper()
	reader, writer := io.Pipe()
	app := newApp(writer, io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- app.RunContext(ctx, []string{"shakedown", "serve", "--listen", "127.0.0.1:0", path})
		_ = writer.Close()
	}()
	first, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %v", err, <-done)
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	return regexp.MustCompile(`http://[\d.:]+\d`).FindString(first), func() error {
		cancel()
		return <-done
	}
}

func TestARunIsServedUntilInterrupted(t *testing.T) {
	run := storedRunPath(t)
	url, stop := serving(t, run)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path, host string) (int, []byte) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, body
	}
	if code, body := get("/api/v1/query?query=requests_total", ""); code != 200 || !bytes.Contains(body, []byte(`"1150"`)) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get("/dashboard.json", ""); code != 200 || !json.Valid(body) || !bytes.Contains(body, []byte(`"schemaVersion"`)) {
		t.Errorf("%d %.100s", code, body)
	}
	if code, body := get("/-/ready", "localhost:1"); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get("/api/v1/query?query=up", "evil.example"); code != http.StatusForbidden {
		t.Errorf("a name from elsewhere was answered: %d %s", code, body)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

func TestServersThatCannotBe(t *testing.T) {
	run := storedRunPath(t)
	none := filepath.Join(t.TempDir(), "none")
	apitest.StoredRunWithoutMetrics(t, none, nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "serve wants one run directory"},
		{[]string{run, "--listen", "0.0.0.0:9090"}, 2, "is not on loopback"},
		{[]string{run, "--listen", ":9090"}, 2, "is not on loopback"},
		{[]string{run, "--listen", "example.org:80"}, 2, "is not on loopback"},
		{[]string{run, "--listen", "9090"}, 2, "write it like 127.0.0.1:9090"},
		{[]string{run, "--listen", taken.Addr().String()}, 1, "--listen 127.0.0.1:0 takes any port"},
		{[]string{none, "--listen", "127.0.0.1:0"}, 1, "metrics: {} will do"},
	} {
		if code, stdout, stderr := typed(append([]string{"serve"}, c.args...)...); code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: exit code %d, want %d\n%s%s", c.args, code, c.code, stdout, stderr)
		}
	}
}

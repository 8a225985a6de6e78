package replay

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// Each parser of foreign input: no panic, no hang, every line accounted for.

var someOptions = []Options{
	{Service: "api"},
	{Hosts: map[string]string{"shop.example": "api"}, Headers: []string{"Accept"}},
	{TimesOnly: true},
}

func fuzz(f *testing.F, format string, files ...string) {
	for _, file := range files {
		content, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		for i := range someOptions {
			f.Add(content, uint8(i))
		}
		for line := range bytes.Lines(content) {
			f.Add(line, uint8(0))
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, which uint8) {
		o := someOptions[int(which)%len(someOptions)]
		o.Format = format
		r, err := read(bytes.NewReader(content), int64(len(content)), dir, o, usual)
		if err != nil {
			return
		}
		accounted(t, r)
		if lines, counted := countLines(format, content); counted && r.Lines != lines {
			t.Errorf("%d lines, want %d", r.Lines, lines)
		}
		for _, request := range r.Requests {
			sendableOrTimeOnly(t, request)
		}
		for _, sample := range r.Samples {
			if strings.ContainsAny(sample, "\n\r\x00\x1b") || len(sample) > 300 {
				t.Errorf("sample %q", sample)
			}
		}
	})
}

// countLines counts what is to be accounted for without parsing it.
func countLines(format string, content []byte) (n int, counted bool) {
	if format == HAR || format == VegetaHTTP {
		return 0, false
	}
	for line := range bytes.Lines(bytes.TrimPrefix(content, byteOrderMark)) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && (format != Times || line[0] != '#') {
			n++
		}
	}
	return n, true
}

// sendableOrTimeOnly holds what whoever sends a request relies on.
func sendableOrTimeOnly(t *testing.T, r Request) {
	t.Helper()
	if r.At < 0 || r.At > 240*366*24*time.Hour {
		t.Errorf("at %s", r.At)
	}
	if r.Method == "" && r.Path == "" && r.Service == "" {
		return
	}
	if !replayed(r.Method) || r.Service != "api" || !strings.HasPrefix(r.Path, "/") {
		t.Errorf("request %q %q %q", r.Method, r.Service, r.Path)
	}
	for i := range len(r.Path) {
		if c := r.Path[i]; c <= ' ' || c >= 0x7f {
			t.Errorf("path %q", r.Path)
			break
		}
	}
	for _, field := range r.Header {
		if framing[field.Name] || field.Name == "Authorization" || strings.ContainsAny(field.Value, "\r\n\x00") || !isToken(field.Name) {
			t.Errorf("header %q: %q", field.Name, field.Value)
		}
	}
}

func FuzzAccessLog(f *testing.F)  { fuzz(f, AccessLog, "combined.log", "vhost.log") }
func FuzzJSONLines(f *testing.F)  { fuzz(f, JSONLines, "nginx.jsonl", "caddy.jsonl") }
func FuzzHAR(f *testing.F)        { fuzz(f, HAR, "session.har") }
func FuzzVegetaHTTP(f *testing.F) { fuzz(f, VegetaHTTP, "targets.http") }
func FuzzVegetaJSON(f *testing.F) { fuzz(f, VegetaJSON, "targets.jsonl") }
func FuzzTimes(f *testing.F)      { fuzz(f, Times, "arrivals.times") }

// FuzzDetect tries files of which nothing is known.
func FuzzDetect(f *testing.F) {
	f.Add([]byte("GET /"))
	f.Add([]byte(`{"log":{`))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := read(bytes.NewReader(content), int64(len(content)), t.TempDir(), Options{Service: "api"}, usual)
		if err == nil {
			accounted(t, r)
		}
	})
}

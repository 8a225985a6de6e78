package traffic

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/traffic/exchange"
	"github.com/shakedown-dev/shakedown/scenarios"
)

// filled is the body of a step in its first session, and the request.
func filled(t interface{ Fatal(...any) }, planned scenarios.PlannedStep) ([]byte, exchange.Request) {
	planned.Path = "/"
	st, err := compileStep(planned, serviceTarget("api", "127.0.0.1:1"), "test")
	if err != nil {
		t.Fatal(err)
	}
	var r exchange.Request
	v := sessionOf(scenarios.PlannedLoad{Cohort: `a"b`, Sizes: map[string]scenarios.Size{"objects": {Constant: 500}}}, 0)
	if err := st.fill(&r, v); err != nil {
		t.Fatal(err)
	}
	if r.Stream == nil {
		return r.Body, r
	}
	source, err := r.Stream()
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := source.Close(); err != nil {
		t.Fatal(err)
	}
	return all, r
}

// Tens of thousands of objects go out byte for byte, in no more memory than a
// few of them.
func TestPayloadOfAModel(t *testing.T) {
	const count = 50_000
	var good atomic.Int64
	want := sha256.New()
	_, _ = fmt.Fprint(want, `{"tenant": "all-1", "objects": [`)
	for i := range count {
		if i > 0 {
			_, _ = fmt.Fprint(want, ",")
		}
		_, _ = fmt.Fprintf(want, `{"id": %d, "name": "object ${%d} of session 1"}`, i, i)
	}
	_, _ = fmt.Fprint(want, `]}`)
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = unzipped
		}
		got := sha256.New()
		n, err := io.Copy(got, body)
		if err != nil || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
			t.Errorf("%d bytes arrived, %v, and not the right ones", n, err)
			return
		}
		good.Add(1)
	})
	upload := scenarios.PlannedStep{
		Name: "upload", Service: "api", Method: "POST", Path: "/models", Headers: map[string]string{"Content-Type": "application/json"},
		Payload: &scenarios.Payload{
			Count: "${objects}", Before: `{"tenant": "${tenant}", "objects": [`,
			Item: `{"id": ${index}, "name": "object $${${index}} of session ${session}"}`, Separator: ",", After: "]}",
		},
		Timeout: ms(60_000),
	}
	zipped := upload
	zipped.Name, zipped.Gzip = "zipped", true
	plan := planOf(10, ms(100), upload, zipped)
	plan.Load[0].Sizes = map[string]scenarios.Size{"objects": {Constant: count}}
	plan.Load[0].Tenants = 1
	totals, rec := play(t, plan, addr)
	if totals.OK != 2 || good.Load() != 2 {
		t.Errorf("%+v, %q, %d arrived, want 2", totals, messages(rec), good.Load())
	}
}

// A payload is as long as it says, and the same as if it were made at once.
func TestPayloadProperty(t *testing.T) {
	part := rapid.SampledFrom([]string{"", ",", "[", "é", "x${index}", "${index}${index}-", "${session}", "$${"})
	rapid.Check(t, func(t *rapid.T) {
		p := scenarios.Payload{
			Count:  fmt.Sprint(rapid.IntRange(0, 1200).Draw(t, "count")),
			Before: rapid.SampledFrom([]string{"", "[", "${objects}"}).Draw(t, "before"),
			Item:   part.Draw(t, "item") + part.Draw(t, "item"), Separator: rapid.SampledFrom([]string{"", ", "}).Draw(t, "separator"),
			After: rapid.SampledFrom([]string{"", "]"}).Draw(t, "after"),
		}
		var want strings.Builder
		replaced := func(s string) string { return strings.NewReplacer("${objects}", "500", "${session}", "1").Replace(s) }
		want.WriteString(replaced(p.Before))
		var count int
		_, _ = fmt.Sscan(p.Count, &count)
		for i := range count {
			if i > 0 {
				want.WriteString(p.Separator)
			}
			item := strings.ReplaceAll(replaced(p.Item), "$${", "\x00")
			want.WriteString(strings.ReplaceAll(strings.ReplaceAll(item, "${index}", fmt.Sprint(i)), "\x00", "${"))
		}
		want.WriteString(p.After)
		got, r := filled(t, scenarios.PlannedStep{Payload: &p})
		if string(got) != want.String() {
			t.Fatalf("%q, want %q", got, want.String())
		}
		if r.Stream != nil && r.Length != int64(len(got)) {
			t.Fatalf("%d bytes announced, %d come", r.Length, len(got))
		}
		if (r.Stream != nil) != (len(got) > inMemory) {
			t.Fatalf("%d bytes, streamed: %t", len(got), r.Stream != nil)
		}
	})
}

func TestPayloadEscapesAndRefuses(t *testing.T) {
	body, _ := filled(t, scenarios.PlannedStep{
		Headers: map[string]string{"Content-Type": "application/json"},
		Payload: &scenarios.Payload{Count: "2", Before: "[", Item: `"${cohort}"`, Separator: ",", After: "]"},
	})
	var back []string
	if err := json.Unmarshal(body, &back); err != nil || len(back) != 2 || back[1] != `a"b` {
		t.Errorf("%s, %v", body, err)
	}
	for want, p := range map[string]scenarios.Payload{
		`payload: count: "many" is not a number`: {Count: "many", Item: "x"},
		`payload: count: "-1" is not a number`:   {Count: "-1", Item: "x"},
		`payload: count: variable n has no`:      {Count: "${n}", Item: "x"},
		`payload: item: variable w has no value`: {Count: "1", Item: "${w}"},
	} {
		st := stepOf(t, scenarios.PlannedStep{Path: "/", Payload: &p})
		var r exchange.Request
		if err := st.fill(&r, sessionOf(scenarios.PlannedLoad{}, 0)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestBodies(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, bytes.Repeat([]byte("0123456789"), size/10), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	small, large := write("small", 1000), write("large", 100_000)
	text := strings.Repeat("text ", 10)
	for name, c := range map[string]struct {
		step     scenarios.PlannedStep
		size     int
		streamed bool
		length   int64
	}{
		"none":                         {scenarios.PlannedStep{}, 0, false, 0},
		"text":                         {scenarios.PlannedStep{Body: text}, 50, false, 0},
		"text that varies":             {scenarios.PlannedStep{Body: text + "${session}"}, 51, false, 0},
		"text, compressed":             {scenarios.PlannedStep{Body: text, Gzip: true}, 50, false, 0},
		"text that varies, compressed": {scenarios.PlannedStep{Body: text + "${session}", Gzip: true}, 51, true, -1},
		"a small file":                 {scenarios.PlannedStep{BodyFile: small}, 1000, false, 0},
		"a large file":                 {scenarios.PlannedStep{BodyFile: large}, 100_000, true, 100_000},
		"a large file, compressed":     {scenarios.PlannedStep{BodyFile: large, Gzip: true}, 100_000, true, -1},
	} {
		t.Run(name, func(t *testing.T) {
			body, r := filled(t, c.step)
			encoded := false
			for _, f := range r.Header {
				encoded = encoded || f == exchange.Field{Name: "Content-Encoding", Value: "gzip"}
			}
			if encoded != c.step.Gzip || (r.Stream != nil) != c.streamed || r.Length != c.length {
				t.Errorf("encoded %t, streamed %t, length %d", encoded, r.Stream != nil, r.Length)
			}
			if c.step.Gzip {
				unzipped, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if body, err = io.ReadAll(unzipped); err != nil {
					t.Fatal(err)
				}
			}
			if len(body) != c.size {
				t.Errorf("%d bytes, want %d", len(body), c.size)
			}
		})
	}
}

// A file that changes under the run is not sent with the length it had.
func TestFileThatChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(path, make([]byte, 50_000), 0o600); err != nil {
		t.Fatal(err)
	}
	st := stepOf(t, scenarios.PlannedStep{Path: "/", BodyFile: path})
	if err := os.WriteFile(path, make([]byte, 60_000), 0o600); err != nil {
		t.Fatal(err)
	}
	var r exchange.Request
	if err := st.fill(&r, sessionOf(scenarios.PlannedLoad{}, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stream(); err == nil || !strings.Contains(err.Error(), "has 60000 bytes, and had 50000 when the run began") {
		t.Errorf("%v", err)
	}
}

// What cannot be read ends the compressed body with the reason.
func TestCompressorPassesErrorsOn(t *testing.T) {
	c := newCompressor(io.NopCloser(io.MultiReader(strings.NewReader("begun"), iotest.ErrReader(io.ErrUnexpectedEOF))))
	if _, err := io.ReadAll(c); err != io.ErrUnexpectedEOF { //nolint:errorlint // exactly this one
		t.Errorf("%v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

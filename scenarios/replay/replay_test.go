package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// shown is a request as the tests below write it.
func shown(r Request) string {
	text := fmt.Sprintf("%s %s %s %s", r.At, r.Method, r.Service, r.Path)
	for _, f := range r.Header {
		text += fmt.Sprintf(" [%s: %s]", f.Name, f.Value)
	}
	if r.Body != nil {
		text += " " + string(r.Body)
	}
	return text
}

func TestRecordings(t *testing.T) {
	shop := Options{Hosts: map[string]string{"Shop.example": "api"}}
	for _, tt := range []struct {
		file        string
		options     Options
		format      string
		lines       int
		requests    []string
		samples     []string
		skipped     map[string]int
		withheld    map[string]int
		bodiless    int
		reordered   int
		spread      int
		withoutTime bool
	}{
		{
			file: "combined.log", options: Options{Service: "api"}, format: AccessLog, lines: 10,
			requests: []string{
				"0s GET api /v1/catalogue?page=2",
				"500ms POST api /v1/orders", // the second one of its second
				"1s DELETE api /v1/sessions",
				`3s GET api /a"b\c`,
				"5s GET api /page",
			},
			samples: []string{`line 11: has no end of its "request": 203.0.113.7 - - [12/Mar/2026:09:15:06 +0100] "GET /login?user=ada&password=redacted HTTP/1.1`},
			skipped: map[string]int{
				"the client sent no request, or what it sent was not HTTP": 3, "method CONNECT is not replayed": 1,
			},
			bodiless: 1, reordered: 1, spread: 1,
		},
		{
			file: "vhost.log", options: shop, format: AccessLog, lines: 3,
			requests: []string{"0s GET api /", "20s GET api /about"},
			skipped:  map[string]int{"host img.example:443 is not mapped": 1},
		},
		{
			file: "nginx.jsonl", options: Options{Hosts: map[string]string{"shop.example": "api", "img.example": "cdn"}, Service: "web"}, format: JSONLines, lines: 8,
			requests: []string{
				"0s GET api /v1/catalogue?page=2",
				`250ms POST api /v1/orders {"product":"p-1"}`,
				"1s GET cdn /1.png",
				"1.5s POST api /v1/sessions",
			},
			samples: []string{
				`line 5: its time cannot be read: {"time":"soon","request_method":"GET","uri":"/"}`,
				"line 7: is not a JSON object: not JSON, password: redacted",
				"line 8: is not a JSON object: [1, 2]",
				`line 6: has no time, and others have: {"request_method":"GET","uri":"/?token=redacted"}`,
			},
			bodiless: 1, reordered: 1,
		},
		{
			file: "caddy.jsonl", options: shop, format: JSONLines, lines: 2,
			requests: []string{
				"0s GET api /v1/catalogue [Accept: */*] [User-Agent: curl/8.5.0]",
				"1.5s PUT api /v1/carts/1",
			},
			withheld: map[string]int{"Authorization": 1}, bodiless: 1,
		},
		{
			file: "session.har", options: shop, format: HAR, lines: 7,
			requests: []string{
				"0s GET api /v1/catalogue?page=2 [Accept: application/json]",
				"500ms POST api /login user=ada+l&go=1%262",
				`1.25s POST api /v1/orders [Content-Type: application/json] {"product":"p-1"}`,
				"1.5s POST api /upload",
			},
			samples:  []string{"entry 7: is not as HAR has it: request.method is a number"},
			skipped:  map[string]int{"scheme wss is not replayed": 1, "host ads.example is not mapped": 1},
			withheld: map[string]int{"Cookie": 1, "X-Auth-Token": 1},
			bodiless: 1, reordered: 1,
		},
		{
			file: "targets.http", options: Options{Hosts: shop.Hosts, Service: "rest"}, format: VegetaHTTP, lines: 7,
			requests: []string{
				"0s GET api /v1/catalogue [Accept: application/json]",
				`0s POST api /v1/orders [Content-Type: application/json] {"product":"p-1"}`,
				"0s GET rest /v1/health",
				"0s GET rest /",
				"0s HEAD api /v1/carts?session=secret-3 [X-Trace: a:b]",
			},
			samples: []string{
				"line 15: body file: ../replay.go: path escapes from parent: POST http://shop.example/v1/orders",
				"line 18: a line of it is neither a header nor a body file: PUT http://shop.example/v1/carts",
			},
			withheld: map[string]int{"Authorization": 1}, withoutTime: true,
		},
		{
			file: "targets.jsonl", options: Options{Hosts: shop.Hosts, Headers: []string{"x-api-key", "content-length"}}, format: VegetaJSON, lines: 5,
			requests: []string{"0s GET api /v1/catalogue [X-Api-Key: secret]", `0s POST api /v1/orders {"product":"p-1"}`},
			samples: []string{
				`line 4: is not a target in JSON: {"method":"POST","url":"http://shop.example/v1/orders","body":"not base64!"}`,
				`line 5: has no method, or no url: {"method":"GET"}`,
			},
			skipped: map[string]int{"host other.example is not mapped": 1}, withoutTime: true,
		},
		{
			file: "arrivals.times", format: Times, lines: 5,
			requests: []string{"0s   ", "500ms   ", "1s   ", "2s   "},
			samples:  []string{"line 7: is not a time: yesterday"}, reordered: 1,
		},
		{
			file: "session.har", options: Options{TimesOnly: true}, format: HAR, lines: 7,
			requests: []string{"0s   ", "500ms   ", "1.25s   ", "1.5s   ", "2s   ", "2s   "},
			samples:  []string{"entry 7: is not as HAR has it: request.method is a number"}, reordered: 1,
		},
		{
			file: "session.har", options: Options{TimesOnly: true, Hosts: map[string]string{"ads.example": "any"}}, format: HAR, lines: 7,
			requests: []string{"0s   "},
			samples:  []string{"entry 7: is not as HAR has it: request.method is a number"},
			skipped:  map[string]int{"scheme wss is not replayed": 1, "host shop.example is not mapped": 4},
		},
	} {
		t.Run(tt.file, func(t *testing.T) {
			r, err := Read(filepath.Join("testdata", tt.file), tt.options)
			if err != nil {
				t.Fatal(err)
			}
			var requests []string
			for _, request := range r.Requests {
				requests = append(requests, shown(request))
			}
			equal(t, "requests", requests, tt.requests)
			equal(t, "samples", r.Samples, tt.samples)
			if r.Format != tt.format || r.Lines != tt.lines || r.Malformed != len(tt.samples) || r.WithoutBody != tt.bodiless ||
				r.Reordered != tt.reordered || r.Spread != tt.spread || r.HasTimes == tt.withoutTime {
				t.Errorf("format %s, lines %d, malformed %d, without body %d, reordered %d, spread %d, times %v",
					r.Format, r.Lines, r.Malformed, r.WithoutBody, r.Reordered, r.Spread, r.HasTimes)
			}
			if !maps.Equal(r.Skipped, tt.skipped) || !maps.Equal(r.Withheld, tt.withheld) {
				t.Errorf("skipped %v, want %v\nwithheld %v, want %v", r.Skipped, tt.skipped, r.Withheld, tt.withheld)
			}
			accounted(t, r)
		})
	}
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// accounted holds what every recording promises.
func accounted(t interface {
	Helper()
	Errorf(string, ...any)
}, r *Recording) {
	t.Helper()
	sum := len(r.Requests) + r.Malformed
	for _, n := range r.Skipped {
		sum += n
	}
	if r.Lines != sum || len(r.Skipped) > maxReasons || len(r.Samples) != min(r.Malformed, maxSamples) {
		t.Errorf("%d lines, %d accounted for, %d reasons, %d samples for %d malformed", r.Lines, sum, len(r.Skipped), len(r.Samples), r.Malformed)
	}
	last := time.Duration(0)
	for _, request := range r.Requests {
		if request.At < last {
			t.Errorf("a request at %s stands behind one at %s", request.At, last)
			break
		}
		last = request.At
	}
	if r.Span != last || len(r.Requests) > 0 && r.Requests[0].At != 0 {
		t.Errorf("span %s, the last request at %s", r.Span, last)
	}
}

// write makes a file of a test.
func write(t testing.TB, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFilesThatCannotBeRead(t *testing.T) {
	har := `{"log":{"entries":[{"startedDateTime":"2026-03-12T09:15:00Z","request":{"method":"GET","url":"http://a/"}}`
	for _, tt := range []struct {
		name    string
		content string
		options Options
		want    string
	}{
		{"empty", "", Options{}, "is empty"},
		{"blank", "\n \n", Options{}, "is empty"},
		{"only a mark", "\xef\xbb\xbf", Options{}, "is empty"},
		{"only comments", "# nothing\n", Options{Format: Times}, "holds no requests"},
		{"prose", "Dear Sir,\nit was a pleasure", Options{}, "name one with format"},
		{"compressed", "\x1f\x8b\x08\x00", Options{}, "gunzip"},
		{"unknown format", "1\n", Options{Format: "pcap"}, `no format is called "pcap"`},
		{"unknown field", "{}\n", Options{Fields: map[string]string{"verb": "m"}}, `"verb" is none of time`},
		{"har without log", `{"a":1}`, Options{Format: HAR}, `no member "log"`},
		{"har without entries", `{"log":{"pages":[[{}]]}}`, Options{}, `no member "entries"`},
		{"har with other entries", `{"log":{"entries":{}}}`, Options{}, `instead of "["`},
		{"har that is cut off", har, Options{}, "after entry 1: the file is cut off"},
		{"har cut off in an entry", har + `,{"req`, Options{}, "entry 2: the file is cut off"},
		{"har with a mistake", har + `,nope]}}`, Options{}, "entry 2: invalid character"},
		{"har of no JSON", "nope", Options{Format: HAR}, "look for log"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Read(write(t, tt.content), tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v, %v; want an error with %q", r, err, tt.want)
			}
		})
	}
	for _, file := range []string{"no-such-file", "testdata", os.DevNull} {
		if _, err := Read(file, Options{}); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestFormatsAreToldFromTheBeginning(t *testing.T) {
	for _, tt := range []struct{ want, content string }{
		{AccessLog, "garbage\n127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /a HTTP/1.0\" 200 1\n"},
		{JSONLines, `{"method":"GET","url":"/","time":1}`},
		{JSONLines, `{"msg":"started"}`},
		{VegetaJSON, `{"url":"http://a/","method":"GET"}`},
		{VegetaHTTP, "# c\n\nGET http://a/\n"},
		{VegetaHTTP, "get\nPOST /path\n"},
		{HAR, "\xef\xbb\xbf{\n \"log\": {\"entries\": []"},
		{Times, "# c\n0.5\n"},
		{Times, "2026-03-12T09:15:00Z"},
	} {
		if got, err := detect([]byte(strings.TrimPrefix(tt.content, "\xef\xbb\xbf"))); got != tt.want {
			t.Errorf("%q is %q, %v; want %s", tt.content, got, err, tt.want)
		}
	}
}

func TestDigest(t *testing.T) {
	file := write(t, "0\n1\n")
	r, err := Read(file, Options{})
	sum := sha256.Sum256([]byte("0\n1\n"))
	if err != nil || r.Digest != hex.EncodeToString(sum[:]) {
		t.Errorf("digest %v, %v; want %x", r, err, sum)
	}
	// all of a HAR file, its end behind the entries included
	har := `{"log":{"entries":[{"request":{"method":"GET","url":"http://a/"}}]}}` + strings.Repeat(" ", 3*maxLine)
	sum = sha256.Sum256([]byte(har))
	if r, err = Read(write(t, har), Options{Service: "api"}); err != nil || r.Digest != hex.EncodeToString(sum[:]) {
		t.Errorf("digest %v, %v; want %x", r, err, sum)
	}
	// and the body files of targets
	target := write(t, "POST http://a/\n@body\n")
	digest := func(body string) string {
		if err := os.WriteFile(filepath.Join(filepath.Dir(target), "body"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Read(target, Options{Service: "api"})
		if err != nil || len(r.Requests) != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		return r.Digest
	}
	if digest("one") == digest("two") {
		t.Error("a body that changed left the digest as it was")
	}
}

func TestABodyFileOutsideOfTheRecordingsDirectoryIsRefused(t *testing.T) {
	target := write(t, "POST http://a/\n@link\n\nPOST http://a/\n@/etc/hostname\n\nPOST http://a/\n@.\n\nPOST http://a/\n@missing\n")
	if err := os.Symlink("/etc/hostname", filepath.Join(filepath.Dir(target), "link")); err != nil {
		t.Skip(err)
	}
	r, err := Read(target, Options{Service: "api"})
	if err != nil || r.Malformed != 4 || len(r.Requests) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if !strings.Contains(r.Samples[2], "not a regular file") || !strings.Contains(r.Samples[3], "missing: no such file") {
		t.Errorf("samples %q", r.Samples)
	}
}

func TestLongLinesAreMalformed(t *testing.T) {
	long := strings.Repeat("x", 3*maxLine)
	for format, tt := range map[string]struct {
		content string
		kept    int
	}{
		Times:      {"1\n" + long + "\n2\n" + long, 2},
		JSONLines:  {`{"method":"GET","path":"/"}` + "\n" + long + "\n" + long, 1},
		VegetaHTTP: {"GET http://a/\n\n" + long + "\nGET http://a/b\nX: " + long + "\n", 1},
	} {
		r, err := Read(write(t, tt.content), Options{Format: format, Service: "api"})
		if err != nil || r.Malformed != 2 || len(r.Requests) != tt.kept {
			t.Errorf("%s: %+v, %v", format, r, err)
			continue
		}
		for _, sample := range r.Samples {
			if len(sample) > 250 {
				t.Errorf("%s: a sample has %d bytes", format, len(sample))
			}
		}
		accounted(t, r)
	}
}

func TestReasonsAreCapped(t *testing.T) {
	var log strings.Builder
	for i := range 100 {
		fmt.Fprintf(&log, "GET http://h%d.example/\n", i)
	}
	r, err := Read(write(t, log.String()), Options{})
	if err != nil || len(r.Skipped) != maxReasons || r.Skipped[otherReasons] != 100-maxReasons+1 {
		t.Errorf("%+v, %v", r, err)
	}
	accounted(t, r)
}

func TestSecondsOfALogAreFilledEvenly(t *testing.T) {
	line := "h - - [10/Oct/2000:13:55:%02d +0000] \"GET /%d HTTP/1.1\" 200 1\n"
	var log strings.Builder
	for i, second := range []int{0, 0, 0, 0, 1, 3, 3} {
		fmt.Fprintf(&log, line, second, i)
	}
	r, err := Read(write(t, log.String()), Options{Service: "api"})
	if err != nil {
		t.Fatal(err)
	}
	var at []string
	for _, request := range r.Requests {
		at = append(at, request.At.String()+" "+request.Path)
	}
	equal(t, "times", at, []string{"0s /0", "250ms /1", "500ms /2", "750ms /3", "1s /4", "3s /5", "3.5s /6"})
	if r.Spread != 4 || r.Span != 3500*time.Millisecond {
		t.Errorf("spread %d, span %s", r.Spread, r.Span)
	}
}

func TestEqualRequestsShareTheirMemory(t *testing.T) {
	one := `{"method":"GET","url":"http://a/path","header":{"Accept":["text/plain"]}}` + "\n"
	r, err := Read(write(t, one+one), Options{Service: "api"})
	if err != nil || len(r.Requests) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	if a, b := r.Requests[0], r.Requests[1]; &a.Header[0] != &b.Header[0] {
		t.Error("equal headers are kept twice")
	}
}

// Whatever the order in the file, requests come out by time, and those of one
// moment in the order of the file.
func TestOrderProperty(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		millis := rapid.SliceOfN(rapid.IntRange(0, 50), 1, 60).Draw(rt, "milliseconds")
		var log bytes.Buffer
		for i, ms := range millis {
			fmt.Fprintf(&log, "{\"ts\":%d,\"method\":\"GET\",\"path\":\"/%d\"}\n", 1_700_000_000_001+ms, i)
		}
		file := filepath.Join(dir, "log")
		if err := os.WriteFile(file, log.Bytes(), 0o600); err != nil {
			rt.Fatal(err)
		}
		r, err := Read(file, Options{Service: "api"})
		if err != nil {
			rt.Fatal(err)
		}
		accounted(rt, r)
		order := make([]int, len(millis))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return millis[a] - millis[b] })
		if r.Spread != 0 || len(r.Requests) != len(order) {
			rt.Skip("whole seconds are spread")
		}
		for i, request := range r.Requests {
			if request.Path != fmt.Sprintf("/%d", order[i]) || request.At != time.Duration(millis[order[i]]-millis[order[0]])*time.Millisecond {
				rt.Errorf("request %d is %s", i, shown(request))
			}
		}
	})
}

package replay

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimes(t *testing.T) {
	want := time.Date(2026, 3, 12, 9, 15, 0, 0, time.UTC)
	for text, after := range map[string]time.Duration{
		"2026-03-12T09:15:00Z":           0,
		"2026-03-12T10:15:00+01:00":      0,
		"2026-03-12T10:15:00+0100":       0,
		"2026-03-12T09:15:00.123456789Z": 123456789,
		"2026-03-12T09:15:00":            0,
		"2026-03-12 09:15:00.5":          500 * time.Millisecond,
		"2026-03-12 09:15:00Z":           0,
		"12/Mar/2026:10:15:00 +0100":     0,
		"12/Mar/2026:10:15:00.25 +0100":  250 * time.Millisecond,
		"1773306900":                     0,
		"1773306900.000000001":           1,
		"1773306900.123456789":           123456789,
		"1773306900123":                  123 * time.Millisecond,
		"1773306900123.5":                123500 * time.Microsecond,
		"1773306900123456":               123456 * time.Microsecond,
		"1773306900123456789":            123456789,
		"1.7733069E9":                    0,
		"1773306.9e3":                    0,
		"1.7733069e+9":                   0,
	} {
		got, ok := parseTime(text)
		if !ok || got != want.Add(after).UnixNano() {
			t.Errorf("%s is %s, %v; want %s", text, time.Unix(0, got).UTC(), ok, want.Add(after))
		}
	}
	if at, ok := parseTime("500000000000"); !ok || at != 500_000_000_000*1e6 {
		t.Errorf("a number that can only be milliseconds is %d, %v", at, ok)
	}
	for _, text := range []string{
		"99999999999", "", "-", "soon", "-5", "1e400", "1e", ".", "..", "NaN", "Inf", "0x10", "1_000", "9:15", "1.2.3", "+",
		"1969-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9223372036854775807", "99999999999999999999", "2026-02-30T00:00:00Z",
	} {
		if got, ok := parseTime(text); ok {
			t.Errorf("%q is the time %d", text, got)
		}
	}
}

// A number of seconds with nine decimals is read to the nanosecond, and the
// other units agree with it.
func TestTimesProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := time.Unix(rapid.Int64Range(1e9, 6e9).Draw(rt, "s"), rapid.Int64Range(0, 999_999_999).Draw(rt, "ns")).UTC()
		for _, text := range []string{at.Format(time.RFC3339Nano), at.Format("02/Jan/2006:15:04:05.000000000 -0700"), at.Format("2006-01-02 15:04:05.999999999"), seconds(at)} {
			if got, ok := parseTime(text); !ok || got != at.UnixNano() {
				rt.Errorf("%s is %d, want %d", text, got, at.UnixNano())
			}
		}
	})
}

// seconds is a time as nginx's $msec has it, with nine decimals.
func seconds(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

func TestAccessLogLines(t *testing.T) {
	const when = "[10/Oct/2000:13:55:36 -0700]"
	for _, tt := range []struct{ line, method, target, why string }{
		{`127.0.0.1 - frank ` + when + ` "GET /apache_pb.gif HTTP/1.0" 200 2326`, "GET", "/apache_pb.gif", ""},
		{`127.0.0.1 - a user [x] y ` + when + ` "GET / HTTP/1.0" 200 2326`, "", "", "its [time] cannot be read"},
		{`::1 - - ` + when + ` "OPTIONS * HTTP/1.0" 200 - "-" "-"`, "OPTIONS", "*", ""},
		{`::1 - - ` + when + ` "GET /" 200 -`, "GET", "/", ""},
		{`::1 - - ` + when + ` "GET /\xc3\xa9\x5C\q HTTP/3.0" 000 -`, "GET", "/é\\q", ""},
		{`::1 - - ` + when + ` "-" 408 -`, "", "", ""},
		{`::1 - - ` + when + ` "" 400 -`, "", "", ""},
		{`::1 - - ` + when + ` "GET / HTTP" 400 -`, "", "", ""},
		{`::1 - - ` + when + ` "GET /a b HTTP/1.1" 400 -`, "", "", ""},
		{`::1 - - ` + when + ` "get / HTTP/1.1" 400 -`, "", "", ""},
		{`::1 - - [2026-03-12T09:15:00+01:00] "GET / HTTP/1.1" 200 5`, "GET", "/", ""},
		{`::1 - - [1773306900.123] 0.004 "GET / HTTP/1.1" - 5`, "GET", "/", ""},
		{`::1 - - ` + when + ` "GET / HTTP/1.1" 20`, "", "", `has no status after its "request"`},
		{`::1 - - ` + when + ` "GET / HTTP/1.1"`, "", "", `has no status after its "request"`},
		{`::1 - - ` + when + ` "GET / HTTP/1.1\"`, "", "", `has no end of its "request"`},
		{`::1 - - ` + when + ` GET /`, "", "", `has no "request"`},
		{`::1 - - [10/Oct/2000:13:55`, "", "", "has no end of its [time]"},
		{`::1 - - [10/Oct/2000:25:55:36 -0700] "GET / HTTP/1.1" 200 1`, "", "", "its [time] cannot be read"},
		{`hello`, "", "", "has no [time]"},
	} {
		e, why := new(accessParser).parse([]byte(tt.line))
		if string(e.method) != tt.method || string(e.target) != tt.target || why != tt.why {
			t.Errorf("%s: %q %q, %q", tt.line, e.method, e.target, why)
		}
	}
}

func TestVirtualHosts(t *testing.T) {
	for before, want := range map[string]string{
		"shop.example:443 203.0.113.7 - -": "shop.example:443",
		"shop.example 2001:db8::1 - ada":   "shop.example",
		"203.0.113.7 - -":                  "",
		"203.0.113.7 10.0.0.1 ada":         "", // identd may say anything
		"client.example - -":               "",
		"client.example":                   "",
	} {
		if got := string(virtualHost([]byte(before))); got != want {
			t.Errorf("%q is of host %q, want %q", before, got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	for _, tt := range []struct {
		target, host, path string
		refused            refusal
	}{
		{"/a?b=c", "", "/a?b=c", refusal{}},
		{"/a#f?x", "", "/a", refusal{}},
		{"//double", "", "//double", refusal{}},
		{"http://a", "a", "/", refusal{}},
		{"HTTPS://u:p@a:8080?q", "a:8080", "/?q", refusal{}},
		{"http://[::1]:80/x", "[::1]:80", "/x", refusal{}},
		{"http://a/é", "a", "/%C3%A9", refusal{}},
		{"", "", "", refusal{why: "has no path"}},
		{"http://", "", "", refusal{why: "its URL has no host"}},
		{"http:/a", "", "", refusal{why: "its URL has no host"}},
		{"a/b", "", "", refusal{why: "its target is neither a path nor a URL"}},
		{"/a b", "", "", refusal{why: "its path holds a space or a control character"}},
		{"/a\r\nX: y", "", "", refusal{why: "its path holds a space or a control character"}},
		{"*", "", "", refusal{skip: "OPTIONS * is about a server and not about a path"}},
		{"ws://a/", "", "", refusal{skip: "scheme ws is not replayed"}},
		{"example.org:443", "", "", refusal{skip: "scheme example.org is not replayed"}},
	} {
		host, path, refused := splitTarget([]byte(tt.target))
		if string(host) != tt.host || string(path) != tt.path || refused != tt.refused {
			t.Errorf("%q: %q %q %+v", tt.target, host, path, refused)
		}
	}
}

func TestHostsAreMapped(t *testing.T) {
	g := newGathering(HAR, Options{Hosts: map[string]string{"Shop.example": "api", "img.example:8443": "img", "[::1]": "six"}}, &source{})
	for host, want := range map[string]string{
		"shop.example": "api", "SHOP.EXAMPLE:443": "api", "img.example:8443": "img", "img.example": "", "[::1]:8080": "six", "[::1]": "six", "": "",
	} {
		service, refused := g.route([]byte(host))
		if service != want || (want == "") != (refused.skip != "") {
			t.Errorf("%q goes to %q, %+v", host, service, refused)
		}
	}
	if _, refused := g.route([]byte("evil\x1b[31m" + strings.Repeat("x", 200))); len(refused.skip) > 120 || strings.Contains(refused.skip, "\x1b") {
		t.Errorf("reason %q", refused.skip)
	}
}

func TestCredentialsAreWithheld(t *testing.T) {
	for name, secret := range map[string]bool{
		"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Set-Cookie2": true, "X-Api-Key": true, "Apikey": true,
		"X-Auth-Token": true, "X-Csrf-Token": true, "X-Amz-Security-Token": true, "X-Hub-Signature-256": true, "X-Session-Id": true,
		"Accept": false, "User-Agent": false, "X-Request-Id": false, "Idempotency-Key": false, "If-None-Match": false,
	} {
		if isCredential(name) != secret {
			t.Errorf("%s: %v", name, !secret)
		}
	}
}

func TestSamplesHoldNoSecrets(t *testing.T) {
	const secret = "s3cr3t"
	g := &gathering{unit: "line", src: &source{}}
	for _, line := range []string{
		"GET /?access_token=s3cr3t&a=1", "GET /?a=1&api_key=s3cr3t HTTP/1.1", "/cb?code=s3cr3t", "/x?sig=s3cr3t", "/x?X-Amz-Signature=s3cr3t",
		`{"password": "s3cr3t"}`, `{"password":"a \"s3cr3t\" b"}`, `{"x":"{\"token\":\"s3cr3t\"}"}`, "Authorization: Bearer s3cr3t", "authorization:Basic s3cr3t and s3cr3t",
		`"Cookie": ["a=s3cr3t; b=s3cr3t"]`, "http://ada:s3cr3t@shop.example/", "bearer s3cr3t", "client_secret='s3cr3t'", "PWD=s3cr3t", "token%3Ds3cr3t",
		strings.Repeat("x", 110) + "?token=s3cr3t",
	} {
		if sample := g.sample("why", []byte(line)); strings.Contains(sample, secret) {
			t.Errorf("%s became %s", line, sample)
		}
	}
	if sample := g.sample("why", []byte("GET /v1/catalogue?page=2\x1b[31m\xff")); sample != "line 0: why: GET /v1/catalogue?page=2?[31m?" {
		t.Errorf("sample %q", sample)
	}
}

func TestFieldsNameOtherMembers(t *testing.T) {
	content := `{"when":"1773306900","verb":"PUT","to":{"where":"/a","at":{"host":"h"}},"h":{"X-A":"1","X-B":["2",  "3"]},"b":{"k": 1}}`
	r, err := Read(write(t, content), Options{Hosts: map[string]string{"h": "api"}, Fields: map[string]string{
		"time": "when", "method": "verb", "url": "to.where", "host": "to.at.host", "headers": "h", "body": "b",
	}})
	if err != nil || len(r.Requests) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if got, want := shown(r.Requests[0]), `0s PUT api /a [X-A: 1] [X-B: 2] [X-B: 3] {"k": 1}`; got != want || !r.HasTimes {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestMembersOfJSONLines(t *testing.T) {
	for line, want := range map[string]string{
		`{"method":"GET","path":"/a","query":"?b=c"}`:                   "0s GET api /a?b=c",
		`{"method":"GET","path":"/a?b","query":"b"}`:                    "0s GET api /a?b",
		`{"method":"GET","path":"/a","args":"-"}`:                       "0s GET api /a",
		`{"method":"GET","uri":"/a","path":""}`:                         "0s GET api /a",
		`{"method":"GET","path":"/a","headers":null,"body":null}`:       "0s GET api /a",
		`{"request":"GET /a HTTP/1.1"}`:                                 "0s GET api /a",
		`{"method":"GET","path":"/a","headers":{"X-A":1}}`:              "0s GET api /a [X-A: 1]",
		"\xef\xbb\xbf" + `{"method":"GET","path":"/a"}`:                 "0s GET api /a",
		`{"method":"GET","path":"/a","headers":{"X-A":"b\nX-Evil: c"}}`: "malformed",
		`{"method":"GET","path":"/a","headers":{"X A":"b"}}`:            "malformed",
		`{"method":"GET","path":"/a","headers":["X-A"]}`:                "malformed",
		`{"method":"GET","path":"/a","headers":{"X-A":{}}}`:             "malformed",
		`{"method":"GET","path":"/a\r\nX-Evil: c"}`:                     "malformed",
		`{"method":7,"path":"/a"}`:                                      "0 skipped",
		`{"method":"BREW","path":"/a"}`:                                 "0 skipped",
		`{"method":"POST","path":"/a","body":["b", 1]}`:                 `0s POST api /a ["b", 1]`,
		`{"method":"POST","path":"/a","body":"{\"b\":1}"}`:              `0s POST api /a {"b":1}`,
		`{"method":"POST","path":"/a","body":"Zm9v"}`:                   "0s POST api /a Zm9v",
		`null`:             "malformed",
		`{"method":"GET"}`: "malformed",
		`{"method":"GET","path":"/a"} {"method":"GET","path":"/b"}`:               "malformed",
		`{"request":{"method":"GET","uri":"/a","headers":{"Host":["api"]}}}`:      "0s GET api /a",
		`{"httpRequest":{"requestMethod":"GET","requestUrl":"https://h/a?b#c"}}`:  "0s GET api /a?b",
		`{"RequestMethod":"GET","RequestPath":"/a","RequestHost":"h","time":"x"}`: "malformed",
	} {
		r, err := Read(write(t, line), Options{Format: JSONLines, Service: "api"})
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		got := "0 skipped"
		if r.Malformed == 1 {
			got = "malformed"
		} else if len(r.Requests) == 1 {
			got = shown(r.Requests[0])
		}
		if got != want || r.Lines != 1 {
			t.Errorf("%s: %s, want %s; %d lines, samples %q", line, got, want, r.Lines, r.Samples)
		}
	}
}

func TestBodiesOfHAR(t *testing.T) {
	for request, want := range map[string]struct {
		body     string
		bodiless int
		bad      int
	}{
		`"bodySize":3,"postData":{"text":"abc"}`:                       {"abc", 0, 0},
		`"bodySize":3,"postData":{"text":"YWJj","encoding":"base64"}`:  {"abc", 0, 0},
		`"bodySize":3,"postData":{"text":"YWJj!","encoding":"base64"}`: {"", 0, 1},
		`"bodySize":0`:  {"", 0, 0},
		`"bodySize":-1`: {"", 1, 0},
		`"bodySize":9`:  {"", 1, 0},
		`"bodySize":0,"postData":{"mimeType":"multipart/form-data"}`:                {"", 1, 0},
		`"bodySize":0,"postData":{"mimeType":"text/plain","params":[{"name":"a"}]}`: {"", 1, 0},
	} {
		har := `{"log":{"entries":[{"request":{"method":"POST","url":"http://a/",` + request + `}}]}}`
		r, err := Read(write(t, har), Options{Service: "api"})
		if err != nil || r.Malformed != want.bad || r.WithoutBody != want.bodiless {
			t.Errorf("%s: %+v, %v", request, r, err)
			continue
		}
		if want.bad == 0 && string(r.Requests[0].Body) != want.body {
			t.Errorf("%s: body %q", request, r.Requests[0].Body)
		}
	}
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	within := limits{entry: 2 << 20, bodies: 3 << 20, requests: 10}
	large := strings.Repeat("x", 3<<19) // 1.5 MiB
	har := func(entries ...string) string {
		return `{"log":{"pages":["` + large + `"],"entries":[` + strings.Join(entries, ",") + `]}}`
	}
	entry := func(text string) string {
		return `{"request":{"method":"PUT","url":"http://a/","postData":{"text":"` + text + `"}},"response":"` + large[:len(large)-len(text)] + `"}`
	}
	dir := t.TempDir()
	for name, size := range map[string]int{"body": 3 << 19, "huge": 3 << 20} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put := "PUT http://a/\n@body\n"
	for _, tt := range []struct {
		name, content string
		requests      int
		want          string
	}{
		{"each entry below the limit", har(entry(""), entry("a"), entry("b"), entry("c")), 4, ""},
		{"an entry above", har(entry(""), `{"request":"`+large+large+`"}`), 0, "entry 2: is larger than 2 MiB"},
		{"bodies together above", har(entry(large), entry(large), entry(large)), 0, "its bodies take more than 3 MiB"},
		{"a body file used often", put + put + put + put, 4, ""},
		{"a body file above", put + "PUT http://a/\n@huge\n", 1, ""},
		{"as many requests as there may be", strings.Repeat("1\n", 10), 10, ""},
		{"one more", strings.Repeat("1\n", 11), 0, "holds more than 10 requests"},
		{"one more target", strings.Repeat("GET http://a/\n", 11), 0, "holds more than 10 requests"},
	} {
		r, err := read(strings.NewReader(tt.content), int64(len(tt.content)), dir, Options{Service: "api"}, within)
		switch {
		case tt.want != "":
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
		case err != nil || len(r.Requests) != tt.requests:
			t.Errorf("%s: %v, %+v", tt.name, err, r)
		}
	}
}

package redact

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestString(t *testing.T) {
	tests := []struct {
		name         string
		secrets      map[string]string
		text, wanted string
	}{
		{"nothing known", nil, "plain", "plain"},
		{"as it stands", map[string]string{"KEY": "hunter2!"}, "key=hunter2!, again hunter2!.", "key=[env KEY], again [env KEY]."},
		{"longest first", map[string]string{"A": "abcdef", "B": "abcd"}, "abcdef abcd", "[env A] [env B]"},
		{"longest first, contained", map[string]string{"A": "bcde", "B": "abcdefg"}, "abcdefg", "[env B]"},
		{"two names: the first in the alphabet", map[string]string{"Z": "hunter2!", "M": "hunter2!"}, "hunter2!", "[env M]"},
		{"space around a value", map[string]string{"A": " hunter2!\n"}, "x hunter2! y", "x [env A] y"},
		{"too short", map[string]string{"A": "abc"}, "abc", "abc"},
		{"numbers", map[string]string{"A": "8080", "B": "-1.5e3", "C": "0x1p-2", "D": "Infinity"}, "8080 -1.5e3 0x1p-2 Infinity", "8080 -1.5e3 0x1p-2 Infinity"},
		{"booleans and durations", map[string]string{"A": "true", "B": "FALSE", "C": "250ms", "D": "1h30m"}, "true FALSE 250ms 1h30m", "true FALSE 250ms 1h30m"},
		{"a part of the mark", map[string]string{"A": "redacted"}, "redacted", "redacted"},
		{"a name that gives the secret away", map[string]string{"HUNTER": "HUNTER"}, "HUNTER", "[redacted]"},
		{"a name that needs escaping", map[string]string{`A"<`: "hunter2!"}, "hunter2!", "[redacted]"},
		{"no name", map[string]string{"": "hunter2!"}, "hunter2!", "[redacted]"},
		{"in the mark of another", map[string]string{"A": "hunter2!", "B": "[env"}, "hunter2!", "[redacted]"},
		{"a mark and its neighbours", map[string]string{"A": "hunter2!", "B": "A]xy"}, "hunter2!xy", "[env [env B]"},
		{"in a query", map[string]string{"A": "a b&c/d"}, "/x?y=a+b%26c%2Fd", "/x?y=[env A]"},
		{"in a path", map[string]string{"A": "a b&c/d"}, "/a%20b&c%2Fd/x", "/[env A]/x"},
		{"a URL with user info", map[string]string{"DSN": "https://u:p@h/token"}, "dial https://u:p@h/token", "dial [env DSN]"},

		{"user info", nil, "postgres://user:pa:ss@db:5432/x?y=z", "postgres://[redacted]@db:5432/x?y=z"},
		{"user info without password", nil, "http://token@host/", "http://[redacted]@host/"},
		{"user info with an at sign", nil, "http://u:p@ss@host/", "http://[redacted]@host/"},
		{"slashes escaped", nil, `{"u":"http:\/\/u:p@host\/"}`, `{"u":"http:\/\/[redacted]@host\/"}`},
		{"no user info", nil, "http://host/a@b mail@example.org", "http://host/a@b mail@example.org"},
		{"several", nil, "a://b:c@d,e://f:g@h", "a://[redacted]@d,e://[redacted]@h"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := New()
			for name, value := range test.secrets {
				r.Add(name, value)
			}
			if have := r.String(test.text); have != test.wanted {
				t.Errorf("have   %s\nwanted %s", have, test.wanted)
			}
			again := r.String(test.wanted)
			if again != test.wanted && !strings.Contains(test.name, "mark") {
				t.Errorf("a second time: %s", again)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	tests := []struct{ name, text, wanted string }{
		{"as HTTP has it", "GET / HTTP/1.1\r\nAuthorization: Bearer abc.def\r\nCookie: a=b; c=\"d\"\r\nHost: h\r\n",
			"GET / HTTP/1.1\r\nAuthorization: [redacted]\r\nCookie: [redacted]\r\nHost: h\r\n"},
		{"any case, any ending", "proxy-AUTHORIZATION:x\nset-cookie:\ty\nX-Authorization=z", "proxy-AUTHORIZATION:[redacted]\nset-cookie:\t[redacted]\nX-Authorization=[redacted]"},
		{"not JSON, though it begins like it", "[INFO] Cookie: a=\"b\"; c=d\n{INFO} Cookie: a=\"b\"; c=d\n\"GET /\" Cookie: a=\"b\"; c=d",
			"[INFO] Cookie: [redacted]\n{INFO} Cookie: [redacted]\n\"GET /\" Cookie: [redacted]"},
		{"empty", "Cookie:\nHost: h", "Cookie:\nHost: h"},
		{"not a header", "authorization failed; cookies are set; cookie_count=5", "authorization failed; cookies are set; cookie_count=5"},
		{"JSON", `{"Authorization":"Bearer \"x\"","n":1,"cookie" : "a=b"}`, `{"Authorization":"[redacted]","n":1,"cookie" : "[redacted]"}`},
		{"JSON list", `{"Set-Cookie":["a=b", "c=d"],"n":[1]}`, `{"Set-Cookie":["[redacted]", "[redacted]"],"n":[1]}`},
		{"JSON, other types", `{"cookie":null,"set-cookie":5,"authorization":{"a":"b"},"x":"cookie"}`, `{"cookie":null,"set-cookie":5,"authorization":{"a":"b"},"x":"cookie"}`},
		{"JSON, empty values", `{"cookie":"","set-cookie":[],"x":1}`, `{"cookie":"[redacted]","set-cookie":[],"x":1}`},
		{"JSON over several lines", "{\n  \"Authorization\": \"Basic eDp5\",\n  \"n\": 1\n}\n", "{\n  \"Authorization\": \"[redacted]\",\n  \"n\": 1\n}\n"},
		{"a header in a JSON string", `{"text":"GET /\r\nCookie: a=\"b\"\nHost: h","n":1}`, `{"text":"GET /\r\nCookie: [redacted]\nHost: h","n":1}`},
		{"a name at the end of a JSON string", `{"text":"no cookie: ","n":"cookie="}`, `{"text":"no cookie: ","n":"cookie="}`},
		{"logfmt in a JSON string", `{"text":"authorization=\"Bearer x\" n=1"}`, `{"text":"authorization=\"[redacted]\" n=1"}`},
		{"JSON in a JSON string", `{"s":"{\"Authorization\":\"a\\\"b\",\"n\":1}"}`, `{"s":"{\"Authorization\":\"[redacted]\",\"n\":1}"}`},
		{"an apostrophe in JSON in a JSON string", `{"s":"{\"Cookie\":\"it's a=b\",\"n\":1}"}`, `{"s":"{\"Cookie\":\"[redacted]\",\"n\":1}"}`},
		{"list in JSON in a JSON string", `{"s":"{\"Cookie\":[\"a\",\"b\"],\"n\":1}"}`, `{"s":"{\"Cookie\":[\"[redacted]\",\"[redacted]\"],\"n\":1}"}`},
		{"JSON in a JSON string, cut off", `{"s":"{\"Authorization\":\"a\\\"b","n":1}`, `{"s":"{\"Authorization\":\"[redacted]","n":1}`},
		{"logfmt", `msg=x authorization="Bearer \"x\" y" n=1`, `msg=x authorization="[redacted]" n=1`},
		{"Python", `{'Authorization': 'Bearer x', 'n': 1}`, `{'Authorization': '[redacted]', 'n': 1}`},
		{"Go map", `map[Authorization:[Bearer x] Host:[h] Set-Cookie:[a=b c=d]]`, `map[Authorization:[[redacted]] Host:[h] Set-Cookie:[[redacted]]`},
		{"bearer alone", "got Bearer eyJhbGciOi.xyz==, bearer authentication failed", "got Bearer [redacted], bearer authentication failed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			have := New().String(test.text)
			if have != test.wanted {
				t.Errorf("have   %s\nwanted %s", have, test.wanted)
			}
			if again := New().String(have); again != have {
				t.Errorf("a second time: %s", again)
			}
		})
	}
}

// The forms in which a secret may be written are all found.
func TestForms(t *testing.T) {
	const secret = "p\"a\\s/s\n<w>&ö😀 \u2028rd"
	r := New()
	r.Add("PW", secret)
	once, _ := json.Marshal(secret)
	twice, _ := json.Marshal(string(once))
	var plain strings.Builder
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if err := e.Encode(secret); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"raw": secret, "json": string(once), "json in json": string(twice), "json without HTML": plain.String(),
		"python": `"p\"a\\s/s\n<w>&\u00f6\ud83d\ude00 \u2028rd"`, "php": `"p\"a\\s\/s\n<w>&ö😀 \u2028rd"`,
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret), "user info": url.UserPassword("u", secret).String(),
	} {
		have := r.String("<" + text + ">")
		if !strings.Contains(have, "[env PW]") || strings.Contains(have, "rd\"") || len(have) > 24 {
			t.Errorf("%s: %s", name, have)
		}
	}
}

func TestAddWhileInUse(t *testing.T) {
	r := New()
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			for i := range 50 {
				value := fmt.Sprintf("secret-%d-%d", n, i)
				r.Add("S", value)
				if text := r.String(value); text != "[env S]" {
					t.Errorf("%s became %s", value, text)
				}
			}
		})
	}
	group.Wait()
}

func TestJSON(t *testing.T) {
	r := New()
	for _, v := range []string{"worker", `q"uote`, "name", `":"`, "12345.6x"} {
		r.Add("V", v)
	}
	keep := func(path []string) bool { return path[len(path)-1] == "service" && !slices.Contains(path, "env") }
	tests := []struct{ text, wanted string }{
		{`{"service":"worker","cause":"worker"}`, `{"service":"worker","cause":"[env V]"}`},
		{`{"name":"name","service":["worker","worker"]}`, `{"name":"[env V]","service":["worker","worker"]}`},
		{`[{"service":"x"},"worker",{"a":["worker"]}]`, `[{"service":"x"},"[env V]",{"a":["[env V]"]}]`},
		{`{"service":{"worker":"worker"},"x":"q\"uote"}`, `{"service":{"worker":"[env V]"},"x":"[env V]"}`},
		{`{"Authorization":["a","b"],"cookie":"x","n":12345.6,"b":[true,null,{}]}`, `{"Authorization":["[redacted]","[redacted]"],"cookie":"[redacted]","n":12345.6,"b":[true,null,{}]}`},
		{`{"a" : "GET http://u:p@h/\nCookie: x"}`, `{"a" : "GET http://[redacted]@h/\nCookie: [redacted]"}`},
		{`{"a":"untouched \u003c\/"}`, `{"a":"untouched \u003c\/"}`},
		{`not JSON: worker`, `not JSON: [env V]`},
		{`"worker"`, `"[env V]"`},
		{`{"env":{"service":"worker"},"x":{"service":"worker"},"env2":["worker"]}`, `{"env":{"service":"[env V]"},"x":{"service":"worker"},"env2":["[env V]"]}`},
		{`[[{"env":[{"a":{"service":"worker"}}]}]]`, `[[{"env":[{"a":{"service":"[env V]"}}]}]]`},
	}
	for _, test := range tests {
		if have := string(JSON([]byte(test.text), r.Bytes, keep)); have != test.wanted {
			t.Errorf("have   %s\nwanted %s", have, test.wanted)
		}
	}
	if have := string(JSON([]byte(`{"service":"worker"}`), r.Bytes, nil)); have != `{"service":"[env V]"}` {
		t.Errorf("with nothing to keep: %s", have)
	}
}

// FuzzNoSecretSurvives: whatever the secrets are and whatever they stand in,
// none can be found afterwards, raw or in JSON.
func FuzzNoSecretSurvives(f *testing.F) {
	f.Add("hunter2!", "abcd", "x hunter2! abcdabcd y")
	f.Add("a\"b\\c\n<d>", "[env", `{"x":"a\"b\\c\n<d>"}`)
	f.Add("Authorization", "cook", "Authorization: x\nCookie: abcd")
	f.Add("aaaa", "aaaaa", "aaaaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, a, b, text string) {
		if len(a)+len(b)+len(text) > 400 {
			t.Skip() // what follows writes byte by byte
		}
		r := New()
		r.Add("A", a)
		r.Add("B", b)
		quoted, err := json.Marshal(text + a + b + text)
		if err != nil {
			t.Skip()
		}
		for _, in := range []string{text + a + b + text, a + text + b, string(quoted)} {
			out := r.String(in)
			for _, s := range []string{a, b} {
				if s = strings.TrimSpace(s); secret(s) && strings.Contains(out, s) {
					t.Errorf("%q survives in %q, made from %q", s, out, in)
				}
			}
			var streamed strings.Builder
			w := r.Writer(&streamed)
			for i := range len(in) {
				if _, err := w.Write([]byte{in[i]}); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{a, b} {
				if s = strings.TrimSpace(s); secret(s) && strings.Contains(in, s) && strings.Contains(streamed.String(), s) {
					t.Errorf("%q survives the writer in %q, made from %q", s, streamed.String(), in)
				}
			}
		}
	})
}

// FuzzJSONStaysValid: redacting JSON as text keeps it JSON as long as no secret
// is made of its syntax, and redacting it as JSON always does.
func FuzzJSONStaysValid(f *testing.F) {
	f.Add("hunter2!", `{"Authorization":"Bearer \"x\"","text":"Cookie: a=\"b\"\n http://u:p@h"}`)
	f.Add("a\"b\\c", `{"s":"{\"Authorization\":\"a\\\"b\",\"n\":1}","cookie":["a",{"b":"c"}]}`)
	f.Add("word", `["word","cookie=\\","cookie: \"",{"cookie":-1e5,"a":"b@c://d@e"}]`)
	f.Fuzz(func(t *testing.T, value, text string) {
		if !json.Valid([]byte(text)) {
			t.Skip()
		}
		r := New()
		r.Add("V", value)
		if out := JSON([]byte(text), r.Bytes, nil); !json.Valid(out) {
			t.Errorf("as JSON: %s became %s", text, out)
		}
		if strings.ContainsAny(value, "\"\\{}[],:") || strings.ContainsFunc(value, func(c rune) bool { return c < 'A' }) {
			return // may be a piece of syntax, or of a number or an escape
		}
		for _, word := range []string{"true", "false", "null", "u", "e"} {
			if strings.Contains(word, value) || strings.Contains(strings.ToLower(value), word) {
				return // or of a literal
			}
		}
		if out := r.String(text); !json.Valid([]byte(out)) {
			t.Errorf("as text: %s became %s", text, out)
		}
	})
}

func BenchmarkBytes(b *testing.B) {
	r := New()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		r.Add(fmt.Sprintf("SECRET_%d", i), fmt.Sprintf("value-%d-%x", i, random.Uint64()))
	}
	line := `2026-11-30T09:15:00Z INFO request served method=GET path=/v1/catalogue status=200 took=12ms mail=a@b` + "\n"
	text := []byte(strings.Repeat(line, 10_000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Bytes(text)
	}
}

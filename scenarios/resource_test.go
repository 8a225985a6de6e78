package scenarios

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestParseCores(t *testing.T) {
	for text, want := range map[string]Cores{"0.5": 0.5, "2": 2, "500m": 0.5, "1500 m": 1.5, "1m": 0.001, "1024": 1024, "333m": 0.333, "1e1": 10} {
		if got, err := ParseCores(text); err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "m", "0", "0m", "0.0009", "-1", "1025", "2 cores", "1M", "nan", "inf", "0x1", "1e999", "mm", "50%"} {
		if got, err := ParseCores(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
	if got := Cores(0.0015).Milli(); got != 2 {
		t.Errorf("0.0015 cores are %dm", got)
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]Bytes{
		"1KiB": 1 << 10, "512MiB": 512 << 20, "1.5GiB": 3 << 29, "2GB": 2e9, "64 kB": 64000, "64KB": 64000, "1024TiB": 1 << 50, "3 MiB": 3 << 20, "1TB": 1e12,
	} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "512", "512M", "512m", "512Mi", "MiB", "0MiB", "1023B", "-1MiB", "1025TiB", "1e99GB", "nanMiB", "1 000MiB", "1KB"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q: got %s", text, got)
		}
	}
	for b, want := range map[Bytes]string{1 << 10: "1KiB", 3 << 29: "1536MiB", 1 << 30: "1GiB", 2e9: "1953125KiB", 1500: "1.46484375KiB", 1 << 50: "1024TiB"} {
		if got := b.String(); got != want {
			t.Errorf("%d: %s, want %s", b, got, want)
		}
	}
}

func TestParseValue(t *testing.T) {
	for text, want := range map[string]Value{
		"50": {50, ""}, "0.5": {0.5, ""}, "0": {}, "50%": {50, "%"}, "250%": {250, "%"}, "40/s": {40, "/s"}, "90/min": {1.5, "/s"},
		"64MiB": {64 << 20, "B"}, "250ms": {0.25, "s"}, "2m": {120, "s"}, "290ms": {0.29, "s"}, "1d": {86400, "s"}, "7 %": {7, "%"},
	} {
		if got, err := ParseValue(text); err != nil || got != want {
			t.Errorf("%q: got %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-5", "-5%", "-5/s", "-1s", "%", "/s", "1e16", "nan", "5 apples", "64M"} {
		if got, err := ParseValue(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
	if got := (Value{1.001, "s"}).String(); got != "1.001s" { // in floating point it is a bit less
		t.Errorf("1.001 seconds are %s", got)
	}
}

// What a quantity is written as is read as the same quantity.
func TestResourcesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cores := Cores(rapid.Float64Range(0.001, 1024).Draw(t, "cores"))
		if got, err := ParseCores(cores.String()); err != nil || got != cores {
			t.Fatalf("%v: %v, %v", cores, got, err)
		}
		bytes := Bytes(rapid.OneOf(
			rapid.Int64Range(1<<10, 1<<50),
			rapid.Map(rapid.Int64Range(1, 1<<30), func(n int64) int64 { return n << 20 }),
		).Draw(t, "bytes"))
		if got, err := ParseBytes(bytes.String()); err != nil || got != bytes {
			t.Fatalf("%d: %s, %d, %v", bytes, bytes, got, err)
		}
	})
}

// A value that was read is read again from what it is written as; of seconds,
// a nanosecond may be lost.
func TestValuesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.StringMatching(`[0-9]{1,6}(\.[0-9]{1,4})?(%|/s|/min|MiB|kB|ms|s|h)?`),
			rapid.StringMatching(`.{0,8}`),
		).Draw(t, "text")
		v, err := ParseValue(text)
		if err != nil {
			return
		}
		again, err := ParseValue(v.String())
		same := again == v || v.Unit == "s" && again.Unit == "s" && math.Abs(again.Number-v.Number) < 2e-9
		if err != nil || !same {
			t.Fatalf("%q: %+v is written %s, which is %+v, %v", text, v, v, again, err)
		}
	})
}

func TestResourceClassOr(t *testing.T) {
	part, whole := ResourceClass{Memory: 5}, ResourceClass{CPUs: 1, Memory: 2}
	if got := part.Or(whole); got != (ResourceClass{CPUs: 1, Memory: 5}) {
		t.Errorf("got %+v", got)
	}
	if !(ResourceClass{}).IsZero() || part.IsZero() {
		t.Error("a class is zero if nothing of it is set")
	}
}

func TestParseSeries(t *testing.T) {
	for text, want := range map[string]string{
		"up": "up", " a:b_1 ": "a:b_1", `d{q="orders"}`: `d{q="orders"}`, `d { q = "a,b}" , r="\"\\\n" , }`: `d{q="a,b}",r="\"\\\n"}`, "d{}": "d", `d{q=""}`: `d{q=""}`,
	} {
		if got, err := parseSeries(text); err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1d", "d e", "d{q=orders}", `d{q!="a"}`, `d{q=~"a"}`, `d{q="a"`, `d{q="a}`, `d{q="a",q="b"}`, `d{q="a" r="b"}`, `d{,}`, `d{q="\t"}`, "d{q=\"a\n\"}", "rate(d[1m])", "d-e"} {
		if got, err := parseSeries(text); err == nil {
			t.Errorf("%s: got %s", text, got)
		}
	}
}

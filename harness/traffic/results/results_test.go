package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	vegeta "github.com/tsenart/vegeta/v12/lib"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var formats = []string{Gob, JSON, CSV}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestFormatOf(t *testing.T) {
	for file, want := range map[string]string{
		"a.json": JSON, "b/c.JSON": JSON, "d.csv": CSV, "e.gob": Gob, "f.bin": Gob, "g": Gob, "json": Gob, "": Gob,
	} {
		if got := FormatOf(file); got != want {
			t.Errorf("%q is %s, want %s", file, got, want)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := New(io.Discard, "xml"); err == nil || !strings.Contains(err.Error(), `"xml": it can be gob, json or csv`) {
		t.Error(err)
	}
}

// What is written reads the same with vegeta's own decoders, which find the
// format out by themselves.
func TestRoundTrip(t *testing.T) {
	text := rapid.StringMatching(`[ -~äß]{0,20}`)
	result := rapid.Custom(func(t *rapid.T) Result {
		return Result{
			Seq:       rapid.Uint64().Draw(t, "seq"),
			Timestamp: start.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "at"))),
			Latency:   time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "latency")),
			Attack:    "shop/" + text.Draw(t, "attack"), Code: rapid.SampledFrom([]int{0, 200, 404, 503}).Draw(t, "code"),
			BytesIn: rapid.Int64Range(0, math.MaxInt64).Draw(t, "in"), BytesOut: rapid.Int64Range(0, math.MaxInt64).Draw(t, "out"),
			Error: text.Draw(t, "error"), Method: "GET", URL: URL("api", "/cart"),
		}
	})
	for _, format := range formats {
		t.Run(format, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				all := rapid.SliceOfN(result, 1, 20).Draw(rt, "results")
				var file bytes.Buffer
				fill(rt, &file, format, all)
				got := read(rt, &file)
				if len(got) != len(all) {
					rt.Fatalf("%d results, want %d", len(got), len(all))
				}
				for i, r := range all {
					if !got[i].Equal(*r.encoded()) || !got[i].Timestamp.Equal(r.Timestamp) || got[i].Latency != r.Latency || got[i].Attack != r.Attack {
						rt.Fatalf("%+v, want %+v", got[i], r)
					}
				}
			})
		})
	}
}

type fataler interface {
	Helper()
	Fatal(...any)
}

func fill(t fataler, to io.Writer, format string, all []Result) {
	t.Helper()
	w, err := New(to, format)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		w.Add(r)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t fataler, from io.Reader) []vegeta.Result {
	t.Helper()
	decode := vegeta.DecoderFor(from)
	if decode == nil {
		t.Fatal("vegeta does not know the format")
	}
	var all []vegeta.Result
	for {
		var r vegeta.Result
		err := decode(&r)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
}

// attack is so many requests at 1,000/s of two steps, every tenth of them wrong,
// in the order in which they end.
func attack(n int) []Result {
	random := rand.New(rand.NewPCG(1, 1))
	var sequences [2]Sequence
	var all []Result
	for i := range n {
		step := i % 2
		r := Result{
			Attack: "shop/" + []string{"list", "pay"}[step], Method: "GET", URL: URL("api", "/items?token=secret"),
			Latency: time.Duration(1e6 * (1 + 20*random.ExpFloat64())), Code: 200, BytesIn: 100, BytesOut: 10,
		}
		// Every seventh is got to a little before its turn.
		r.Seq, r.Timestamp = sequences[step].Next(start.Add(time.Duration(i)*time.Millisecond - time.Duration(i%7/6)*2001*time.Microsecond))
		if i%10 == 0 { // of shop/list all
			r.Code, r.Error = 503, "status 503"
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b Result) int {
		return a.Timestamp.Add(a.Latency).Compare(b.Timestamp.Add(b.Latency))
	})
	return all
}

// vegeta comes to the figures that the histograms come to.
func TestMetricsAgree(t *testing.T) {
	all := attack(20_000)
	h := hdrhistogram.New(1, 600_000_000, 3)
	for _, r := range all {
		_ = h.RecordValue(r.Latency.Microseconds())
	}
	for _, format := range formats {
		var file bytes.Buffer
		fill(t, &file, format, all)
		if bytes.Contains(file.Bytes(), []byte("secret")) {
			t.Errorf("%s: there is a query in it", format)
		}
		var m vegeta.Metrics
		for _, r := range read(t, &file) {
			m.Add(&r)
		}
		m.Close()
		if m.Requests != 20_000 || m.Success != 0.9 || m.StatusCodes["503"] != 2000 || m.BytesIn.Total != 2_000_000 {
			t.Errorf("%s: %d requests, success %v, %v", format, m.Requests, m.Success, m.StatusCodes)
		}
		for q, got := range map[float64]time.Duration{50: m.Latencies.P50, 95: m.Latencies.P95, 99: m.Latencies.P99} {
			want := float64(h.ValueAtPercentile(q)) * 1e3
			if math.Abs(float64(got)-want) > 0.01*want { // vegeta's own digest is an estimate
				t.Errorf("%s: p%v is %v to vegeta, %v here", format, q, got, time.Duration(want))
			}
		}
	}
}

// plottable holds results to what `vegeta plot` asks of them: of each attack,
// every number from 0 on, and by number timestamps that never go back.
func plottable(all []vegeta.Result) error {
	byAttack := map[string][]vegeta.Result{}
	for _, r := range all {
		byAttack[r.Attack] = append(byAttack[r.Attack], r)
	}
	for name, results := range byAttack {
		slices.SortFunc(results, func(a, b vegeta.Result) int { return int(a.Seq) - int(b.Seq) })
		for i, r := range results {
			if r.Seq != uint64(i) {
				return fmt.Errorf("%s: %d comes after %d results", name, r.Seq, i)
			}
			if i > 0 && r.Timestamp.Before(results[i-1].Timestamp) {
				return fmt.Errorf("%s: %d is before %d", name, i, i-1)
			}
		}
	}
	return nil
}

func TestResultsCanBePlotted(t *testing.T) {
	var file bytes.Buffer
	fill(t, &file, Gob, attack(5000))
	if err := plottable(read(t, &file)); err != nil {
		t.Error(err)
	}
}

// The command itself, where there is one.
func TestTheCommandReadsThem(t *testing.T) {
	command, err := exec.LookPath("vegeta")
	if err != nil {
		t.Skip("no vegeta command here")
	}
	for _, format := range formats {
		file := filepath.Join(t.TempDir(), "results."+format)
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, f, format, attack(5000))
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		report, err := exec.Command(command, "report", file).CombinedOutput()
		if err != nil || !strings.Contains(string(report), "200:4500  503:500") {
			t.Errorf("vegeta report of %s: %v\n%s", format, err, report)
		}
		t.Logf("%s", report)
		plot, err := exec.Command(command, "plot", file).CombinedOutput()
		if err != nil || !strings.Contains(string(plot), "shop/pay: OK") {
			t.Errorf("vegeta plot of %s: %v\n%.500s", format, err, plot)
		}
	}
}

func TestAddressesAreWithoutSecrets(t *testing.T) {
	for address, want := range map[string]string{
		"http://api/a/b?token=x":      "http://api/a/b",
		"http://api/a#frag":           "http://api/a",
		"http://user:pass@api/a?b=@c": "http://api/a",
		"http://api/~me@home":         "http://api/~me@home",
		"http://%zz:pass@api":         "",
	} {
		if got := plain(address); got != want {
			t.Errorf("%q becomes %q, want %q", address, got, want)
		}
	}
}

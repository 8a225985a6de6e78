package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"
)

// What is written is read back exactly: names, nanoseconds and every count.
func TestLatencyRoundTrip(t *testing.T) {
	name := rapid.StringN(0, 12, 40)
	rapid.Check(t, func(rt *rapid.T) {
		from := time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(rt, "from"))
		want := Interval{
			Tag: Tag{
				Phase: name.Draw(rt, "phase"), Cohort: name.Draw(rt, "cohort"), Tier: name.Draw(rt, "tier"),
				Journey: name.Draw(rt, "journey"), Step: name.Draw(rt, "step"), Instance: name.Draw(rt, "instance"),
				Measure: rapid.SampledFrom([]string{Response, Service, Lag, Waited}).Draw(rt, "measure"),
			},
			From: from, To: from + time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(rt, "length")),
			Histogram: NewHistogram(),
		}
		for _, v := range rapid.SliceOfN(rapid.Int64Range(1, 600_000_000), 0, 50).Draw(rt, "values") {
			if err := want.Histogram.RecordValue(v); err != nil {
				rt.Fatal(err)
			}
		}
		line, err := encodeInterval(want)
		if err != nil {
			rt.Fatal(err)
		}
		have, err := decodeInterval(bytes.TrimSuffix(line, []byte("\n")), tags{})
		if err != nil {
			rt.Fatalf("%s: %v", line, err)
		}
		if have.Tag != want.Tag || have.From != want.From || have.To != want.To {
			rt.Fatalf("have %v %v-%v, want %v %v-%v", have.Tag, have.From, have.To, want.Tag, want.From, want.To)
		}
		sum := NewHistogram()
		have.AddTo(sum)
		if !sum.Equals(want.Histogram) || have.Count() != want.Count() {
			rt.Fatal("another histogram came back")
		}
	})
}

// Other readers of HdrHistogram logs, of which the library's is one, find the
// same in it.
func TestLatencyIsAStandardLog(t *testing.T) {
	dir := t.TempDir()
	before := time.Now().Unix()
	w := mustCreate(t, dir, nil)
	tags := []Tag{
		{Phase: "surge", Cohort: "free tier", Tier: "pro/team", Journey: "shop", Step: "add, then pay", Instance: "api-2", Measure: Response},
		{Phase: "surge", Cohort: "free tier", Journey: "shop", Measure: Lag},
	}
	for i, tag := range tags {
		h := NewHistogram()
		if err := h.RecordValues(1234, int64(i+1)); err != nil {
			t.Fatal(err)
		}
		at := time.Duration(i) * 1500 * time.Millisecond
		if err := w.Latency(Interval{Tag: tag, From: at, To: at + time.Second, Histogram: h}); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, w)
	f, err := os.Open(filepath.Join(dir, LatencyFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	log := hdrhistogram.NewHistogramLogReader(f)
	for i, tag := range tags {
		h, err := log.NextIntervalHistogram()
		if err != nil || h == nil {
			t.Fatalf("interval %d: %v, %v", i, h, err)
		}
		parsed, err := ParseTag(h.Tag())
		if err != nil || parsed != tag {
			t.Errorf("tag %q: %v, %v", h.Tag(), parsed, err)
		}
		if h.TotalCount() != int64(i+1) || !h.ValuesAreEquivalent(h.Max(), 1234) {
			t.Errorf("interval %d: %d values, highest %d", i, h.TotalCount(), h.Max())
		}
		if s := h.StartTimeMs() / 1000; s < before+int64(i) || s > before+int64(i)+60 {
			t.Errorf("interval %d starts at %d, the run at %d", i, s, before)
		}
	}
}

// Logs from before there were tiers and instances have tags of five parts.
func TestTags(t *testing.T) {
	for _, test := range []struct {
		text string
		want Tag
	}{
		{"surge/free/shop/pay/response", Tag{Phase: "surge", Cohort: "free", Journey: "shop", Step: "pay", Measure: Response}},
		{"surge/free/shop//lag", Tag{Phase: "surge", Cohort: "free", Journey: "shop", Measure: Lag}},
		{"surge/free/pro/shop/pay/api-2/response",
			Tag{Phase: "surge", Cohort: "free", Tier: "pro", Journey: "shop", Step: "pay", Instance: "api-2", Measure: Response}},
		{"surge/big%2Fold//shop/poll//waited", Tag{Phase: "surge", Cohort: "big/old", Journey: "shop", Step: "poll", Measure: Waited}},
	} {
		if have, err := ParseTag(test.text); err != nil || have != test.want {
			t.Errorf("%s: %+v, %v", test.text, have, err)
		}
		if parts := strings.Count(test.want.String(), "/") + 1; parts != 7 {
			t.Errorf("%s was written with %d parts", test.want, parts)
		}
	}
	for _, bad := range []string{"", "a/b/c/d", "a/b/c/d/e/f", "a/b/c/d/e/f/g/h", "a/b/c/d/e/f/%zz"} {
		if tag, err := ParseTag(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, tag)
		}
	}
}

func TestLatencyDamaged(t *testing.T) {
	good, err := encodeInterval(Interval{Tag: Tag{Measure: Lag}, To: time.Second, Histogram: NewHistogram()})
	if err != nil {
		t.Fatal(err)
	}
	line := string(good)
	payload := line[strings.LastIndex(line, ",")+1:]
	for name, test := range map[string]struct {
		log     string
		damaged int
		cut     bool
	}{
		"comments and legend": {"#[x\n\"StartTimestamp\"\n" + line, 0, false},
		"cut off":             {line + line[:len(line)/2], 0, true},
		"no tag":              {line + "0.0,1.0,0.0," + payload, 1, false},
		"short tag":           {line + "Tag=a/b,0.0,1.0,0.0," + payload, 1, false},
		"bad escape":          {line + "Tag=%zz////lag,0.0,1.0,0.0," + payload, 1, false},
		"negative time":       {line + "Tag=////lag,-1.0,1.0,0.0," + payload, 1, false},
		"not a time":          {line + "Tag=////lag,NaN,1.0,0.0," + payload, 1, false},
		"endless":             {line + "Tag=////lag,0.0,1e300,0.0," + payload, 1, false},
		"bad payload":         {line + "Tag=////lag,0.0,1.0,0.0,HIST\n", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			rec := mustOpen(t, writeFiles(t, "", test.log))
			if len(rec.Latency) != 1 || rec.Damaged != test.damaged {
				t.Errorf("%d intervals, %d damaged: %q", len(rec.Latency), rec.Damaged, rec.Problems)
			}
			if cut := strings.Contains(strings.Join(rec.Problems, ""), "cut off"); cut != test.cut {
				t.Errorf("cut off: %v, problems %q", cut, rec.Problems)
			}
		})
	}
}

// The histogram belongs to the caller: it may be reset as soon as Latency has
// returned, and is not changed by it.
func TestLatencyLeavesTheHistogramAlone(t *testing.T) {
	dir := t.TempDir()
	w := mustCreate(t, dir, nil)
	h := NewHistogram()
	for i := range 3 {
		if err := h.RecordValues(1000, int64(i+1)); err != nil {
			t.Fatal(err)
		}
		if err := w.Latency(Interval{Tag: Tag{Measure: Response}, From: time.Duration(i), To: time.Duration(i), Histogram: h}); err != nil {
			t.Fatal(err)
		}
		if h.TotalCount() != int64(i+1) || h.Tag() != "" {
			t.Errorf("the histogram was changed: %d values, tag %q", h.TotalCount(), h.Tag())
		}
		h.Reset()
	}
	mustClose(t, w)
	for i, have := range mustOpen(t, dir).Latency {
		if have.Count() != int64(i+1) {
			t.Errorf("interval %d has %d values", i, have.Count())
		}
	}
}

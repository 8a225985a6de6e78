package scrape_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/harness/observe/scrape"
	"github.com/shakedown-dev/shakedown/harness/observe/store"
)

// BenchmarkScraping is what scraping 50 instances with 500 series each once a second
// costs: shares of a core, the memory of the process at its end, and closing. One
// iteration is ten seconds; -benchtime 6x is a minute.
func BenchmarkScraping(b *testing.B) {
	const targets, series = 50, 500
	s, err := store.Create(filepath.Join(b.TempDir(), "metrics"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	scraper, err := scrape.New(scrape.Options{
		Every: time.Second,
		Store: s.Appendable(time.Now),
		Phase: func() string { return "surge" },
		Fetch: func(context.Context, string, int, string) ([]byte, error) {
			var page strings.Builder
			for i := range series {
				if i%10 == 0 {
					fmt.Fprintf(&page, "# HELP requests_%d_total Requests.\n# TYPE requests_%d_total counter\n", i/10, i/10)
				}
				fmt.Fprintf(&page, "requests_%d_total{route=\"/orders/%d\",code=\"200\"} %d\n", i/10, i%10, time.Now().UnixMilli()%1e6)
			}
			return []byte(page.String()), nil
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	all := make([]scrape.Target, targets)
	for i := range all {
		all[i] = scrape.Target{Service: fmt.Sprint("service-", i%10), Instance: fmt.Sprint("instance-", i), Path: "/metrics"}
	}
	scraper.Update(all)
	before, start := cpu(b), time.Now()
	for b.Loop() {
		time.Sleep(10 * time.Second)
	}
	b.ReportMetric(100*(cpu(b)-before).Seconds()/time.Since(start).Seconds(), "%core")
	b.ReportMetric(resident(b), "MiB")
	if err := scraper.Close(); err != nil {
		b.Fatal(err)
	}
	start = time.Now()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s/close")
}

// cpu is what the process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// resident is the memory of the process now; 0 where /proc does not tell.
func resident(b *testing.B) float64 {
	var pages, resident float64
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &pages, &resident); err != nil {
		b.Fatal(err)
	}
	return resident * float64(os.Getpagesize()) / (1 << 20)
}

package replay

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// BenchmarkAccessLog reads a log of a million lines, as long as real ones are,
// with 20,000 different paths and a hundred requests a second.
func BenchmarkAccessLog(b *testing.B) {
	const lines = 1_000_000
	file := filepath.Join(b.TempDir(), "access.log")
	size := writeAccessLog(b, file, lines)
	b.SetBytes(size)
	for b.Loop() {
		before := heap()
		r, err := Read(file, Options{Service: "api"})
		if err != nil || len(r.Requests) != lines {
			b.Fatalf("%d requests, %v", len(r.Requests), err)
		}
		b.ReportMetric(float64(heap()-before)/lines, "B/request")
		runtime.KeepAlive(r)
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

func writeAccessLog(b *testing.B, file string, lines int) int64 {
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	random := rand.New(rand.NewPCG(1, 2))
	w := bufio.NewWriter(f)
	start := time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)
	for i := range lines {
		fmt.Fprintf(w, "203.0.113.%d - - [%s] \"GET /v1/products/%d?page=%d HTTP/1.1\" 200 %d \"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"\n",
			random.IntN(256), start.Add(time.Duration(i)*10*time.Millisecond).Format(clf), random.IntN(2000), random.IntN(10), random.IntN(90000))
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// heap is what is in use after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

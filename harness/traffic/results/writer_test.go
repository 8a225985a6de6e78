package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// gate is a file system that lets nothing through until it is opened.
type gate struct {
	bytes.Buffer
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(p)
}

// When the file system stands still, Add goes on; what does not fit is counted,
// and what fits is written.
func TestASlowFileSystemLosesCountedResultsOnly(t *testing.T) {
	file := &gate{open: make(chan struct{})}
	w, err := New(file, Gob)
	if err != nil {
		t.Fatal(err)
	}
	const added = (batches + 10) * batchSize
	for i := range added {
		w.Add(Result{Seq: uint64(i), Timestamp: start, Attack: "shop/list"})
	}
	close(file.open)
	err = w.Close()
	written := len(read(t, &file.Buffer))
	if written < batches*batchSize || written > (batches+2)*batchSize {
		t.Errorf("%d results are written", written)
	}
	if want := fmt.Sprintf("%d of them are left out", added-written); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// full takes so many bytes.
type full struct{ room int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestAFullFileSystem(t *testing.T) {
	for _, format := range formats {
		w, err := New(&full{room: 100_000}, format)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 10 * batchSize {
			w.Add(Result{Seq: uint64(i), Timestamp: start, Attack: "shop/list", URL: "http://api/items"})
		}
		if err := w.Close(); !errors.Is(err, errFull) || !strings.Contains(err.Error(), "some or all are missing") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// pieces counts the writes.
type pieces struct{ n int }

func (p *pieces) Write(b []byte) (int, error) {
	p.n++
	return len(b), nil
}

// What comes seldom is written nonetheless while the run goes on.
func TestResultsOfASlowRunAreWritten(t *testing.T) {
	var file pieces
	w, err := New(&file, JSON)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		w.Add(Result{Timestamp: start.Add(time.Duration(i) * handOver)})
	}
	if err := w.Close(); err != nil || file.n != 5 {
		t.Errorf("%v, 5 results in %d pieces", err, file.n)
	}
}

func TestNoResults(t *testing.T) {
	var file bytes.Buffer
	w, err := New(&file, CSV)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || file.Len() > 0 {
		t.Errorf("%v, %d bytes", err, file.Len())
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, format := range formats {
		b.Run(format, func(b *testing.B) {
			w, err := New(io.Discard, format)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				w.Add(Result{
					Seq: uint64(i), Timestamp: start.Add(time.Duration(i) * 10 * time.Microsecond), Latency: time.Millisecond,
					Attack: "shop/list", Code: 200, Method: "GET", URL: "http://api/items",
				})
			}
			b.ReportMetric(float64(w.leftOut)/float64(b.N), "left-out/op")
			_ = w.Close() // may have left some out
		})
	}
}

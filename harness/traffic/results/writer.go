package results

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	batchSize = 512 // results
	// batches is how many of them wait to be written at most: some 10 MB, more
	// than a second of the highest rate that is worth writing down one by one.
	batches = 128
	// handOver is the longest time, by timestamps, that a result stays with Add
	// while others come.
	handOver = time.Second
)

// A Writer writes results. Add and Close are for one thread; a goroutine of the
// Writer's encodes and writes. What it takes of memory is bounded: when w cannot
// follow, results are left out, and Close says how many.
type Writer struct {
	open    []Result
	leftOut int

	queue chan []Result // to the goroutine
	empty chan []Result // back from it
	done  chan struct{} // closed when it is gone

	// The goroutine's own, until done is closed.
	buffer *bufio.Writer
	encode vegeta.Encoder
	err    error // the first that happened
	lost   int   // results of the batch in which it happened, and of all after it
}

// New makes a writer of results to w in one of the formats. Close it.
func New(w io.Writer, format string) (*Writer, error) {
	buffer := bufio.NewWriterSize(w, 64<<10)
	encode, err := encoderFor(buffer, format)
	if err != nil {
		return nil, err
	}
	rw := &Writer{
		open:  make([]Result, 0, batchSize),
		queue: make(chan []Result, batches), empty: make(chan []Result, batches+1),
		done:   make(chan struct{}),
		buffer: buffer, encode: encode,
	}
	go rw.run()
	return rw, nil
}

// Add takes a result. It costs some nanoseconds and never waits.
func (w *Writer) Add(r Result) {
	if w.full(r.Timestamp) && !w.pass() && len(w.open) == cap(w.open) {
		w.leftOut++
		return
	}
	w.open = append(w.open, r)
}

// full tells whether what is open is to be handed over.
func (w *Writer) full(now time.Time) bool {
	return len(w.open) == cap(w.open) || len(w.open) > 0 && now.Sub(w.open[0].Timestamp) >= handOver
}

// pass hands over what is open, unless too much is waiting already.
func (w *Writer) pass() bool {
	select {
	case w.queue <- w.open:
	default:
		return false
	}
	select {
	case w.open = <-w.empty:
	default:
		w.open = make([]Result, 0, batchSize)
	}
	return true
}

// Close waits until everything that was taken is written, however long that
// takes, and tells what is missing. It does not close what New was given. Call
// it once.
func (w *Writer) Close() error {
	w.queue <- w.open
	close(w.queue)
	<-w.done
	var errs []error
	if w.err != nil {
		errs = append(errs, fmt.Errorf("write results: %w; of the last %d of them some or all are missing", w.err, w.lost))
	}
	if w.leftOut > 0 {
		errs = append(errs, fmt.Errorf("write results: %d of them are left out: the file system could not follow", w.leftOut))
	}
	return errors.Join(errs...)
}

func (w *Writer) run() {
	defer close(w.done)
	for batch := range w.queue {
		w.write(batch)
		clear(batch) // lets go of the strings
		select {
		case w.empty <- batch[:0]:
		default:
		}
	}
}

// write encodes a batch. Some of one in which something goes wrong may have come
// through; all of it counts as lost.
func (w *Writer) write(batch []Result) {
	for i := range batch {
		if w.err != nil {
			break
		}
		w.err = w.encode(batch[i].encoded())
	}
	if w.err == nil {
		w.err = w.buffer.Flush()
	}
	if w.err != nil {
		w.lost += len(batch)
	}
}

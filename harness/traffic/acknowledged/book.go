// Package acknowledged keeps what a system has confirmed to its clients: for
// each ledger of a plan the keys of the requests that succeeded, one a line in
// a file of the run directory. The driver adds them while it drives; when
// traffic has ended they are held against what the system has.
package acknowledged

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
)

const (
	chunkSize = 64 << 10 // bytes of keys that are handed over together
	// chunks is how many of them wait to be written at most: 8 MiB, which is some
	// seconds of the highest rate that is worth comparing.
	chunks = 128
	// headSize is the most that is in front of a key in a chunk.
	headSize = 2 * binary.MaxVarintLen32
)

// A Book takes keys of ledgers, which are named by their index in the plan. A
// goroutine of the Book's writes them down. What it takes of memory is bounded:
// what cannot be taken, because the file system cannot follow or fails, counts
// as lost.
//
// Add and Lose are for one thread. Close follows on any; Lost and Read are for
// after it. Text may be called at any time from any number of goroutines.
type Book struct {
	dir    string
	names  []string // of the files, by ledger; "" where no keys are taken
	redact func(string) string
	seed   maphash.Seed

	open []byte // keys that are not handed over yet
	lost []int  // by ledger

	queue chan []byte // to the goroutine
	empty chan []byte // back from it
	done  chan struct{}

	// The goroutine's own, until done is closed.
	files     []io.WriteCloser // by ledger; nil where no keys are taken
	lines     [][]byte         // by ledger, of the chunk in hand
	keys      []int            // of the chunk in hand
	unwritten []int            // by ledger
	errs      []error          // by ledger, the first that happened
}

// Create makes a file in dir for every ledger that takes keys, and dir itself
// if there is one. Keys pass through redact (nil: they do not) before they are
// written. Close the Book.
func Create(dir string, ledgers []scenarios.PlannedLedger, redact func(string) string) (*Book, error) {
	b := newBook(dir, ledgers, redact)
	for i, name := range b.names {
		if name == "" {
			continue
		}
		file, err := b.create(name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create the file for the acknowledgements of %s: %w", ledgers[i].ID, err), b.closeFiles())
		}
		b.files[i] = file
	}
	go b.run()
	return b, nil
}

func newBook(dir string, ledgers []scenarios.PlannedLedger, redact func(string) string) *Book {
	n := len(ledgers)
	b := &Book{
		dir: dir, names: make([]string, n), redact: redact, seed: maphash.MakeSeed(),
		open: make([]byte, 0, chunkSize), lost: make([]int, n),
		queue: make(chan []byte, chunks), empty: make(chan []byte, chunks+1), done: make(chan struct{}),
		files: make([]io.WriteCloser, n), lines: make([][]byte, n), keys: make([]int, n),
		unwritten: make([]int, n), errs: make([]error, n),
	}
	for i := range ledgers {
		if ledgers[i].Journey != "" {
			b.names[i] = fileName(ledgers[i].ID)
		}
	}
	return b
}

func (b *Book) create(name string) (*os.File, error) {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(b.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
}

// fileName is the name of the file of a ledger: its ID, with a + for each slash.
// No two IDs have the same.
func fileName(id string) string {
	var name strings.Builder
	for _, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		switch {
		case letter || c == '.' || c == '_' || c == '-':
			name.WriteByte(c)
		case c == '/':
			name.WriteByte('+')
		default:
			fmt.Fprintf(&name, "%%%02X", c)
		}
	}
	return name.String() + ".txt"
}

// Takes tells whether keys of a ledger are written down.
func (b *Book) Takes(ledger int) bool { return b != nil && b.names[ledger] != "" }

// Add takes a key of a ledger that Takes. It costs some nanoseconds and never
// waits.
func (b *Book) Add(ledger int, key string) {
	need := headSize + len(key)
	if need > chunkSize || len(b.open)+need > chunkSize && !b.pass() {
		b.lost[ledger]++
		return
	}
	b.open = binary.AppendUvarint(b.open, uint64(ledger))
	b.open = binary.AppendUvarint(b.open, uint64(len(key)))
	b.open = append(b.open, key...)
}

// Lose counts an acknowledgement whose key is not known.
func (b *Book) Lose(ledger int) { b.lost[ledger]++ }

// pass hands over what is open, unless too much is waiting already.
func (b *Book) pass() bool {
	select {
	case b.queue <- b.open:
	default:
		return false
	}
	select {
	case b.open = <-b.empty:
	default:
		b.open = make([]byte, 0, chunkSize)
	}
	return true
}

// Close waits until everything that was taken is written, however long that
// takes. Its error says what could not be written; that counts as lost.
// Call it once.
func (b *Book) Close() error {
	if b == nil {
		return nil
	}
	b.queue <- b.open
	close(b.queue)
	<-b.done
	errs := []error{b.closeFiles()}
	for i, err := range b.errs {
		if err != nil {
			errs = append(errs, fmt.Errorf("write acknowledgements to %s: %w", b.names[i], err))
		}
	}
	return errors.Join(errs...)
}

func (b *Book) closeFiles() error {
	var errs []error
	for _, file := range b.files {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}

func (b *Book) run() {
	defer close(b.done)
	for chunk := range b.queue {
		b.write(chunk)
		select {
		case b.empty <- chunk[:0]:
		default:
		}
	}
}

// write writes the keys of a chunk, those of a ledger at once. Some of those in
// whose writing something goes wrong may have come through; all count as lost.
func (b *Book) write(chunk []byte) {
	for len(chunk) > 0 {
		ledger, n := binary.Uvarint(chunk)
		length, m := binary.Uvarint(chunk[n:])
		key := chunk[n+m:][:length]
		chunk = chunk[n+m+int(length):]
		b.keys[ledger]++
		if b.errs[ledger] == nil {
			b.lines[ledger] = append(append(b.lines[ledger], b.Text(string(key))...), '\n')
		}
	}
	for i, n := range b.keys {
		if n == 0 {
			continue
		}
		if b.errs[i] == nil {
			_, b.errs[i] = b.files[i].Write(b.lines[i])
		}
		if b.errs[i] != nil {
			b.unwritten[i] += n
		}
		b.keys[i], b.lines[i] = 0, b.lines[i][:0]
	}
}

// Lost is how many acknowledgements of a ledger are not in its file.
func (b *Book) Lost(ledger int) int { return b.lost[ledger] + b.unwritten[ledger] }

// Read calls each with the Text of every key of a ledger, in the order in which
// they were added; it is valid during the call. What each returns ends the
// reading.
func (b *Book) Read(ledger int, each func(text []byte) error) error {
	if !b.Takes(ledger) {
		return nil
	}
	file, err := os.Open(filepath.Join(b.dir, b.names[ledger]))
	if err != nil {
		return fmt.Errorf("read the acknowledgements: %w", withoutPath(err))
	}
	defer func() { _ = file.Close() }()        // only read
	lines := bufio.NewReaderSize(file, 64<<10) // longer than any line
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return nil // what was cut off by a full disk counts as lost
		case err != nil:
			return fmt.Errorf("read the acknowledgements: %w", withoutPath(err))
		}
		if err := each(line[:len(line)-1]); err != nil {
			return err
		}
	}
}

// withoutPath is the reason alone of an error about a file.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func (b *Book) digest(key string) uint64 { return maphash.String(b.seed, key) }

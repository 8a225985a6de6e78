package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// A Record is a run as read back.
type Record struct {
	// Events are in order of T; events of the same T in the order of writing.
	Events []Event
	// Latency is in the order of writing.
	Latency []Interval
	// Problems says, in words for a reader of the report, what of the files
	// could not be understood. What could be is in the record nonetheless.
	Problems []string
	// Damaged counts the lines that could not be read and so are missing here.
	// The last line of a run that was cut off is not among them.
	Damaged int
}

// maxProblems bounds how many bad lines of a file are named one by one.
const maxProblems = 20

// Open reads the journal of a run directory, also of a run that is still
// going on or that was cut off. It returns an error only when there is no
// journal or the file system fails; damage inside goes to Record.Problems.
func Open(dir string) (*Record, error) {
	rec, latencies := &Record{}, &Record{}
	var noEvents, noLatency error
	var both sync.WaitGroup // of hours, each takes a second to decode
	both.Go(func() { noLatency = latencies.load(dir, LatencyFile, latencies.readIntervals) })
	both.Go(func() { noEvents = rec.load(dir, EventsFile, rec.readEvents) })
	both.Wait()
	if errors.Is(noEvents, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s holds no %s: not the directory of a run, or one that ended before it began: %w",
			dir, EventsFile, noEvents)
	}
	if errors.Is(noLatency, fs.ErrNotExist) {
		latencies.Problems, noLatency = append(latencies.Problems, LatencyFile+" is missing: no latencies are known"), nil
	}
	if err := cmp.Or(noEvents, noLatency); err != nil {
		return nil, err
	}
	rec.Latency, rec.Damaged = latencies.Latency, rec.Damaged+latencies.Damaged
	rec.Problems = append(rec.Problems, latencies.Problems...)
	slices.SortStableFunc(rec.Events, func(a, b Event) int { return cmp.Compare(a.T, b.T) })
	return rec, nil
}

func (rec *Record) load(dir, name string, read func(*bufio.Reader, *problems) error) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	p := &problems{file: name}
	if err := read(bufio.NewReaderSize(f, 256<<10), p); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Join(dir, name), err)
	}
	rec.Problems = append(rec.Problems, p.list()...)
	rec.Damaged += len(p.bad) + p.more
	return nil
}

func (rec *Record) readEvents(r *bufio.Reader, p *problems) error {
	unknown := map[string]int{}
	var kinds []string // in order of appearance
	err := eachLine(r, func(n int, line []byte, cut bool, err error) {
		if line = bytes.TrimSpace(line); err == nil && len(line) == 0 {
			return
		}
		var e Event
		if err == nil {
			e, err = decode(line)
		}
		if err != nil {
			p.add(n, cut, err)
			return
		}
		if u, ok := e.Body.(Unknown); ok {
			if unknown[u.Type]++; unknown[u.Type] == 1 {
				kinds = append(kinds, u.Type)
			}
		}
		rec.Events = append(rec.Events, e)
	})
	for i, k := range kinds {
		if i == maxProblems {
			p.notes = append(p.notes, fmt.Sprintf("%s: and %d more kinds of events that this version does not know", p.file, len(kinds)-i))
			break
		}
		p.notes = append(p.notes, fmt.Sprintf("%s: %d events of kind %.60q, which this version does not know; they were not judged",
			p.file, unknown[k], k))
	}
	return err
}

func (rec *Record) readIntervals(r *bufio.Reader, p *problems) (err error) {
	rec.Latency, err = readLatency(r, p.add)
	return err
}

// problems collects what is wrong with one file.
type problems struct {
	file  string
	bad   []string // the first lines that could not be read
	more  int      // how many more there were
	notes []string
}

func (p *problems) add(line int, cut bool, err error) {
	switch {
	case cut:
		p.notes = append(p.notes, fmt.Sprintf("%s:%d: the last line is cut off: the run was stopped while it was being written", p.file, line))
	case len(p.bad) < maxProblems:
		p.bad = append(p.bad, fmt.Sprintf("%s:%d: left out a line that cannot be read: %.200v", p.file, line, err))
	default:
		p.more++
	}
}

func (p *problems) list() []string {
	list := p.bad
	if p.more > 0 {
		list = append(list, fmt.Sprintf("%s: and %d more lines that cannot be read", p.file, p.more))
	}
	return append(list, p.notes...)
}

// Ended tells whether the record comes to the end of the run; one that was cut off,
// as by a crash, does not.
func (rec *Record) Ended() bool {
	return slices.ContainsFunc(rec.Events, func(e Event) bool { _, ended := e.Body.(RunEnded); return ended })
}

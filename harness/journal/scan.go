package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Scan reads the events of some kinds from the directory of a run, in order of T, and
// the time of the last event of any kind. It is for whoever needs little of a long run:
// the latencies, and whatever stands in other events, are most of a journal and are not
// decoded. Lines that cannot be read are left out without a word; Open tells of them.
// Its errors are those of Open.
func Scan(dir string, kinds ...string) (events []Event, last time.Duration, err error) {
	rec := &Record{}
	err = rec.load(dir, EventsFile, func(r *bufio.Reader, _ *problems) error {
		return eachLine(r, func(_ int, line []byte, _ bool, err error) {
			if err != nil {
				return
			}
			line = bytes.TrimSpace(line)
			if e, ok := openFast(line); ok && !slices.Contains(kinds, e.Type) {
				last = max(last, time.Duration(*e.T))
				return
			}
			e, err := decode(line)
			if err != nil {
				return
			}
			last = max(last, e.T)
			if slices.Contains(kinds, e.Body.Kind()) {
				events = append(events, e)
			}
		})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("%s holds no %s: not the directory of a run, or one that ended before it began: %w", dir, EventsFile, err)
	}
	slices.SortStableFunc(events, func(a, b Event) int { return cmp.Compare(a.T, b.T) })
	return events, last, err
}

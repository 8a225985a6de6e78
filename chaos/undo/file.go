package undo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// record is a line of the write-ahead file. Harness and helper both append.
type record struct {
	At       time.Time `json:"at"`
	Register int       `json:"register,omitempty"`
	Step     *Step     `json:"step,omitempty"`
	Done     int       `json:"done,omitempty"`  // the harness undid it
	Taken    int       `json:"taken,omitempty"` // the helper did, or tried to
	By       string    `json:"by,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// journal appends records. It is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &journal{file: file}, nil
}

// write appends a record, in one piece; lasting waits until it is on the disk.
func (j *journal) write(r record, lasting bool) error {
	r.At = time.Now().UTC()
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if lasting {
		return j.file.Sync()
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }

// Pending are the steps in a write-ahead file that nobody has taken, or not with
// success, in the order of their registration. A file that is not there has none.
// A last line that was cut off was never confirmed, and does not count.
func Pending(path string) ([]Step, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	steps := map[int]Step{}
	var ids []int
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			if !strings.HasSuffix(line, "\n") {
				break
			}
			return nil, fmt.Errorf("%s, line %d: %w", path, number, err)
		}
		switch {
		case r.Register != 0 && r.Step != nil:
			steps[r.Register] = *r.Step
			ids = append(ids, r.Register)
		case r.Done != 0:
			delete(steps, r.Done)
		case r.Taken != 0 && r.Error == "":
			delete(steps, r.Taken)
		}
	}
	ids = slices.DeleteFunc(ids, func(id int) bool { _, ok := steps[id]; return !ok })
	pending := make([]Step, len(ids))
	for i, id := range ids {
		pending[i] = steps[id]
	}
	return pending, nil
}

package undo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/link/lines"
)

const (
	// beats is how many times in a lease the helper hears from the harness.
	beats = 4
	// patience bounds the wait for a confirmation, endPatience that for the end, in
	// which the helper may have steps to take.
	patience    = 5 * time.Second
	endPatience = 45 * time.Second
)

// Helper is the harness's end of the helper process. It is safe for concurrent
// use. It renews the lease by itself until it is closed.
type Helper struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *lines.Outbox
	file *journal
	gone chan struct{}

	mu      sync.Mutex
	lastID  int
	ready   chan error
	waiting map[int]chan struct{} // for a confirmation: by the step's number, negative for Done
	closing bool
	by      string
	taken   []Taken
	err     error // known once gone is closed
}

// Start starts a helper: a process of command, which has to call Serve, in a
// session of its own. What is registered is written to file as well.
func Start(command []string, file string, lease time.Duration) (*Helper, error) {
	h, err := launch(command, file, lease)
	if err != nil {
		return nil, fmt.Errorf("start the undo helper: %w", err)
	}
	return h, nil
}

func launch(command []string, path string, lease time.Duration) (*Helper, error) {
	if len(command) == 0 || lease <= 0 {
		return nil, fmt.Errorf("a command and a lease are needed; these are %q and %s", command, lease)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	file, err := openJournal(path)
	if err != nil {
		return nil, err
	}
	h := &Helper{cmd: exec.Command(command[0], command[1:]...), file: file, gone: make(chan struct{}), ready: make(chan error, 1), waiting: map[int]chan struct{}{}}
	h.cmd.SysProcAttr = ownSession()
	if err := h.run(hello{Protocol: protocol, Lease: lease, File: path}); err != nil {
		return nil, errors.Join(err, file.close())
	}
	go h.beat(lease)
	return h, nil
}

// run starts the process and waits until it is ready.
func (h *Helper) run(greeting hello) error {
	in, err := h.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := h.cmd.Start(); err != nil {
		return err
	}
	h.in, h.out = in, lines.NewOutbox(in)
	go h.read(out)
	_ = h.out.Add(word{Hello: &greeting}) // the reader sees why it fails
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err = <-h.ready:
	case <-h.gone:
		select {
		case err = <-h.ready: // its last word
		default:
			err = h.Err()
		}
	case <-timer.C:
		err = fmt.Errorf("it was not ready within %s", patience)
	}
	if err != nil {
		_ = h.cmd.Process.Kill()
		h.out.Close(0)
		<-h.gone
	}
	return err
}

// Register writes a step down and hands it over. It returns when the step is
// on the disk and the helper has confirmed it: only then the fault may be done.
func (h *Helper) Register(step Step) (id int, err error) {
	select {
	case <-h.gone:
		return 0, fmt.Errorf("register how to %s: %w", step, h.ended())
	default:
	}
	h.mu.Lock()
	h.lastID++
	id = h.lastID
	h.mu.Unlock()
	if err := h.file.write(record{Register: id, Step: &step}, true); err != nil {
		return 0, fmt.Errorf("write down how to %s: %w", step, err)
	}
	if err := h.tell(id, word{Register: id, Step: &step}); err != nil {
		_ = h.file.write(record{Done: id}, false) // nothing was done that it would undo
		return 0, fmt.Errorf("register how to %s: %w", step, err)
	}
	return id, nil
}

// Done takes a step back that is no longer needed. It is written down also where
// the helper is gone.
func (h *Helper) Done(id int) error {
	if err := h.file.write(record{Done: id}, false); err != nil {
		return fmt.Errorf("write down that step %d is done: %w", id, err)
	}
	if err := h.tell(-id, word{Done: id}); err != nil {
		return fmt.Errorf("take step %d back: %w", id, err)
	}
	return nil
}

// tell says something and waits for the confirmation.
func (h *Helper) tell(number int, w word) error {
	heard := make(chan struct{})
	h.mu.Lock()
	h.waiting[number] = heard
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.waiting, number)
		h.mu.Unlock()
	}()
	_ = h.out.Add(w) // the reader sees why it fails
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-heard:
		return nil
	case <-h.gone:
		return h.ended()
	case <-timer.C:
		return fmt.Errorf("the undo helper has not answered for %s", patience)
	}
}

// Gone is closed when the helper has ended.
func (h *Helper) Gone() <-chan struct{} { return h.gone }

// Err is why the helper has ended, nil for an orderly end and while it runs. It
// is ErrLease where the harness had hung.
func (h *Helper) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// ended is why a helper that is gone confirms nothing.
func (h *Helper) ended() error {
	if err := h.Err(); err != nil {
		return err
	}
	return errors.New("the undo helper was closed")
}

// Taken are the steps that the helper took.
func (h *Helper) Taken() []Taken {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken)
}

// Close ends the helper, which takes the steps that are still registered, and
// waits for it. It tells what could not be undone, and whether the helper had
// ended before. It is called once.
func (h *Helper) Close() error {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	h.out.Close(patience)
	_ = h.in.Close()
	timer := time.NewTimer(endPatience)
	defer timer.Stop()
	select {
	case <-h.gone:
		return errors.Join(h.Err(), h.file.close())
	case <-timer.C:
		return fmt.Errorf("the undo helper (process %d) has not ended within %s: it is still taking steps", h.cmd.Process.Pid, endPatience)
	}
}

// beat renews the lease.
func (h *Helper) beat(lease time.Duration) {
	tick := time.NewTicker(max(lease/beats, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-h.gone:
			return
		case <-tick.C:
			_ = h.out.Add(word{Renew: true}) // the reader sees why it fails
		}
	}
}

// read takes what the helper says until it ends.
func (h *Helper) read(out io.Reader) {
	in := lines.NewReader(out)
	for {
		line, err := in.Read()
		if err != nil {
			break
		}
		var r reply
		if json.Unmarshal(line, &r) == nil {
			h.hear(r)
		}
	}
	exit := h.cmd.Wait()
	h.mu.Lock()
	h.err = h.whyGone(exit)
	h.mu.Unlock()
	close(h.gone)
	h.out.Close(0)
}

func (h *Helper) hear(r reply) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case r.Error != "" || r.Ready != 0:
		h.greeted(r.Error)
	case r.Registered != 0:
		h.confirm(r.Registered)
	case r.Released != 0:
		h.confirm(-r.Released)
	case r.Taken != nil:
		h.taken = append(h.taken, *r.Taken)
	case r.Over:
		h.by = r.By
	}
}

// greeted tells run what the helper answered, once.
func (h *Helper) greeted(refusal string) {
	var err error
	if refusal != "" {
		err = errors.New(refusal)
	}
	select {
	case h.ready <- err:
	default:
	}
}

func (h *Helper) confirm(number int) {
	if heard := h.waiting[number]; heard != nil {
		close(heard)
		delete(h.waiting, number)
	}
}

// whyGone tells what became of the steps.
func (h *Helper) whyGone(exit error) error {
	var errs []error
	switch {
	case h.by == byLease:
		errs = append(errs, fmt.Errorf("%w: the undo helper has brought back %d instances", ErrLease, len(h.taken)))
	case h.by == byEnd && h.closing:
	case exit != nil:
		errs = append(errs, fmt.Errorf("the undo helper ended unasked: %w", exit))
	default:
		errs = append(errs, errors.New("the undo helper ended unasked"))
	}
	for _, t := range h.taken {
		if t.Error != "" {
			errs = append(errs, fmt.Errorf("%s: %s", t.Step, t.Error))
		}
	}
	return errors.Join(errs...)
}

package undo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"sync"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/link/lines"
)

// farewell is how long a harness that does not read is waited for at the end.
const farewell = time.Second

// Serve is the helper: it keeps the steps that in registers, confirms on out,
// and takes those that are left, the last first, when in ends or says nothing
// for the length of the lease. Then it returns, with what could not be undone.
func Serve(in io.Reader, out io.Writer, actor Actor) error {
	k := &keeper{out: lines.NewOutbox(out), actor: actor, over: make(chan string, 1)}
	defer k.out.Close(farewell)
	reading := make(chan error, 1)
	go func() { reading <- k.listen(lines.NewReader(in)) }()
	var err error
	by := byEnd
	select {
	case err = <-reading:
	case by = <-k.over:
	}
	return errors.Join(err, k.take(by))
}

// Immune makes the calling process go on when the terminal is closed or
// everybody is told to end: it ends with its input. It is for the helper's main.
func Immune() { signal.Ignore(endings...) }

// keeper holds the steps.
type keeper struct {
	out   *lines.Outbox
	actor Actor
	over  chan string

	mu      sync.Mutex
	taking  bool
	file    *journal
	steps   []numbered
	lease   *time.Timer
	patient time.Duration
}

type numbered struct {
	id   int
	step Step
}

// listen takes what the harness says until it says no more.
func (k *keeper) listen(in *lines.Reader) error {
	for {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what the harness says: %w", err)
		}
		var w word
		if err := lines.Decode(line, &w); err != nil {
			return fmt.Errorf("%q is not the harness's: %w", lines.Short(line), err)
		}
		if err := k.hear(w); err != nil {
			return err
		}
	}
}

func (k *keeper) hear(w word) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.taking {
		return nil // too late: it is told what was taken
	}
	if k.lease != nil {
		k.lease.Reset(k.patient)
	}
	switch {
	case w.Hello != nil:
		return k.greeted(*w.Hello)
	case w.Renew: // it has been heard
	case k.file == nil:
		return errors.New("a conversation begins with hello")
	case w.Register != 0 && w.Step != nil:
		k.steps = append(k.steps, numbered{w.Register, *w.Step})
		return k.out.Add(reply{Registered: w.Register})
	case w.Done != 0:
		k.forget(w.Done)
		return k.out.Add(reply{Released: w.Done})
	}
	return nil
}

func (k *keeper) greeted(h hello) error {
	if h.Protocol != protocol {
		_ = k.out.Add(reply{Error: fmt.Sprintf("the undo helper speaks protocol %d, the harness %d: shakedown was replaced while it ran", protocol, h.Protocol)})
		return fmt.Errorf("the harness speaks protocol %d, not %d", h.Protocol, protocol)
	}
	file, err := openJournal(h.File)
	if err != nil {
		_ = k.out.Add(reply{Error: err.Error()})
		return err
	}
	k.file, k.patient = file, h.Lease
	k.lease = time.AfterFunc(h.Lease, func() {
		select {
		case k.over <- byLease:
		default: // it is over already
		}
	})
	return k.out.Add(reply{Ready: protocol})
}

func (k *keeper) forget(id int) {
	for i, n := range k.steps {
		if n.id == id {
			k.steps = append(k.steps[:i], k.steps[i+1:]...)
			return
		}
	}
}

// take takes what is left, writes it down and says so.
func (k *keeper) take(by string) error {
	k.mu.Lock()
	k.taking = true
	steps, file := k.steps, k.file
	if k.lease != nil {
		k.lease.Stop()
	}
	k.mu.Unlock()
	if file == nil {
		return nil
	}
	var errs []error
	for i := len(steps) - 1; i >= 0; i-- {
		taken, err := Take(context.Background(), []Step{steps[i].step}, k.actor)
		errs = append(errs, err, file.write(record{Taken: steps[i].id, By: by, Error: taken[0].Error}, true))
		_ = k.out.Add(reply{Taken: &taken[0]}) // the harness may be gone
	}
	_ = k.out.Add(reply{Over: true, By: by})
	return errors.Join(append(errs, file.close())...)
}

package link

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

// noAnswer is the error of a wait that was given up: what was asked for may
// happen all the same.
type noAnswer struct{ error }

func (e noAnswer) Unwrap() error { return e.error }

func (l *Link) nextID() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	return l.lastID
}

// call sends a command and waits for its answer.
func (l *Link) call(ctx context.Context, c order.Command) (answer, error) {
	c.ID = l.nextID()
	return l.ask(ctx, c, l.pending, c.ID)
}

// ping is for the clock.
func (l *Link) ping(ctx context.Context, n int) (answer, error) {
	return l.ask(ctx, order.Command{Ping: n}, l.pings, n)
}

// ask sends a command whose answer is known by a number.
func (l *Link) ask(ctx context.Context, c order.Command, waiting map[int]chan answer, n int) (answer, error) {
	got := make(chan answer, 1)
	l.mu.Lock()
	gone := l.gone
	waiting[n] = got
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(waiting, n)
		l.mu.Unlock()
	}()
	if gone != nil {
		return answer{}, gone
	}
	if err := l.out.Add(c); err != nil {
		return answer{}, l.unsaid(err)
	}
	timer := time.NewTimer(answerPatience)
	defer timer.Stop()
	select {
	case a := <-got:
		return a, a.err()
	case <-ctx.Done():
		return answer{}, noAnswer{fmt.Errorf("the %s has not answered: %w", l.name, context.Cause(ctx))}
	case <-timer.C:
		return answer{}, noAnswer{fmt.Errorf("the %s has not answered for %s", l.name, answerPatience)}
	case <-l.done:
	}
	select {
	case a := <-got: // it came with the end
		return a, a.err()
	default:
		l.mu.Lock()
		defer l.mu.Unlock()
		return answer{}, l.gone
	}
}

// unsaid is why a command could not be sent.
func (l *Link) unsaid(err error) error {
	select {
	case <-l.done:
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.gone
	case <-time.After(100 * time.Millisecond): // the reader knows better why
	}
	return fmt.Errorf("tell the %s: %w", l.name, err)
}

func (a answer) err() error {
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return nil
}

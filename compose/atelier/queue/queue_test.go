package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newRedis(t *testing.T) (*miniredis.Miniredis, *redis.Client) {
	t.Helper()
	server := miniredis.RunT(t)
	client := cache.Open(server.Addr(), 8)
	t.Cleanup(func() { client.Close() })
	return server, client
}

// crew is consumers of one queue and the record of what they did.
type crew struct {
	t       *testing.T
	q       *queue.Queue
	stop    context.CancelFunc
	giveUp  context.CancelFunc
	stopped chan struct{}
	results chan string
}

func hire(t *testing.T, q *queue.Queue, name string, lease time.Duration, handle func(context.Context, string) error) *crew {
	t.Helper()
	return hireFor(t, &queue.Consumer{
		Queue: q, Name: name, Concurrency: 2, Lease: lease,
		Handle: func(ctx context.Context, id string, _ int64) error { return handle(ctx, id) },
	})
}

// hireFor hires a consumer that lacks what is the same for all.
func hireFor(t *testing.T, consumer *queue.Consumer) *crew {
	t.Helper()
	taking, stop := context.WithCancel(context.Background())
	doing, giveUp := context.WithCancel(context.Background())
	c := &crew{t: t, q: consumer.Queue, stop: stop, giveUp: giveUp, stopped: make(chan struct{}), results: make(chan string, 100)}
	consumer.MaxAttempts, consumer.Log = 3, slog.New(slog.DiscardHandler)
	consumer.Done = func(result string) { c.results <- result }
	go func() { consumer.Run(taking, doing); close(c.stopped) }()
	t.Cleanup(func() { stop(); giveUp(); <-c.stopped })
	return c
}

func (c *crew) wantResult(want string) {
	c.t.Helper()
	select {
	case got := <-c.results:
		if got != want {
			c.t.Fatalf("job %s, want %s", got, want)
		}
	case <-time.After(20 * time.Second):
		c.t.Fatalf("no job was %s", want)
	}
}

func (c *crew) wantDepth(want int64) {
	c.t.Helper()
	if got, err := c.q.Depth(c.t.Context()); err != nil || got != want {
		c.t.Errorf("depth = %d, %v; want %d", got, err, want)
	}
}

func push(t *testing.T, q *queue.Queue, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := q.Push(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryJobIsDoneAndGone(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	push(t, q, "a", "b", "c") // before any consumer exists
	if age, err := q.OldestAge(t.Context()); err != nil || age < 0 || age > time.Minute {
		t.Errorf("oldest age = %s, %v", age, err)
	}
	var mu sync.Mutex
	done := map[string]int{}
	c := hire(t, q, "one", time.Minute, func(_ context.Context, id string) error {
		mu.Lock()
		defer mu.Unlock()
		done[id]++
		return nil
	})
	push(t, q, "d")
	for range 4 {
		c.wantResult("done")
	}
	c.wantDepth(0)
	if fmt.Sprint(done) != "map[a:1 b:1 c:1 d:1]" {
		t.Errorf("done = %v", done)
	}
	if age, err := q.OldestAge(t.Context()); err != nil || age != 0 {
		t.Errorf("oldest age of an empty queue = %s, %v", age, err)
	}
}

func TestJobIsAcknowledgedAfterItsWork(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	working, finish := make(chan struct{}), make(chan struct{})
	c := hire(t, q, "one", time.Minute, func(context.Context, string) error {
		close(working)
		<-finish
		return nil
	})
	push(t, q, "a")
	<-working
	c.wantDepth(1) // still there while it is worked on
	close(finish)
	c.wantResult("done")
	c.wantDepth(0)
}

func TestStoppingFinishesTheJobInHandAndTakesNoOther(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	working, finish := make(chan string, 10), make(chan struct{})
	c := hire(t, q, "one", time.Minute, func(_ context.Context, id string) error {
		working <- id
		<-finish
		return nil
	})
	push(t, q, "a", "b")
	<-working
	<-working // both lanes are busy
	c.stop()
	push(t, q, "c")
	close(finish)
	<-c.stopped
	c.wantResult("done")
	c.wantResult("done")
	c.wantDepth(1) // c waits for somebody else
}

func TestGivenBackJobIsTakenOverAtOnce(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	working := make(chan struct{})
	leaving := hire(t, q, "leaving", time.Minute, func(ctx context.Context, _ string) error {
		close(working)
		<-ctx.Done()
		return ctx.Err()
	})
	push(t, q, "a")
	<-working
	leaving.stop()
	leaving.giveUp()
	<-leaving.stopped
	leaving.wantResult("returned")
	// Its lease of a minute would outlast this test.
	deliveries := make(chan int64, 1)
	next := hireFor(t, &queue.Consumer{Queue: q, Name: "next", Concurrency: 1, Lease: time.Minute, Handle: func(_ context.Context, _ string, n int64) error {
		deliveries <- n
		return nil
	}})
	next.wantResult("done")
	next.wantDepth(0)
	if n := <-deliveries; n != 2 {
		t.Errorf("delivery %d, want it to be the second", n)
	}
}

// What worker-killed-busy lets go of waits for the end of its lease: nobody has
// given it back.
func TestDroppedJobIsDeliveredAgainAfterItsLease(t *testing.T) {
	t.Parallel()
	server, client := newRedis(t)
	q := queue.New(client, "q")
	push(t, q, "a")
	loseInHand(t, q, "killed")
	pending := func() []redis.XPendingExt {
		entries, err := client.XPendingExt(t.Context(), &redis.XPendingExtArgs{Stream: "queue:q", Group: "consumers", Start: "-", End: "+", Count: 10}).Result()
		if err != nil {
			t.Fatal(err)
		}
		return entries
	}
	if in := pending(); len(in) != 1 || in[0].Consumer != "killed/0" || in[0].Idle >= time.Minute {
		t.Errorf("in hand: %+v, want the job, its lease not over", in)
	}
	server.SetTime(time.Now().Add(2 * time.Minute))
	next := hire(t, q, "next", time.Minute, func(context.Context, string) error { return nil })
	next.wantResult("done")
	next.wantDepth(0)
}

// What is in hand at the signal is done by somebody, unless it was acknowledged
// before the work.
func TestJobsInHandAtTheSignal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		ackFirst bool
		depth    int64
	}{{"healthy", false, 20}, {"drain-drops-queue", true, 12}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, client := newRedis(t)
			q := queue.New(client, "q")
			working := make(chan struct{}, 1)
			c := hireFor(t, &queue.Consumer{Queue: q, Name: "one", Concurrency: 1, Lease: time.Minute, AckFirst: tt.ackFirst, Handle: func(ctx context.Context, _ string, _ int64) error {
				working <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}})
			for n := range 20 {
				push(t, q, fmt.Sprint(n))
			}
			<-working
			c.stop()
			if !tt.ackFirst { // it waits for the work, and gives it back when told to
				c.giveUp()
			}
			<-c.stopped
			c.wantDepth(tt.depth)
		})
	}
}

func TestAckFirstDoesWhatNoSignalInterrupts(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	c := hireFor(t, &queue.Consumer{Queue: q, Name: "one", Concurrency: 4, Lease: time.Minute, AckFirst: true, Handle: func(context.Context, string, int64) error { return nil }})
	for n := range 20 {
		push(t, q, fmt.Sprint(n))
	}
	for range 20 {
		c.wantResult("done")
	}
	c.wantDepth(0)
}

func TestJobOfADeadConsumerIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	server, client := newRedis(t)
	q := queue.New(client, "q")
	working, never := make(chan struct{}), make(chan struct{})
	first := hire(t, q, "dead", time.Hour, func(context.Context, string) error {
		close(working)
		<-never
		return errors.New("dead")
	})
	t.Cleanup(func() { close(never) })
	push(t, q, "a")
	<-working // and renews its lease every 20 minutes, as good as never
	_ = first
	server.SetTime(time.Now().Add(2 * time.Minute))
	next := hire(t, q, "next", time.Minute, func(context.Context, string) error { return nil })
	next.wantResult("done")
	next.wantDepth(0)
}

func TestLeaseIsRenewedWhileTheWorkGoesOn(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	working, finish := make(chan struct{}, 10), make(chan struct{})
	handle := func(context.Context, string) error {
		working <- struct{}{}
		<-finish
		return nil
	}
	slow := hire(t, q, "slow", time.Second, handle)
	push(t, q, "a")
	<-working
	eager := hire(t, q, "eager", time.Second, handle)
	// Long enough for the lease to run out twice, were it not renewed.
	select {
	case <-working:
		t.Error("the job was delivered to a second consumer")
	case <-time.After(2500 * time.Millisecond):
	}
	close(finish)
	slow.wantResult("done")
	eager.wantDepth(0)
}

func TestFailingJobIsTriedAgainAndThenSetAside(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	c := hire(t, q, "one", 20*time.Millisecond, func(context.Context, string) error { return errors.New("broken") })
	push(t, q, "a")
	c.wantResult("failed")
	c.wantResult("failed")
	c.wantResult("buried") // at the third attempt
	c.wantDepth(0)
	if dead, err := q.Dead(t.Context()); err != nil || dead != 1 {
		t.Errorf("%d jobs set aside, %v; want 1", dead, err)
	}
}

// loseInHand has a consumer take a job that it neither finishes nor gives back, as
// one that is killed does, and returns which delivery it was.
func loseInHand(t *testing.T, q *queue.Queue, name string) int64 {
	t.Helper()
	working := make(chan int64, 1)
	c := hireFor(t, &queue.Consumer{Queue: q, Name: name, Concurrency: 1, Lease: time.Minute, DropAtStop: true, Handle: func(ctx context.Context, _ string, n int64) error {
		working <- n
		<-ctx.Done()
		return ctx.Err()
	}})
	n := <-working
	c.stop()
	<-c.stopped
	c.wantResult("dropped")
	return n
}

// A job whose consumers never live to tell how it ended is set aside by the next
// one, which does not touch it.
func TestJobThatEndsItsConsumersIsSetAsideUnseen(t *testing.T) {
	t.Parallel()
	server, client := newRedis(t)
	q := queue.New(client, "q")
	push(t, q, "a")
	for n := range int64(3) {
		server.SetTime(time.Now().Add(time.Duration(n) * 2 * time.Minute))
		if delivery := loseInHand(t, q, fmt.Sprint(n)); delivery != n+1 {
			t.Fatalf("delivery %d, want %d", delivery, n+1)
		}
	}
	server.SetTime(time.Now().Add(10 * time.Minute))
	var told []string
	next := hireFor(t, &queue.Consumer{
		Queue: q, Name: "next", Concurrency: 1, Lease: time.Minute,
		Handle: func(context.Context, string, int64) error { t.Error("it was handed out again"); return nil },
		Buried: func(ctx context.Context, id string) error {
			depth, _ := q.Depth(ctx)
			told = append(told, fmt.Sprint(id, depth))
			return nil
		},
	})
	next.wantResult("buried")
	next.wantDepth(0)
	if dead, err := q.Dead(t.Context()); err != nil || dead != 1 || fmt.Sprint(told) != "[a1]" {
		t.Errorf("%d jobs set aside, %v; told of %v, want a while it was still there", dead, err, told)
	}
}

// Whoever waits for a job learns that it was set aside, before it is.
func TestJobIsSetAsideOnlyWhenThatIsTold(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	tries := make(chan struct{}, 10)
	c := hireFor(t, &queue.Consumer{
		Queue: q, Name: "one", Concurrency: 1, Lease: 20 * time.Millisecond,
		Handle: func(context.Context, string, int64) error { return errors.New("broken") },
		Buried: func(context.Context, string) error {
			if tries <- struct{}{}; len(tries) == 1 {
				return errors.New("the database is away")
			}
			return nil
		},
	})
	push(t, q, "a")
	for range 3 { // of which the third was to be the last
		c.wantResult("failed")
	}
	c.wantResult("buried")
	c.wantDepth(0)
}

func TestConsumerSurvivesARedisThatForgets(t *testing.T) {
	t.Parallel()
	server, client := newRedis(t)
	q := queue.New(client, "q")
	c := hire(t, q, "one", time.Minute, func(context.Context, string) error { return nil })
	push(t, q, "a")
	c.wantResult("done")
	server.FlushAll()
	push(t, q, "b")
	c.wantResult("done")
}

func TestSweepPushesForgottenJobsOnlyIntoAnEmptyQueue(t *testing.T) {
	t.Parallel()
	_, client := newRedis(t)
	q := queue.New(client, "q")
	asked := make(chan struct{}, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.Sweep(ctx, slog.New(slog.DiscardHandler), time.Millisecond, func(context.Context, time.Time) ([]string, error) {
			asked <- struct{}{}
			return []string{"x", "y"}, nil
		})
	}()
	<-asked
	c := &crew{t: t, q: q}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if depth, _ := q.Depth(t.Context()); depth == 2 {
			break
		}
	}
	stop()
	<-ended
	c.wantDepth(2)
	if len(asked) > 0 {
		t.Errorf("asked %d more times while the queue held jobs", len(asked))
	}
}

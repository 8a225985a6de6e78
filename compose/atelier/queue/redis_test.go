package queue_test

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/queue"
)

const redisImage = "redis:7.0"

// realRedis starts the server that the containers use; the embedded one does
// not do everything as it does.
func realRedis(t *testing.T) *redis.Client {
	t.Helper()
	if testing.Short() {
		t.Skip("Redis not tested: -short")
	}
	// Without these, testcontainers looks for the engine's host in the wrong
	// place when the tests themselves run in a container, and starts a helper
	// from an image that only a registry has.
	t.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	t.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	if out, err := exec.Command("docker", "image", "inspect", redisImage).CombinedOutput(); err != nil {
		t.Skipf("Redis not tested: no image %s (run compose/images/build): %v: %.200s", redisImage, err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	container, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
		ContainerRequest: testcontainers.ContainerRequest{
			Image:        redisImage,
			ExposedPorts: []string{"127.0.0.1::6379/tcp"},
			WaitingFor:   wait.ForExec([]string{"redis-cli", "ping"}),
		},
		Started: true,
	})
	testcontainers.CleanupContainer(t, container, testcontainers.RemoveVolumes())
	if err != nil {
		t.Fatalf("start %s: %v", redisImage, err)
	}
	port, err := container.MappedPort(ctx, "6379/tcp")
	if err != nil {
		t.Fatal(err)
	}
	client := cache.Open("127.0.0.1:"+port.Port(), 32)
	t.Cleanup(func() { client.Close() })
	return client
}

// Redis looks at ten jobs at a time: one that was given back is found behind
// any number of others in hand, and was then delivered twice, not more often.
func TestGivenBackJobIsFoundBehindThoseInHand(t *testing.T) {
	q := queue.New(realRedis(t), "q")
	working, finish := make(chan struct{}), make(chan struct{})
	busy := hireFor(t, &queue.Consumer{Queue: q, Name: "busy", Concurrency: 15, Lease: time.Minute, Handle: func(context.Context, string, int64) error {
		working <- struct{}{}
		<-finish
		return nil
	}})
	for n := range 15 {
		push(t, q, fmt.Sprint(n))
		<-working
	}
	leaving := hireFor(t, &queue.Consumer{Queue: q, Name: "leaving", Concurrency: 1, Lease: time.Minute, Handle: func(ctx context.Context, _ string, _ int64) error {
		working <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	push(t, q, "last")
	<-working
	leaving.stop()
	leaving.giveUp()
	<-leaving.stopped
	deliveries := make(chan int64, 1)
	next := hireFor(t, &queue.Consumer{Queue: q, Name: "next", Concurrency: 1, Lease: time.Minute, Handle: func(_ context.Context, _ string, n int64) error {
		deliveries <- n
		return nil
	}})
	next.wantResult("done")
	if n := <-deliveries; n != 2 {
		t.Errorf("delivery %d, want it to be the second", n)
	}
	close(finish)
	for range 15 {
		busy.wantResult("done")
	}
	next.wantDepth(0)
}

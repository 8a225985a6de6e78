package hot_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/shakedown-dev/shakedown/compose/atelier/cache"
	"github.com/shakedown-dev/shakedown/compose/atelier/hot"
	"github.com/shakedown-dev/shakedown/compose/atelier/telemetry"
)

var (
	public  = hot.Item{Kind: "catalogue", Lifetime: time.Minute, Public: true}
	private = hot.Item{Kind: "projects", ID: "acme", Lifetime: time.Minute}
)

// database is what items are loaded from; it counts.
type database struct {
	reads atomic.Int64
	value atomic.Value
	err   error
}

func (d *database) load(context.Context) ([]byte, error) {
	d.reads.Add(1)
	return []byte(d.value.Load().(string)), d.err
}

func newDatabase(value string) *database {
	d := &database{}
	d.value.Store(value)
	return d
}

func newCache(t *testing.T) (*miniredis.Miniredis, *hot.Cache) {
	t.Helper()
	server := miniredis.RunT(t)
	return server, cacheOf(t, server.Addr())
}

func cacheOf(t *testing.T, addr string) *hot.Cache {
	t.Helper()
	client := cache.OpenLossy(addr, 32)
	t.Cleanup(func() { client.Close() })
	return hot.New(client, telemetry.New("api"))
}

func want(t *testing.T, c *hot.Cache, item hot.Item, d *database, value string) {
	t.Helper()
	if got, err := c.Get(t.Context(), item, d.load); err != nil || string(got) != value {
		t.Errorf("Get = %q, %v; want %q", got, err, value)
	}
}

// All who miss at the same time are one read of the database, with the defect as
// many as they are.
func TestAMissIsOneReadForAllWhoWait(t *testing.T) {
	const readers = 16
	for stampede, wanted := range map[bool]int64{false: 1, true: readers} {
		_, c := newCache(t)
		c.Stampede = stampede
		var reads atomic.Int64
		all := make(chan struct{})
		load := func(context.Context) ([]byte, error) {
			if reads.Add(1) == wanted { // nobody has filled the cache before
				close(all)
			}
			<-all
			return []byte("a"), nil
		}
		var together sync.WaitGroup
		for range readers {
			together.Go(func() {
				if got, err := c.Get(t.Context(), public, load); err != nil || string(got) != "a" {
					t.Errorf("Get = %q, %v", got, err)
				}
			})
		}
		together.Wait()
		if n := reads.Load(); n != wanted {
			t.Errorf("stampede %v: %d reads of the database, want %d", stampede, n, wanted)
		}
	}
}

// Without a cache the database is asked once a second for what is public, with the
// defect by everybody; for what belongs to somebody always.
func TestWithoutTheCacheTheDatabaseIsAskedNowAndThen(t *testing.T) {
	for _, tt := range []struct {
		item     hot.Item
		stampede bool
		want     int64
	}{{public, false, 1}, {public, true, 10}, {private, false, 10}} {
		server, c := newCache(t)
		c.Stampede = tt.stampede
		d := newDatabase("a")
		server.Close()
		began := time.Now()
		for range 10 {
			want(t, c, tt.item, d, "a")
		}
		if n := d.reads.Load(); n != tt.want && time.Since(began) < time.Second {
			t.Errorf("%s, stampede %v: %d reads, want %d", tt.item.Kind, tt.stampede, n, tt.want)
		}
	}
}

// A cache that says nothing holds few of its readers up.
func TestASilentCacheIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		client := redis.NewClient(&redis.Options{
			MaxRetries: -1, DialerRetries: 1, DialTimeout: 250 * time.Millisecond,
			Dialer: func(ctx context.Context, _, _ string) (net.Conn, error) {
				asked.Add(1)
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		c, d := hot.New(client, telemetry.New("api")), newDatabase("a")
		began := time.Now()
		for range 100 { // in some two seconds
			want(t, c, private, d, "a")
			time.Sleep(10 * time.Millisecond)
		}
		// Two looks of a reader that was first, and none of the others for half a second.
		if took, n := time.Since(began), asked.Load(); took > 5*time.Second || n > 8 {
			t.Errorf("100 reads took %s and asked the cache %d times", took, n)
		}
		client.Close()
	})
}

func TestWhoChangesSeesTheChange(t *testing.T) {
	server, here := newCache(t)
	there := cacheOf(t, server.Addr()) // another process
	d := newDatabase("before")
	want(t, there, private, d, "before")

	// A read that began before the change ends after it.
	began, end := make(chan struct{}), make(chan struct{})
	var late sync.WaitGroup
	other := hot.Item{Kind: private.Kind, ID: private.ID, Form: "other", Lifetime: time.Minute}
	late.Go(func() {
		body, err := there.Get(t.Context(), other, func(ctx context.Context) ([]byte, error) {
			close(began)
			<-end
			return []byte("before"), nil
		})
		if err != nil || string(body) != "before" {
			t.Errorf("a read that began before: %q, %v", body, err)
		}
	})
	<-began
	d.value.Store("after")
	here.Forget(t.Context(), private)
	want(t, there, private, d, "after")
	want(t, there, other, d, "after") // it does not wait for the other
	close(end)
	late.Wait()
	want(t, here, other, d, "after") // what the late one stored is void
	if n := d.reads.Load(); n > 4 {
		t.Errorf("%d reads of the database", n)
	}
	if keys := strings.Join(server.Keys(), " "); strings.Count(keys, "hot:") != 2 || !strings.Contains(keys, "hot-generation:projects:acme") {
		t.Errorf("keys: %s", keys)
	}
}

func TestCopiesStandInForADatabaseThatFails(t *testing.T) {
	server, c := newCache(t)
	d := newDatabase("a")
	want(t, c, public, d, "a")
	want(t, c, private, d, "a")
	server.FlushAll()
	d.err = errors.New("no database")
	want(t, c, public, d, "a")
	if body, err := c.Get(t.Context(), private, d.load); !errors.Is(err, d.err) {
		t.Errorf("what is somebody's own: %q, %v", body, err)
	}
	if body, err := c.Get(t.Context(), hot.Item{Kind: "catalogue", ID: "new", Lifetime: time.Minute, Public: true}, d.load); !errors.Is(err, d.err) {
		t.Errorf("what was never read: %q, %v", body, err)
	}
}

func TestEntriesEndAtDifferentTimes(t *testing.T) {
	server, c := newCache(t)
	d := newDatabase("a")
	ends := map[time.Duration]bool{}
	for n := range 20 {
		item := hot.Item{Kind: "product", ID: fmt.Sprint(n), Lifetime: time.Minute, Public: true}
		want(t, c, item, d, "a")
		ends[server.TTL("hot:product:"+item.ID+":")] = true
	}
	for end := range ends {
		if end < time.Minute || end > 75*time.Second {
			t.Errorf("an entry ends after %s", end)
		}
	}
	if len(ends) < 5 {
		t.Errorf("20 entries end at %d times", len(ends))
	}
}

// One caller who hangs up does not fail the others.
func TestCallersAreIndependent(t *testing.T) {
	_, c := newCache(t)
	ctx, hangUp := context.WithCancel(t.Context())
	began, end := make(chan struct{}), make(chan struct{})
	var together sync.WaitGroup
	together.Go(func() {
		_, _ = c.Get(ctx, public, func(ctx context.Context) ([]byte, error) {
			close(began)
			<-end
			return []byte("a"), ctx.Err()
		})
	})
	<-began
	hangUp()
	d := newDatabase("b")
	together.Go(func() {
		if body, err := c.Get(t.Context(), public, d.load); err != nil || string(body) != "a" && string(body) != "b" {
			t.Errorf("Get = %q, %v", body, err)
		}
	})
	close(end)
	together.Wait()
}

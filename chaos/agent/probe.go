package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
	"github.com/shakedown-dev/shakedown/chaos/pressure"
)

const (
	probePatience = time.Second
	probeBytes    = 1 << 20 // of a body that is fetched
)

// look takes one reading within the time that there is for it.
func (a *agent) look(p order.Probe) order.Reading {
	ctx, cancel := context.WithTimeoutCause(a.life, cmp.Or(p.Wait, probePatience), errors.New("nothing came in time"))
	defer cancel()
	reading, err := a.read(ctx, p)
	if err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("within %s: %w", cmp.Or(p.Wait, probePatience), context.Cause(ctx))
		}
		reading.Error = err.Error()
	}
	return reading
}

func (a *agent) read(ctx context.Context, p order.Probe) (order.Reading, error) {
	var kinds []func() (order.Reading, error)
	add := func(wanted bool, f func() (order.Reading, error)) {
		if wanted {
			kinds = append(kinds, f)
		}
	}
	add(p.Connect != "", func() (order.Reading, error) { return connect(ctx, p.Connect) })
	add(p.Look != "", func() (order.Reading, error) { return lookUp(ctx, p.Look) })
	add(p.Fetch != "", func() (order.Reading, error) { return fetch(ctx, p.Fetch) })
	add(p.Disk != "", func() (order.Reading, error) { return inUse(p.Disk) })
	add(p.Redis != "", func() (order.Reading, error) { return keys(ctx, p.Redis) })
	add(p.Usage, func() (order.Reading, error) {
		if a.body.Held == nil {
			return order.Reading{Unit: "B"}, nil
		}
		return order.Reading{Value: float64(a.body.Held()), Unit: "B"}, nil
	})
	if len(kinds) != 1 {
		return order.Reading{}, fmt.Errorf("a probe looks at one thing; this one at %d", len(kinds))
	}
	return kinds[0]()
}

// connect takes the time of a handshake of TCP.
func connect(ctx context.Context, address string) (order.Reading, error) {
	start := time.Now()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return order.Reading{}, err
	}
	took := seconds(start)
	return took, conn.Close()
}

// lookUp takes the time of a look-up, of IPv4 addresses as most callers do.
func lookUp(ctx context.Context, name string) (order.Reading, error) {
	start := time.Now()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", name)
	if err != nil {
		return order.Reading{}, err
	}
	took := seconds(start)
	var texts []string
	for _, ip := range found {
		texts = append(texts, ip.Unmap().String())
	}
	slices.Sort(texts)
	took.Detail = strings.Join(texts, ",")
	return took, nil
}

// fetch takes the time of an exchange on a connection of its own.
func fetch(ctx context.Context, url string) (order.Reading, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return order.Reading{}, err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	start := time.Now()
	resp, err := transport.RoundTrip(req) // redirects are answers
	if err != nil {
		return order.Reading{}, err
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, probeBytes); err != nil && !errors.Is(err, io.EOF) {
		return order.Reading{}, err
	}
	took := seconds(start)
	took.Detail = fmt.Sprint(resp.StatusCode)
	return took, nil
}

func keys(ctx context.Context, address string) (order.Reading, error) {
	n, err := pressure.Keys(ctx, address)
	return order.Reading{Value: float64(n)}, err
}

// inUse is the share of a file system that is in use, as df counts it.
func inUse(path string) (order.Reading, error) {
	share, err := pressure.InUse(path)
	return order.Reading{Value: 100 * share, Unit: "%"}, err
}

func seconds(since time.Time) order.Reading {
	return order.Reading{Value: time.Since(since).Seconds(), Unit: "s"}
}

package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

const request = "GET /v1/catalogue?page=2 HTTP/1.1\r\nHost: api:8080\r\nUser-Agent: bench/1\r\nAccept: */*\r\nX-Shakedown-Request: 17\r\n\r\n"

// drove is what a measurement has seen.
type drove struct {
	took  time.Duration
	times []time.Duration // sorted
}

func (d *drove) rate() float64 { return float64(len(d.times)) / d.took.Seconds() }

func (d *drove) quantile(share float64) time.Duration {
	return d.times[min(len(d.times)-1, int(share*float64(len(d.times))))]
}

// drive sends requests on so many connections, one after the other on each.
func drive(addr string, connections int, span time.Duration) (*drove, error) {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		d     drove
		first error
	)
	begun := time.Now()
	for range connections {
		all.Go(func() {
			times, err := talk(addr, begun.Add(span))
			mu.Lock()
			defer mu.Unlock()
			d.times = append(d.times, times...)
			if err != nil && first == nil {
				first = err
			}
		})
	}
	all.Wait()
	d.took = time.Since(begun)
	slices.Sort(d.times)
	if first == nil && len(d.times) == 0 {
		first = fmt.Errorf("%s answered nothing", addr)
	}
	return &d, first
}

func talk(addr string, until time.Time) ([]time.Duration, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	var times []time.Duration
	var buf [1 << 10]byte
	for now := time.Now(); now.Before(until); {
		if _, err := io.WriteString(c, request); err != nil {
			return nil, err
		}
		n, err := c.Read(buf[:])
		if err != nil {
			return nil, err
		}
		if buf[n-1] != 'k' {
			return nil, fmt.Errorf("%s answered %q", addr, buf[:n])
		}
		end := time.Now()
		times = append(times, end.Sub(now))
		now = end
	}
	return times, nil
}

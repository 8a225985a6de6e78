package gateway

import (
	"bufio"
	"io"
	"net"
	"sync"
	"testing"
)

// quick answers without parsing: it costs as little as an instance can.
func quick(conn *net.TCPConn, r *bufio.Reader) {
	for {
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := io.WriteString(conn, okResponse); err != nil {
			return
		}
	}
}

const benchRequest = "GET /v1/catalogue?page=2 HTTP/1.1\r\nHost: api:8080\r\nUser-Agent: bench/1\r\nAccept: */*\r\nX-Shakedown-Request: 17\r\n\r\n"

// BenchmarkForward measures round trips through the gateway, and, for
// comparison, the same without it; 16 clients, keep-alive.
func BenchmarkForward(b *testing.B) {
	b.Run("direct", func(b *testing.B) { roundTrips(b, upstream(b, quick)) })
	for _, balance := range []string{PerRequest, PerConnection} {
		b.Run(balance, func(b *testing.B) {
			g, r := start(b, Config{Balance: balance})
			add(b, g, r, "api-1", upstream(b, quick))
			add(b, g, r, "api-2", upstream(b, quick))
			roundTrips(b, g.Listening())
		})
	}
}

func roundTrips(b *testing.B, addr string) {
	const clients = 16
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range clients {
		all.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			var buf [512]byte
			for range b.N/clients + min(1, max(0, b.N%clients-i)) {
				if _, err := io.WriteString(conn, benchRequest); err != nil {
					b.Error(err)
					return
				}
				if n, err := conn.Read(buf[:]); err != nil || buf[n-1] != 'k' {
					b.Errorf("read %q, %v", buf[:n], err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// Package names is the defect dns-cached-forever. Without it addresses are looked
// up for each new connection, by those who connect.
package names

import (
	"context"
	"net"
	"sync"
)

// Forever looks a name up once and keeps to the answer, whoever has the address
// by then. The zero value knows none; it is safe for concurrent use.
type Forever struct {
	mu    sync.Mutex
	known map[string][]string
	// Lookup is where addresses come from; the system's resolver if not set.
	Lookup func(ctx context.Context, host string) ([]string, error)
}

// LookupHost is like that of net.Resolver.
func (f *Forever) LookupHost(ctx context.Context, host string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if addresses, ok := f.known[host]; ok {
		return addresses, nil
	}
	lookup := f.Lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupHost
	}
	addresses, err := lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	if f.known == nil {
		f.known = map[string][]string{}
	}
	f.known[host] = addresses
	return addresses, nil
}

// DialContext connects to the address that the name of a host had at first.
func (f *Forever) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := f.LookupHost(ctx, host)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(addresses[0], port))
}

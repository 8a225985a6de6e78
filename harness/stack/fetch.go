package stack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/shakedown-dev/shakedown/harness/gateway"
)

// Fetch gets a page of an instance, from inside of the stack's networks; of at
// most 512 KiB, within two seconds, with a status of 200. Port 0 is the service's
// own. The gateway of the service asks; where it has none, the first one by name
// that shares a network with it.
func (s *Stack) Fetch(ctx context.Context, instance string, port int, path string) ([]byte, error) {
	body, err := s.fetch(ctx, instance, port, path)
	if err != nil {
		return nil, fmt.Errorf("fetch %s of %s: %w", path, instance, err)
	}
	return body, nil
}

func (s *Stack) fetch(ctx context.Context, name string, port int, path string) ([]byte, error) {
	page, err := s.ask(ctx, name, port, gateway.Letter{Path: path})
	switch {
	case err != nil:
		return nil, err
	case page.Status != http.StatusOK:
		return nil, fmt.Errorf("it answers with status %d", page.Status)
	}
	return page.Body, nil
}

// ask sends a request to an instance from inside of the stack's networks.
func (s *Stack) ask(ctx context.Context, name string, port int, letter gateway.Letter) (none gateway.Page, _ error) {
	ctx, done, err := s.begin(ctx)
	if err != nil {
		return none, err
	}
	defer done()
	i := s.instance(name)
	switch {
	case i == nil || i.number == 0:
		return none, errors.New("the run has no such instance")
	case port == 0 && i.of.port() == 0:
		return none, fmt.Errorf("%s has no port; name one", i.of.name)
	case port == 0:
		port = i.of.port()
	}
	messenger, err := s.messenger(i.of)
	if err != nil {
		return none, err
	}
	address, err := s.inside(ctx, i, port)
	if err != nil {
		return none, err
	}
	return messenger.Send(ctx, address, letter)
}

// messenger is a gateway from which the instances of a service can be reached.
func (s *Stack) messenger(of *service) (link, error) {
	if own := s.link(of.name); own != nil {
		return own, nil
	}
	for _, other := range s.layout.services { // the same one every time: they have an order
		if gateway := s.link(other.name); gateway != nil && (s.on.process || share(of, other)) {
			return gateway, nil
		}
	}
	return nil, fmt.Errorf("nothing of the run can reach it: no service with a port shares a network with %s; give %s a port, "+
		"or put it on a network of a service that has one", of.name, of.name)
}

// share says whether the gateway of one service is on a network of another.
func share(of, other *service) bool {
	return slices.ContainsFunc(slices.Collect(maps.Keys(other.joins)), func(network string) bool {
		_, ok := of.config.Networks[network]
		return ok
	})
}

// inside is where a port of an instance answers others. The host stays as long
// as the instance does, so that the platform is asked once.
func (s *Stack) inside(ctx context.Context, i *instance, port int) (string, error) {
	if i.exited.fired() {
		return "", errors.New("it has exited")
	}
	i.mu.Lock()
	host := i.host
	i.mu.Unlock()
	if host == "" {
		endpoint, err := s.cfg.Platform.Endpoint(ctx, i.name, port)
		if err != nil {
			return "", err
		}
		if host, _, err = net.SplitHostPort(endpoint.Inside); err != nil {
			return "", err
		}
		i.mu.Lock()
		i.host = host
		i.mu.Unlock()
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

package docker

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/shakedown-dev/shakedown/harness/platform"
)

// Addresses are those on the networks of the run.
func (p *Platform) Addresses(ctx context.Context, name string) ([]platform.Address, error) {
	i, err := p.present(name)
	if err != nil {
		return nil, err
	}
	c, err := p.engine.ContainerInspect(ctx, i.id)
	switch {
	case err != nil:
		return nil, about(name, err)
	case c.ContainerJSONBase == nil || c.State == nil || !c.State.Running:
		return nil, fmt.Errorf("%s is not running", name)
	case c.NetworkSettings == nil:
		return nil, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []platform.Address
	for network, called := range p.networks {
		endpoint := c.NetworkSettings.Networks[called]
		if endpoint == nil {
			continue
		}
		for _, text := range []string{endpoint.IPAddress, endpoint.GlobalIPv6Address} {
			if ip, err := netip.ParseAddr(text); err == nil {
				all = append(all, platform.Address{Network: network, IP: ip})
			}
		}
	}
	slices.SortFunc(all, func(a, b platform.Address) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), a.IP.Compare(b.IP))
	})
	return all, nil
}

// Identify is the id of the container.
func (p *Platform) Identify(name string) (platform.Identity, error) {
	i, err := p.present(name)
	if err != nil {
		return platform.Identity{}, err
	}
	return platform.Identity{ID: i.id, Quotas: i.quota > 0}, nil
}

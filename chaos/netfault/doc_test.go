package netfault

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/shakedown-dev/shakedown/chaos/order"
)

func TestCheckNamesWhatIsWrong(t *testing.T) {
	peer := netip.MustParsePrefix("10.0.0.1/32")
	for _, c := range []struct {
		packets order.Packets
		want    string // "" for right
	}{
		{order.Packets{Kind: order.Partition}, ""},
		{order.Packets{Kind: order.Partition, Direction: order.In, Port: 65535, Peers: []netip.Prefix{peer}, Existing: order.SpareExisting}, ""},
		{order.Packets{Kind: order.Delay, Latency: time.Second, Jitter: time.Second}, ""},
		{order.Packets{Kind: order.Loss, Share: 1}, ""},
		{order.Packets{Kind: order.ConnectionLimit, Limit: 0}, ""},
		{order.Packets{Kind: order.ConnectionLimit, Existing: order.ResetExisting, Port: 1}, ""},
		{order.Packets{}, "is no fault of packets that is known"},
		{order.Packets{Kind: "corrupt"}, `"corrupt" is no fault of packets`},
		{order.Packets{Kind: order.Partition, Direction: "up"}, `direction "up"`},
		{order.Packets{Kind: order.Partition, Port: -1}, "port -1"},
		{order.Packets{Kind: order.Partition, Port: 65536}, "port 65536"},
		{order.Packets{Kind: order.Partition, Peers: []netip.Prefix{peer, {}}}, "peer 2 of 2"},
		{order.Packets{Kind: order.Partition, Peers: make([]netip.Prefix, maxPeers+1)}, "257 peers"},
		{order.Packets{Kind: order.Partition, Existing: order.DrainExisting}, "drain is not possible"},
		{order.Packets{Kind: order.Partition, Existing: "keep"}, `"keep"`},
		{order.Packets{Kind: order.Delay}, "latency 0s"},
		{order.Packets{Kind: order.Delay, Latency: 2 * time.Minute}, "latency 2m0s"},
		{order.Packets{Kind: order.Delay, Latency: time.Second, Jitter: 2 * time.Second}, "jitter 2s"},
		{order.Packets{Kind: order.Loss}, "share 0"},
		{order.Packets{Kind: order.Loss, Share: 1.5}, "share 1.5"},
		{order.Packets{Kind: order.Loss, Share: math.NaN()}, "share NaN"},
		{order.Packets{Kind: order.Bandwidth}, "rate 0"},
		{order.Packets{Kind: order.ConnectionLimit, Limit: -1}, "limit -1"},
		{order.Packets{Kind: order.ConnectionLimit, Direction: order.Out}, "to the target"},
		{order.Packets{Kind: order.ConnectionLimit, Existing: order.ResetExisting}, "needs a port"},
	} {
		err := check(c.packets)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.packets, err, c.want)
		}
	}
}

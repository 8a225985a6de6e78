package lifecycle

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// usesKey is the key of a connection's context under which its requests are counted.
type usesKey struct{}

// countUses is for http.Server.ConnContext; only the defect drain-keepalive-cut
// asks for it.
func countUses(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, usesKey{}, new(atomic.Int64))
}

// usedBefore counts a request and tells whether its connection, as far as it is
// counted, has carried another: then it was idle until now.
func usedBefore(r *http.Request) bool {
	uses, counted := r.Context().Value(usesKey{}).(*atomic.Int64)
	return counted && uses.Add(1) > 1
}

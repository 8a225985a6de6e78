package workspace

import (
	"context"
	"net/http"
)

// Through has announcements go through a transport of the test.
func (w *Workspaces) Through(t http.RoundTripper) { w.hook.client.Transport = t }

// AnnounceThrough announces once, through such a transport.
func AnnounceThrough(ctx context.Context, t http.RoundTripper) error {
	h := newHook("http://hook.test")
	h.client.Transport = t
	_, err := h.announce(ctx, "acme", Tier)
	return err
}

// Add is add.
func (s *Seen) Add(account string) { s.add(account) }

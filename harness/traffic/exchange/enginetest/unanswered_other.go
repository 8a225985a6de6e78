//go:build !linux

package enginetest

import "testing"

// unanswered is an address at which connection attempts are not answered.
func unanswered(t *testing.T) string {
	t.Helper()
	t.Skip("how to leave a connection attempt unanswered is known for Linux only")
	return ""
}

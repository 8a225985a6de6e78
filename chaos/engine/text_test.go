package engine

import "testing"

func TestRoughly(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 700: "700 B", 1 << 10: "1 KiB", 68_144_332: "65 MiB", 100 << 20: "100 MiB", 1<<30 - 1: "1 GiB", 3 << 29: "1.5 GiB", 1 << 52: "4096 TiB",
	} {
		if have := roughly(bytes); have != want {
			t.Errorf("roughly(%d) = %q, want %q", bytes, have, want)
		}
	}
}

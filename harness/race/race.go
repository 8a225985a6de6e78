// Package race lets tests repeat themselves less while the race detector watches.
// Arithmetic of one goroutine takes five to twenty times as long there, and has no race
// to be found. Packages whose tests use it are tested a second time without the
// detector, in full (see the Makefile).
package race

// Less is how often a test repeats itself: so often in all, or less under the race
// detector.
func Less(all, under int) int {
	if On {
		return min(all, under)
	}
	return all
}

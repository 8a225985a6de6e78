package scenarios

import (
	"flag"
	"os"
	"testing"
)

// update rewrites golden files with what the code says now.
var update = flag.Bool("update", false, "rewrite golden files")

// golden compares text with a file, or rewrites the file under -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; make it with go test -update", err)
	}
	if string(want) != got {
		t.Errorf("%s differs; if the new text is right, run go test -update\n--- got\n%s\n--- want\n%s", file, got, want)
	}
}

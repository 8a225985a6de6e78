package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

func TestTailKeepsTheEnd(t *testing.T) {
	kept := newTail()
	for n := range 10_000 {
		fmt.Fprintf(kept, "line %d of many\n", n)
	}
	var got bytes.Buffer
	if err := kept.copyTo(t.Context(), false, &got); err != nil {
		t.Fatal(err)
	}
	if got.Len() != tailSize || !strings.HasSuffix(got.String(), "line 9999 of many\n") {
		t.Errorf("kept %d bytes, ending in %q", got.Len(), got.String()[max(0, got.Len()-40):])
	}
}

func TestTailIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kept := newTail()
		fmt.Fprint(kept, "before ")
		var got bytes.Buffer
		done := make(chan error)
		go func() { done <- kept.copyTo(context.Background(), true, &got) }()
		synctest.Wait()
		fmt.Fprint(kept, "meanwhile ")
		synctest.Wait()
		fmt.Fprint(kept, "last")
		kept.end()
		fmt.Fprint(kept, "too late")
		if err := <-done; err != nil || got.String() != "before meanwhile last" {
			t.Errorf("followed %q, %v", got.String(), err)
		}
		kept.end()

		open := newTail()
		ctx, cancel := context.WithCancel(context.Background())
		go func() { done <- open.copyTo(ctx, true, &got) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("a follower that was called off: %v", err)
		}
	})
}

package platform

import "testing"

func TestFeed(t *testing.T) {
	feed := NewFeed()
	for n := range feedRoom + 10 { // nobody reads, and nobody is blocked
		feed.Send(Event{Exit: Exit{Code: n}})
	}
	feed.Close()
	feed.Close()
	feed.Send(Event{Exit: Exit{Code: -1}})
	n := 0
	for e := range feed.Events() {
		if e.Exit.Code != n {
			t.Fatalf("event %d is %+v", n, e)
		}
		n++
	}
	if n != feedRoom {
		t.Errorf("%d events were kept, want %d", n, feedRoom)
	}
}

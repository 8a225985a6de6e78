package verify

import (
	"testing"
	"time"
)

func TestBesideALimit(t *testing.T) {
	for _, test := range []struct {
		v, limit float64
		want     string
	}{
		{15.518, 10, "15.5"},    // three digits are enough
		{15.518, 15.52, "15.5"}, // and say that it is less
		{15.5231, 15.52, "15.523"},
		{15.52, 15.52, "15.52"}, // on it
		{15.52000000001, 15.52, "15.52"},
		{9.9996, 10, "9.9996"},
		{0.50002, 0.5, "0.50002"},
		{1234.4, 1234, "1234.4"},
		{1500, 1000, "1,500"},
		{99.96, 100, "99.96"},
		{0, 0, "0"},
		{1.0 / 3, 0.3333, "0.33333"},
	} {
		if have := beside(test.v, test.limit); have != test.want {
			t.Errorf("%v beside %v: %s, want %s", test.v, test.limit, have, test.want)
		}
	}
}

func TestTimesBesideALimit(t *testing.T) {
	for _, test := range []struct {
		d, limit        time.Duration
		latency, offset string
	}{
		{5312 * time.Millisecond, 5 * time.Second, "5.31s", "5.312 s"},
		{5002 * time.Millisecond, 5 * time.Second, "5.002s", "5.002 s"},
		{5*time.Second + 200*time.Microsecond, 5 * time.Second, "5.0002s", "5.0002 s"},
		{5 * time.Second, 5 * time.Second, "5s", "5.000 s"},
		{4999800 * time.Microsecond, 5 * time.Second, "4.9998s", "4.9998 s"},
	} {
		if have := latencyBeside(test.d, test.limit); have != test.latency {
			t.Errorf("%v beside %v: %s, want %s", test.d, test.limit, have, test.latency)
		}
		if have := offsetBeside(test.d, test.limit); have != test.offset {
			t.Errorf("%v beside %v: %s, want %s", test.d, test.limit, have, test.offset)
		}
	}
}

package lab_test

import (
	"errors"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/shakedown-dev/shakedown/harness/traffic/lab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAStallHoldsWhatArrivesInIt(t *testing.T) {
	s := lab.Stall{Every: 10 * time.Second, From: 3 * time.Second, For: time.Second}
	for at, want := range map[time.Duration]time.Duration{
		0:                       0,
		3*time.Second - 1:       0,
		3 * time.Second:         time.Second,
		3300 * time.Millisecond: 700 * time.Millisecond,
		4 * time.Second:         0,
		13 * time.Second:        time.Second,
		13*time.Second + 999999: time.Second - 999999,
	} {
		if got := s.Wait(at); got != want {
			t.Errorf("at %v a request waits %v, want %v", at, got, want)
		}
	}
	if got := (lab.Stall{}).Wait(time.Second); got != 0 {
		t.Errorf("no stall waits %v", got)
	}
}

func TestRequestsMeetTheirFates(t *testing.T) {
	fates := []lab.Fate{lab.Answered, lab.Errored, lab.Reset, lab.Closed, lab.Cut}
	s, err := lab.Start(lab.Behaviour{Fates: fates})
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	const rounds = 3
	for n := range rounds * len(fates) {
		if got := fateOf(client.Post("http://"+s.Addr(), "", http.NoBody)); got != fates[n%len(fates)] {
			t.Errorf("request %d met fate %v, want %v", n, got, fates[n%len(fates)])
		}
	}
	s.Close() // an answer is noted when it has been written, which its reader can be ahead of
	for _, fate := range fates {
		if n := s.Ended(fate); n != rounds {
			t.Errorf("%d requests met fate %v, want %d", n, fate, rounds)
		}
	}
	if n := len(s.Answers()); n != 2*rounds {
		t.Errorf("%d answers, want %d", n, 2*rounds)
	}
	if n := s.Requests(); n != rounds*len(fates) {
		t.Errorf("%d requests, want %d", n, rounds*len(fates))
	}
}

// fateOf tells what a client saw.
func fateOf(resp *http.Response, err error) lab.Fate {
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return lab.Reset
	case err != nil:
		return lab.Closed
	}
	defer resp.Body.Close()
	switch _, err := io.Copy(io.Discard, resp.Body); {
	case err != nil:
		return lab.Cut
	case resp.StatusCode == http.StatusInternalServerError:
		return lab.Errored
	}
	return lab.Answered
}

func TestDelaysTakeTurns(t *testing.T) {
	s, err := lab.Start(lab.Behaviour{Delays: []time.Duration{0, 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var took [2]time.Duration
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for n := range 2 {
		start := time.Now()
		if fate := fateOf(client.Get("http://" + s.Addr())); fate != lab.Answered {
			t.Fatalf("fate %v", fate)
		}
		took[n] = time.Since(start)
	}
	if took[1] < 50*time.Millisecond || took[0] > took[1] {
		t.Errorf("the requests took %v", took)
	}
}

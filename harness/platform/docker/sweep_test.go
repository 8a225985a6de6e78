package docker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
)

// leftovers are one of each kind for runs "one" and "two".
func leftovers() *fake {
	f := &fake{refuse: map[string][]error{}}
	for _, run := range []string{"one", "two"} {
		labels := map[string]string{runLabel: run}
		f.all.containers = append(f.all.containers, container.Summary{ID: "c-" + run, Names: []string{"/shakedown-" + run + "-api-1"}, Labels: labels})
		f.all.networks = append(f.all.networks, network.Summary{ID: "n-" + run, Name: "net", Labels: labels})
		f.all.volumes = append(f.all.volumes, &volume.Volume{Name: "v-" + run, Labels: labels})
	}
	return f
}

func TestSweep(t *testing.T) {
	broken := errors.New("device or resource busy")
	for _, c := range []struct {
		name   string
		refuse map[string][]error
		want   string
		left   []string
	}{
		{"all goes well", nil, "", nil},
		{"another call removes it", map[string][]error{"c-one": {conflict{errors.New("removal is already in progress")}}}, "", nil},
		{"gone meanwhile", map[string][]error{"v-one": {notFound{errors.New("no such volume")}}}, "", nil},
		{"works the second time", map[string][]error{"v-one": {broken}}, "", nil},
		{"somebody is on the network", map[string][]error{"n-one": {errors.New("has active endpoints")}}, "", nil},
		{"never works", map[string][]error{"c-one": {broken, broken, broken}}, "remove container shakedown-one-api-1: device or resource busy", []string{"c-one"}},
	} {
		f := leftovers()
		if c.refuse != nil {
			f.refuse = c.refuse
		}
		err := sweep(t.Context(), f, "one")
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		for _, id := range []string{"c-one", "n-one", "v-one"} {
			if f.isRemoved(id) == slices.Contains(c.left, id) {
				t.Errorf("%s: removed %q", c.name, f.removed)
			}
		}
		for _, id := range []string{"c-two", "n-two", "v-two"} {
			if f.isRemoved(id) {
				t.Errorf("%s: removed %s, which is another run's", c.name, id)
			}
		}
	}
}

// Some engines count endpoints that are not there.
func TestSweepOfANetworkThatSeemsInUse(t *testing.T) {
	busy := errors.New("has active endpoints")
	sweepAfter := func(ctx context.Context, refusals int) error {
		f := leftovers()
		f.deserted, f.refuse = true, map[string][]error{"n-one": slices.Repeat([]error{busy}, refusals)}
		return sweep(ctx, f, "one")
	}
	synctest.Test(t, func(t *testing.T) {
		if err := sweepAfter(t.Context(), 10); err != nil {
			t.Errorf("an engine that counts right after a while: %v", err)
		}
		err := sweepAfter(t.Context(), 1000)
		if !errors.Is(err, busy) || strings.Count(err.Error(), busy.Error()) != 1 || !strings.Contains(err.Error(), "nothing is connected to it") {
			t.Errorf("%v", err)
		}
	})
}

func TestSweepWithoutEngine(t *testing.T) {
	f := leftovers()
	f.broken = errors.New("connection refused")
	if err := sweep(t.Context(), f, "one"); err == nil || !strings.Contains(err.Error(), "list containers: connection refused") {
		t.Errorf("sweep = %v", err)
	}
}

func TestCleanRefusesWhatIsNoRun(t *testing.T) {
	if err := (Cleaner{}).Clean(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "run id") {
		t.Errorf("Clean of no run = %v", err)
	}
}

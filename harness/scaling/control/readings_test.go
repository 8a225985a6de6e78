package control

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/platform"
	"github.com/shakedown-dev/shakedown/harness/scaling"
	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
	"github.com/shakedown-dev/shakedown/harness/stack"
	"github.com/shakedown-dev/shakedown/scenarios"
)

func TestControlLoopTime(t *testing.T) {
	l := newTimeline(10*time.Second, 5)
	if got := l.at(12 * time.Second); !got.Equal(epoch.Add(10 * time.Second)) {
		t.Error(got)
	}
	if got := l.at(4 * time.Second); !got.Equal(epoch.Add(-30 * time.Second)) {
		t.Error(got)
	}
	if !l.started(0).IsZero() || l.started(1).IsZero() || l.real(15*time.Second) != 3*time.Second || l.loop(3*time.Second) != 15*time.Second {
		t.Error("there and back")
	}
	for _, tempo := range []float64{0, -1, math.NaN()} {
		if newTimeline(0, tempo).tempo != 1 {
			t.Errorf("tempo %v", tempo)
		}
	}
}

// The 95th percentile of a histogram lies in the bucket of that of the times
// themselves.
func TestP95(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, int64(time.Minute)), 1, 300).Draw(t, "times")
		b := journal.Tally{Service: "api", Instance: "api-1", For: time.Second, Times: map[int]int{}}
		for _, took := range times {
			b.Times[journal.TimesBucket(time.Duration(took))]++
		}
		traffic := newTraffic(leastWindow, 0)
		traffic.add(4*time.Second, b)
		got, err := traffic.p95(5 * time.Second)
		slices.Sort(times)
		exact := time.Duration(times[int(math.Ceil(0.95*float64(len(times))))-1])
		bucket := journal.TimesBucket(exact)
		lower := time.Duration(0)
		if bucket > 0 {
			lower = journal.TimesBound(bucket - 1)
		}
		if err != nil || got < lower.Seconds()-1e-9 || got > journal.TimesBound(bucket).Seconds()+1e-9 {
			t.Fatalf("%v s, %v; the times have %v", got, err, exact)
		}
	})
	uniform := map[int]int{0: 100}
	if got := quantile(uniform, 95); got != 95*time.Microsecond {
		t.Errorf("of times evenly below 100 µs it is %v", got)
	}
	if quantile(nil, 1) != 0 {
		t.Error("of nothing")
	}
}

// What a gateway tells is averaged over the window, of those that take work.
func TestTrafficPerInstance(t *testing.T) {
	traffic := newTraffic(4*time.Second, 10*time.Second)
	for at := 11; at <= 20; at++ {
		for _, name := range []string{"a", "b", "gone", ""} {
			traffic.add(time.Duration(at)*time.Second, journal.Tally{Instance: name, For: time.Second, Total: 10 * at, InFlight: 3})
		}
	}
	members := []stack.Member{{Name: "a", Ready: true}, {Name: "b", Ready: true}, {Name: "c", Ready: true}, {Name: "d"}}
	value, each, err := traffic.perInstance(20*time.Second, members, requests)
	// 17 to 20 s are 185 a second on average, of three instances, for three that take work
	if value != 185 || fmt.Sprint(each) != "map[a:185 b:185 c:0]" || err != nil {
		t.Errorf("%v %v %v", value, each, err)
	}
	if value, _, _ = traffic.perInstance(20*time.Second, members, inFlight); value != 3 {
		t.Errorf("%v in flight", value)
	}
	if _, _, err = traffic.perInstance(20*time.Second, members[3:], requests); !errors.Is(err, errNobodyReady) {
		t.Error(err)
	}
	if _, _, err = traffic.perInstance(13900*time.Millisecond, members, requests); err == nil || !strings.Contains(err.Error(), "measured for 3.9s, and 4s are averaged") {
		t.Error(err)
	}
	if len(traffic.tallies) > 3*8 {
		t.Errorf("%d tallies are kept", len(traffic.tallies))
	}
	if _, err := traffic.p95(20 * time.Second); err == nil || !strings.Contains(err.Error(), "nothing was answered in the last 4s") {
		t.Error(err)
	}
}

// Use of CPU is that between two samples which are a resolution apart.
func TestRatesOfUse(t *testing.T) {
	u := newUsage(3*time.Second, true)
	if u.every != time.Second {
		t.Fatalf("sampled every %v", u.every)
	}
	at := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	if _, err := u.rate("a", 0); !errors.Is(err, errNoSample) {
		t.Error(err)
	}
	for i, cpu := range []float64{0, 1, 1, 1, 4} { // in the seconds before 0, 1, 2, 3, 4
		u.add("a", sample{at(float64(i)), platform.Stats{CPU: at(cpu), Memory: int64(i)}}, nil)
		r, err := u.rate("a", at(float64(i)))
		want := []rate{{}, {1, 1, at(1), at(1)}, {0.5, 2, at(2), at(2)}, {1. / 3, 3, at(3), at(3)}, {1, 4, at(4), at(3)}}[i]
		if r != want || (err == nil) != (i > 0) {
			t.Errorf("at %d s: %+v, %v; want %+v", i, r, err, want)
		}
	}
	u.add("a", sample{}, errors.New("gone"))
	if _, err := u.rate("a", at(7)); err != nil {
		t.Errorf("3 s old: %v", err)
	}
	if _, err := u.rate("a", at(7.1)); err == nil || !strings.Contains(err.Error(), "read last 3.1s ago") {
		t.Error(err)
	}
	if err := u.failed(); err == nil || err.Error() != "read the use of a: gone" {
		t.Error(err)
	}
	u.add("b", sample{at(1), platform.Stats{CPU: at(9)}}, nil)
	u.add("b", sample{at(2), platform.Stats{CPU: at(1)}}, nil)
	if r, _ := u.rate("b", at(2)); r.cores != 0 {
		t.Errorf("a counter that fell is %v cores", r.cores)
	}
	u.begin(nil)
	if len(u.of) != 0 || u.failed() != nil {
		t.Error("who is gone is remembered")
	}
}

// Instances as pods: what has not started is pending, what broke down failed;
// moments are those of the control loop.
func TestPods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(5, cpuHPA()))
		s := r.services[0]
		for name, c := range map[string]struct {
			member stack.Member
			want   hpa.Pod
		}{
			"created": {stack.Member{Created: time.Second}, hpa.Pod{Phase: hpa.Pending}},
			"started": {stack.Member{Started: 2 * time.Second}, hpa.Pod{Phase: hpa.Running, Started: epoch.Add(10 * time.Second), Ready: to(false), Changed: epoch.Add(10 * time.Second)}},
			"ready":   {stack.Member{Started: 2 * time.Second, Ready: true, Changed: 4 * time.Second}, hpa.Pod{Phase: hpa.Running, Started: epoch.Add(10 * time.Second), Ready: to(true), Changed: epoch.Add(20 * time.Second)}},
			"broken":  {stack.Member{Started: 2 * time.Second, Changed: 4 * time.Second, Exited: true}, hpa.Pod{Phase: hpa.Failed, Started: epoch.Add(10 * time.Second)}},
		} {
			got := s.pod(c.member)
			if got.Phase != c.want.Phase || !got.Started.Equal(c.want.Started) || !got.Changed.Equal(c.want.Changed) || (got.Ready == nil) != (c.want.Ready == nil) || got.Ready != nil && *got.Ready != *c.want.Ready {
				t.Errorf("%s: %+v", name, got)
			}
			if len(got.Containers) != 1 || got.Containers[0].Name != "api" || *got.Containers[0].MilliCPU != 200 || *got.Containers[0].MilliMemory != 100<<20*1000 {
				t.Errorf("%s: %+v", name, got.Containers)
			}
		}
		s.planned.Requests = scenarios.ResourceClass{}
		if got := s.pod(stack.Member{}); got.Containers[0].MilliCPU != nil || got.Containers[0].MilliMemory != nil {
			t.Errorf("requests of nothing: %+v", got.Containers)
		}
	})
}

// Each kind of metric is read where it belongs, in thousandths.
func TestReadingsOfAnHPA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := cpuHPA()
		s.Metrics = map[string]scenarios.MetricSource{"jobs": {Exposition: &scenarios.Exposition{Series: "jobs"}}}
		r := newRun(t, planOf(5, s))
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.2 }
		r.cluster.page = func(name string) ([]byte, error) { return []byte("jobs 1.5\n"), nil }
		r.begin()
		r.until(4900 * time.Millisecond)
		named := func(name string) autoscalingv2.MetricIdentifier { return autoscalingv2.MetricIdentifier{Name: name} }
		service, v := r.services[0], glance(r.services[0])
		for name, c := range map[string]struct {
			metric autoscalingv2.MetricSpec
			want   string
			err    string
		}{
			"cpu":               {autoscalingv2.MetricSpec{Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceCPU}}, "pods 100 each, at 15s, window 15s", ""},
			"memory":            {autoscalingv2.MetricSpec{Resource: &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceMemory}}, "pods 10485760000 each, at 15s, window 15s", ""},
			"of the container":  {autoscalingv2.MetricSpec{ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: corev1.ResourceCPU, Container: "api"}}, "pods 100 each, at 15s, window 15s", ""},
			"of no container":   {autoscalingv2.MetricSpec{ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: corev1.ResourceCPU, Container: "sidecar"}}, "", "api has no container sidecar"},
			"another resource":  {autoscalingv2.MetricSpec{Resource: &autoscalingv2.ResourceMetricSource{Name: "gpu"}}, "", "the use of gpu is not measured"},
			"pods":              {autoscalingv2.MetricSpec{Pods: &autoscalingv2.PodsMetricSource{Metric: named("jobs")}}, "pods 1500 each, at 20s, window 0s", ""},
			"object":            {autoscalingv2.MetricSpec{Object: &autoscalingv2.ObjectMetricSource{Metric: named("jobs")}}, "values [3000]", ""},
			"external":          {autoscalingv2.MetricSpec{External: &autoscalingv2.ExternalMetricSource{Metric: named("jobs")}}, "values [3000]", ""},
			"no such":           {autoscalingv2.MetricSpec{External: &autoscalingv2.ExternalMetricSource{Metric: named("nothing")}}, "", "api has no metric nothing; name its source under metrics"},
			"pods of no metric": {autoscalingv2.MetricSpec{Pods: &autoscalingv2.PodsMetricSource{Metric: named("nothing")}}, "", "api has no metric nothing"},
			"nothing":           {autoscalingv2.MetricSpec{Type: "Weather"}, "", `a metric of type "Weather"`},
		} {
			got := service.hpaReading(c.metric, v)
			text := ""
			switch one := got.Pods["api-1"]; {
			case len(got.Pods) == 2 && one == got.Pods["api-2"]:
				text = fmt.Sprintf("pods %d each, at %v, window %v", one.Value, one.At.Sub(epoch), one.Window)
			case len(got.Values) > 0:
				text = fmt.Sprint("values ", got.Values)
			}
			if text != c.want || (got.Err == nil) != (c.err == "") || got.Err != nil && !strings.Contains(got.Err.Error(), c.err) {
				t.Errorf("%s: %q, %v; want %q", name, text, got.Err, c.want)
			}
		}
		r.end()
	})
}

// glance is a view of a service whose loops may be at work.
func glance(s *service) view {
	now := s.c.now()
	return view{at: now, members: s.c.cfg.Cluster.Members(s.name), state: scaling.State{Now: s.c.time.at(now)}}
}

// Readings that every service has, and the words where there are none.
func TestBuiltInReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRun(t, planOf(5, cpuHPA()))
		r.cluster.add("api", 2, true)
		r.cluster.load = func(time.Duration) float64 { return 0.3 }
		s := r.services[0]
		if got := s.reading(scenarios.CPUMetric, glance(s)); got.Err == nil || !strings.Contains(got.Err.Error(), "its use has not been read yet") {
			t.Errorf("%+v", got)
		}
		r.begin()
		r.until(5 * time.Second)
		near := func(got, want float64) bool { return math.Abs(got-want) < 0.01 }
		if got := s.reading(scenarios.CPUMetric, glance(s)); !near(got.Value, 75) || !near(got.Each["api-2"], 75) || got.Err != nil {
			t.Errorf("%+v", got)
		}
		if got := s.reading(scenarios.MemoryMetric, glance(s)); !near(got.Value, 10) || got.Err != nil {
			t.Errorf("%+v", got)
		}
		r.cluster.mu.Lock()
		r.cluster.add("api", 1, false)
		r.cluster.mu.Unlock()
		r.until(5500 * time.Millisecond)
		if got := s.reading(scenarios.CPUMetric, glance(s)); !near(got.Value, 75) || len(got.Each) != 2 || got.Err != nil {
			t.Errorf("with one that has just started: %+v", got)
		}
		r.end()
		time.Sleep(20 * time.Second) // nobody samples any more
		if got := s.reading(scenarios.CPUMetric, glance(s)); got.Err == nil || !strings.Contains(got.Err.Error(), "api-") {
			t.Errorf("%+v", got)
		}
		v := glance(s)
		v.members = nil
		if got := s.reading(scenarios.CPUMetric, v); got.Err == nil || !strings.Contains(got.Err.Error(), "the use of no instance of api has been read yet") {
			t.Errorf("%+v", got)
		}
		s.planned.Requests.CPUs = 0
		if got := s.reading(scenarios.CPUMetric, glance(s)); got.Err == nil || !strings.Contains(got.Err.Error(), "give autoscale.requests.cpus") {
			t.Errorf("%+v", got)
		}
	})
}

package hpa_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/shakedown-dev/shakedown/harness/journal"
	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

const (
	cpu    = corev1.ResourceCPU
	memory = corev1.ResourceMemory
)

// asks is what one metric asks for.
func asks(t *testing.T, metric autoscalingv2.MetricSpec, replicas int32, words string) (int, journal.ScaleMetric) {
	t.Helper()
	pods, metrics := fleet(words)
	if replicas == 0 {
		replicas = int32(len(pods))
	}
	out := hpa.Recommend(hpa.Input{
		Config: hpa.Defaults(), Spec: specOf(metric), Replicas: replicas, Status: replicas, Pods: pods,
		Readings: []hpa.Reading{{Pods: metrics, At: now}}, Now: now,
	})
	return out.Decision.Wanted, out.Decision.Metrics[0]
}

func TestMetricsOfPods(t *testing.T) {
	half := utilization(cpu, 50)
	for name, c := range map[string]struct {
		metric   autoscalingv2.MetricSpec
		replicas int32 // 0: as many as pods
		pods     string
		want     int
	}{
		"at the target":                            {half, 0, "500x3", 3},
		"double":                                   {half, 0, "1000x2", 4},
		"half, rounded up":                         {half, 0, "250x3", 2},
		"55.9 % counts as 55, within tolerance":    {half, 0, "559x3", 3},
		"56 %":                                     {half, 0, "560x3", 4},
		"45 % is within tolerance":                 {half, 0, "450x10", 10},
		"44.9 % counts as 44":                      {half, 0, "449x10", 9},
		"the sum counts, not each":                 {half, 0, "0 1000 500", 3},
		"of those ready, not of those specified":   {half, 5, "1000x2", 4},
		"deleting and failed ones are not there":   {half, 2, "1000x2 D1000 F1000 D F", 4},
		"missing use nothing on the way up":        {half, 0, "600x10 -", 11},     // 54 %
		"missing use everything on the way down":   {half, 0, "100x4 -", 3},       // 28 %
		"everything is the whole request":          {half, 0, "265x48 275 -", 27}, // 27.99 %
		"and not less":                             {half, 0, "265x48 285 -", 29}, // 28.01 %: 0.56 of 50 is a little more than 28
		"or the target where that is more":         {utilization(cpu, 150), 0, "100x4 -", 2},
		"missing at the target":                    {half, 0, "500x2 -", 3},
		"missing take it within tolerance":         {half, 0, "825x2 -", 3},
		"missing never turn it round":              {half, 0, "700 -", 2},
		"missing never turn it round, down":        {half, 0, "400 -x3", 4},
		"more than there are is not less":          {half, 1, "100x4 -", 1},
		"less than there are is not more":          {half, 10, "1000x2 -", 10},
		"pending use nothing on the way up":        {half, 0, "600x10 P", 11},
		"pending do not matter on the way down":    {half, 0, "100x2 P", 1},
		"pending with a metric are pending":        {half, 0, "600x10 P9000", 11},
		"starting use nothing on the way up":       {half, 0, "600x10 U600", 11},
		"starting do not matter on the way down":   {half, 0, "100x2 U1000", 1},
		"missing and starting":                     {half, 0, "660x10 - U660", 12}, // 55 %
		"metrics of others count as pods":          {half, 0, "1000x2 - G5", 6},
		"metrics of others are no use of requests": {half, 0, "1000x2 G9000", 4},

		"starting matters for CPU only":  {utilization(memory, 50), 0, "1000x2 U1000", 6},
		"pending matters for all":        {utilization(memory, 50), 0, "600x10 P", 11},
		"utilization of a container":     {container(cpu, "api", utilization(cpu, 50).Resource.Target), 0, "600x10 U600", 11},
		"container without starting":     {container(memory, "api", utilization(cpu, 50).Resource.Target), 0, "1000x2 U1000", 6},
		"average value of CPU":           {usage(cpu, 500), 0, "600x10 U600", 11}, // 545
		"average value of a container":   {container(cpu, "api", averageValue(500)), 0, "1000x2", 4},
		"an average is cut off":          {usage(memory, 10), 0, "11 11 12", 3}, // 11: 1.1
		"average value within tolerance": {usage(memory, 1000), 0, "1100x3", 3},
		"average value":                  {usage(memory, 1000), 0, "1101x3", 4},

		"pods":                             {ofPods("jobs", 1000), 0, "2000x3", 6},
		"pods, down":                       {ofPods("jobs", 1000), 0, "300x10", 3},
		"pods do not need to be ready":     {ofPods("jobs", 1000), 0, "2000x2 U2000", 6},
		"pods pending, up":                 {ofPods("jobs", 1000), 0, "1200x10 P", 11},
		"pods missing, up":                 {ofPods("jobs", 1000), 0, "1200x10 -", 11},
		"pods missing are at the target":   {ofPods("jobs", 1000), 0, "100x4 -", 2}, // 280
		"pods: metrics of others count":    {ofPods("jobs", 1000), 0, "1000x3 G5000", 6},
		"pods: more than an int32 is none": {ofPods("jobs", 1), 0, "4000000000", 0},
	} {
		t.Run(name, func(t *testing.T) {
			have, metric := asks(t, c.metric, c.replicas, c.pods)
			if have != c.want || metric.Error != "" {
				t.Errorf("%s: asks for %d (%+v), want %d", c.pods, have, metric, c.want)
			}
		})
	}
}

// A pod whose CPU is that of its start is left out.
func TestStartingPods(t *testing.T) {
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	for name, c := range map[string]struct {
		pod    hpa.Pod
		metric hpa.PodMetric
		want   bool
	}{
		"no condition":                {hpa.Pod{Started: ago(3600)}, hpa.PodMetric{At: now}, true},
		"no start":                    {hpa.Pod{Ready: new(true)}, hpa.PodMetric{At: now}, true},
		"young, not ready":            {hpa.Pod{Started: ago(60), Ready: new(false), Changed: ago(10)}, hpa.PodMetric{At: now}, true},
		"young, a whole window ready": {hpa.Pod{Started: ago(60), Ready: new(true), Changed: ago(30)}, hpa.PodMetric{At: now, Window: 30 * time.Second}, false},
		"young, less than a window":   {hpa.Pod{Started: ago(60), Ready: new(true), Changed: ago(29)}, hpa.PodMetric{At: now, Window: 30 * time.Second}, true},
		"young, an old metric":        {hpa.Pod{Started: ago(60), Ready: new(true), Changed: ago(40)}, hpa.PodMetric{At: ago(11), Window: 30 * time.Second}, true},
		"the last moment of youth":    {hpa.Pod{Started: ago(299), Ready: new(true), Changed: ago(1)}, hpa.PodMetric{At: now, Window: time.Minute}, true},
		"old, just ready":             {hpa.Pod{Started: ago(300), Ready: new(true), Changed: ago(1)}, hpa.PodMetric{At: now, Window: time.Minute}, false},
		"old, never ready":            {hpa.Pod{Started: ago(300), Ready: new(false), Changed: ago(271)}, hpa.PodMetric{At: now}, true},
		"old, was ready":              {hpa.Pod{Started: ago(300), Ready: new(false), Changed: ago(270)}, hpa.PodMetric{At: now}, false},
	} {
		t.Run(name, func(t *testing.T) {
			pods, metrics := fleet("500")
			c.pod.Name, c.pod.Phase, c.pod.Containers = "young", hpa.Running, pods[0].Containers
			metrics["young"] = c.metric
			out := hpa.Recommend(hpa.Input{
				Config: hpa.Defaults(), Spec: specOf(utilization(cpu, 50), utilization(memory, 50)),
				Replicas: 2, Pods: append(pods, c.pod), Readings: []hpa.Reading{{Pods: metrics}, {Pods: metrics}}, Now: now,
			})
			if have := out.Decision.Metrics[0].Unready == 1; have != c.want {
				t.Errorf("left out: %v, want %v", have, c.want)
			}
			if out.Decision.Metrics[1].Unready != 0 {
				t.Errorf("left out for memory")
			}
		})
	}
}

func TestRequests(t *testing.T) {
	two := []hpa.Container{
		{Name: "api", MilliCPU: new(int64(500)), MilliMemory: new(int64(2000))},
		{Name: "proxy", MilliCPU: new(int64(1500))},
	}
	share := utilization(cpu, 50).Resource.Target
	for name, c := range map[string]struct {
		metric     autoscalingv2.MetricSpec
		containers []hpa.Container
		value      float64
		problem    string
	}{
		"all containers":             {utilization(cpu, 50), two, 50, ""},
		"one container":              {container(cpu, "proxy", share), two, 66, ""},
		"a container that is absent": {container(cpu, "db", share), two, 0, "container db not found in Pod api-1"},
		"a request that is not set":  {utilization(memory, 50), two, 0, "missing request for memory in container proxy of Pod api-1"},
		"another's is":               {container(memory, "api", share), two, 50, ""},
		"a resource without any":     {utilization("ephemeral-storage", 50), two, 0, "missing request for ephemeral-storage in container api of Pod api-1"},
		"requests of zero":           {container(cpu, "api", share), []hpa.Container{{Name: "api", MilliCPU: new(int64(0))}}, 0, "no metrics returned matched known pods"},
		"no containers":              {utilization(cpu, 50), nil, 0, "no metrics returned matched known pods"},
		"average values need none":   {usage(cpu, 500), nil, 1, ""},
		"average value of one":       {container(cpu, "db", averageValue(500)), two, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pods, metrics := fleet("1000x2")
			for i := range pods {
				pods[i].Containers = c.containers
			}
			pods[0], pods[1] = pods[1], pods[0]
			out := hpa.Recommend(hpa.Input{
				Config: hpa.Defaults(), Spec: specOf(c.metric), Replicas: 2, Pods: pods,
				Readings: []hpa.Reading{{Pods: metrics}}, Now: now,
			})
			metric := out.Decision.Metrics[0]
			if !strings.HasSuffix(metric.Error, c.problem) || (c.problem == "") != (metric.Error == "") {
				t.Fatalf("error %q, want %q", metric.Error, c.problem)
			}
			if c.problem == "" && *metric.Value != c.value {
				t.Errorf("value %v, want %v", *metric.Value, c.value)
			}
		})
	}
}

// Requests are of all pods, also of those that do not count.
func TestRequestOfFailedPod(t *testing.T) {
	pods, metrics := fleet("1000 F")
	pods[1].Containers = []hpa.Container{{Name: "api"}}
	out := hpa.Recommend(hpa.Input{
		Config: hpa.Defaults(), Spec: specOf(utilization(cpu, 50)), Replicas: 1, Pods: pods,
		Readings: []hpa.Reading{{Pods: metrics}}, Now: now,
	})
	wantCondition(t, out.Decision, "ScalingActive", "False FailedGetResourceMetric")
}

func TestMetricsOfPodsThatCannotBeTold(t *testing.T) {
	broken := errors.New("the metrics API does not answer")
	for name, c := range map[string]struct {
		metric  autoscalingv2.MetricSpec
		pods    string
		err     error
		reason  string
		message string
	}{
		"resource": {utilization(cpu, 50), "500", broken, "FailedGetResourceMetric",
			"failed to get cpu utilization: unable to get metrics for resource cpu: the metrics API does not answer"},
		"average value": {usage(memory, 50), "500", broken, "FailedGetResourceMetric",
			"failed to get memory usage: unable to get metrics for resource memory: the metrics API does not answer"},
		"container": {container(cpu, "api", averageValue(1)), "500", broken, "FailedGetContainerResourceMetric",
			"failed to get cpu usage: unable to get metrics for resource cpu: the metrics API does not answer"},
		"pods":       {ofPods("jobs", 1), "500", broken, "FailedGetPodsMetric", "unable to get metric jobs: the metrics API does not answer"},
		"no metrics": {ofPods("jobs", 1), "-", nil, "FailedGetPodsMetric", "unable to get metric jobs: no metrics returned from custom metrics API"},
		"no pods": {utilization(cpu, 50), "G500", nil, "FailedGetResourceMetric",
			"failed to get cpu utilization: no pods returned by selector while calculating replica count"},
		"all starting": {utilization(cpu, 50), "U500 P500 D500", nil, "FailedGetResourceMetric",
			"failed to get cpu utilization: did not receive metrics for targeted pods (pods might be unready)"},
		"all pending": {ofPods("jobs", 1), "P500", nil, "FailedGetPodsMetric",
			"did not receive metrics for targeted pods (pods might be unready)"},
		"only others": {utilization(cpu, 50), "- G5", nil, "FailedGetResourceMetric",
			"failed to get cpu utilization: no metrics returned matched known pods"},
		"no target": {container(cpu, "api", autoscalingv2.MetricTarget{}), "500", nil, "FailedGetContainerResourceMetric",
			"invalid resource metric source: neither an average utilization target nor an average value (usage) target was set"},
	} {
		t.Run(name, func(t *testing.T) {
			pods, metrics := fleet(c.pods)
			out := hpa.Recommend(hpa.Input{
				Config: hpa.Defaults(), Spec: specOf(c.metric), Replicas: 7, Pods: pods,
				Readings: []hpa.Reading{{Pods: metrics, Err: c.err}}, Now: now,
			})
			d, message := out.Decision, "the HPA was unable to compute the replica count: "+c.message
			if out.Desired != 7 || d.Wanted != 7 || d.Reason != c.reason || d.Message != message {
				t.Errorf("desired %d, %s: %s\nwant %s: %s", out.Desired, d.Reason, d.Message, c.reason, message)
			}
			if d.Metrics[0].Error != c.message || d.Metrics[0].Value != nil || d.Metrics[0].Proposed != nil {
				t.Errorf("metric %+v", d.Metrics[0])
			}
			wantCondition(t, d, "AbleToScale", "True SucceededGetScale")
			wantCondition(t, d, "ScalingActive", "False "+c.reason)
		})
	}
}

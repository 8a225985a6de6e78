package oracle

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
)

// A step is one evaluation of a trace.
type step struct {
	at            time.Time
	before, after int32 // spec.replicas
	// proposed is what the metrics ask for together; nil where that was not told.
	proposed *int32
	// conditions are those of the HPA after it, by type.
	conditions map[string]condition
	// metrics are the values that it tells, in the order of the specification: a
	// percentage, or thousandths; nil where it has none.
	metrics []*int64
	// refused says that the target did not take the size that it was to have.
	refused bool
	// scaled is when the last rescale was, by the HPA's status.
	scaled time.Time
	// why is the reason of the rescale by the controller's log; nil without one.
	why *string
	// event is the message of the event of a rescale. Upstream sends no more than
	// some of them; it is empty where there was none.
	event string
}

type condition struct{ status, reason, message string }

// upstream runs Kubernetes' controller on a case, in virtual time.
func upstream(t *testing.T, c *Case) (start time.Time, trace []step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start = time.Now()
		u := newCluster(c, start)
		ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), logr.New(log{u})))
		config := c.config()
		controller := podautoscaler.NewHorizontalController(ctx, u, u, u, mapper(), u, hpaInformer{u}, podInformer{u},
			syncPeriod, config.DownscaleStabilization, config.Tolerance, config.CPUInitializationPeriod, config.InitialReadinessDelay)
		u.handler.OnAdd(u.stored(), true)
		done := make(chan struct{})
		go func() { defer close(done); controller.Run(ctx, 1) }()

		time.Sleep(syncPeriod + time.Second) // a second after an evaluation, where nothing else happens
		for i := range int(time.Duration(c.For) / syncPeriod) {
			synctest.Wait()
			trace = append(trace, u.last())
			if len(c.Edits) > 0 {
				u.edit(i + 1)
			}
			time.Sleep(syncPeriod)
		}
		cancel()
		<-done
	})
	for i, s := range trace {
		if want := start.Add(time.Duration(i+1) * syncPeriod); !s.at.Equal(want) {
			t.Fatalf("the oracle is broken: evaluation %d was at %s and not at %s of the case's time", i, s.at.Sub(start), want.Sub(start))
		}
	}
	return start, trace
}

// told are the conditions and values in the status of an HPA.
func told(status autoscalingv2.HorizontalPodAutoscalerStatus) (conditions map[string]condition, metrics []*int64) {
	conditions = map[string]condition{}
	for _, c := range status.Conditions {
		conditions[string(c.Type)] = condition{string(c.Status), c.Reason, c.Message}
	}
	for _, m := range status.CurrentMetrics {
		metrics = append(metrics, valueIn(m))
	}
	return conditions, metrics
}

// valueIn is the value of one metric.
func valueIn(m autoscalingv2.MetricStatus) *int64 {
	var v autoscalingv2.MetricValueStatus
	switch {
	case m.Resource != nil:
		v = m.Resource.Current
	case m.ContainerResource != nil:
		v = m.ContainerResource.Current
	case m.Pods != nil:
		v = m.Pods.Current
	case m.Object != nil:
		v = m.Object.Current
	case m.External != nil:
		v = m.External.Current
	default:
		return nil
	}
	switch {
	case v.AverageUtilization != nil:
		return new(int64(*v.AverageUtilization))
	case v.AverageValue != nil:
		return new(v.AverageValue.MilliValue())
	}
	return new(v.Value.MilliValue())
}

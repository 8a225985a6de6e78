package oracle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	hpaclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	hpalisters "k8s.io/client-go/listers/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	upstreamapi "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"

	"github.com/shakedown-dev/shakedown/harness/scaling/hpa"
)

var errRefused = errors.New("the target does not take a new size")

const (
	namespace = "oracle"
	target    = "app"
	selector  = "app=app"
)

// A cluster is everything that the controller talks to, in front of a plant.
// Reading the target's scale is the first that an evaluation does: it advances
// the plant, and all the rest is what the plant looked like then.
type cluster struct {
	c       *Case
	metrics []autoscalingv2.MetricSpec
	view    view

	mu    sync.Mutex // of what the test reads as well, and upstream's recorder of events
	plant *plant
	step  step

	hpas, pods cache.Indexer
	handler    cache.ResourceEventHandler
}

func newCluster(c *Case, start time.Time) *cluster {
	byNamespace := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}
	object := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: target}, Spec: *c.Spec.DeepCopy()}
	object.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: target}
	upstreamapi.SetDefaults_HorizontalPodAutoscaler(object)
	u := &cluster{
		c:       c,
		plant:   newPlant(c, object.Spec.Metrics, start),
		metrics: object.Spec.Metrics,
		hpas:    cache.NewIndexer(cache.MetaNamespaceKeyFunc, byNamespace),
		pods:    cache.NewIndexer(cache.MetaNamespaceKeyFunc, byNamespace),
	}
	u.must(u.hpas.Add(object))
	return u
}

func mapper() apimeta.RESTMapper {
	groupVersion := schema.GroupVersion{Group: "apps", Version: "v1"}
	m := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{groupVersion})
	m.Add(groupVersion.WithKind("Deployment"), apimeta.RESTScopeNamespace)
	return m
}

// must is for what cannot fail: changes of indexers that are ours.
func (u *cluster) must(err error) {
	if err != nil {
		panic(fmt.Sprintf("the oracle's own cluster: %v", err))
	}
}

// edit puts the specification in place that counts at an evaluation.
func (u *cluster) edit(evaluation int) {
	old := u.stored()
	changed := old.DeepCopy()
	changed.Spec = *u.c.specAt(evaluation).DeepCopy()
	changed.Spec.ScaleTargetRef = old.Spec.ScaleTargetRef
	upstreamapi.SetDefaults_HorizontalPodAutoscaler(changed)
	u.must(u.hpas.Update(changed))
	u.handler.OnUpdate(old, changed)
}

// last is the last evaluation.
func (u *cluster) last() step {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.step
	s.after = u.plant.replicas
	status := u.stored().Status
	s.conditions, s.metrics = told(status)
	if status.LastScaleTime != nil {
		s.scaled = status.LastScaleTime.Time
	}
	return s
}

// stored is the HPA as the API has it.
func (u *cluster) stored() *autoscalingv2.HorizontalPodAutoscaler {
	object, _, err := u.hpas.GetByKey(namespace + "/" + target)
	u.must(err)
	return object.(*autoscalingv2.HorizontalPodAutoscaler)
}

// scales is the scale subresource of the target.
type scales struct {
	scale.ScaleInterface // nil: nothing else is asked for
	*cluster
}

func (u *cluster) Scales(string) scale.ScaleInterface { return scales{cluster: u} }

func (s scales) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.plant.advance(now)
	s.view = s.plant.view(now)
	if !s.step.at.Equal(now) { // it asks again after a refusal
		s.step = step{at: now, before: s.view.replicas}
	}
	var objects []any
	for _, p := range s.view.pods {
		objects = append(objects, object(p))
	}
	s.must(s.pods.Replace(objects, ""))
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: target},
		Spec:       autoscalingv1.ScaleSpec{Replicas: s.view.replicas},
		Status:     autoscalingv1.ScaleStatus{Replicas: s.view.status, Selector: selector},
	}, nil
}

func (s scales) Update(_ context.Context, _ schema.GroupResource, to *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if within(s.c.Refused, Span(now.Sub(s.plant.start))) {
		s.step.refused = true
		return nil, errRefused
	}
	s.plant.scale(now, to.Spec.Replicas)
	return to, nil
}

// object is a pod as the API has it.
func object(p hpa.Pod) *corev1.Pod {
	out := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: p.Name, Labels: map[string]string{"app": "app"}},
		Status:     corev1.PodStatus{Phase: corev1.PodPhase(p.Phase)},
	}
	if p.Deleting {
		out.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	}
	if !p.Started.IsZero() {
		out.Status.StartTime = &metav1.Time{Time: p.Started}
	}
	if p.Ready != nil {
		status := corev1.ConditionFalse
		if *p.Ready {
			status = corev1.ConditionTrue
		}
		out.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.Time{Time: p.Changed}}}
	}
	for _, c := range p.Containers {
		requests := corev1.ResourceList{}
		if c.MilliCPU != nil {
			requests[corev1.ResourceCPU] = *resource.NewMilliQuantity(*c.MilliCPU, resource.DecimalSI)
		}
		if c.MilliMemory != nil {
			requests[corev1.ResourceMemory] = *resource.NewMilliQuantity(*c.MilliMemory, resource.BinarySI)
		}
		out.Spec.Containers = append(out.Spec.Containers, corev1.Container{Name: c.Name, Resources: corev1.ResourceRequirements{Requests: requests}})
	}
	return out
}

// key is what a metric is asked for by.
func key(m autoscalingv2.MetricSpec) string {
	switch m.Type {
	case autoscalingv2.ResourceMetricSourceType:
		return string(m.Resource.Name)
	case autoscalingv2.ContainerResourceMetricSourceType:
		return string(m.ContainerResource.Name) + " of " + m.ContainerResource.Container
	case autoscalingv2.PodsMetricSourceType:
		return "pods " + m.Pods.Metric.Name
	case autoscalingv2.ObjectMetricSourceType:
		return "object " + m.Object.Metric.Name
	default:
		return "external " + m.External.Metric.Name
	}
}

// reading is what the metric that is asked for by a key says. One without any
// value is an error, as it is of upstream's clients of the metrics APIs.
func (u *cluster) reading(api, of string) (hpa.Reading, error) {
	i := slices.IndexFunc(u.metrics, func(m autoscalingv2.MetricSpec) bool { return key(m) == of })
	r := u.view.readings[i]
	if r.Err == nil && len(r.Pods)+len(r.Values) == 0 {
		return r, fmt.Errorf("no metrics returned from %s metrics API", api)
	}
	return r, r.Err
}

// samples are copied, since the controller changes what it gets.
func (u *cluster) samples(api, of string) (metrics.PodMetricsInfo, time.Time, error) {
	r, err := u.reading(api, of)
	if err != nil {
		return nil, time.Time{}, err
	}
	out := metrics.PodMetricsInfo{}
	for name, m := range r.Pods {
		out[name] = metrics.PodMetric{Timestamp: m.At, Window: m.Window, Value: m.Value}
	}
	return out, r.At, nil
}

func (u *cluster) GetResourceMetric(_ context.Context, resource corev1.ResourceName, _ string, _ labels.Selector, container string) (metrics.PodMetricsInfo, time.Time, error) {
	if container != "" {
		return u.samples("resource", string(resource)+" of "+container)
	}
	return u.samples("resource", string(resource))
}

func (u *cluster) GetRawMetric(name, _ string, _, _ labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return u.samples("custom", "pods "+name)
}

func (u *cluster) GetObjectMetric(name, _ string, _ *autoscalingv2.CrossVersionObjectReference, _ labels.Selector) (int64, time.Time, error) {
	r, err := u.reading("custom", "object "+name)
	if err != nil {
		return 0, time.Time{}, err
	}
	return r.Values[0], r.At, nil
}

func (u *cluster) GetExternalMetric(name, _ string, _ labels.Selector) ([]int64, time.Time, error) {
	r, err := u.reading("external", "external "+name)
	return slices.Clone(r.Values), r.At, err
}

// hpas is the HPA's resource in the API; its status can be written.
type hpas struct {
	hpaclient.HorizontalPodAutoscalerInterface // nil: nothing else is asked for
	*cluster
}

func (u *cluster) HorizontalPodAutoscalers(string) hpaclient.HorizontalPodAutoscalerInterface {
	return hpas{cluster: u}
}

func (h hpas) UpdateStatus(_ context.Context, to *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	old := h.stored()
	changed := old.DeepCopy()
	changed.Status = *to.Status.DeepCopy()
	h.must(h.hpas.Update(changed))
	h.handler.OnUpdate(old, changed)
	return changed, nil
}

// events takes the controller's events. Of the same kind one it gets ten in ten
// minutes and 25 at all, then one every five minutes.
type events struct {
	coreclient.EventInterface // nil: nothing else is asked for
	*cluster
}

func (u *cluster) Events(string) coreclient.EventInterface { return events{cluster: u} }

func (e events) take(event *corev1.Event) (*corev1.Event, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if event.Reason == "SuccessfulRescale" {
		e.step.event = strings.TrimPrefix(event.Message, "(combined from similar events): ")
	}
	return event, nil
}

func (e events) CreateWithEventNamespace(event *corev1.Event) (*corev1.Event, error) {
	return e.take(event)
}

func (e events) UpdateWithEventNamespace(event *corev1.Event) (*corev1.Event, error) {
	return e.take(event)
}

func (e events) PatchWithEventNamespace(event *corev1.Event, _ []byte) (*corev1.Event, error) {
	return e.take(event)
}

// A log takes what metrics propose from the controller's log, which is the one
// place where upstream tells it, and the reason of each rescale.
type log struct{ *cluster }

func (log) Init(logr.RuntimeInfo)            {}
func (log) Enabled(level int) bool           { return level <= 4 }
func (log) Error(error, string, ...any)      {}
func (l log) WithValues(...any) logr.LogSink { return l }
func (l log) WithName(string) logr.LogSink   { return l }

func (l log) Info(_ int, message string, pairs ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch message {
	case "Proposing desired replicas":
		l.step.proposed = new(pairs[1].(int32))
	case "Successfully rescaled":
		l.step.why = new(pairs[slices.Index(pairs, "reason")+1].(string))
	}
}

// An informer has always synced and tells its handler what the cluster tells it.
type informer struct {
	cache.SharedIndexInformer // nil: nothing else is asked for
	*cluster
}

func (informer) HasSynced() bool { return true }

func (i informer) AddEventHandlerWithResyncPeriod(h cache.ResourceEventHandler, _ time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	i.handler = h
	return nil, nil
}

type hpaInformer struct{ *cluster }

func (h hpaInformer) Informer() cache.SharedIndexInformer { return informer{cluster: h.cluster} }
func (h hpaInformer) Lister() hpalisters.HorizontalPodAutoscalerLister {
	return hpalisters.NewHorizontalPodAutoscalerLister(h.hpas)
}

type podInformer struct{ *cluster }

func (p podInformer) Informer() cache.SharedIndexInformer { return informer{cluster: p.cluster} }
func (p podInformer) Lister() corelisters.PodLister       { return corelisters.NewPodLister(p.pods) }

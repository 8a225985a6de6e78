package hpa

import (
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var errNoPods = errors.New("no pods returned by selector while calculating replica count")

// ofPods are the metrics of pods, as the named metrics API has them.
func (r Reading) ofPods(api string) (map[string]PodMetric, error) {
	if r.Err == nil && len(r.Pods) == 0 {
		return nil, fmt.Errorf("no metrics returned from %s metrics API", api)
	}
	return r.Pods, r.Err
}

// values are those of a thing or of series, at least one.
func (r Reading) values(api string) ([]int64, error) {
	if r.Err == nil && len(r.Values) == 0 {
		return nil, fmt.Errorf("no metrics returned from %s metrics API", api)
	}
	return r.Values, r.Err
}

// selectable tells whether the selector of a metric can be used: validation lets
// pass what cannot.
func selectable(selector *metav1.LabelSelector) error {
	if selector == nil {
		return nil
	}
	_, err := metav1.LabelSelectorAsSelector(selector)
	return err
}

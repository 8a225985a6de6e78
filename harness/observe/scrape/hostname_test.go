package scrape

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/scrape"
)

// TestTheManagerHasAHostNameToLookUpNothing fails where a version of Prometheus keeps the
// name somewhere else: then names that are not resolved delay the first scrape again.
func TestTheManagerHasAHostNameToLookUpNothing(t *testing.T) {
	o := &scrape.Options{}
	if !hostless(o) || !strings.Contains(fmt.Sprintf("%+v", *o), "fqdn:shakedown") {
		t.Errorf("it has none: %+v", *o)
	}
}

package scrape

import (
	"reflect"
	"unsafe"

	"github.com/prometheus/prometheus/scrape"
)

// hostless gives the manager a name of this host, so that it does not look it up, which
// it has no option for in public. It would be part of the moments of scrapes, and
// there is one server only; but where names are not resolved, looking up takes many
// seconds in which nothing is scraped, and cannot be broken off. False: this version of
// Prometheus keeps the name somewhere else, and looks it up.
func hostless(o *scrape.Options) bool {
	field := reflect.ValueOf(o).Elem().FieldByName("fqdn")
	if !field.IsValid() || field.Kind() != reflect.String {
		return false
	}
	*(*string)(unsafe.Pointer(field.UnsafeAddr())) = ownJob
	return true
}

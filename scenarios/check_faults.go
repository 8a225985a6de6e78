package scenarios

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// checkFaults checks what faults say without a look at the stack.
func (d *Document) checkFaults() {
	faults := d.Scenario.Faults
	if d.tooMany(location{"faults"}, len(faults), "faults") {
		return
	}
	d.checkUnique(location{"faults"}, "fault", names(faults, func(f Fault) string { return f.Name }))
	for i, f := range faults {
		at := location{"faults", i}
		d.checkMoment(at.to("at"), f.At)
		if f.Kind() == "" || d.reported(at) {
			continue // it is of no kind, or of two
		}
		d.checkLasting(at, f)
		d.checkSelection(at.to("target"), f)
		d.checkEgress(at.to("egress"), f)
		d.checkMatch(at.to("match"), f)
		d.checkExisting(at.to("existing_connections"), f)
		d.checkParameters(at.to(f.Kind()), f)
	}
	d.checkBlastRadius(location{"blast_radius"}, d.Scenario.BlastRadius)
}

// faultIDs are the names of faults in a plan: their own, or the kind with what it
// is done to, with a number from the second on that would be called so.
func faultIDs(faults []Fault) []string {
	ids, taken := make([]string, len(faults)), map[string]bool{}
	for i, f := range faults {
		ids[i] = f.Name
		taken[f.Name] = true
	}
	for i, f := range faults {
		if f.Name != "" {
			continue
		}
		base := plainName(f.Kind() + "-" + f.Target.words())
		ids[i] = base
		for n := 2; taken[ids[i]]; n++ {
			ids[i] = fmt.Sprintf("%s-%d", base, n)
		}
		taken[ids[i]] = true
	}
	return ids
}

// words is what is selected from, in short.
func (s Selection) words() string {
	switch {
	case s.Service != "":
		return s.Service
	case s.Label != "":
		return s.Label
	}
	return s.Zone
}

// plainName is a name made of a text.
func plainName(text string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(text))
	return strings.Trim(plain, "-")
}

// atOnce tells that the fault is over as soon as it has begun.
func (f Fault) atOnce() bool { return PlannedFault{Spec: f}.AtOnce() }

// checkLasting checks that a fault has an end, and only one.
func (d *Document) checkLasting(at location, f Fault) {
	kind := f.Kind()
	canStay := f.Kill != nil || f.Stop != nil
	if f.Permanent && !canStay {
		d.reportKey(at.to("permanent"), fmt.Sprintf("%s cannot be permanent: that is for kill and stop", kind), "leave it out")
		return
	}
	switch {
	case f.atOnce():
		d.reportUseless(at, "for", fmt.Sprintf("%s is over at once", kind), "leave it out")
	case f.Permanent:
		if d.given(at, "for") {
			d.reportKey(at.to("for"), "for and permanent exclude one another", "keep one of the two")
		}
	case d.given(at, "for"):
		d.checkPositive(at.to("for"), f.For, "a fault")
	case canStay:
		d.report(at, `"for" is missing`, "add for: 30s, after which others take their place, or permanent: true")
	default:
		d.report(at, `"for" is missing`, "add for: 30s, how long it lasts")
	}
}

// selectionKeys narrow a selection to some of its instances.
var selectionKeys = []string{"pick", "count", "percent"}

// checkSelection checks what of a selection can be told from it alone.
func (d *Document) checkSelection(at location, f Fault) {
	s := f.Target
	if given := d.givenOf(at, selectionKeys...); len(given) > 1 {
		d.reportKey(at.to(given[1]), enumerate(given)+" exclude one another", "keep one of them")
	}
	if s.Service != "" && s.Label != "" {
		d.reportKey(at.to("label"), "service and label exclude one another: a service is named, or all that have a label are meant", "keep one of the two")
	}
	if s.Percent != nil && *s.Percent == 0 && !d.reported(at.to("percent")) {
		d.report(at.to("percent"), "0% picks nothing", "give a percentage above zero; it is rounded up")
	}
	switch {
	case f.ZoneLoss != nil:
		if !d.given(at, "zone") {
			d.report(at, "a zone is lost as a whole, and the target names none", "add zone: ...")
		}
		for _, key := range selectionKeys {
			d.reportUseless(at, key, "a zone is lost as a whole", "leave it out")
		}
	case proxied(f.Kind()) && f.Egress == "" && !d.given(at[:len(at)-1], "egress") && f.Outage == nil:
		d.checkWhole(at, f.Kind())
	case ofDatabase(f.Kind()):
		for _, key := range append([]string{"zone"}, selectionKeys...) {
			d.reportUseless(at, key, f.Kind()+" is done to the database as a whole", "leave it out")
		}
	}
}

// checkWhole reports what narrows a selection of services that a fault is done to
// as their callers see them.
func (d *Document) checkWhole(at location, kind string) {
	for _, key := range append([]string{"zone"}, selectionKeys...) {
		d.reportUseless(at, key, fmt.Sprintf("%s is done to the service as its callers see it, and so to all of it", kind),
			"leave it out, or add egress: with it, the fault is done to what picked instances send")
	}
}

// ParseEgress takes apart where a fault of what instances send is done: a host,
// and a port, which is 0 where all are meant.
func ParseEgress(text string) (host string, port int, err error) {
	const form = "write a host, or host:port, as in api.pay.example:443"
	host, number, found := strings.Cut(text, ":")
	if found {
		port, err = strconv.Atoi(number)
	}
	switch {
	case strings.Contains(text, "://"):
		_, rest, _ := strings.Cut(text, "://")
		rest, _, _ = strings.Cut(rest, "/")
		return "", 0, badForm(text, "is an address", "write host, or host:port, without scheme and path: "+shorten(rest))
	case strings.ContainsAny(text, "/?#"):
		return "", 0, badForm(text, "has a path", "name the host; match.path narrows to some requests")
	case err != nil || found && (port < 1 || port > 65535):
		return "", 0, badForm(text, "has no port from 1 to 65535", form)
	case loopback(host):
		return "", 0, badForm(text, "is the instance itself", "name another host: nothing leaves an instance that it sends to itself")
	case !hostName(host):
		return "", 0, badForm(text, "is not a host", form)
	}
	return host, port, nil
}

// hostName tells whether a text can be the name of a host, or an IPv4 address.
func hostName(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return net.ParseIP(text).To4() != nil
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || strings.IndexFunc(label, notInHost) >= 0 {
			return false
		}
	}
	return len(text) <= 253
}

func notInHost(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// checkEgress checks that a fault can be turned around, and where to.
func (d *Document) checkEgress(at location, f Fault) {
	if d.node(at) == nil {
		return
	}
	if kind := f.Kind(); !proxied(kind) {
		d.reportKey(at, fmt.Sprintf("has no effect: %s is not about what instances send to a host", kind),
			"leave it out, or take a fault of HTTP or of a third party; delay, loss, bandwidth, partition and reset have peer")
		return
	}
	if _, _, err := ParseEgress(f.Egress); err != nil && !d.reported(at) {
		d.reportForm(at, err)
	}
}

// checkMatch checks that there are requests to be told apart.
func (d *Document) checkMatch(at location, f Fault) {
	if f.Match == nil {
		return
	}
	kind := f.Kind()
	switch {
	case groupOf(kind) != requestKinds:
		d.reportKey(at, fmt.Sprintf("has no effect: %s is not about requests", kind), "leave it out")
		return
	case f.Outage != nil && f.Outage.As == OutageRefuse, f.Flapping != nil && f.Flapping.As == OutageRefuse:
		d.reportKey(at, "has no effect: where nobody listens there are no requests to tell apart", "leave it out, or write as: status")
		return
	}
	if n := d.node(at); n.kind == mapKind && len(n.fields) == 0 {
		d.report(at, "narrows to nothing in particular", "give method, path or share, or leave it out")
	}
	if f.Match.Method != "" && !slices.Contains(methods, f.Match.Method) && !d.reported(at.to("method")) {
		d.report(at.to("method"), fmt.Sprintf("%q is not a method", shorten(f.Match.Method)), didYouMean(f.Match.Method, methods))
	}
	checkAbove(d, at.to("share"), f.Match.Share)
}

// checkExisting checks that a fault can tell connections that are open from
// others.
func (d *Document) checkExisting(at location, f Fault) {
	if d.node(at) == nil || d.reported(at) {
		return
	}
	switch kind := f.Kind(); groupOf(kind) {
	case lifeCycleKinds, resourceKinds, dataKinds:
		d.reportKey(at, fmt.Sprintf("has no effect: %s is not done to connections", kind), "leave it out")
	case networkKinds, tlsKinds:
		if f.DNS != nil {
			d.reportKey(at, "has no effect: names are looked up without connections", "leave it out")
		} else if f.ExistingConnections == DrainExisting {
			d.report(at, fmt.Sprintf("drain waits for the end of requests, and %s knows of none", kind), "write reset or new-only, or take a fault of HTTP")
		} else if l := f.ConnectionLimit; l != nil && l.Port == 0 && f.ExistingConnections == ResetExisting {
			d.report(at, "without a port, what the target opened itself would be reset too", "name the port under connection_limit.port, or write new-only")
		}
	}
}

// checkBlastRadius checks that a cap is one.
func (d *Document) checkBlastRadius(at location, b *BlastRadius) {
	if b == nil {
		return
	}
	if n := d.node(at); n != nil && n.kind == mapKind && len(n.fields) == 0 {
		d.report(at, "caps nothing", "give percent, instances or protect, or leave it out")
	}
	for i, name := range b.Protect {
		if name == "" {
			d.report(at.to("protect", i), "names no service", "name one that nothing is to be done to")
		} else if slices.Contains(b.Protect[:i], name) {
			d.report(at.to("protect", i), fmt.Sprintf("service %q is named twice", shorten(name)), "name each service once")
		}
	}
}

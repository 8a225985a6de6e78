package scenarios

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checkParameters checks the parameters of a fault's kind.
func (d *Document) checkParameters(at location, f Fault) {
	switch {
	case f.CrashLoop != nil:
		d.checkPositive(at.to("every"), f.CrashLoop.Every, "the life of an instance")
	case f.Reclaim != nil:
		d.checkPositive(at.to("notice"), f.Reclaim.Notice, "a notice")
	case f.Delay != nil, f.Loss != nil, f.DNS != nil:
		d.checkPackets(at, f)
	case f.MemoryPressure != nil, f.DiskFill != nil:
		d.checkFilling(at, f)
	case f.HTTPLatency != nil:
		d.checkLatency(at, *f.HTTPLatency)
	case f.HTTPErrors != nil:
		d.checkErrors(at, *f.HTTPErrors)
	case f.Brownout != nil:
		d.checkLatency(at, LatencyFault{P50: f.Brownout.P50, P99: f.Brownout.P99})
		if p := f.Brownout.Peak; p != 0 && p < 1 {
			d.report(at.to("peak"), fmt.Sprintf("with a peak of %s it would get faster", p), "give 1x or more")
		}
	case f.Flapping != nil:
		d.checkPositive(at.to("down"), f.Flapping.Down, "being gone")
		d.checkPositive(at.to("up"), f.Flapping.Up, "being there")
	case f.RateLimit != nil:
		d.checkRateLimit(at, *f.RateLimit)
	case f.TLSHandshake != nil:
		d.checkPositive(at.to("delay"), f.TLSHandshake.Delay, "a delay")
	case f.TLSReset != nil:
		d.checkHosts(at.to("names"), f.TLSReset.Names)
	case f.TLSExpired != nil:
		d.checkHosts(at.to("names"), f.TLSExpired.Names)
	case f.CacheFlush != nil:
		d.checkFlush(at, *f.CacheFlush)
	case f.PoolExhaustion != nil:
		d.checkAccess(at.to("access"), f.PoolExhaustion.Access)
	case f.SlowQueries != nil:
		d.checkAccess(at.to("access"), f.SlowQueries.Access)
		d.checkStatement(at.to("query"), f.SlowQueries.Query)
	}
}

// mostDelay is how long a packet is held at most.
const mostDelay = Duration(time.Minute)

func (d *Document) checkPackets(at location, f Fault) {
	switch {
	case f.Delay != nil:
		d.checkPositive(at.to("latency"), f.Delay.Latency, "a delay")
		if f.Delay.Latency > mostDelay {
			d.report(at.to("latency"), fmt.Sprintf("%s is too long: packets are held in memory", f.Delay.Latency), fmt.Sprintf("the most is %s; partition lets none through", mostDelay))
		}
		if f.Delay.Jitter > f.Delay.Latency && !d.reportedIn(at) {
			d.report(at.to("jitter"), fmt.Sprintf("a jitter of %s is more than the latency of %s: some packets would have to arrive before they are sent", f.Delay.Jitter, f.Delay.Latency),
				"give a jitter up to the latency")
		}
	case f.Loss != nil:
		checkAbove(d, at.to("share"), &f.Loss.Share)
	case f.DNS != nil:
		d.checkPositive(at.to("delay"), f.DNS.Delay, "a delay")
		if f.DNS.Answer != "" && f.DNS.Answer != "slow" {
			d.reportUseless(at, "delay", "the answer is "+f.DNS.Answer, "leave it out, or write answer: slow")
		}
		d.checkHosts(at.to("names"), f.DNS.Names)
	}
}

// mostFilled is how much of a disk a fault uses at most, where it does not know
// what is left.
const mostFilled = 1 << 30

func (d *Document) checkFilling(at location, f Fault) {
	switch {
	case f.MemoryPressure != nil:
		checkAbove(d, at.to("fill"), f.MemoryPressure.Fill)
		if !f.MemoryPressure.OOM && d.given(at, "oom") && !d.reportedIn(at) {
			d.report(at.to("oom"), "uses no memory", "write oom: true, or fill: 90%")
		}
	case f.DiskFill != nil:
		checkAbove(d, at.to("fill"), f.DiskFill.Fill)
		if f.DiskFill.Size > mostFilled {
			d.report(at.to("size"), fmt.Sprintf("%s is too much: the volume may be on the disk of this machine", f.DiskFill.Size), "the most is 1GiB")
		}
	}
}

// checkLatency checks a distribution of times.
func (d *Document) checkLatency(at location, l LatencyFault) {
	d.checkPositive(at.to("p50"), l.P50, "a latency")
	d.checkPositive(at.to("p99"), l.P99, "a latency")
	if l.P99 != 0 && l.P99 < l.P50 {
		d.report(at.to("p99"), fmt.Sprintf("the p99 of %s is below the p50 of %s", l.P99, l.P50), "give a p99 that is above it, or leave it out: then all take as long")
	}
}

func (d *Document) checkErrors(at location, e HTTPErrorsFault) {
	at, retry := at.to("statuses"), at.to("retry_after")
	if n := d.node(at); n != nil && n.kind == mapKind && len(n.fields) == 0 {
		d.report(at, "names no status", "write {503: 1}, or leave the key out for just that")
	}
	for _, status := range keys(e.Statuses) {
		if code, err := strconv.Atoi(status); err != nil || code < 400 || code > 599 {
			d.reportKey(at.to(status), fmt.Sprintf("%q is no status of an error", shorten(status)), "give statuses from 400 to 599, with weights: {503: 3, 500: 1}")
		}
		switch weight := e.Statuses[status]; {
		case d.reported(at.to(status)):
		case weight < 1:
			d.report(at.to(status), "a weight below 1 never comes up", "give a whole number from 1 on, or leave the status out")
		case weight > mostWeight:
			d.report(at.to(status), fmt.Sprintf("a weight of %d is out of range", weight), fmt.Sprintf("give a whole number from 1 to %d", mostWeight))
		}
	}
	d.checkRetryAfter(retry, e.RetryAfter)
}

// checkRetryAfter checks what callers are told to wait.
func (d *Document) checkRetryAfter(at location, wait Duration) {
	d.checkPositive(at, wait, "waiting")
	if wait%Duration(time.Second) != 0 {
		up := (wait/Duration(time.Second) + 1) * Duration(time.Second)
		d.report(at, fmt.Sprintf("Retry-After has whole seconds, and %s is none", wait), fmt.Sprintf("write %s", up))
	}
}

func (d *Document) checkRateLimit(at location, r RateLimitFault) {
	if r.Rate == 0 && d.given(at, "rate") && !d.reported(at.to("rate")) {
		d.report(at.to("rate"), "nothing would ever be let through", "give a rate above zero; http_errors answers everything with an error")
	}
	d.checkRetryAfter(at.to("retry_after"), r.RetryAfter)
	if d.given(at, "by") && !d.reported(at.to("by")) {
		d.checkHeader(at.to("by"), r.By, d.report)
	}
}

// checkHosts checks names of hosts, each given once.
func (d *Document) checkHosts(at location, hosts []string) {
	for i, host := range hosts {
		switch {
		case d.reported(at.to(i)):
		case !hostName(host):
			d.report(at.to(i), fmt.Sprintf("%q is not the name of a host", shorten(host)), "write it like payments or api.pay.example")
		case slices.Contains(hosts[:i], host):
			d.report(at.to(i), fmt.Sprintf("%q is named twice", host), "name each once")
		}
	}
}

func (d *Document) checkFlush(at location, c CacheFlushFault) {
	if c.Request == "" {
		d.reportUseless(at, "headers", "without a request nothing is sent that has headers", "leave them out, or add request")
		return
	}
	d.reportUseless(at, "port", "the request goes to the port of the service", "leave it out, or the request")
	method, path, found := strings.Cut(c.Request, " ")
	known := append([]string{"PURGE"}, methods...)
	switch {
	case !found || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \t\r\n"):
		d.report(at.to("request"), fmt.Sprintf("%q is not a request to an instance", shorten(c.Request)), "write a method and a path, as in POST /purge")
	case !slices.Contains(known, method):
		d.report(at.to("request"), fmt.Sprintf("%q is not a method", shorten(method)), didYouMean(method, known))
	}
	d.checkPlainHeaders(at.to("headers"), c.Headers)
}

// checkPlainHeaders checks headers that no session sends.
func (d *Document) checkPlainHeaders(at location, headers map[string]string) {
	for _, name := range keys(headers) {
		d.checkHeader(at.to(name), name, d.reportKey)
		if strings.ContainsAny(headers[name], "\r\n") {
			d.report(at.to(name), "the header has a line break in it", "write its value in one line")
		}
		if http.CanonicalHeaderKey(name) == "Content-Length" {
			d.reportKey(at.to(name), "the length is counted when it is sent", "leave it out")
		}
	}
}

func (d *Document) checkAccess(at location, a DatabaseAccess) {
	if a.URLFrom != "" && !variableForm.MatchString(a.URLFrom) {
		// It may be the address itself, with a password: it is not repeated.
		d.report(at.to("url_from"), "is not the name of an environment variable", "name the variable of the service that holds the address, as DATABASE_URL")
	}
}

// checkStatement checks that a query is one statement. What it does is rolled back.
func (d *Document) checkStatement(at location, query string) {
	if d.node(at) == nil || d.reported(at) {
		return
	}
	switch first, rest := firstStatement(query); {
	case strings.TrimSpace(first) == "":
		d.report(at, "there is no query in it", "write one statement, or leave the key out")
	case strings.TrimSpace(rest) != "":
		d.report(at, "there is more than one statement in it", "keep one; only the end may have a semicolon")
	}
}

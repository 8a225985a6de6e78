package control

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/shakedown-dev/shakedown/scenarios"
	"github.com/shakedown-dev/shakedown/scenarios/jsonpath"
)

const (
	mostAnswer  = 512 << 10 // bytes
	mostExcerpt = 200       // bytes of an answer that an error quotes
)

// A request is one for a metric.
type request struct {
	address string // host:port to connect to, whatever the URL says
	url     string
	headers map[string]string
	tls     *tls.Config
}

// get asks once. Each request has a connection of its own: one that is kept
// would go on to the same instance behind a gateway that balances connections.
// Nobody else is asked, whatever the answer says.
func (r request) get(ctx context.Context) ([]byte, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be asked for", r.url)
	}
	q.Header.Set("Accept", "application/json")
	for name, value := range r.headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			q.Host = value
			continue
		}
		q.Header.Set(name, value)
	}
	client := http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, r.address)
			},
			TLSClientConfig: r.tls, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(q)
	if err != nil {
		return nil, reason(ctx, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	switch {
	case err != nil:
		return nil, reason(ctx, err)
	case len(body) > mostAnswer:
		return nil, fmt.Errorf("the answer has more than %d bytes; ask for less", mostAnswer)
	case answer.StatusCode != http.StatusOK:
		return body, fmt.Errorf("status %d, body %q; it must be 200", answer.StatusCode, excerpt(body))
	}
	return body, nil
}

func excerpt(body []byte) []byte { return body[:min(len(body), mostExcerpt)] }

// reason is why there is no answer, without the address.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return fmt.Errorf("no answer: %w", err)
}

// newHTTPMetric reads a number out of a service's answer.
func newHTTPMetric(spec scenarios.HTTPMetric) func(context.Context, map[string]string) (found, error) {
	method, rest, _ := strings.Cut(spec.Request, " ")
	service, path, ok := strings.Cut(strings.TrimSpace(rest), "/")
	value, err := jsonpath.Compile(spec.Value)
	if err == nil && (method != http.MethodGet || !ok || service == "") {
		err = fmt.Errorf("%q is no request; write it like GET service/path", spec.Request)
	}
	return func(ctx context.Context, targets map[string]string) (found, error) {
		if err != nil {
			return found{}, err
		}
		address := targets[service]
		if address == "" {
			return found{}, fmt.Errorf("service %s cannot be reached: give it a port", service)
		}
		body, err := request{address: address, url: "http://" + service + "/" + path, headers: spec.Headers}.get(ctx)
		if err == nil {
			var number float64
			if number, err = numberAt(value, body); err == nil {
				return found{value: number}, nil
			}
		}
		return found{}, fmt.Errorf("GET %s/%s: %w", service, withoutQuery(path), err)
	}
}

func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// numberAt is the number that stands somewhere in a JSON document.
func numberAt(path jsonpath.Path, body []byte) (float64, error) {
	var document any
	if err := json.Unmarshal(body, &document); err != nil {
		return 0, fmt.Errorf("the answer is not JSON: %w; it begins with %q", err, excerpt(body))
	}
	value, ok := path.Lookup(document)
	if !ok {
		return 0, fmt.Errorf("nothing at %s in the answer, which begins with %q", path, excerpt(body))
	}
	number, ok := value.(float64)
	if !ok {
		return 0, fmt.Errorf("what stands at %s is no number; the answer begins with %q", path, excerpt(body))
	}
	return number, nil
}

// newPromQL asks a Prometheus that is a service of the stack, or a target.
func newPromQL(spec scenarios.PromQLMetric, planned map[string]scenarios.PlannedTarget) func(context.Context, map[string]string) (found, error) {
	query := "/api/v1/query?query=" + url.QueryEscape(spec.Query)
	return func(ctx context.Context, targets map[string]string) (found, error) {
		r := request{address: targets[spec.From], url: "http://" + spec.From + query}
		if target, ok := planned[spec.From]; ok && r.address == "" {
			var err error
			if r, err = toTarget(target, query); err != nil {
				return found{}, err
			}
		}
		if r.address == "" {
			return found{}, fmt.Errorf("%s cannot be reached: give the service a port, or name a target", spec.From)
		}
		body, err := r.get(ctx)
		f, said := answered(body)
		if err == nil || errors.As(said, new(promError)) { // its own words say more than a status
			err = said
		}
		if err != nil {
			return found{}, fmt.Errorf("query %s for %s: %w", spec.From, spec.Query, err)
		}
		return f, nil
	}
}

func toTarget(t scenarios.PlannedTarget, query string) (request, error) {
	if !t.TLS {
		return request{address: t.Address, url: "http://" + t.Host + query}, nil
	}
	config := &tls.Config{ServerName: t.Host, MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return request{}, fmt.Errorf("read the ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return request{}, fmt.Errorf("read the ca: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", t.CA)
		}
	}
	return request{address: t.Address, url: "https://" + t.Host + query, tls: config}, nil
}

// promAnswer is that of Prometheus' HTTP API to an instant query.
type promAnswer struct {
	Status string `json:"status"`
	Error  string `json:"error"`
	Data   struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// A promError is what Prometheus says of a query that it cannot answer.
type promError string

func (e promError) Error() string { return "it answers: " + string(e) }

// A promPoint is a time in seconds and a value, which is a string.
type promPoint [2]any

func (p promPoint) value() (float64, error) {
	text, _ := p[1].(string)
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("the value %v in the answer is no number", p[1])
	case !finite(v):
		return 0, fmt.Errorf("the result has the value %s, which is no number: it is not known", text)
	}
	return v, nil
}

// answered is what Prometheus answered: a scalar, or the sum of a vector, with
// the values of instances where it has a label instance or pod.
func answered(body []byte) (found, error) {
	var a promAnswer
	if err := json.Unmarshal(body, &a); err != nil || a.Status == "" {
		return found{}, fmt.Errorf("that is no answer of a Prometheus; it begins with %q", excerpt(body))
	}
	if a.Status != "success" {
		return found{}, promError(a.Error)
	}
	switch a.Data.ResultType {
	case "scalar":
		var p promPoint
		if err := json.Unmarshal(a.Data.Result, &p); err != nil {
			return found{}, errors.New("the scalar in the answer is none")
		}
		v, err := p.value()
		return found{value: v}, err
	case "vector":
		return vector(a.Data.Result)
	}
	return found{}, fmt.Errorf("the result is a %s; ask for a scalar or an instant vector", a.Data.ResultType)
}

func vector(result json.RawMessage) (found, error) {
	var elements []struct {
		Metric map[string]string `json:"metric"`
		Value  promPoint         `json:"value"`
	}
	if err := json.Unmarshal(result, &elements); err != nil {
		return found{}, errors.New("the vector in the answer is none")
	}
	if len(elements) == 0 {
		return found{}, errors.New("the result is empty; try the query in Prometheus, and look whether it scrapes what is asked for")
	}
	f := found{}
	for _, e := range elements {
		v, err := e.Value.value()
		if err != nil {
			return found{}, err
		}
		f.value += v
		if name := instanceOf(e.Metric); name != "" {
			if f.each == nil {
				f.each = map[string]float64{}
			}
			f.each[name] += v
		}
	}
	return f, nil
}

// instanceOf is the instance that a label tells, without its port.
func instanceOf(labels map[string]string) string {
	if pod := labels["pod"]; pod != "" {
		return pod
	}
	name, _, _ := strings.Cut(labels["instance"], ":")
	return name
}

package scenarios

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/shakedown-dev/shakedown/scenarios/manifest"
)

// An hpaFile is a HorizontalPodAutoscaler with the file that it stands in, to
// point into.
type hpaFile struct {
	manifest.Manifest
	file *Document
}

// checkHPA reads the manifest of a service and checks that what it goes by can be
// measured.
func (c *compiler) checkHPA(at location, name string, a Autoscale) {
	at = at.to("hpa")
	relative := "paths are relative to the scenario file"
	if c.doc.node(at) == nil {
		relative = fmt.Sprintf("x-shakedown of service %s names it; paths there are relative to the compose project's directory", name)
	}
	if !c.regularOf(at, a.HPA, relative) {
		return
	}
	text, err := readLimited(c.absolute(a.HPA))
	if err != nil {
		c.doc.report(at, fmt.Sprintf("file %q cannot be read: %v", shorten(a.HPA), cause(err)), "")
		return
	}
	hpa, problems := readHPA(c.doc.resolve(a.HPA), text)
	if len(problems) == 0 {
		c.manifests[name] = hpa
		c.checkMeasured(name, hpa)
		problems = hpa.file.problems
		c.checkFromNone(at, name)
	}
	c.doc.problems = append(c.doc.problems, problems...)
}

// readLimited reads a file, and not much more of it than is ever accepted.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return io.ReadAll(io.LimitReader(f, mostBytes+1))
}

// readHPA reads a file that has one HorizontalPodAutoscaler, maybe among other
// manifests or in a List of them. File is only a name; nothing is opened.
func readHPA(file string, text []byte) (*hpaFile, Problems) {
	d := &Document{File: file, src: newSource(file, text)}
	documents, problem := readYAML(d.src, text)
	if problem != nil {
		problem.Suggestion = cmp.Or(problem.Suggestion, "it has to be the manifest of an autoscaler, as kubectl apply takes it; put that into the file, or name another")
		return nil, Problems{*problem}
	}
	var roots []*node
	var found Problems
	for _, document := range documents {
		c := newConverter(d.src)
		root := c.convert(document, "")
		list := isList(root)
		autoscalers := autoscalersIn(root)
		if len(autoscalers) == 0 && len(documents) == 1 && !list {
			autoscalers = []*node{root} // what it is instead is told further down
		}
		if len(autoscalers) > 0 || c.tooMuch {
			found = append(found, c.problems...)
		}
		roots = append(roots, autoscalers...)
	}
	switch {
	case len(roots) == 0 && len(found) > 0:
		return nil, found
	case len(roots) == 0:
		return nil, Problems{d.src.problem(place{line: 1, column: 1}, "", noneOf(len(documents)), "name the file of an autoscaler")}
	case len(roots) > 1:
		return nil, Problems{d.src.problem(roots[1].at, "", "a second "+manifest.Kind+" begins here", "keep one a file")}
	}
	d.root, d.problems = roots[0], found
	m := d.decodeHPA()
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return &hpaFile{*m, d}, nil
}

// noneOf says that no document of a file is an autoscaler.
func noneOf(documents int) string {
	if documents == 1 {
		return "the list has no " + manifest.Kind
	}
	return fmt.Sprintf("none of the %d documents is a %s", documents, manifest.Kind)
}

// isList tells whether a document is a List, which a cluster takes for the manifests
// in it.
func isList(n *node) bool {
	kind := n.get("kind")
	return kind != nil && kind.text == "List"
}

// autoscalersIn are the autoscalers that a cluster would take a document for: itself, or
// those of a List. Others are none of our business.
func autoscalersIn(n *node) (all []*node) {
	if isList(n) {
		if items := n.get("items"); items != nil {
			for _, item := range items.items {
				all = append(all, autoscalersIn(item)...)
			}
		}
		return all
	}
	if kind := n.get("kind"); kind != nil && (kind.text == manifest.Kind || kind.text == manifest.Kind+"List") {
		return []*node{n}
	}
	return nil
}

// decodeHPA hands the document to where manifests are known, and places the
// problems that come back.
func (d *Document) decodeHPA() *manifest.Manifest {
	text, err := json.Marshal(d.root.any())
	if err != nil {
		d.report(nil, err.Error(), "")
		return nil
	}
	m, problems := manifest.Decode(text)
	for _, p := range problems {
		if d.reported(location(p.Path)) {
			continue // it could not even be read
		}
		report, suggestion := d.report, p.Suggestion
		if p.Key {
			report, suggestion = d.reportKey, didYouMean(fmt.Sprint(p.Path[len(p.Path)-1]), p.Known)
		}
		report(location(p.Path), p.Message, suggestion)
	}
	return m
}

// checkMeasured checks that every metric of a manifest has a source.
func (c *compiler) checkMeasured(name string, hpa *hpaFile) {
	for i, m := range hpa.Spec.Metrics {
		at := location{"spec", "metrics", i}
		if hpa.file.node(at) == nil {
			at = location{"spec"} // the one by default
		}
		switch {
		case m.Resource != nil:
			c.checkUtilization(at.to("resource"), name, hpa, string(m.Resource.Name), m.Resource.Target)
		case m.ContainerResource != nil:
			at := at.to("containerResource")
			if container := m.ContainerResource.Container; container != name {
				hpa.file.report(at.to("container"), fmt.Sprintf("there is no container %q: an instance of a compose service has one, and it has the service's name", shorten(container)), fmt.Sprintf("write container: %s", name))
			}
			c.checkUtilization(at, name, hpa, string(m.ContainerResource.Name), m.ContainerResource.Target)
		case m.Pods != nil:
			c.checkPodsMetric(at.to("pods", "metric", "name"), name, hpa, m.Pods.Metric.Name)
		case m.Object != nil:
			c.checkTotalMetric(at.to("object", "metric", "name"), name, hpa, m.Object.Metric.Name)
		case m.External != nil:
			c.checkTotalMetric(at.to("external", "metric", "name"), name, hpa, m.External.Metric.Name)
		}
	}
}

// checkUtilization checks that there is a request that utilization is a share of.
func (c *compiler) checkUtilization(at location, name string, hpa *hpaFile, metric string, target autoscalingv2.MetricTarget) {
	if target.AverageUtilization == nil || !c.lacksRequest(name, metric) {
		return
	}
	message := fmt.Sprintf("utilization is a share of the request, and service %q requests no %s", name, metric)
	if len(at) < 3 || hpa.file.node(at) == nil {
		at, message = location{"spec"}, message+"; a manifest without metrics goes by the utilization of cpu"
	} else {
		at = at.to("target", "averageUtilization")
	}
	hpa.file.report(at, message, requestHint(name, metric))
}

// checkPodsMetric checks a metric of which every instance has its own.
func (c *compiler) checkPodsMetric(at location, name string, hpa *hpaFile, metric string) {
	source, measured := c.services[name].Metrics[metric]
	own := metric == RequestsPerInstance || metric == InFlightPerInstance
	switch {
	case !measured && own && c.hasPort(name):
	case !measured && own:
		hpa.file.report(at, fmt.Sprintf("%s is measured at the gateway, and service %q has no port, and so no gateway", metric, name), portHint(name, c.info.Services[name]))
	case !measured:
		c.checkTotalMetric(at, name, hpa, metric)
	case source.HTTP != nil, source.Exposition != nil && cmp.Or(source.Exposition.Service, name) != name:
		hpa.file.report(at, fmt.Sprintf("a metric of pods has a value for each instance of service %q, and its source has one for all", name),
			fmt.Sprintf("read it from the instances with exposition under stack.services.%s.metrics, or make it an Object or External metric", name))
	}
}

// checkTotalMetric checks a metric of which there is one.
func (c *compiler) checkTotalMetric(at location, name string, hpa *hpaFile, metric string) {
	metrics := c.services[name].Metrics
	if _, measured := metrics[metric]; measured {
		return
	}
	suggestion := fmt.Sprintf("say under stack.services.%s.metrics where it is read", name)
	if near := nearest(metric, keys(metrics)); near != "" {
		suggestion += fmt.Sprintf("; there is %q", near)
	}
	hpa.file.report(at, fmt.Sprintf("metric %q has no source", shorten(metric)), suggestion)
}

// checkFromNone checks that the autoscaler is at work: upstream leaves alone what
// was scaled to none by hand.
func (c *compiler) checkFromNone(at location, name string) {
	if c.replicas(name) == 0 {
		c.doc.report(at, fmt.Sprintf("service %q begins with no instance, and an HPA does not scale what was scaled to none", name), "raise replicas")
	}
}

// words name the manifest for people.
func (h *hpaFile) words(service, path string) string {
	text := fmt.Sprintf("%s in %s", h.Name, path)
	if ref := h.Spec.ScaleTargetRef; ref.Name != service {
		text += fmt.Sprintf(", for %s %s", ref.Kind, ref.Name)
	}
	return text
}

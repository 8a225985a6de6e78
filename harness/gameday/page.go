package gameday

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"path/filepath"

	"github.com/shakedown-dev/shakedown/reports"
)

// The page's parts. Colours and type are those of the report.
var (
	//go:embed assets/page.html.tmpl
	pageSource string
	//go:embed assets/page.css
	pageStyle string
	//go:embed assets/page.js
	pageScript string

	pageTemplate = template.Must(template.New("gameday").Parse(pageSource))
)

// pagePolicy forbids the page everything but its own style and script, and the stream
// and the commands of this server.
func pagePolicy(style string) string {
	return "default-src 'none'; style-src " + hashOf(style) + "; script-src " + hashOf(pageScript) +
		"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pageData is what the page has before the first frame.
type pageData struct {
	Style                          template.CSS
	Script                         template.JS
	Scenario, Summary, Report, Dir string
	Hypotheses                     []string
	Services                       []string
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	style := reports.Style() + pageStyle
	report, err := filepath.Abs(s.config.Dir.Report())
	if err != nil {
		report = s.config.Dir.Report()
	}
	data := pageData{Style: template.CSS(style), Script: template.JS(pageScript), Report: report, Dir: string(s.config.Dir)} //nolint:gosec // our own files
	if plan := s.config.Plan; plan != nil {
		data.Scenario, data.Summary, data.Services = plan.Scenario, s.config.Redact(plan.Summary), servicesOf(plan)
		for _, h := range plan.Hypotheses {
			data.Hypotheses = append(data.Hypotheses, s.config.Redact(h))
		}
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, data); err != nil {
		http.Error(w, "render the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy(style))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // whoever asked may have gone
}

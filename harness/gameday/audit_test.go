package gameday

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// auditScript is the audit that the report's page is held to as well.
const auditScript = "../../reports/browser/audit.js"

// flaw is what the audit has against a page.
type flaw struct {
	Rule  string `json:"rule"`
	Where string `json:"where"`
	What  string `json:"what"`
}

// The live page can be read by everybody, on a light screen and on a dark one, while the
// run goes on, while it asks whether to abort, and when it is over.
func TestTheLivePageIsAudited(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser: not in -short")
	}
	script, err := os.ReadFile(auditScript)
	if err != nil {
		t.Fatal(err)
	}
	s, run := begun(t, nil)
	drive(s, run, 0, 20)
	open, heard := browsers(t, s, 1)
	page := open[0]
	audit := func(when string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
			if _, err := chromedp.Call(page, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features}); err != nil {
				t.Fatal(err)
			}
			raw := value(page, t, chromedp.Evaluate[string]("JSON.stringify(\n"+strings.TrimSpace(string(script))+"\n)"))
			var flaws []flaw
			if err := json.Unmarshal([]byte(raw), &flaws); err != nil {
				t.Fatal(err)
			}
			for _, f := range flaws {
				t.Errorf("%s, %s: %s: %s: %s", when, scheme, f.Rule, f.Where, f.What)
			}
		}
	}
	act(page, t, text("#hypotheses-h", "What we expect"), until(`document.querySelector("#chart-load path.c0") !== null`),
		until(`document.querySelector("#kind option[value=kill]") !== null`))
	act(page, t, chromedp.SendKeys(chromedp.CSS("#who"), "ada"), chromedp.SetValue(chromedp.CSS("#kind"), "kill"), click("#inject"),
		text("#reply", "by-hand-1 is in force"), text("#faults", "by-hand-1"), text("#events", "it is gone"))
	audit("a fault is in force")
	act(page, t, click("#pause"), text("#people", "pause"))
	audit("paused")
	act(page, t, click("#abort"), until(`!document.querySelector("#confirm").hidden`))
	audit("asked whether to abort")
	act(page, t, click("#abort-yes"), text("#reply", "done abort"))
	if err := s.Close("inconclusive"); err != nil {
		t.Error(err)
	}
	act(page, t, text("#over", "The run is over: inconclusive"))
	audit("over")
	heard.check(t)
}

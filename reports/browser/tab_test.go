package browser_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/shakedown-dev/shakedown/harness/rundir"
	"github.com/shakedown-dev/shakedown/reports"
)

// patience bounds every test: a browser that hangs fails it.
const patience = 90 * time.Second

// fixtures are the runs in the reports' testdata.
var fixtures = []string{"drain-fails", "release", "faults", "alerts", "scaling"}

// A tab is a tab of the browser with what went wrong in it.
type tab struct {
	testing.TB
	ctx context.Context

	mu       sync.Mutex
	trouble  []string // console errors, exceptions, violations of the policy
	requests []string
}

// newTab opens an empty tab that is closed when the test is over.
func newTab(t testing.TB) *tab {
	t.Helper()
	needsBrowser(t)
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	b := &tab{TB: t, ctx: ctx}
	b.must(chromedp.Do(ctx))
	b.must(chromedp.Listen(ctx, b.heard))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	b.must(err)
	return b
}

// heard collects what a sound page never causes.
func (b *tab) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		b.trouble = append(b.trouble, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		b.trouble = append(b.trouble, fmt.Sprint("console: ", e.Type))
	case *log.EventEntryAdded:
		b.trouble = append(b.trouble, fmt.Sprintf("%s %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.Text))
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

func (b *tab) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// do runs steps one after the other.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	b.must(chromedp.Do(b.ctx, steps...))
}

// eval is the value of an expression in the page.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// until waits for an expression to become true, looked at with every frame that
// the page draws.
func (b *tab) until(expression string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.Fatalf("wait for %s: %v", expression, err)
	}
}

// write puts a page on disk and returns its address.
func write(t testing.TB, html []byte) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "report-*") // a TempDir of a test may have a # in its path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "report.html")
	if err := os.WriteFile(path, html, 0o600); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}

// rendered is the page of a run.
func rendered(t testing.TB, run reports.Run) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := reports.HTML(&b, run); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stored is a run of the fixtures.
func stored(t testing.TB, fixture string) reports.Run {
	t.Helper()
	run, err := reports.Read(rundir.Dir(filepath.Join("..", "testdata", fixture)))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// open opens the page of a fixture, at a fragment if it is not "".
func open(t testing.TB, fixture, fragment string) *tab {
	t.Helper()
	b := newTab(t)
	b.do(chromedp.Navigate(write(b, rendered(b, stored(b, fixture))) + fragment))
	return b
}

// look is how a page is looked at.
type look struct {
	name   string
	width  int64
	scheme string // light or dark
	media  string // screen or print
}

var looks = []look{
	{"light", 1250, "light", "screen"},
	{"dark", 1250, "dark", "screen"},
	{"narrow", 400, "light", "screen"},
	{"narrow-dark", 400, "dark", "screen"},
	{"paper", 1000, "light", "print"},
	{"paper-dark", 1000, "dark", "print"},
}

func (b *tab) see(l look) {
	b.Helper()
	b.do(chromedp.EmulateViewport(l.width, 1000))
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: l.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	b.must(err)
}

// A flaw is one finding of the audit.
type flaw struct{ Rule, Where, What string }

func (f flaw) String() string { return f.Rule + ": " + f.Where + ": " + f.What }

// audit looks the page over; see audit.js.
func (b *tab) audit() []flaw {
	b.Helper()
	source, err := os.ReadFile("audit.js")
	b.must(err)
	raw := eval[string](b, "JSON.stringify(\n"+strings.TrimSpace(string(source))+"\n)")
	var flaws []flaw
	b.must(json.Unmarshal([]byte(raw), &flaws))
	return flaws
}

// picture leaves a picture of the head of the page and of each of its sections, if
// pictures are wanted.
func (b *tab) picture(name string) {
	b.Helper()
	if *pictures == "" {
		return
	}
	type part struct {
		Name                string
		X, Y, Width, Height float64
	}
	parts := eval[[]part](b, `[...document.querySelectorAll("header, section")].map((e) => { const r = e.getBoundingClientRect();
		return { Name: e.id || e.localName, X: Math.max(0, r.x - 10), Y: r.y + scrollY - 10, Width: Math.min(r.width + 20, innerWidth), Height: r.height + 20 }; })`)
	for _, p := range parts {
		b.screenshot(name+"-"+p.Name, p.X, p.Y, p.Width, p.Height)
	}
}

// screenshot leaves a picture of a part of the page.
func (b *tab) screenshot(name string, x, y, width, height float64) {
	b.Helper()
	beyond, surface := true, true
	shot, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond, FromSurface: &surface,
		Clip: &page.Viewport{X: x, Y: y, Width: width, Height: height, Scale: 1},
	})
	b.must(err)
	b.must(os.WriteFile(filepath.Join(*pictures, name+".png"), shot.Data, 0o600))
}

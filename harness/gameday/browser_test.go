package gameday

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/shakedown-dev/shakedown/harness/steer"
)

// complaints collects what a browser has to say against a page.
type complaints struct {
	mutex sync.Mutex
	list  []string
}

func (c *complaints) add(text string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.list = append(c.list, text)
}

func (c *complaints) hear(event any) {
	switch e := event.(type) {
	case *cdpruntime.EventConsoleAPICalled:
		c.add("console: " + string(e.Type))
	case *cdpruntime.EventExceptionThrown:
		c.add(e.ExceptionDetails.Text)
	case *log.EventEntryAdded: // violations of the content policy, requests that failed
		c.add(e.Entry.Text + " " + e.Entry.URL)
	}
}

func (c *complaints) check(t *testing.T) {
	t.Helper()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, text := range c.list {
		t.Error("the browser complains: " + text)
	}
}

// browsers opens the page in so many browsers that share nothing.
func browsers(t *testing.T, s *Server, n int) ([]context.Context, *complaints) {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium here: the page is not tested in a browser")
	}
	heard := &complaints{}
	var open []context.Context
	for range n {
		options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1300, 1500))
		ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		t.Cleanup(cancel)
		ctx, _ = chromedp.NewContext(ctx)
		t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until the browser is gone
		if err := chromedp.Do(ctx); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Listen(ctx, heard.hear); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.Navigate(s.URL()), chromedp.WaitVisible(chromedp.CSS("#stage"))); err != nil {
			t.Fatal(err)
		}
		open = append(open, ctx)
	}
	return open, heard
}

type step = chromedp.Action[chromedp.Void]

func act(ctx context.Context, t *testing.T, steps ...step) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// click clicks the first element; a plain string would match the text of the style, too.
func click(selector string) step { return chromedp.Click(chromedp.CSS(selector)) }

func value[T any](ctx context.Context, t *testing.T, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// until waits for a condition of the page.
func until(js string) step {
	return func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Poll[bool](js, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(20*time.Second))(ctx, target)
		if err != nil {
			err = fmt.Errorf("wait for %s: %w", js, err)
		}
		return chromedp.Void{}, err
	}
}

func text(selector, want string) step {
	return until("document.querySelector(" + quoted(selector) + ").textContent.includes(" + quoted(want) + ")")
}

// quoted is a text as JavaScript has it.
func quoted(text string) string {
	b, _ := json.Marshal(text) // a string can always be written
	return string(b)
}

// The page shows the run as it goes on, injects a fault and reverts it; two browsers
// see the same; abort wants to be confirmed.
func TestPageInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("starts two browsers: not in -short")
	}
	s, run := begun(t, nil)
	drive(s, run, 0, 20)
	open, heard := browsers(t, s, 2)
	ada, bob := open[0], open[1]
	const drawn = `(document.querySelector("#chart-load path.c0") || {getAttribute: () => ""}).getAttribute("d").split("L").length`
	act(ada, t, text("#hypotheses-h", "What we expect"), until(drawn+" === 20"), until(`location.search === ""`),
		until(`document.cookie === "" && document.querySelector("#kind option[value=clock]").disabled`))
	drive(s, run, 20, 5)
	act(ada, t, until(drawn+" === 25"))

	act(ada, t, click("#pause"), text("#reply", "Say who you are"))
	if asked := run.commands(); len(asked) != 0 {
		t.Fatalf("without a name the run was asked %v", asked)
	}
	act(ada, t, chromedp.SendKeys(chromedp.CSS("#who"), "ada"), chromedp.SetValue(chromedp.CSS("#kind"), "kill"), click("#inject"),
		text("#reply", "by-hand-1 is in force"), text("#faults", "by-hand-1"))
	act(bob, t, text("#faults", "by-hand-1: kill on api-1, applied, by hand"), text("#events", "it is gone"),
		until(`document.querySelector("#rows rect.in-fault") !== null && document.querySelector("#chart-load rect.shade") !== null`), text("#people", "ada"))
	screenshot(ada, t)

	act(bob, t, chromedp.SendKeys(chromedp.CSS("#who"), "bob"), chromedp.SendKeys(chromedp.CSS("#note"), "is this the cache?"), click("#note-form button"), text("#people", "is this the cache?"),
		click(`#faults button[data-fault="by-hand-1"]`), text("#faults", "none"))
	act(ada, t, text("#faults", "none"), text("#people", "is this the cache?"))
	run.plan(steer.Fault{ID: "later", Kind: "delay", Targets: []string{"api"}, State: "planned"})
	act(ada, t, text("#faults", "later: delay on api, planned"), text(`#faults button[data-fault="later"]`, "Call off"), click(`#faults button[data-fault="later"]`))
	act(bob, t, text("#faults", "later: delay on api, called off"), until(`document.querySelector("#faults button") === null`),
		text("#events", "called off by hand"), text("#rows", "later: called off"))
	samePage(ada, bob, t)

	act(ada, t, click("#abort"), until(`!document.querySelector("#confirm").hidden && document.activeElement.id === "abort-no"`),
		chromedp.KeyEvent("\x1b"), until(`document.querySelector("#confirm").hidden`), click("#abort"), click("#abort-no"))
	for _, c := range run.commands() {
		if c.Verb == steer.Abort {
			t.Fatal("aborted without a confirmation")
		}
	}
	act(ada, t, click("#abort"), click("#abort-yes"), text("#reply", "done abort"))
	if err := s.Close("inconclusive"); err != nil {
		t.Error(err)
	}
	for _, ctx := range open {
		act(ctx, t, text("#over", "The run is over: inconclusive"), text("#report", "report.html"), until(`document.querySelector("#steering").disabled`))
	}
	heard.check(t)
}

// samePage wants two browsers to show the same lists and charts.
func samePage(a, b context.Context, t *testing.T) {
	t.Helper()
	const page = `["events", "people", "faults", "charts"].map((id) => document.getElementById(id).innerHTML).join()`
	act(b, t, until(page+" === "+quoted(value(a, t, chromedp.Evaluate[string](page)))))
}

// screenshot keeps the page for people to look at, where they ask for it.
func screenshot(ctx context.Context, t *testing.T) {
	t.Helper()
	name := os.Getenv("SHAKEDOWN_SCREENSHOT")
	if name == "" {
		return
	}
	png := value(ctx, t, chromedp.FullScreenshot(100))
	if err := os.WriteFile(name, png, 0o644); err != nil {
		t.Error(err)
	}
}

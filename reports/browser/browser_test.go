// Package browser_test opens reports in a real browser, without a screen, from
// disk as a reader does.
package browser_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/chromedp/chromedp"
)

// pictures is where to leave pictures of the pages, for a person to look at.
var pictures = flag.String("pictures", "", "directory to write screenshots into")

// names are those of the browser in various distributions.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless-shell"}

// browser is the one that all tests share, nil where none is installed. Each
// test has a tab of its own.
var browser context.Context

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	path := found()
	if path == "" || testing.Short() {
		return m.Run()
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.WindowSize(1250, 1000))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses root otherwise
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, closeBrowser := chromedp.NewContext(allocator)
	defer closeBrowser()
	if err := chromedp.Do(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "start %s: %v\n", path, err)
		return 1
	}
	browser = ctx
	return m.Run()
}

// found is the path of an installed browser, "" without one.
func found() string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// needsBrowser skips a test where there is none.
func needsBrowser(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser: not in -short")
	}
	if browser == nil {
		t.Skipf("none of %v is installed; on Debian: apt-get install chromium", names)
	}
}

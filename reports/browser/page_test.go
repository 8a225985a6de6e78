package browser_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// sound fails the test for anything the page said or asked for.
func (b *tab) sound() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.trouble {
		b.Error(t)
	}
	b.trouble = nil
	for _, r := range b.requests {
		if !strings.HasPrefix(r, "file://") || !strings.HasSuffix(strings.SplitN(r, "#", 2)[0], "/report.html") {
			b.Error("the page asked for", r)
		}
	}
	if len(b.requests) > 1 {
		b.Errorf("%d requests, want that for the page alone", len(b.requests))
	}
}

func TestPageLoadsInSilence(t *testing.T) {
	for _, fixture := range fixtures {
		t.Run(fixture, func(t *testing.T) {
			b := open(t, fixture, "")
			b.until(`!document.querySelector(".zoom").hidden`)
			b.sound()
		})
	}
}

// TestTroubleIsHeard breaks a page in each way that TestPageLoadsInSilence is
// to notice.
func TestTroubleIsHeard(t *testing.T) {
	sound := string(rendered(t, stored(t, "drain-fails")))
	for name, c := range map[string]struct{ spoil, want string }{
		"request":        {`<img src="https://example.invalid/x.png" alt="x">`, "violates"},
		"inline handler": {`<p id="handler" onclick="void 0">x</p>`, "violates"},
		"other script":   {`<script>window.other = 1</script>`, "violates"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTab(t)
			b.do(chromedp.Navigate(write(b, []byte(strings.Replace(sound, "<footer>", c.spoil+"<footer>", 1)))))
			b.mu.Lock()
			defer b.mu.Unlock()
			if !slices.ContainsFunc(b.trouble, func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("heard %q, want a word of %q", b.trouble, c.want)
			}
		})
	}
}

// TestWithoutScript reads the page where scripts are off: charts and words are
// there, and nothing offers what only the script can do.
func TestWithoutScript(t *testing.T) {
	b := newTab(t)
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.must(err)
	b.do(chromedp.Navigate(write(b, rendered(b, stored(b, "drain-fails")))))
	for what, expression := range map[string]string{
		"charts with lines":  `[...document.querySelectorAll("#timeline svg[data-panel=latency] .line")].filter((e) => e.getBoundingClientRect().width > 300).length === 3`,
		"marks and labels":   `document.querySelectorAll("#timeline .mark-label").length > 3`,
		"the verdict":        `document.body.innerText.includes("FAIL") || document.body.innerText.includes("fail")`,
		"the time axis":      `document.querySelectorAll("svg[data-panel=axis] .tick").length > 3`,
		"no button":          `[...document.querySelectorAll("button")].every((e) => !e.checkVisibility())`,
		"no empty reading":   `!document.querySelector(".reading").checkVisibility()`,
		"the script is off":  `!document.querySelector(".live")`,
		"links that lead on": `[...document.querySelectorAll("a[href^='#']")].every((a) => document.getElementById(decodeURIComponent(a.hash.slice(1))))`,
		"a link lights up":   `(location.hash = document.querySelector("a.seen").hash, getComputedStyle(document.querySelector(".range:target")).visibility === "visible" && document.querySelector(".range:target").getBoundingClientRect().width > 50)`,
	} {
		t.Run(what, func(t *testing.T) {
			if !eval[bool](b, expression) {
				t.Errorf("not so: %s", expression)
			}
		})
	}
}

// TestAudit looks every fixture over in every look.
func TestAudit(t *testing.T) {
	for _, fixture := range fixtures {
		t.Run(fixture, func(t *testing.T) {
			b := open(t, fixture, "")
			for _, l := range looks {
				t.Run(l.name, func(t *testing.T) {
					b.see(l)
					if l.media == "print" {
						eval[bool](b, `dispatchEvent(new Event("beforeprint"))`)
						defer eval[bool](b, `dispatchEvent(new Event("afterprint"))`)
					}
					for _, f := range b.audit() {
						t.Error(f)
					}
					b.picture(fixture + "-" + l.name)
				})
			}
			b.sound()
		})
	}
}

// TestFocusIsSeen walks through the page with the Tab key: everything that can
// be pressed is reached in the order of the page, and each has an outline.
func TestFocusIsSeen(t *testing.T) {
	b := open(t, "drain-fails", "")
	b.see(looks[0]) // without motion, so that what has the focus is there at once
	wanted := eval[int](b, `[...document.querySelectorAll("a[href], button:enabled, summary, [tabindex='0']")].filter((e) => e.checkVisibility()).length`)
	if wanted < 20 {
		t.Fatalf("only %d things to press", wanted)
	}
	eval[int](b, `(window.order = [...document.querySelectorAll("*")]).length`)
	before := -1
	for n := range wanted {
		b.do(chromedp.KeyEvent("\t"))
		e := eval[struct {
			Name    string
			Place   int
			Outline string
			Width   float64
			Seen    bool
		}](b, `(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			return { Name: e.localName + "." + e.className + " " + e.textContent.slice(0, 30), Place: window.order.indexOf(e), Outline: style.outlineStyle, Width: parseFloat(style.outlineWidth),
				Seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight };
		})()`)
		if e.Place <= before {
			t.Fatalf("step %d goes back to %s", n, e.Name)
		}
		before = e.Place
		if e.Outline == "none" || e.Width < 2 {
			t.Errorf("%s has the focus and does not show it (outline %s of %g)", e.Name, e.Outline, e.Width)
		}
		if !e.Seen {
			t.Errorf("%s has the focus out of sight", e.Name)
		}
	}
}

// TestPaperIsLight: what prefers the dark prints as what prefers the light.
func TestPaperIsLight(t *testing.T) {
	b := open(t, "scaling", "")
	colours := `JSON.stringify([...document.querySelectorAll("body, body *")].map((e) => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.fill, s.stroke, s.borderTopColor]; }))`
	seen := map[string]string{}
	for _, l := range looks {
		b.see(l)
		seen[l.name] = eval[string](b, colours)
	}
	if seen["paper"] != seen["paper-dark"] {
		t.Error("colours on paper hang on what the screen is like")
	}
	if seen["light"] == seen["dark"] {
		t.Error("the dark is as the light, so this test cannot see a difference")
	}
}

func TestPaper(t *testing.T) {
	b := open(t, "drain-fails", "#t=20-30")
	b.until(`location.hash === "#t=20-30"`)
	whole := fmt.Sprintf("%q", eval[string](b, `document.querySelector(".plot").getAttribute("viewBox")`))
	eval[int](b, `(window.onPaper = "", addEventListener("beforeprint", () => { window.onPaper = [
		document.querySelector(".plot").getAttribute("viewBox"), [...document.querySelectorAll("details")].every((d) => d.open)].join(" ") }), 0)`)
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF())
	b.must(err)
	if len(pdf) < 20_000 {
		t.Errorf("a PDF of %d bytes", len(pdf))
	}
	b.until(`window.onPaper !== ""`)
	if got := eval[string](b, `window.onPaper`); !strings.HasPrefix(got, "92 0 924 ") || !strings.HasSuffix(got, " true") {
		t.Errorf("on paper the plot is %q, want the whole run and every fold open", got)
	}
	if got := fmt.Sprintf("%q", eval[string](b, `document.querySelector(".plot").getAttribute("viewBox")`)); got != whole {
		t.Errorf("after printing the zoom is %s, was %s", got, whole)
	}
}

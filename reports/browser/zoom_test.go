package browser_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A view is what the charts show and say.
type view struct {
	From, To float64 // seconds, by the fragment; 0 without one
	Hash     string
	Words    string
	Plots    []string // view boxes, the part across
	Ticks    []string
	Reset    bool // can be pressed
}

func (b *tab) view() view {
	b.Helper()
	v := eval[view](b, `({
		Hash: location.hash, Words: document.querySelector(".shown").textContent, Reset: !document.querySelector(".reset").disabled,
		Plots: [...new Set([...document.querySelectorAll(".plot")].map((p) => { const v = p.viewBox.baseVal; return v.x.toFixed(2) + " " + v.width.toFixed(2); }))],
		Ticks: [...document.querySelectorAll("svg[data-panel=axis] .tick")].map((t) => t.textContent),
	})`)
	if from, to, ok := strings.Cut(strings.TrimPrefix(v.Hash, "#t="), "-"); ok {
		v.From, _ = strconv.ParseFloat(from, 64)
		v.To, _ = strconv.ParseFloat(to, 64)
	}
	return v
}

// whole is the view of the whole run, and its ends.
func (b *tab) whole() (v view, from, to float64) {
	b.Helper()
	b.until(`!document.querySelector(".zoom").hidden`)
	b.see(looks[0])
	ends := eval[struct{ From, To float64 }](b, `(({ from, to }) => ({ From: from, To: to }))(JSON.parse(document.getElementById("series").textContent))`)
	return b.view(), ends.From, ends.To
}

// at is where a moment stands in a chart that is scrolled to, as shares of its
// width from the left end of the plot.
func (b *tab) at(panel string, share float64) (x, y float64) {
	b.Helper()
	p := eval[struct{ X, Y float64 }](b, fmt.Sprintf(`(() => {
		const chart = document.querySelector("svg[data-panel=%s]");
		chart.scrollIntoView({ block: "center" });
		const box = chart.getBoundingClientRect();
		return { X: box.left + box.width * (92 + 924 * %g) / 1120, Y: box.top + box.height / 2 };
	})()`, panel, share))
	return p.X, p.Y
}

func (b *tab) mouse(kind input.DispatchMouseEventType, x, y float64) {
	b.Helper()
	b.do(chromedp.MouseEvent(kind, x, y, chromedp.ButtonLeft, func(p *input.DispatchMouseEventParams) { p.ClickCount = 1 }))
}

// drag pulls across a chart from one share of the plot to another.
func (b *tab) drag(panel string, from, to float64) {
	b.Helper()
	x1, y := b.at(panel, from)
	x2 := x1 + (to-from)*eval[float64](b, `document.querySelector("svg[data-panel=`+panel+`]").getBoundingClientRect().width*924/1120`)
	b.mouse(chromedp.MousePressed, x1, y)
	b.mouse(chromedp.MouseMoved, (x1+x2)/2, y)
	b.mouse(chromedp.MouseMoved, x2, y)
	b.mouse(chromedp.MouseReleased, x2, y)
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestDragZoomsEveryChart(t *testing.T) {
	for _, panel := range []string{"latency", "phases", "instances", "busy"} {
		t.Run(panel, func(t *testing.T) {
			b := open(t, "drain-fails", "")
			before, from, to := b.whole()
			if len(before.Plots) != 1 || before.Hash != "" || before.Reset || !strings.HasPrefix(before.Words, "The whole run: ") {
				t.Fatalf("at first %+v", before)
			}
			b.drag(panel, .75, .5) // to the left is as good
			v := b.view()
			span := to - from
			if !near(v.From, from+.5*span, span/200) || !near(v.To, from+.75*span, span/200) {
				t.Errorf("zoomed to %g-%g of %g-%g, want the third quarter", v.From, v.To, from, to)
			}
			if len(v.Plots) != 1 || v.Plots[0] == before.Plots[0] {
				t.Errorf("plots show %q, want all the same, and less than %q", v.Plots, before.Plots)
			}
			if !strings.HasPrefix(v.Words, "Shown: ") || !v.Reset {
				t.Errorf("says %q, reset can be pressed: %t", v.Words, v.Reset)
			}
			if slices.Equal(v.Ticks, before.Ticks) || len(v.Ticks) < 3 {
				t.Errorf("ticks are %q", v.Ticks)
			}
			for _, f := range b.audit() {
				t.Error(f)
			}
			b.picture("zoomed-" + panel)
			b.sound()
		})
	}
}

func TestZoomKeepsShapes(t *testing.T) {
	b := open(t, "drain-fails", "")
	b.whole()
	shapes := `JSON.stringify([...document.querySelectorAll("#timeline .plot text, #timeline .plot .mark")].map((e) => { const r = e.getBoundingClientRect(); return [r.width.toFixed(0), r.height.toFixed(0)]; }))`
	before := eval[string](b, shapes)
	eval[int](b, `(location.hash = "t=26.9-28.5", 0)`)
	b.until(`document.querySelector(".shown").textContent.startsWith("Shown")`)
	if got := eval[string](b, shapes); got != before {
		t.Errorf("words or marks changed their size:\n%s\n%s", before, got)
	}
	if got := eval[string](b, `getComputedStyle(document.querySelector(".plot .line")).vectorEffect`); got != "non-scaling-stroke" {
		t.Errorf("lines have the effect %q", got)
	}
	// A mark stands where its time is: SIGTERM at 27.00 s, 0.1 s of 1.6 s from the left.
	share := eval[float64](b, `(() => { const mark = document.querySelector("#timeline .mark.term").getBoundingClientRect(), plot = document.querySelector("svg[data-panel=instances]").getBoundingClientRect();
		return ((mark.left + mark.width / 2 - plot.left) / plot.width - 92 / 1120) / (924 / 1120); })()`)
	if !near(share, .1/1.6, .004) {
		t.Errorf("the mark of SIGTERM stands at %.4f of the plot, want %.4f", share, .1/1.6)
	}
}

func TestLinkOpensZoomed(t *testing.T) {
	b := open(t, "drain-fails", "#t=12.5-20")
	b.until(`document.querySelector(".shown").textContent.startsWith("Shown: 12.50 s to 20.00 s")`)
	if v := b.view(); v.Hash != "#t=12.5-20" || !v.Reset {
		t.Errorf("%+v", v)
	}
	b.until(`document.getElementById("timeline").getBoundingClientRect().top < innerHeight`)
	eval[int](b, `(location.hash = "t=20-25", 0)`)
	b.until(`document.querySelector(".shown").textContent.startsWith("Shown: 20.00 s to 25.00 s")`)
	b.sound()
}

func TestLinkThatIsNone(t *testing.T) {
	for _, fragment := range []string{"#t=", "#t=20-12", "#t=5-5", "#t=90000-90001", "#t=a-b", "#t=-1-2", "#t=1e3-2e3", "#t=%00-%ff", "#nowhere", "#%", "#t=99999999999999999999999999-1e999"} {
		t.Run(fragment, func(t *testing.T) {
			b := open(t, "drain-fails", fragment)
			if v, _, _ := b.whole(); v.Reset {
				t.Errorf("zoomed to %q", v.Words)
			}
			b.sound()
		})
	}
}

func TestResetShowsTheWholeRun(t *testing.T) {
	b := open(t, "drain-fails", "")
	before, _, _ := b.whole()
	for name, reset := range map[string]func(){
		"Escape": func() { b.do(chromedp.KeyEvent(kb.Escape)) },
		"button": func() { b.do(chromedp.Click(chromedp.CSS(".reset"))) },
		"0":      func() { b.do(chromedp.Focus(chromedp.CSS(".charts")), chromedp.KeyEvent("0")) },
		"double click": func() {
			x, y := b.at("load", .5)
			b.do(chromedp.MouseClickXY(x, y, func(p *input.DispatchMouseEventParams) { p.ClickCount = 2 }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b.drag("latency", .2, .4)
			if v := b.view(); !v.Reset {
				t.Fatalf("not zoomed: %+v", v)
			}
			reset()
			after := b.view()
			if fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("after reset\n%+v\nbefore\n%+v", after, before)
			}
		})
	}
}

func TestEscapeEndsADrag(t *testing.T) {
	b := open(t, "drain-fails", "")
	b.whole()
	x, y := b.at("latency", .2)
	b.mouse(chromedp.MousePressed, x, y)
	b.mouse(chromedp.MouseMoved, x+200, y)
	if !eval[bool](b, `document.querySelector(".selection").checkVisibility()`) {
		t.Error("what is being selected is not seen")
	}
	b.do(chromedp.KeyEvent(kb.Escape))
	b.mouse(chromedp.MouseReleased, x+200, y)
	if v := b.view(); v.Reset || v.Hash != "" {
		t.Errorf("zoomed all the same: %+v", v)
	}
}

func TestTouchZooms(t *testing.T) {
	b := open(t, "drain-fails", "")
	_, from, to := b.whole()
	x, y := b.at("latency", .25)
	width := eval[float64](b, `document.querySelector("svg[data-panel=latency]").getBoundingClientRect().width*924/1120`)
	for _, step := range []struct {
		kind  input.DispatchTouchEventType
		share float64
	}{{input.DispatchTouchEventTypeTouchStart, 0}, {input.DispatchTouchEventTypeTouchMove, .1}, {input.DispatchTouchEventTypeTouchMove, .25}, {input.DispatchTouchEventTypeTouchEnd, -1}} {
		points := []*input.TouchPoint{}
		if step.share >= 0 {
			points = append(points, &input.TouchPoint{X: x + step.share*width, Y: y})
		}
		_, err := chromedp.Call(b.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: step.kind, TouchPoints: points})
		b.must(err)
	}
	b.until(`location.hash.startsWith("#t=")`)
	if v := b.view(); !near(v.From, from+.25*(to-from), .3) || !near(v.To, from+.5*(to-from), .3) {
		t.Errorf("zoomed to %g-%g of %g-%g, want the second quarter", v.From, v.To, from, to)
	}
}

func TestKeysZoom(t *testing.T) {
	b := open(t, "drain-fails", "")
	_, from, to := b.whole()
	shift := chromedp.KeyModifiers(chromedp.ModifierShift)
	b.do(chromedp.Focus(chromedp.CSS(".charts")))
	for range 5 {
		b.do(chromedp.KeyEvent(kb.ArrowRight))
	}
	reading := eval[string](b, `document.querySelector(".reading").textContent`)
	for range 4 {
		b.do(chromedp.KeyEvent(kb.ArrowRight, shift))
	}
	if !eval[bool](b, `document.querySelector(".selection").checkVisibility()`) || eval[string](b, `document.querySelector(".reading").ariaLive`) != "polite" {
		t.Error("the selection is not seen, or the reading is not read out")
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	v := b.view()
	if !strings.Contains(reading, strings.TrimSuffix(fmt.Sprintf("%.1f", v.From), "0")) || v.To-v.From < 3 || v.To-v.From > 5 || v.From <= from || v.To >= to {
		t.Errorf("zoomed to %g-%g; the reading was %q, and four steps of a second followed", v.From, v.To, reading)
	}
	b.sound()
}

func TestVerdictZoomsToItsEvidence(t *testing.T) {
	b := open(t, "drain-fails", "")
	_, from, to := b.whole()
	links := eval[[]struct{ Name, Hash string }](b, `[...document.querySelectorAll("a.seen")].map((a) => ({ Name: a.textContent, Hash: a.hash }))`)
	if len(links) < 3 {
		t.Fatalf("links of verdicts: %v", links)
	}
	open := eval[bool](b, `document.querySelector(".check:has(a.seen) details").open`)
	b.do(chromedp.Click(chromedp.CSS("a.seen")))
	b.until(`location.hash === ` + strconv.Quote(links[0].Hash))
	v := b.view()
	// The evidence is from 27 s to 29 s; the window has a margin around it.
	if v.From > 27 || v.To < 29 || v.From < from || v.To > to || v.To-v.From > 8 || len(v.Plots) != 1 {
		t.Errorf("%s zoomed to %+v", links[0].Name, v)
	}
	b.until(`(({ top }) => top > -5 && top < 100)(document.querySelector(".zoom").getBoundingClientRect())`)
	if got := eval[bool](b, `document.querySelector(".check:has(a.seen) details").open`); got != open {
		t.Error("the link opened or closed the reason")
	}
	eval[int](b, `(document.querySelector(".check.pass summary").click(), 0)`)
	if !eval[bool](b, `document.querySelector(".check.pass details").open`) {
		t.Error("the row does not open any more")
	}
	for _, l := range links {
		if !strings.Contains(l.Name, " zoom the charts to ") || strings.HasPrefix(l.Name, ":") {
			t.Errorf("a link of a verdict is named %q", l.Name)
		}
	}
	b.sound()
}

// TestEvidenceLightsUp follows a link to a moment while another part of the run
// is shown.
func TestEvidenceLightsUp(t *testing.T) {
	b := open(t, "drain-fails", "#t=6-8")
	b.see(looks[0])
	b.until(`document.querySelector(".shown").textContent.startsWith("Shown")`)
	eval[int](b, `(document.querySelector(".why a[href^='#t']:not([href^='#t='])").click(), 0)`)
	b.until(`document.querySelector(".range.lit") !== null`)
	if v := b.view(); v.Reset {
		t.Errorf("the moment is not in %q", v.Words)
	}
	if !eval[bool](b, `(({ width }) => width >= 4)(document.querySelector(".range.lit").getBoundingClientRect()) && getComputedStyle(document.querySelector(".range.lit")).visibility === "visible"`) {
		t.Error("the moment is not seen")
	}
	b.drag("latency", .6, .9)
	if eval[bool](b, `document.querySelector(".range.lit") !== null`) {
		t.Error("it is lit although the page was zoomed elsewhere")
	}
}

func TestCursorReads(t *testing.T) {
	b := open(t, "drain-fails", "")
	b.whole()
	x, y := b.at("latency", .5)
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, x, y))
	b.until(`document.querySelector(".cursor").checkVisibility()`)
	reading := eval[string](b, `document.querySelector(".reading").textContent`)
	for _, want := range []string{"At 2", "intended 2", "achieved", "p50", "p99", "ms"} {
		if !strings.Contains(reading, want) {
			t.Errorf("the reading %q has no %q", reading, want)
		}
	}
	if got := eval[float64](b, `document.querySelector(".cursor").getBoundingClientRect().left`); !near(got, x, 20) {
		t.Errorf("the cursor is at %g, the pointer at %g", got, x)
	}
	b.do(chromedp.MouseEvent(chromedp.MouseMoved, 5, 5))
	b.until(`!document.querySelector(".cursor").checkVisibility()`)
}

func TestCopyLink(t *testing.T) {
	b := open(t, "drain-fails", "")
	b.whole()
	eval[int](b, `(Object.defineProperty(navigator, "clipboard", { value: { writeText: (text) => { window.copied = text; return Promise.resolve(); } } }), 0)`)
	b.drag("latency", .2, .4)
	b.do(chromedp.Click(chromedp.CSS(".copy")))
	b.until(`document.querySelector(".shown").textContent.endsWith("Its link is copied.")`)
	if got, want := eval[string](b, `window.copied`), eval[string](b, `location.href`); got != want || !strings.Contains(got, "/report.html#t=") {
		t.Errorf("copied %q at %q", got, want)
	}
}

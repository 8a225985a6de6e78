package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// soundBody is a small page without a flaw.
const soundBody = `<main><h1>Page</h1><h2>Part</h2><p>Words</p><a href="#x" id="x">A link</a>
<svg viewBox="0 0 100 50" width="200" height="100" role="img" aria-labelledby="t"><title id="t">Chart</title><rect width="100" height="50" fill="#fff"/><text x="5" y="20" font-size="12">one</text></svg>
<table><thead><tr><th scope="col">Head</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table></main>`

// spoiled are flaws, each by the rule that is to find it and no other.
var spoiled = []struct{ rule, name, html string }{
	{"contrast", "grey on white", `<p style="color:#999">pale</p>`},
	{"contrast", "half seen", `<p style="opacity:.5">pale</p>`},
	{"contrast", "on a panel", `<div style="background:#333"><p style="color:#555">pale</p></div>`},
	{"contrast", "large, yet pale", `<p style="font-size:30px;color:#aaa">pale</p>`},
	{"contrast", "in a chart", `<svg viewBox="0 0 200 50" width="200" height="50" role="img" aria-label="c"><text x="5" y="20" fill="#aaa">pale</text></svg>`},
	{"contrast", "in a chart on a bar", `<svg viewBox="0 0 200 50" width="200" height="50" role="img" aria-label="c"><rect width="200" height="50" fill="#666"/><text x="5" y="20" fill="#444">pale</text></svg>`},
	{"name", "button", `<button></button>`},
	{"name", "link with a hidden word", `<a href="#x"><span aria-hidden="true">x</span></a>`},
	{"name", "focus without a name", `<div tabindex="0" role="group">words</div>`},
	{"name", "focus without a role", `<div tabindex="0" aria-label="Words">words</div>`},
	{"name", "fold", `<details><summary></summary>x</details>`},
	{"name", "field", `<input>`},
	{"focus-order", "tabindex", `<button tabindex="3">x</button>`},
	{"nested", "link in a fold's line", `<details><summary>more <a href="#x">there</a></summary>x</details>`},
	{"picture", "no role", `<svg viewBox="0 0 9 9" width="9" height="9" aria-label="c"></svg>`},
	{"picture", "no name", `<svg viewBox="0 0 9 9" width="9" height="9" role="img"></svg>`},
	{"picture", "image", `<img>`},
	{"reference", "label", `<section aria-labelledby="nowhere"><p>x</p></section>`},
	{"duplicate-id", "id", `<p id="x">twice</p>`},
	{"target", "link", `<a href="#nowhere">go</a>`},
	{"scope", "heading of a table", `<table><tr><th>Head</th></tr></table>`},
	{"scope", "empty heading", `<table><tr><th scope="col"></th></tr></table>`},
	{"scope", "no heading", `<table><tr><td>1</td></tr></table>`},
	{"headings", "skipped level", `<h4>Deep</h4>`},
	{"headings", "second title", `<h1>Again</h1>`},
	{"landmark", "second main part", `<main>x</main>`},
	{"list", "stray item", `<ul><p>x</p></ul>`},
	{"scroll", "out of reach of keys", `<div style="overflow-x:auto;width:50px"><div style="width:500px">wide</div></div>`},
	{"width", "too wide", `<div style="width:3000px;height:1px"></div>`},
	{"cut-off", "words leave the chart", `<svg viewBox="0 0 50 50" width="50" height="50" role="img" aria-label="c"><text x="5" y="20">many more words than fit</text></svg>`},
	{"overlap", "words on words", `<svg viewBox="0 0 200 50" width="200" height="50" role="img" aria-label="c"><text x="5" y="20">one</text><text x="9" y="22">two</text></svg>`},
}

// load shows a page of ours.
func (b *tab) load(body string) {
	b.do(chromedp.Navigate(write(b, []byte(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Page</title><meta name="viewport" content="width=device-width"><body>`+body))))
}

func TestAuditFindsNothingInASoundPage(t *testing.T) {
	b := newTab(t)
	b.load(soundBody)
	for _, f := range b.audit() {
		t.Error(f)
	}
}

func TestAuditFindsWhatIsWrong(t *testing.T) {
	b := newTab(t)
	for _, c := range spoiled {
		t.Run(c.rule+" "+c.name, func(t *testing.T) {
			b.load(soundBody + c.html)
			flaws := b.audit()
			if len(flaws) == 0 {
				t.Fatal("found nothing")
			}
			for _, f := range flaws {
				if f.Rule != c.rule {
					t.Errorf("found %s", f)
				}
			}
		})
	}
}

// TestAuditMissesNothingOfThePageItself: what concerns the document as a whole.
func TestAuditOfTheDocument(t *testing.T) {
	b := newTab(t)
	b.do(chromedp.Navigate(write(b, []byte(`<!doctype html><html><title> </title><body><main><h1>x</h1></main>`))))
	found := map[string]bool{}
	for _, f := range b.audit() {
		found[f.Rule] = true
	}
	if !found["language"] || !found["title"] || len(found) != 2 {
		t.Errorf("found %v, want language and title", found)
	}
}
